"""A lost MLflow is made anew from the store."""

from __future__ import annotations

from typing import Any

import pytest
from deployment import Deployment
from ticks import Ticks, date
from web import FakeMlflow, Web

from drift_checker.errors import ServiceAwayError
from drift_checker.outputs import MlflowClient, publish_all
from drift_checker.state import keys

COUNT = 4


@pytest.fixture
def ticks(deployment: Deployment, web: Web, mlflow: FakeMlflow) -> Ticks:
    ticks = Ticks(deployment, web)
    for number in range(COUNT):
        ticks.tick(number, shift=2 if number > 1 else 0)
    return ticks


def said(mlflow: FakeMlflow) -> dict[str, Any]:
    """What is known of each run, by its name."""
    kept = ("name", "tags", "metrics", "inputs", "status")
    runs = {}
    for run in mlflow.active:
        path = f"{run['experiment']}/{run['id']}/artifacts/"
        files = {
            name.removeprefix(path): data
            for name, data in mlflow.artifacts.items()
            if name.startswith(path)
        }
        runs[run["name"]] = {name: run[name] for name in kept} | {"files": files}
    return runs


def publish(ticks: Ticks, *arguments: str) -> str:
    ended = ticks.deployment.cli("publish", *arguments)
    assert ended.exit_code == 0, ended.output
    output: str = ended.stdout
    return output


def test_the_same_runs_come_back_and_only_once(ticks: Ticks, mlflow: FakeMlflow) -> None:
    before = said(mlflow)
    assert len(before) == COUNT
    mlflow.lose()

    assert publish(ticks, "--all") == f"{COUNT} published, 0 had their runs\n"

    assert said(mlflow) == before
    calls = mlflow.calls["runs/create"]
    assert publish(ticks, "--all") == f"0 published, {COUNT} had their runs\n"
    assert (mlflow.calls["runs/create"], said(mlflow)) == (calls, before)
    ticks.tick(0)
    assert said(mlflow) == before


def test_a_run_that_comes_back_is_as_old_as_its_result(ticks: Ticks, mlflow: FakeMlflow) -> None:
    """So that retention removes both together."""
    mlflow.lose()
    publish(ticks, "--all")
    stored = {entry.key: entry.modified for entry in ticks.deployment.store.list("results/m")}
    for number, run in enumerate(mlflow.active):
        modified = stored[keys.result("m", date(number))]
        assert run["start_time"] == int(modified.timestamp() * 1000)


def test_only_what_is_lost_is_published(ticks: Ticks, mlflow: FakeMlflow) -> None:
    before = said(mlflow)
    mlflow.active[1]["stage"] = "deleted"
    assert publish(ticks, "--all") == f"1 published, {COUNT - 1} had their runs\n"
    assert said(mlflow) == before


def test_what_is_older_is_left(ticks: Ticks, mlflow: FakeMlflow) -> None:
    before = said(mlflow)
    mlflow.lose()
    since = date(2).isoformat()
    assert publish(ticks, "--all", "--since", since) == "2 published, 0 had their runs\n"
    assert said(mlflow) == {name: before[name] for name in sorted(before)[2:]}


def test_a_result_that_waits_is_published_too(ticks: Ticks, mlflow: FakeMlflow) -> None:
    mlflow.failing = 100
    with pytest.raises(ServiceAwayError):
        ticks.tick(COUNT)
    mlflow.failing = 0
    assert publish(ticks, "--all") == f"1 published, {COUNT} had their runs\n"
    assert ticks.deployment.store.list("pending") == []


def test_one_that_is_interrupted_goes_on(
    ticks: Ticks, mlflow: FakeMlflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = said(mlflow)
    mlflow.lose()

    class KilledError(BaseException):
        pass

    def dying(self: MlflowClient, *arguments: Any) -> None:
        if mlflow.calls["runs/log-inputs"] == COUNT + 2:
            raise KilledError
        log_inputs(self, *arguments)

    log_inputs = MlflowClient.log_inputs
    with monkeypatch.context() as patch, MlflowClient(ticks.deployment.settings) as client:
        patch.setattr(MlflowClient, "log_inputs", dying)
        with pytest.raises(KilledError):
            publish_all(ticks.deployment.store, client)
    assert len(mlflow.active) == 3

    publish(ticks, "--all")
    assert said(mlflow) == before


@pytest.mark.parametrize(
    "arguments", [(), ("--pending", "--all"), ("--pending", "--since", "2026-01-01")]
)
def test_what_is_asked_for_is_one_thing(ticks: Ticks, arguments: tuple[str, ...]) -> None:
    assert ticks.deployment.cli("publish", *arguments).exit_code == 2
