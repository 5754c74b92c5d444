import json
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result
from pydantic import TypeAdapter
from web import Web

from drift_checker import result
from drift_checker.cli import main

SCHEMA = files("drift_checker") / "result.schema.json"


def table(rows: int, seed: int, shift: float = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    city = rng.choice(["Oslo", "Rome"], size=rows)
    return pa.table({"x": pa.array(rng.normal(shift, 1, size=rows)), "city": pa.array(city)})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    pa.parquet.write_table(table(2000, 1), "reference.parquet")
    pa.csv.write_csv(table(500, 2), "same.csv")
    pa.csv.write_csv(table(500, 3, shift=1), "shifted.csv")
    pa.csv.write_csv(table(5, 4), "short.csv")
    Path("page.csv").write_text("<!doctype html><p>Sign in", "utf-8")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["compare", *arguments])


@pytest.mark.usefixtures("folder")
def test_the_table_says_in_words_what_changed() -> None:
    ended = run("reference.parquet", "shifted.csv")
    assert ended.exit_code == 0
    assert ended.stdout.startswith("verdict: drift\n500 rows against 2000 of the reference")
    lines = ended.stdout.splitlines()
    assert any(line.startswith("x  ") and " drift " in line for line in lines)
    assert any(line.startswith("- x: median ") for line in lines)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("current", ["same.csv", "shifted.csv", "short.csv"])
def test_the_json_keeps_the_schema_and_can_be_read_back(current: str) -> None:
    ended = run("reference.parquet", current, "--format", "json")
    content = json.loads(ended.stdout)
    jsonschema.validate(content, json.loads(SCHEMA.read_text()))
    again = result.Result.model_validate_json(ended.stdout)
    assert json.loads(again.model_dump_json()) == content


def test_the_committed_schema_is_the_models() -> None:
    schema = TypeAdapter(result.Result).json_schema(mode="serialization")
    assert json.loads(SCHEMA.read_text()) == schema


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["reference.parquet", "shifted.csv", "--fail-on", "drift"], 10),
        (["reference.parquet", "shifted.csv", "--fail-on", "invalid"], 0),
        (["reference.parquet", "short.csv", "--fail-on", "drift"], 0),
        (["reference.parquet", "short.csv", "--fail-on", "drift", "--fail-on", "invalid"], 10),
        (["reference.parquet", "same.csv", "--fail-on", "drift"], 0),
        (["nowhere.parquet", "same.csv"], 2),
        (["page.csv", "same.csv"], 2),
        (["reference.parquet", "nowhere.csv"], 2),
        (["reference.parquet", "same.csv", "--target", "y"], 2),
        (["reference.parquet", "same.csv", "--level", "0"], 2),
        (["reference.parquet", "page.csv"], 3),
    ],
)
def test_exit_codes(arguments: list[str], code: int) -> None:
    ended = run(*arguments)
    assert ended.exit_code == code
    assert "Traceback" not in ended.output


@pytest.mark.usefixtures("folder")
def test_floors_can_be_set_and_are_shown() -> None:
    given = ("x:distance=0.6", "tail=0.5", "share=0.5", "ratio=1000")
    floors = [word for floor in given for word in ("--floor", floor)]
    ended = run("reference.parquet", "shifted.csv", "--format", "json", *floors)
    columns = {each["name"]: each for each in json.loads(ended.stdout)["columns"]}
    assert columns["x"]["floor"] == 0.6
    assert columns["x"]["reason"].endswith("by less than its floor of 0.6")
    assert "distance 0.42 (floor 0.03)" in run("reference.parquet", "shifted.csv").stdout


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("floor", "said"),
    [
        ("distance", "allowed: [COLUMN:]FLOOR=VALUE"),
        ("distant=0.1", "FLOOR one of distance, category"),
        ("x:distance=much", "allowed: [COLUMN:]FLOOR=VALUE"),
        ("x:correlation=0.2", "allowed: [COLUMN:]FLOOR=VALUE"),
        ("x:distance=1", "can never be reached"),
    ],
)
def test_a_wrong_floor_is_refused(floor: str, said: str) -> None:
    ended = run("reference.parquet", "same.csv", "--floor", floor)
    assert ended.exit_code == 2
    assert said in " ".join(ended.output.replace("│", " ").split())


@pytest.mark.usefixtures("folder")
def test_comparing_imports_nothing_that_it_does_not_need() -> None:
    code = (
        "import json, sys\n"
        "from drift_checker.cli import main\n"
        "main(['compare', 'reference.parquet', 'shifted.csv'], standalone_mode=False)\n"
        "print(json.dumps(list(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    services = {"pydantic", "httpx", "structlog", "obstore", "evidently", "yaml"}
    loaded = set(json.loads(ended.stdout.splitlines()[-1]))
    assert loaded.isdisjoint({"scipy", "pandas", "numpy.ma", "jinja2", *services})


@pytest.mark.usefixtures("folder")
def test_a_page_of_two_files(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)
    before = time.process_time()
    ended = run("reference.parquet", "shifted.csv", "--html", "page.html", "--open")
    assert time.process_time() - before <= 2
    assert ended.exit_code == 0
    page = Path("page.html")
    assert '<span class="verdict verdict-drift">drift</span>' in page.read_text()
    assert "<script" not in page.read_text()
    assert opened == [page.resolve().as_uri()]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--open"], "name it"),
        (["--evidently"], "name it"),
        (["--html", "none/page.html"], "none/page.html: No such file"),
    ],
)
def test_a_page_that_cannot_be_written(options: list[str], said: str) -> None:
    ended = run("reference.parquet", "same.csv", *options)
    assert ended.exit_code == 2
    assert said in ended.output


@pytest.mark.usefixtures("folder")
def test_drawings_need_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "drift_checker.wording.evidently_details", None)
    ended = run("reference.parquet", "same.csv", "--html", "page.html", "--evidently")
    assert ended.exit_code == 2
    assert "pip install 'drift-checker[report]'" in ended.output


@pytest.mark.usefixtures("folder")
def test_urls(web: Web) -> None:
    reference = web.answer("/reference", Path("reference.parquet").read_bytes())
    current = web.answer("/current", Path("shifted.csv").read_bytes(), content_type="text/csv")
    gone = web.answer("/gone", b"gone", status=404)
    assert run(reference, current).stdout.startswith("verdict: drift")
    assert run(reference, gone).exit_code == 3
    assert run(gone, current).exit_code == 2
