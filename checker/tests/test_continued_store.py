"""A store that version 0.1.0 wrote goes on; see `data/write_store.py` for what is in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from data import write_store
from data.write_store import ROOT, date, write
from web import FakeMlflow, Receiver, Web

from drift_checker.cli import main
from drift_checker.drill import DrillReport
from drift_checker.outputs import Event, PendingMarker, Publication
from drift_checker.outputs.notify import Attempt
from drift_checker.profiles import TickCounts
from drift_checker.references.versions import InForce, ReferenceSummary
from drift_checker.result import Result
from drift_checker.sources import BatchMeta
from drift_checker.state import LatestResult
from drift_checker.tables import READING_RULES

ARCHIVE = Path(write_store.__file__).parent / "store-0.1.0.tar.xz"
FORMS = {
    r"batches/.*/meta\.json": BatchMeta,
    r"drill/[^/]+/drill\.json": DrillReport,
    r"drill/.*/missed/.*\.json": Result,
    r"notifications/.*": Attempt,
    r"outbox/.*": Event,
    r"pending/.*": PendingMarker,
    r"reference/[^/]+/in-force/\d{6}\.json": InForce,
    r"reference/.*/profile\.json": ReferenceSummary,
    r"results/[^/]+/latest\.json": LatestResult,
    r"results/.*/profile\.json": TickCounts,
    r"results/.*/published\.json": Publication,
    r"results/.*/result\.json": Result,
}
FIRST = {"rules": 1, "channels": ["default"]}
"""What a field is that version 0.1.0 did not have, where that is not nothing."""
MONITORS = ("orders", "ledger", "sensors", "lake")
ACCEPTED = "404aa3784e7e"
"""Of `orders`, the version in force."""


class Continued:
    """The store, and the command that goes on with it."""

    def __init__(self, folder: Path, env_file: Path) -> None:
        self.folder, self.env_file = folder, env_file

    @property
    def objects(self) -> dict[str, bytes]:
        """All objects by key."""
        store = self.folder / "store"
        files = (path for path in store.rglob("*") if path.is_file())
        return {path.relative_to(store).as_posix(): path.read_bytes() for path in sorted(files)}

    def below(self, prefix: str) -> dict[str, bytes]:
        """The objects whose keys begin with a prefix."""
        return {key: data for key, data in self.objects.items() if key.startswith(prefix)}

    def read(self, key: str) -> Any:
        """The content of an object that is JSON."""
        return json.loads((self.folder / "store" / key).read_bytes())

    def command(self, *arguments: str) -> Any:
        """Run a command."""
        return CliRunner().invoke(main, ["--settings", str(self.env_file), *arguments])

    def tick(self, monitor: str, number: int, *options: str) -> Any:
        """Check a scheduled tick; returns its result as it is stored."""
        done = self.command(*run_of(monitor, number), *options)
        assert done.exit_code == 0, done.output
        return self.read(result_of(monitor, number))


def run_of(monitor: str, number: int) -> list[str]:
    moment = date(number).isoformat()
    return ["run", "--monitor", monitor, "--logical-date", moment, "--trigger", "scheduled"]


def result_of(monitor: str, number: int, name: str = "result.json") -> str:
    return f"results/{monitor}/{date(number):%Y%m%dT%H%M%SZ}/{name}"


@pytest.fixture
def continued(tmp_path: Path, mlflow: FakeMlflow) -> Continued:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    monitors = tmp_path / "monitors.yml"
    monitors.write_text(monitors.read_text().replace(str(ROOT), str(tmp_path)))
    env_file = tmp_path / "checker.env"
    env_file.write_text(
        f"DRIFT_STORE_URL=file://{tmp_path}/store\n"
        f"DRIFT_MLFLOW_URL={mlflow.url}\n"
        f"DRIFT_MONITORS_FILE={monitors}\n"
        "DRIFT_REPORT=never\nDRIFT_RETRY_SECONDS=0.2\nDRIFT_SPARK_MASTER=local[1]\n"
    )
    return Continued(tmp_path, env_file)


def test_every_document_is_read_and_would_be_written_alike(continued: Continued) -> None:
    read = set()
    for key, data in continued.objects.items():
        if Path(key).suffix in {".parquet", ".npz"} or key.endswith("/evidence"):
            continue
        (form,) = [form for form in FORMS if re.fullmatch(form, key)]
        again = FORMS[form].model_validate_json(data).model_dump_json()
        differing = [*differences(json.loads(data), json.loads(again))]
        assert not differing, key
        read.add(form)
    assert read == set(FORMS)


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Yield where what was written now is another; fields that are new say nothing of it."""
    match before, after:
        case dict(), dict():
            for name in before.keys() | after.keys():
                here = f"{place}.{name}"
                if name in before:
                    yield from differences(before[name], after.get(name), here)
                elif after[name] not in (None, [], {}, False, FIRST.get(name)):
                    yield f"{here}: {after[name]!r} is new"
        case list(), list() if len(before) == len(after):
            for number, pair in enumerate(zip(before, after, strict=True)):
                yield from differences(*pair, f"{place}[{number}]")
        case _:
            if before != after:
                yield f"{place}: {before!r} -> {after!r}"


@pytest.mark.parametrize(
    ("monitor", "numbers"),
    [("orders", range(5, 11)), ("ledger", range(2)), ("sensors", range(6))],
)
def test_ticks_come_to_the_same_results(continued: Continued, monitor: str, numbers: Any) -> None:
    references = continued.below("reference")
    for number in numbers:
        before = continued.read(result_of(monitor, number))
        counts = continued.below(result_of(monitor, number, "profile.json"))
        result = continued.tick(monitor, number, "--force")
        assert decided(result) == decided(before)
        assert continued.read(result_of(monitor, number, "result.1.json")) == before
        if result["rolling"] and result["rolling"]["reason"] is None:
            # The fixed reference is only told of, and pools nothing.
            continue
        again = counted(continued, monitor, number)
        assert again.keys() == counts.keys()
        for key, data in counts.items():
            old = json.loads(data)
            assert {name: again[key][name] for name in old} == old | {"reference": ""}
    kept = {
        key: content(key, data)
        for key, data in references.items()
        if not key.endswith("profile.json")
    }
    now = {key: content(key, data) for key, data in continued.below("reference").items()}
    assert kept.items() <= now.items()


def content(key: str, data: bytes) -> Any:
    """Return what an object says; rows that are stored anew say what they are besides."""
    if key.endswith(".parquet"):
        return pq.read_table(pa.BufferReader(data)).replace_schema_metadata().to_pydict()
    return data


def counted(continued: Continued, monitor: str, number: int) -> dict[str, Any]:
    """Return the counts of a tick; they name the version of the rules by which it was read."""
    found = continued.below(result_of(monitor, number, "profile.json"))
    counts = {key: json.loads(data) for key, data in found.items()}
    assert all(f"/rules-{READING_RULES}" in each["reference"] for each in counts.values())
    return {key: each | {"reference": ""} for key, each in counts.items()}


def decided(result: dict[str, Any]) -> Any:
    """Return what is decided, of what; by which tests and at which levels, later versions say."""
    kept = ("monitor", "logical_date", "trigger", "verdict", "reference", "current")
    kept += ("drifted_columns", "alarm", "truth", "evidently")
    columns = [
        {name: column[name] for name in ("name", "kind", "role", "verdict")}
        for column in result["columns"]
    ]
    faults = [
        {name: fault[name] for name in ("fault", "severity", "column")} for fault in of_rows(result)
    ]
    # Which columns an episode has, later versions say too.
    alarm = {name: result["alarm"][name] for name in ("state", "id", "since")}
    same = {name: result[name] for name in kept} | {"alarm": alarm}
    return same | {"columns": columns, "faults": faults}


def of_rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the faults of rows and columns: of the feed, version 0.1.0 knew none."""
    feed = {"repeated", "overlapping", "late", "stale", "row_count"}
    return [fault for fault in result["faults"] if fault["fault"] not in feed]


def test_the_episode_and_the_accepted_version_go_on(continued: Continued) -> None:
    fitted = continued.command("baseline", "fit", "--monitor", "orders", "--format", "json")
    references = continued.below("reference")
    write(write_store.orders(11, shift=2), continued.folder / f"orders/{date(11):%H%M}.parquet")
    result = continued.tick("orders", 11)

    assert not json.loads(fitted.stdout)["changed"]
    assert (result["verdict"], result["reference"]["version"]) == ("drift", ACCEPTED)
    assert result["alarm"] == {
        "state": "ongoing",
        "id": f"orders-{date(9):%Y%m%dT%H%M%SZ}",
        "since": date(9).isoformat(),
        # Which columns it has is known from the last tick of then on, all of which go on.
        "columns": dict.fromkeys(["items", "price", "weight"], date(10).isoformat()),
        "widened": [],
    }
    # The four that were ok since the version was accepted were counted by other rules of reading.
    assert result["sequential"]["ticks"] == 1
    assert continued.below("reference") == references
    assert continued.read("results/orders/latest.json")["alarm"]["state"] == "ongoing"


def test_the_episode_is_accepted_and_the_first_version_used_again(continued: Continued) -> None:
    accepted = continued.command("baseline", "accept", "--monitor", "orders", "--format", "json")
    assert json.loads(accepted.stdout)["before"] == ACCEPTED
    assert len(json.loads(accepted.stdout)["ticks"]) == 2
    (first,) = continued.below("reference/orders/in-force/000001.json")
    version = continued.read(first)["version"]
    continued.command("baseline", "use", "--monitor", "orders", version)
    assert continued.read("reference/orders/in-force/000004.json")["version"] == version


def test_a_large_reference_is_fitted_anew_by_the_present_rules_and_then_not_again(
    continued: Continued,
) -> None:
    references = continued.below("reference")
    for number in (2, 3):
        write(write_store.ledger(number), continued.folder / f"ledger/{date(number):%H%M}.parquet")
    first = continued.tick("ledger", 2)
    fitted = continued.below("reference")
    (rows,) = (continued.folder / "store/reference/ledger").glob("*/data.parquet")
    rows.unlink()
    second = continued.tick("ledger", 3)

    assert (first["verdict"], first["reference"]["rows"]) == ("ok", 257 * 4096)
    assert (first["sequential"]["ticks"], second["sequential"]["ticks"]) == (1, 2)
    assert references.items() <= fitted.items()
    (profile,) = fitted.keys() - references.keys()
    assert re.fullmatch(r"reference/ledger/\w+/columns-\w+\.npz", profile)
    assert continued.below("reference").keys() == fitted.keys() - {
        f"{Path(profile).parent}/data.parquet"
    }


def test_a_reference_of_csv_is_read_anew_once_under_its_name(continued: Continued) -> None:
    key = next(key for key in continued.below("reference/sensors") if key.endswith("profile.json"))
    before = continued.read(key)
    for number in (8, 9):
        write(write_store.sensors(number), continued.folder / f"sensors/{date(number):%H%M}.csv")
        continued.tick("sensors", number)
        after = continued.read(key)
        assert (before.get("rules"), after["rules"]) == (None, READING_RULES)
        read = {name: after[name] for name in ("rules", "source", "dependence", "sha256")}
        assert after == before | read
        # By what is stored alone.
        (continued.folder / "sensors/reference.csv").unlink(missing_ok=True)


def test_a_reference_of_csv_that_is_gone_stays_as_it_was_read(continued: Continued) -> None:
    (continued.folder / "sensors/reference.csv").unlink()
    references = continued.below("reference")
    write(write_store.sensors(8), continued.folder / f"sensors/{date(8):%H%M}.csv")
    assert continued.tick("sensors", 8)["verdict"] == "ok"
    assert continued.below("reference") == references


def test_a_column_that_is_of_another_kind_now_is_told_once(continued: Continued) -> None:
    path = continued.folder / "store" / result_of("sensors", 6)
    result = json.loads(path.read_text())
    site = next(column for column in result["columns"] if column["name"] == "site")
    assert site["kind"] == "categorical"
    site["kind"] = "timestamp"
    path.write_text(json.dumps(result))
    told = []
    for number in (8, 9):
        write(write_store.sensors(number), continued.folder / f"sensors/{date(number):%H%M}.csv")
        faults = continued.tick("sensors", number)["faults"]
        told.append([fault["detail"] for fault in faults if fault["fault"] == "changed_kind"])
    assert told == [["it was timestamp in the tick before, and is categorical: stored as text"], []]


def test_the_rolling_reference_goes_on(continued: Continued) -> None:
    write(write_store.sensors(8), continued.folder / f"sensors/{date(8):%H%M}.csv")
    result = continued.tick("sensors", 8)
    # Neither a broken batch nor a page that was none is among them.
    assert result["rolling"]["reason"] is None
    assert (result["rolling"]["first"], result["rolling"]["last"]) == (
        date(3).isoformat(),
        date(5).isoformat(),
    )
    # The fixed reference is told of as it is against this batch alone.
    assert (result["anchor"]["verdict"], result["anchor"]["sequential"]) == ("ok", None)


@pytest.mark.long
@pytest.mark.skipif(
    shutil.which("java") is None and "JAVA_HOME" not in os.environ, reason="Spark needs Java"
)
def test_spark_fits_a_reference_anew_and_says_where_its_files_are_gone(
    continued: Continued,
) -> None:
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        # In a process of its own, which ends its Spark.
        call = [sys.executable, "-c", "from drift_checker.cli import main; main()"]
        call += ["--settings", str(continued.env_file), *arguments]
        return subprocess.run(call, check=False, capture_output=True, text=True)

    write(write_store.lake(13), continued.folder / f"lake/hour=10/{date(13):%H%M}.parquet")
    references = continued.below("reference")
    gone = command(*run_of("lake", 13))
    assert gone.returncode != 0
    assert "lake/reference" in gone.stderr
    assert continued.below("reference") == references

    for number in range(3):
        path = continued.folder / f"lake/reference/{number}.parquet"
        write(write_store.lake(-1 - number, rows=500), path)
    assert command("baseline", "fit", "--monitor", "lake").returncode == 0
    done = command(*run_of("lake", 13))
    assert done.returncode == 0, done.stderr
    result = continued.read(result_of("lake", 13))
    assert (result["verdict"], result["current"]["rows"]) == ("ok", 250)
    assert result["sequential"]["ticks"] == 1
    # Against another version, the episode is over.
    assert (result["alarm"]["state"], result["alarm"]["since"]) == ("closed", date(2).isoformat())


def test_a_repeated_tick_keeps_its_result(continued: Continued, mlflow: FakeMlflow) -> None:
    results = continued.below("results")
    continued.tick("orders", 8)
    continued.tick("orders", 10)
    # The pointer now knows the last scheduled tick too.
    pointer = "results/orders/latest.json"
    before, after = json.loads(results.pop(pointer)), continued.read(pointer)
    assert after.pop("scheduled")["logical_date"] == before["logical_date"]
    assert not [*differences(before, after)]
    assert results.items() <= continued.below("results").items()
    # The one of 9:40 was published before.
    assert published(mlflow) == {date(9), date(10)}


def test_what_mlflow_missed_is_published(continued: Continued, mlflow: FakeMlflow) -> None:
    done = continued.command("publish", "--pending")
    assert "3 published" in done.output
    assert not continued.below("pending")
    assert published(mlflow) == {date(9), date(10), date(12)}
    assert {run["status"] for run in mlflow.active} == {"FINISHED"}


def published(mlflow: FakeMlflow) -> set[datetime]:
    return {datetime.fromisoformat(run["tags"]["logical_date"]) for run in mlflow.active}


def test_it_is_sound_but_for_what_was_not_there_yet(continued: Continued) -> None:
    def found(*options: str) -> set[tuple[str, str]]:
        checked = continued.command("store", "check", "--format", "json", *options)
        return {(each["key"], each["problem"]) for each in json.loads(checked.stdout)["findings"]}

    before = continued.objects
    recent = {(f"results/{name}/recent.json", "missing") for name in MONITORS}
    assert found() == recent
    assert continued.objects == before
    assert found("--repair") == recent
    assert found() == set()
    assert before.items() <= continued.objects.items()
    assert continued.objects.keys() - before.keys() == {key for key, _ in recent}


def test_status_shows_the_last_verdicts(continued: Continued) -> None:
    shown = json.loads(continued.command("status", "--format", "json").stdout)["monitors"]
    assert {
        monitor["name"]: (monitor["verdict"], monitor["alarm"], monitor["logical_date"][:16])
        for monitor in shown
    } == {
        "orders": ("drift", "ongoing", f"{date(10):%Y-%m-%dT%H:%M}"),
        "ledger": ("ok", "none", f"{date(1):%Y-%m-%dT%H:%M}"),
        "sensors": ("invalid", "none", f"{date(6):%Y-%m-%dT%H:%M}"),
        "lake": ("invalid", "ongoing", f"{date(12):%Y-%m-%dT%H:%M}"),
    }
    assert shown[0]["reference"] == ACCEPTED


def test_events_that_wait_are_told(continued: Continued, web: Web) -> None:
    receiver = Receiver(web, "/people")
    with continued.env_file.open("a") as env:
        env.write(f"DRIFT_NOTIFICATION_URLS={receiver.url}\n")
    continued.command("notify", "due")
    assert not continued.below("outbox")
    (message,) = receiver.messages
    named = [line for line in message["message"].splitlines() if line.startswith("- ")]
    ours = [line.removeprefix("- ") for line in named if "no verdict" not in line]
    assert sorted(title.partition(":")[0] for title in ours) == [
        "lake",
        "lake",
        "orders",
        "sensors",
    ]
