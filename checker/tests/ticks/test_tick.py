from __future__ import annotations

import gzip
import json
import re
import sys
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa
import pytest
from deployment import DATE, Deployment
from samples import parquet, table
from web import PATIENCE, FakeMlflow, Web

from drift_checker.comparison.sequential import MAX_TICKS
from drift_checker.errors import BadReferenceError, NoBatchError, ServiceAwayError
from drift_checker.outputs import MlflowClient, publish_pending
from drift_checker.references import versions
from drift_checker.result import EvidentlySummary, Result, Verdict
from drift_checker.sources import load_batch
from drift_checker.sources.responses import EVIDENCE_BYTES
from drift_checker.state import LOOK_BACK, Store, keys
from drift_checker.tables import Batch, ReadingSettings
from drift_checker.ticks import Trigger
from drift_checker.ticks.alarms import CLOSING_TICKS
from drift_checker.wording import Details, Pictures, explanation_markdown


def assert_once(deployment: Deployment, mlflow: FakeMlflow) -> None:
    """One result, one run with everything in it, and nothing left to do."""
    assert deployment.results() == ["results/m/20261123T090000Z/result.json"]
    assert len(mlflow.active) == 1
    (only,) = mlflow.active
    assert only["status"] == "FINISHED"
    assert only["tags"]["verdict"] == "ok"
    assert {"p_value.x", "score.x", "rows", "drift.share"} <= only["metrics"].keys()
    assert only["inputs"].keys() == {"reference", "current"}
    path = f"{only['experiment']}/{only['id']}/artifacts/"
    assert {path + "result.json", path + "current.parquet"} <= mlflow.artifacts.keys()
    assert deployment.store.list("pending") == []


def test_a_tick_gives_one_result_and_one_run(deployment: Deployment, mlflow: FakeMlflow) -> None:
    result = deployment.run()

    assert result.verdict is Verdict.OK
    assert result.truth is not None
    assert not result.truth.injected
    assert result.alarm_budget.level == pytest.approx(1 / 2016)
    assert_once(deployment, mlflow)
    assert mlflow.active[0]["tags"]["dag_run_id"] == "manual__1"
    assert result.explanation is not None
    assert mlflow.active[0]["tags"]["mlflow.note.content"] == explanation_markdown(
        result.explanation
    )


def test_a_repeated_tick_asks_neither_source_nor_mlflow(
    deployment: Deployment, mlflow: FakeMlflow, web: Web
) -> None:
    first = deployment.run()
    asked, calls = len(web.requests), sum(mlflow.calls.values())

    assert deployment.run() == first
    assert (len(web.requests), sum(mlflow.calls.values())) == (asked, calls)


def test_the_source_is_told_seed_and_date(deployment: Deployment, web: Web) -> None:
    deployment.run()

    asked = parse_qs(urlsplit(web.requests[-1]).query)
    assert asked == {"seed": [str(deployment.monitor.seed(DATE))], "at": ["2026-11-23T09:00:00Z"]}


def test_the_truth_is_kept_with_the_batch(deployment: Deployment, web: Web) -> None:
    told = {
        "X-Drift-Injected": "true",
        "X-Drift-Scenario": "mean_shift",
        "X-Drift-Columns": "x,a%2Cb",
    }
    web.answer("/data", parquet(table(300, seed=2)), headers=told)

    first = deployment.run()

    assert first.truth is not None
    assert (first.truth.injected, first.truth.scenario) == (True, "mean_shift")
    assert first.truth.columns == ["x", "a,b"]
    assert deployment.run(force=True).truth == first.truth


def test_force_makes_a_new_result_and_keeps_the_old(
    deployment: Deployment, mlflow: FakeMlflow, web: Web
) -> None:
    deployment.run()
    old = deployment.store.get(keys.result("m", DATE))
    asked = len(web.requests)

    deployment.run(force=True)
    deployment.run(force=True)

    assert len(web.requests) == asked
    assert deployment.store.get(keys.result("m", DATE, "result.1.json")) == old
    assert deployment.store.exists(keys.result("m", DATE, "result.2.json"))
    assert len(mlflow.active) == 1
    new = deployment.store.get(keys.result("m", DATE))
    assert mlflow.artifacts[f"1/{mlflow.active[0]['id']}/artifacts/result.json"] == new


REQUESTS = [
    "experiments/create",
    "runs/search",
    "runs/create",
    "runs/log-batch",
    "runs/log-inputs",
    "artifact",
    "runs/update",
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_killed_while_publishing(deployment: Deployment, mlflow: FakeMlflow, request_: str) -> None:
    mlflow.stop_at(request_)
    child = deployment.start()
    try:
        assert mlflow.reached.wait(PATIENCE), child.communicate()
    finally:
        child.kill()
        child.communicate()
    mlflow.release()

    deployment.run()
    assert_once(deployment, mlflow)


def test_killed_while_fetching(deployment: Deployment, mlflow: FakeMlflow, web: Web) -> None:
    answer, asked, killed = web.routes["/data"], Event(), Event()

    def held(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        killed.wait(PATIENCE)

    web.routes["/data"] = held
    child = deployment.start()
    assert asked.wait(PATIENCE)
    child.kill()
    child.communicate()
    killed.set()
    web.routes["/data"] = answer

    deployment.run()
    assert_once(deployment, mlflow)


@pytest.mark.parametrize("request_", ["runs/search", "runs/create", "runs/log-batch"])
def test_two_publish_at_once(deployment: Deployment, mlflow: FakeMlflow, request_: str) -> None:
    mlflow.stop_at(request_)
    child = deployment.start()
    assert mlflow.reached.wait(PATIENCE)

    deployment.run()
    mlflow.release()
    output, _ = child.communicate(timeout=PATIENCE)

    assert child.returncode == 0, output
    assert_once(deployment, mlflow)


class KilledError(BaseException):
    """Stands for the end of the process."""


WRITES = ("put", "put_if_absent", "delete")


@pytest.mark.parametrize("step", range(9))
def test_killed_between_two_writes(
    deployment: Deployment, mlflow: FakeMlflow, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    writes = 0

    def dying(method: Any) -> Any:
        def write(*arguments: Any) -> Any:
            nonlocal writes
            if writes == step:
                raise KilledError
            writes += 1
            return method(*arguments)

        return write

    with monkeypatch.context() as patch:
        for name in WRITES:
            patch.setattr(Store, name, dying(getattr(Store, name)))
        with pytest.raises(KilledError):
            deployment.run()

    deployment.run()
    assert_once(deployment, mlflow)


def test_mlflow_away_keeps_the_result_for_later(deployment: Deployment, mlflow: FakeMlflow) -> None:
    mlflow.failing = 100
    with pytest.raises(ServiceAwayError, match="DRIFT_MLFLOW_URL"):
        deployment.run()
    assert deployment.store.exists(keys.result("m", DATE))

    mlflow.failing = 0
    later = DATE + timedelta(minutes=5)
    deployment.run(later)

    assert [run["name"] for run in mlflow.active] == [
        "2026-11-23 09:00 ok: no drift and no fault (300 rows against 1000)",
        "2026-11-23 09:05 ok: no drift and no fault (300 rows against 1000)",
    ]
    assert deployment.store.list("pending") == []


def test_older_results_are_published_first_and_a_bounded_number_at_a_time(
    deployment: Deployment, mlflow: FakeMlflow
) -> None:
    dates = [DATE + timedelta(minutes=5 * n) for n in range(8)]
    for date in dates[:7]:
        mlflow.failing = 100
        with pytest.raises(ServiceAwayError):
            deployment.run(date)
    mlflow.failing = 0

    deployment.run(dates[7])
    assert [run["name"][11:16] for run in mlflow.active] == [
        "09:00", "09:05", "09:10", "09:15", "09:20", "09:35",
    ]  # fmt: skip

    assert deployment.cli("publish", "--pending").output == "2 published\n"
    assert deployment.store.list("pending") == []


def test_a_marker_without_a_result_is_passed_over(
    deployment: Deployment, mlflow: FakeMlflow
) -> None:
    marker = {"monitor": "m", "logical_date": DATE.isoformat(), "dag_run_id": None}
    deployment.store.put(keys.pending("m", DATE), json.dumps(marker).encode())

    with MlflowClient(deployment.settings) as tracking:
        assert publish_pending(deployment.store, tracking) == 0


def test_a_run_deleted_in_mlflow_is_made_again(deployment: Deployment, mlflow: FakeMlflow) -> None:
    mlflow.stop_at("runs/log-batch")
    child = deployment.start()
    assert mlflow.reached.wait(PATIENCE)
    child.kill()
    child.communicate()
    mlflow.release()
    mlflow.runs["run1"]["stage"] = "deleted"

    deployment.run()
    assert_once(deployment, mlflow)


def test_drift_opens_one_alarm_which_lasts_and_closes(
    deployment: Deployment, web: Web, mlflow: FakeMlflow
) -> None:
    def tick(number: int, shift: float, trigger: Trigger = "scheduled") -> Result:
        web.answer("/data", parquet(table(300, seed=number, shift=shift)))
        return deployment.run(DATE + timedelta(minutes=5 * number), trigger)

    assert tick(0, 0).alarm.state == "none"
    opened = tick(1, 2).alarm
    assert (opened.state, opened.since) == ("opened", DATE + timedelta(minutes=5))
    assert opened.id == "m-20261123T090500Z"
    assert tick(2, 2, "manual").alarm.state == "none"
    assert tick(3, 2).alarm.state == "ongoing"
    for quiet in range(4, 3 + CLOSING_TICKS):
        assert tick(quiet, 0).alarm.state == "ongoing"
    assert tick(3 + CLOSING_TICKS, 0).alarm == opened.model_copy(update={"state": "closed"})
    assert tick(4 + CLOSING_TICKS, 0).alarm.state == "none"


def test_a_small_lasting_shift_is_one_alarm(
    deployment: Deployment, web: Web, mlflow: FakeMlflow
) -> None:
    """Of 80 rows no tick shows it, of twelve times 80 each does, until long after it has gone."""
    (deployment.env_file.parent / "reference.parquet").write_bytes(parquet(table(3000, seed=1)))
    versions.fit_reference(deployment.store, deployment.monitor, deployment.settings)

    def tick(number: int, shift: float) -> Result:
        web.answer("/data", parquet(table(80, seed=number + 200, shift=shift)))
        return deployment.run(DATE + timedelta(minutes=5 * number), "scheduled")

    before = [tick(number, 0) for number in range(6)]
    during = [tick(number, 0.3) for number in range(6, 40)]
    after = [tick(number, 0) for number in range(40, 60)]

    assert {result.verdict for result in before} == {Verdict.OK}
    found = next(place for place, result in enumerate(during) if result.verdict is Verdict.DRIFT)
    assert 1 < found < MAX_TICKS
    opened, *lasting = during[found:]
    assert opened.alarm.state == "opened"
    assert opened.drifted_columns == ["x"]
    assert opened.sequential is not None
    assert [column.name for column in opened.sequential.columns] == ["x"]
    assert opened.explanation is not None
    assert "ticks in x" in opened.explanation.summary
    assert any(line.startswith("x over ") for line in opened.explanation.changes)
    assert {result.alarm.id for result in lasting} == {opened.alarm.id}
    assert [result.alarm.state for result in after].count("closed") == 1
    assert after[-1].alarm.state == "none"


def test_ticks_that_feed_no_pool(deployment: Deployment, web: Web, mlflow: FakeMlflow) -> None:
    """Those by hand, invalid ones, and those that drifted by themselves."""

    def tick(number: int, content: bytes, trigger: Trigger = "scheduled", **options: bool) -> None:
        web.answer("/data", content)
        deployment.run(DATE + timedelta(minutes=5 * number), trigger, **options)

    def profiled(number: int) -> bool:
        date = DATE + timedelta(minutes=5 * number)
        return deployment.store.exists(keys.result("m", date, "profile.json"))

    tick(0, parquet(table(300, seed=3)), "manual")
    tick(1, parquet(table(300, seed=4)))
    tick(2, parquet(table(300, seed=5, shift=3)))
    tick(3, parquet(table(10, seed=6)))
    tick(4, b"PAR1")
    assert [profiled(number) for number in range(5)] == [False, True, False, False, False]

    # A new result of the same batch counts instead of the old one.
    (deployment.env_file.parent / "reference.parquet").write_bytes(
        parquet(table(1000, seed=1, shift=3))
    )
    versions.fit_reference(deployment.store, deployment.monitor, deployment.settings)
    for number in (1, 2):
        deployment.run(DATE + timedelta(minutes=5 * number), "scheduled", force=True)
    assert [profiled(number) for number in (1, 2)] == [False, True]


def test_another_reference_pools_anew(deployment: Deployment, web: Web, mlflow: FakeMlflow) -> None:
    def pooled(number: int) -> int:
        web.answer("/data", parquet(table(80, seed=number + 10)))
        result = deployment.run(DATE + timedelta(minutes=5 * number), "scheduled")
        assert result.sequential is not None
        unspent = result.alarm_budget.parts["sequential"] == 0
        assert unspent == (result.sequential.verdict is None)
        assert sum(result.alarm_budget.parts.values()) == pytest.approx(1 / 2016)
        return result.sequential.ticks

    assert [pooled(number) for number in range(4)] == [1, 2, 3, 4]
    # Its version is new, and it is of the same distribution.
    (deployment.env_file.parent / "reference.parquet").write_bytes(parquet(table(1000, seed=9)))
    versions.fit_reference(deployment.store, deployment.monitor, deployment.settings)
    assert [pooled(number) for number in range(4, 6)] == [1, 2]


def test_no_reference(deployment: Deployment) -> None:
    deployment.store.delete(keys.in_force("m", 1))

    with pytest.raises(BadReferenceError, match="baseline fit --monitor m"):
        deployment.run()


def test_an_unreadable_batch_is_invalid_and_stays_so(
    deployment: Deployment, web: Web, mlflow: FakeMlflow
) -> None:
    web.answer("/data", parquet(table(300, seed=2))[:500])

    result = deployment.run()

    assert result.verdict is Verdict.INVALID
    assert [fault.fault for fault in result.faults][:1] == ["unreadable"]
    assert deployment.store.exists(keys.batch("m", DATE, "evidence"))
    assert mlflow.active[0]["status"] == "FINISHED"


@pytest.mark.parametrize(
    ("body", "limit", "said"),
    [
        (parquet(table(300, seed=2)), {"max_rows": 299}, "300 rows, more than DRIFT_MAX_ROWS=299"),
        (parquet(table(300, seed=2)), {"max_columns": 2}, "more than DRIFT_MAX_COLUMNS=2"),
        (parquet(pa.table({"x": np.zeros(90_000)})), {"max_body_mb": 0.5}, "DRIFT_MAX_BODY_MB"),
        (b"x\n" + b"1\n" * 300_000, {"max_body_mb": 0.5}, r"with more than DRIFT_MAX_BODY_MB=0\.5"),
        (
            gzip.compress(b"x\n" + b"1\n" * 300_000, mtime=0),
            {"max_body_mb": 0.5},
            "DRIFT_MAX_BODY_MB",
        ),
    ],
    ids=["rows", "columns", "decoded", "body", "unpacked"],
)
def test_a_batch_that_is_too_large_is_invalid_and_the_next_is_not(
    deployment: Deployment,
    web: Web,
    body: bytes,
    limit: dict[str, float],
    said: str,
) -> None:
    """It ends no tick: its head is kept, and the result says which setting allows more."""
    known = deployment.settings
    deployment.settings = known.model_copy(update=limit)
    web.answer("/data", body)

    result = deployment.run(trigger="scheduled")

    assert (result.verdict, result.current.rows) == (Verdict.INVALID, 0)
    (fault,) = (each for each in result.faults if each.fault == "too_large")
    assert re.search(said, fault.detail)
    assert deployment.store.get(keys.batch("m", DATE, "evidence")) == body[:EVIDENCE_BYTES]
    assert deployment.store.exists(keys.batch("m", DATE, "meta.json"))
    assert deployment.store.list("pending") == [], "it is published"
    assert deployment.run(trigger="scheduled") == result
    later = deployment.run(DATE + timedelta(minutes=5), "scheduled")
    assert later.verdict is Verdict.INVALID
    assert "repeated" not in [each.fault for each in later.faults], "the rest of it is not known"
    deployment.settings = known
    web.answer("/data", parquet(table(300, seed=2)))
    assert deployment.run(DATE + timedelta(minutes=10), "scheduled").verdict is Verdict.OK


def _with_odd_name() -> bytes:
    renamed = table(300, seed=2).append_column("xQQ", pa.array(np.zeros(300)))
    return parquet(renamed).replace(b"xQQ", b"x\xff\xfe")


@pytest.mark.parametrize("kind", ["name", "value", "member"])
def test_text_that_is_no_unicode_has_a_verdict(
    deployment: Deployment, web: Web, mlflow: FakeMlflow, kind: str
) -> None:
    """Names of Parquet in other bytes, and half a surrogate pair in JSON."""
    rows = table(300, seed=2).to_pylist()
    for row in rows if kind == "member" else rows[:1]:
        row["k\ud800" if kind == "member" else "k"] = "a\ud800b"
    body = _with_odd_name() if kind == "name" else json.dumps(rows, default=str).encode()
    web.answer("/data", body, content_type="" if kind == "name" else "application/json")

    result = deployment.run()

    assert result.verdict is Verdict.OK
    assert [fault.fault for fault in result.faults] == ["extra_column"]
    assert "\ufffd" in f"{result.faults[0].column}{_stored_table(deployment)}"
    assert mlflow.active[0]["status"] == "FINISHED"


def _stored_table(deployment: Deployment) -> pa.Table:
    stored = load_batch(deployment.store, "m", DATE)
    assert stored is not None
    return stored.batch.table


def test_a_web_page_is_no_batch(deployment: Deployment, web: Web) -> None:
    web.answer("/data", b"<!DOCTYPE html><p>Bad gateway", content_type="application/json")

    with pytest.raises(NoBatchError):
        deployment.run()

    assert (
        deployment.store.get(keys.batch("m", DATE, "evidence")) == b"<!DOCTYPE html><p>Bad gateway"
    )
    assert deployment.results() == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--logical-date", "yesterday"], 2, "ISO 8601"),
        (["--logical-date", DATE.isoformat(), "--monitor", "other"], 2, "there are: m"),
        (["--logical-date", DATE.isoformat(), "--monitor", "m", "--fail-on", "drift"], 10, ""),
    ],
)
def test_exit_codes(
    deployment: Deployment, web: Web, arguments: list[str], code: int, said: str
) -> None:
    web.answer("/data", parquet(table(300, seed=2, shift=3)))

    ended = deployment.cli("run", *arguments)

    assert ended.exit_code == code, ended.output
    assert said in ended.output


def test_requests_per_tick_do_not_grow(
    deployment: Deployment, mlflow: FakeMlflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[tuple[int, int]] = []
    calls = 0

    def counted(method: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            return method(*arguments, **options)

        return call

    for name in (*WRITES, "get", "exists", "list"):
        monkeypatch.setattr(Store, name, counted(getattr(Store, name)))
    for n in range(LOOK_BACK + 4):
        calls, before = 0, sum(mlflow.calls.values())
        deployment.run(DATE + timedelta(minutes=5 * n), "scheduled")
        used.append((calls, sum(mlflow.calls.values()) - before))

    # Of the slots before, those are asked for a result that are not among the ticks that are known.
    assert used[1:LOOK_BACK] == [(used[1][0] - n, used[1][1]) for n in range(LOOK_BACK - 1)]
    assert len(set(used[LOOK_BACK:])) == 1, used


class Reports:
    """Stands for the making of reports, and counts them."""

    def __init__(self) -> None:
        self.made = 0
        self.broken = False

    def evidently_details(
        self, _reference: Batch, _current: Batch, _result: Result, settings: ReadingSettings
    ) -> tuple[Details, EvidentlySummary]:
        assert settings == ReadingSettings()
        self.made += 1
        if self.broken:
            raise ValueError("no drawings")
        return Details(heading="by another", root="root", script="draw()"), EvidentlySummary(
            version="0",
            reference_rows=1,
            current_rows=1,
            drifted_columns=0,
            columns=1,
            drift_share=0,
            dataset_drift=False,
        )


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> Reports:
    reports = Reports()
    monkeypatch.setitem(
        sys.modules, "drift_checker.wording.evidently_details", cast("Any", reports)
    )
    return reports


def test_reports_are_made_once_per_episode_and_day(
    deployment: Deployment, web: Web, reports: Reports
) -> None:
    deployment.settings = deployment.settings.model_copy(update={"report": "episode"})
    made = []
    shifts = [0, 0, 2, 2, *[0] * CLOSING_TICKS, 2]
    ticks = [(5 * place, shift) for place, shift in enumerate(shifts)]
    for minutes, shift in [*ticks, (24 * 60, 2)]:
        web.answer("/data", parquet(table(300, seed=minutes, shift=shift)))
        before = reports.made
        result = deployment.run(DATE + timedelta(minutes=minutes), "scheduled")
        assert (result.report is not None) == (result.evidently is not None)
        made.append(reports.made - before)

    # The first tick of all, the two that open an episode, and the first of a new day.
    assert made == [1, 0, 1, 0, *[0] * CLOSING_TICKS, 1, 1]


def test_a_report_is_published(
    deployment: Deployment, mlflow: FakeMlflow, reports: Reports
) -> None:
    result = deployment.run(report=True)

    assert result.report == "results/m/20261123T090000Z/report.html"
    page = mlflow.artifacts["1/run1/artifacts/report.html"].decode()
    assert page.index("no drift and no fault") < page.index("by another")


def test_drawings_that_fail_fail_nothing_else(
    deployment: Deployment, mlflow: FakeMlflow, reports: Reports
) -> None:
    reports.broken = True

    result = deployment.run(report=True)

    assert (result.evidently, result.verdict) == (None, Verdict.OK)
    assert "no drift and no fault" in mlflow.artifacts["1/run1/artifacts/report.html"].decode()
    assert_once(deployment, mlflow)


def test_pictures_stand_beside_the_result(deployment: Deployment) -> None:
    result = deployment.run()

    data = deployment.store.get("results/m/20261123T090000Z/pictures.json")
    assert data is not None
    pictures = Pictures.model_validate_json(data)
    assert {each.name for each in pictures.numeric} == {"x", "y"}
    assert sum(pictures.numeric[0].current) == result.current.rows


@pytest.mark.parametrize("broken", ["draw", "standalone_page"])
def test_a_drawing_that_fails_fails_nothing_else(
    deployment: Deployment, mlflow: FakeMlflow, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("cannot draw")

    where = "ticks.report.draw" if broken == "draw" else "wording.tick_page.standalone_page"
    monkeypatch.setattr(f"drift_checker.{where}", fail)

    result = deployment.run(report=broken != "draw")

    assert (result.report, result.verdict) == (None, Verdict.OK)
    assert_once(deployment, mlflow)
