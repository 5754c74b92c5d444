from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from click.testing import Result as CliResult
from deployment import Site
from samples import parquet, table
from web import FakeMlflow, Web

from drift_checker.cli import main
from drift_checker.config import Monitors, Settings, date_key
from drift_checker.outputs import MlflowClient
from drift_checker.outputs.mlflow import MAX_RUNS
from drift_checker.references import versions
from drift_checker.retention import ItemKind, Retention
from drift_checker.state import Store, keys
from drift_checker.ticks import Tick, Trigger, run_tick

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
KEEP = timedelta(days=30)
INTERVAL = timedelta(minutes=5)
OLD = NOW - timedelta(days=31)
OLD -= timedelta(minutes=OLD.minute % 5)
RECENT = NOW - timedelta(days=1)


class KilledError(BaseException):
    """Stands for the end of the process."""


class History(Site):
    """Ticks that were made when their logical date says so: in the store, and in a fake MLflow."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.folder = Path(self.store.url.removeprefix("file://"))
        self.age("reference", OLD - KEEP)

    def tick(self, date: datetime, *, shift: float = 0, trigger: Trigger = "scheduled") -> None:
        self.web.answer("/data", parquet(table(300, seed=date.minute, shift=shift)))
        before = set(self.mlflow.runs)
        run_tick(self.settings, self.monitors, Tick(self.monitor, date, trigger))
        for kind in ("batches", "results"):
            self.age(f"{kind}/m/{date_key(date)}", date)
        for new in set(self.mlflow.runs) - before:
            self.mlflow.runs[new]["start_time"] = int(date.timestamp() * 1000)

    def age(self, prefix: str, date: datetime) -> None:
        """Date everything below a prefix back."""
        for path in (self.folder / prefix).rglob("*"):
            os.utime(path, (date.timestamp(),) * 2)

    def retention(self, mlflow: MlflowClient) -> Retention:
        return Retention(self.store, mlflow, self.monitors, now=datetime.now(UTC), keep=KEEP)

    def prune(self, *arguments: str) -> CliResult:
        command = ["--settings", str(self.env_file), "prune", *arguments]
        ended = CliRunner().invoke(main, command, catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
        return ended

    def ticks(self, kind: str) -> list[str]:
        return list(self.store.folders(f"{kind}/m"))

    def runs(self) -> list[str]:
        return [
            date_key(datetime.fromisoformat(run["tags"]["logical_date"]))
            for run in self.mlflow.active
        ]

    def keys(self) -> set[str]:
        return {entry.key for entry in self.store.walk("")}


@pytest.fixture
def history(
    env_file: Path, settings: Settings, monitors: Monitors, web: Web, mlflow: FakeMlflow
) -> History:
    return History(env_file, settings, monitors, web, mlflow)


def dates(ticks: Iterable[datetime]) -> list[str]:
    return [date_key(tick) for tick in ticks]


def test_what_is_older_goes_and_the_rest_stays(history: History) -> None:
    old, recent = [OLD + n * INTERVAL for n in range(3)], [RECENT + n * INTERVAL for n in range(2)]
    for date in (*old, *recent):
        history.tick(date)

    history.prune()

    for kept in (history.ticks("batches"), history.ticks("results"), history.runs()):
        assert kept == dates(recent)
    assert history.store.exists(keys.latest("m"))
    assert versions.summary_in_force(history.store, "m").rows == 1000
    # Not even an empty folder is left.
    assert {path.name for path in (history.folder / "batches/m").iterdir()} == set(dates(recent))


def test_a_dry_run_says_what_would_go_and_removes_nothing(history: History) -> None:
    history.tick(OLD)
    history.tick(RECENT)
    before, runs = history.keys(), history.runs()

    report = json.loads(history.prune("--dry-run", "--format", "json").stdout)

    assert (history.keys(), history.runs()) == (before, runs)
    assert report["dry_run"]
    kinds = {kind["kind"]: kind for kind in report["kinds"]}
    doomed = [e for e in history.store.walk("batches") if date_key(OLD) in e.key]
    assert kinds["batches"]["count"] == len(doomed) == 2
    assert kinds["batches"]["bytes"] == sum(entry.size for entry in doomed)
    assert kinds["runs"]["count"] == 1
    stored = history.mlflow.artifacts.items()
    assert kinds["runs"]["bytes"] == sum(len(data) for n, data in stored if n.startswith("1/run1/"))
    assert json.loads(history.prune("--format", "json").stdout)["kinds"] == report["kinds"]
    again = json.loads(history.prune("--format", "json").stdout)
    assert {kind["count"] for kind in again["kinds"]} == {0}


def test_the_table_names_every_kind(history: History) -> None:
    lines = history.prune("--dry-run").stdout.splitlines()

    assert lines[0].startswith("Would go: what was written before 20")
    assert [line[:22].strip() for line in lines[1:]] == list(ItemKind)


def test_the_latest_result_stays_however_old(history: History) -> None:
    history.tick(OLD)

    history.prune()

    for kept in (history.ticks("batches"), history.ticks("results"), history.runs()):
        assert kept == dates([OLD])


@pytest.mark.parametrize("last_trigger", ["scheduled", "manual"])
def test_the_opening_tick_of_an_open_episode_stays(history: History, last_trigger: Trigger) -> None:
    last = NOW - timedelta(minutes=NOW.minute % 5)
    ticks = [OLD + n * INTERVAL for n in range(3)]
    history.tick(ticks[0])
    history.tick(ticks[1], shift=2)
    history.tick(ticks[2], shift=2)
    # The logical dates between have no tick; the alarm is that of the tick before.
    data = history.store.get(keys.result("m", ticks[2]))
    assert data is not None
    ongoing = json.loads(data)
    assert ongoing["alarm"]["state"] == "ongoing"
    ongoing["logical_date"] = (last - INTERVAL).isoformat()
    history.store.put(keys.result("m", last - INTERVAL), json.dumps(ongoing).encode())
    history.tick(last, shift=2, trigger=last_trigger)

    history.prune()

    assert history.ticks("batches") == dates([ticks[1], last])
    assert history.ticks("results") == dates([ticks[1], last - INTERVAL, last])
    assert history.runs() == dates([ticks[1], last])


def test_references_go_once_no_kept_result_was_compared_with_them(history: History) -> None:
    first = versions.summary_in_force(history.store, "m").version
    history.tick(RECENT)
    source = history.settings.monitors_file.parent / "reference.parquet"
    source.write_bytes(parquet(table(1000, seed=5)))
    second = versions.fit_reference(history.store, history.monitor, history.settings).version
    history.age(f"reference/m/{second}", OLD)

    history.prune()
    assert set(history.store.folders("reference/m")) >= {first, second}

    history.age(f"results/m/{date_key(RECENT)}", OLD)
    history.tick(RECENT + INTERVAL)
    history.prune()
    assert not history.store.list(keys.reference_version("m", first))
    assert versions.summary_in_force(history.store, "m").version == second
    assert [entry.version for entry in versions.versions_in_force(history.store, "m")] == [second]


def test_a_reference_that_was_just_stored_stays(history: History) -> None:
    fresh = keys.reference("m", "0123456789ab", "data.parquet")
    history.store.put(fresh, b"not yet in force")

    history.prune()

    assert history.store.exists(fresh)


def test_markers_drills_and_unfinished_uploads(history: History) -> None:
    history.tick(OLD)
    history.tick(RECENT)
    store, folder = history.store, history.folder
    markers = [
        "pending/gone/20200101T000000Z",
        "drill/1/result.json",
        "pushed/m/20200101T000000Z/push.json",
        "mutes/m/x.json",
        "notes/m/m-20200101T000000Z/x.json",
        "acceptances/m/x.json",
        "notifications/m/opened/x.json",
        "outbox/m/x.json",
        "damaged/results/m/20200101T000000Z/result.json",
    ]
    for key in markers:
        store.put(key, b"{}")
        history.age(key.partition("/")[0], OLD)
        store.put(f"{key}.new", b"{}")
    abandoned = folder / "batches/m/current.parquet#1"
    running = folder / "batches/m/current.parquet#2"
    for path, age in ((abandoned, timedelta(days=2)), (running, timedelta(hours=1))):
        path.write_bytes(b"half")
        modified = (datetime.now(UTC) - age).timestamp()
        os.utime(path, (modified, modified))

    report = json.loads(history.prune("--format", "json").stdout)

    kinds = {kind["kind"]: kind["count"] for kind in report["kinds"]}
    for kind in (
        ItemKind.PENDING,
        ItemKind.DRILLS,
        ItemKind.PUSHED,
        ItemKind.MUTES,
        ItemKind.NOTES,
        ItemKind.ACCEPTANCES,
        ItemKind.NOTIFICATIONS,
        ItemKind.OUTBOX,
        ItemKind.DAMAGED,
        ItemKind.UPLOADS,
    ):
        assert kinds[kind] == 1, kind
    assert not any(store.exists(key) for key in markers)
    assert all(store.exists(f"{key}.new") for key in markers)
    assert (abandoned.exists(), running.exists()) == (False, True)


def test_many_runs_come_in_pages(history: History) -> None:
    number = MAX_RUNS + 12
    history.tick(RECENT)
    with MlflowClient(history.settings) as mlflow:
        for _ in range(number):
            mlflow.create_run("1", "old", {})
        for made in history.mlflow.active[1:]:
            made["start_time"] = int(OLD.timestamp() * 1000)

        expired = history.retention(mlflow).expired_items()
        removed = list(history.retention(mlflow).remove(expired))

    assert len(removed) == number
    assert history.runs() == dates([RECENT])


def test_an_interrupted_prune_is_taken_up_again(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        history.tick(OLD + n * INTERVAL)
    history.tick(RECENT)
    removed = 0

    def dying(store: Store, keys_: Sequence[str], *, delete: Any = Store.delete_all) -> None:
        nonlocal removed
        if removed:
            raise KilledError
        delete(store, keys_)
        removed += len(keys_)

    with monkeypatch.context() as patch, MlflowClient(history.settings) as mlflow:
        patch.setattr(Store, "delete_all", dying)
        retention = history.retention(mlflow)
        with pytest.raises(KilledError):
            list(retention.remove(retention.expired_items(), page_size=4))
    assert removed == 4

    history.prune()
    for kept in (history.ticks("batches"), history.ticks("results"), history.runs()):
        assert kept == dates([RECENT])
