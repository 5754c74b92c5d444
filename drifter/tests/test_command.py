import socket
import subprocess
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import COMMAND, environment

from drifter import Settings

README = Path(__file__).parents[1] / "README.md"


def run(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PROB", "1.2", "0 to 1"),
        ("PROB", "nan", "0 to 1"),
        ("PROB", "often", "0 to 1"),
        ("SCENARIOS", "mean_shift,earthquake", "tail_contamination"),
        ("SCENARIOS", "", "tail_contamination"),
        ("STRENGTH", "0", "above 0"),
        ("STRENGTH", "inf", "up to 10"),
        ("ALLOW_OVERRIDE", "maybe", "true or false"),
        ("PORT", "0", "1 to 65535"),
        ("MAX_ROWS", "0", "at least 1"),
        ("HOST", "no such host", "an address of this machine"),
        ("LOG_FORMAT", "xml", "json, console"),
        ("LOG_LEVEL", "loud", "debug, info"),
        ("BASE_PATH", "/no/such/file.parquet", "readable Parquet file"),
        ("BASE_PATH", __file__, "readable Parquet file"),
    ],
)
def test_wrong_setting_is_named_with_its_value_and_what_is_allowed(
    name: str, value: str, allowed: str
) -> None:
    done = run(**{name: value})
    assert done.returncode == 2
    shown = "earthquake" if "earthquake" in value else value
    assert f"DRIFT_{name}={shown}: " in done.stderr
    assert allowed in done.stderr
    assert "Traceback" not in done.stderr


def test_port_already_taken_is_a_wrong_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(PORT=port)
    assert done.returncode == 2
    assert f"DRIFT_PORT={port}: " in done.stderr


@pytest.mark.parametrize(
    ("table", "variable", "reason"),
    [
        (pa.table({"a": pa.array([], pa.int64())}), "BASE_PATH", "at least one row"),
        (pa.table({"a": [[1], [2]]}), "BASE_PATH", "column a has type list"),
        (pa.table({"a": [1, 2, 3]}), "SCENARIOS", "no column in which category_mix could show"),
        (pa.table({"a": [1]}), "STREAM_PATH", "has no timestamp column"),
        (
            pa.table({"t": pa.array([2, 1], pa.timestamp("s"))}),
            "STREAM_PATH",
            "is not in time order",
        ),
    ],
)
def test_unusable_file_is_named(
    tmp_path: Path, table: pa.Table, variable: str, reason: str
) -> None:
    path = tmp_path / "own.parquet"
    pq.write_table(table, path)
    settings: dict[str, object] = (
        {"STREAM_PATH": path}
        if variable == "STREAM_PATH"
        else {"BASE_PATH": path, "SCENARIOS": "category_mix"}
    )
    done = run(**settings)
    assert done.returncode == 2
    assert f"DRIFT_{variable}=" in done.stderr
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_version_is_that_of_the_distribution() -> None:
    assert version("drifter") in run("--version").stdout


def test_help_and_readme_name_every_setting() -> None:
    shown = run("--help").stdout
    readme = README.read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"DRIFT_{name.upper()}" in shown
        assert f"`DRIFT_{name.upper()}`" in readme
