"""What people asked for is done by the tick after, once, and its outcome said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from deployment import DATE, Deployment
from samples import parquet, table
from web import Web

from drift_checker.references import version_in_force
from drift_checker.result import Verdict
from drift_checker.state import AskedAcceptance, read_acceptance_requests, request_acceptance
from drift_checker.ticks import acceptances
from drift_checker.ticks.acceptances import carry_out_acceptances

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def drifted(deployment: Deployment, web: Web) -> Deployment:
    """One whose first scheduled tick drifted, as all that follow it will."""
    web.answer("/data", parquet(table(300, seed=3, shift=2)))
    assert deployment.run(DATE, "scheduled").verdict is Verdict.DRIFT
    return deployment


def in_force(deployment: Deployment) -> str:
    entry = version_in_force(deployment.store, "m")
    assert entry is not None
    return entry.version


def ask(deployment: Deployment, instead_of: str | None = None, **asked: object) -> None:
    version = instead_of or in_force(deployment)
    request_acceptance(
        deployment.store,
        "m",
        instead_of=version,
        by="ada",
        at=NOW,
        **asked,  # type: ignore[arg-type]
    )


def last_request(deployment: Deployment) -> AskedAcceptance:
    return read_acceptance_requests(deployment.store, "m")[-1]


def test_the_next_tick_is_judged_by_what_was_accepted(drifted: Deployment) -> None:
    before = in_force(drifted)
    ask(drifted, ticks=[DATE])
    result = drifted.run(DATE + timedelta(minutes=5), "scheduled")
    outcome = last_request(drifted).outcome
    assert outcome is not None
    assert (outcome.state, outcome.version) == ("done", in_force(drifted))
    assert in_force(drifted) != before
    assert (result.reference.version, result.verdict) == (in_force(drifted), Verdict.OK)
    assert result.alarm.state == "closed"

    ask(drifted, version=before)
    assert drifted.run(DATE + timedelta(minutes=10), "scheduled").reference.version == before


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"ticks": [DATE], "instead_of": "abc"}, "abc"),
        ({"ticks": [DATE - timedelta(days=1)]}, "no result and batch"),
        ({"version": "0123"}, "0123"),
    ],
)
def test_what_cannot_be_done_is_refused_and_the_tick_judged(
    drifted: Deployment, asked: dict[str, object], reason: str
) -> None:
    before = in_force(drifted)
    ask(drifted, **asked)  # type: ignore[arg-type]
    result = drifted.run(DATE + timedelta(minutes=5), "scheduled")
    outcome = last_request(drifted).outcome
    assert outcome is not None
    assert outcome.state == "refused"
    assert reason in (outcome.reason or "")
    assert (result.reference.version, in_force(drifted)) == (before, before)


def test_killed_before_the_outcome_it_is_done_once(
    drifted: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        """Stands for the end of the process."""

    def die(*_: object) -> None:
        raise KilledError

    ask(drifted, ticks=[DATE])
    with monkeypatch.context() as patch:
        patch.setattr(acceptances, "settle_acceptance", die)
        with pytest.raises(KilledError):
            carry_out_acceptances(drifted.store, drifted.monitor)
    version = in_force(drifted)
    carry_out_acceptances(drifted.store, drifted.monitor)
    outcome = last_request(drifted).outcome
    assert outcome is not None
    assert (outcome.state, outcome.version) == ("done", version)
