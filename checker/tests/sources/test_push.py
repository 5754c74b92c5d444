"""Pushed batches, from the push to the verdict of its tick."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from deployment import DATE, Deployment
from samples import parquet, table

from drift_checker.config import load_monitors
from drift_checker.errors import NoBatchError, UsageError
from drift_checker.result import Verdict
from drift_checker.state import Pushed, push_batch
from drift_checker.ticks import Trigger

MEDIA_TYPE = "application/vnd.apache.parquet"


@pytest.fixture
def pushed_to(deployment: Deployment) -> Deployment:
    """A deployment whose monitor takes pushes."""
    file = deployment.settings.monitors_file
    lines = file.read_text().splitlines()
    kept = ["    current: push" if "current:" in line else line for line in lines]
    file.write_text("\n".join(kept))
    deployment.monitors = load_monitors(file)
    deployment.monitor = deployment.monitors.get("m")
    return deployment


def push(deployment: Deployment, body: bytes, media_type: str = MEDIA_TYPE) -> Pushed:
    return push_batch(
        deployment.store,
        "m",
        DATE,
        body,
        media_type=media_type,
        by="pipeline",
        schedule="*/5 * * * *",
        at=DATE,
    )


def test_what_is_pushed_is_judged_as_what_is_fetched(pushed_to: Deployment) -> None:
    bodies = [parquet(table(300, seed=2)), parquet(table(300, seed=3, shift=2))]
    verdicts = []
    for body in bodies:
        pushed = push(pushed_to, body)
        trigger: Trigger = pushed.trigger
        verdicts.append((trigger, pushed_to.run(pushed.logical_date, trigger).verdict))
    assert verdicts == [("scheduled", Verdict.OK), ("manual", Verdict.DRIFT)]
    again = push(pushed_to, bodies[0])
    assert again.known
    assert pushed_to.run(again.logical_date, again.trigger).verdict is Verdict.OK
    assert len(pushed_to.results()) == 2


def test_a_tick_to_which_nothing_was_pushed_has_no_batch(pushed_to: Deployment) -> None:
    with pytest.raises(NoBatchError, match="no batch was pushed for 20261123T091000Z"):
        pushed_to.run(DATE + timedelta(minutes=10), "scheduled")
    ended = pushed_to.cli("run", "--monitor", "m", "--logical-date", DATE.isoformat())
    assert ended.exit_code == 3
    assert "POST /api/v1/monitors/m/batches" in ended.output


def test_what_is_no_table_or_too_large_is_said(pushed_to: Deployment) -> None:
    push(pushed_to, b"%PDF-1.4 no table")
    with pytest.raises(NoBatchError):
        pushed_to.run(DATE, "scheduled")
    large = push(pushed_to, parquet(table(300, seed=2)))
    small = pushed_to.settings.model_copy(update={"max_body_mb": 0.001})
    pushed_to.settings = small
    judged = pushed_to.run(large.logical_date, "manual")
    assert judged.verdict is Verdict.INVALID
    assert "DRIFT_MAX_BODY_MB" in judged.faults[0].detail


@pytest.mark.parametrize(
    "current",
    ["{push: true, url: 'http://a/b'}", "{push: true, window: 1h}", "{push: false}", "pull"],
)
def test_a_pushed_source_has_nothing_else(pushed_to: Deployment, current: Any) -> None:
    file = pushed_to.settings.monitors_file
    file.write_text(file.read_text().replace("current: push", f"current: {current}"))
    with pytest.raises(UsageError, match="current"):
        load_monitors(file)
