"""The DAG that removes what is old, and the logs that it removes itself."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.configuration import conf
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.utils.db import initdb
from drift_checks.old_logs import remove_old_logs
from drift_checks.pod import PartPodOperator

DAGS = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 3, 31, 3, 15, tzinfo=UTC)
COMMAND = """\
#!/bin/sh
echo "$(basename "$0") $@" >> "{calls}"
exit $(cat "{code}" 2>/dev/null || echo 0)
"""


def load() -> Any:
    bag = DagBag(str(DAGS / "drift_maintenance.py"))
    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    return dag


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the commands of all parts, which note how they were called in `calls`."""
    for part in ("checker", "mlflow", "airflow"):
        command = tmp_path / part
        command.write_text(COMMAND.format(calls=tmp_path / "calls", code=tmp_path / f"{part}.code"))
        command.chmod(0o700)
    monkeypatch.setenv("DRIFT_COMMANDS", str(tmp_path))
    return tmp_path


def write(path: Path, moment: datetime) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("log")
    for part in (path, path.parent):
        os.utime(part, (moment.timestamp(),) * 2)
    return path


def test_it_runs_by_itself_alone_and_not_before_its_time() -> None:
    dag = load()

    assert dag.dag_id == "drift_maintenance"
    assert (dag.max_active_runs, dag.max_active_tasks) == (1, 1)
    assert (dag.catchup, dag.is_paused_upon_creation, dag.start_date) == (False, False, None)
    # By this tag the checks are found that a person asks for.
    assert "drift" not in dag.tags


def test_each_part_removes_its_own(commands: Path) -> None:
    folder = Path(conf.get("logging", "base_log_folder"))
    old = write(folder / "dag_id=d/run_id=old/attempt=1.log", datetime(2020, 1, 1, tzinfo=UTC))
    new = write(folder / "dag_id=d/run_id=new/attempt=1.log", datetime.now(UTC))
    initdb()

    dag_run = load().test(logical_date=NOW)

    assert dag_run.state == "success"
    calls = (commands / "calls").read_text().splitlines()
    assert [call for call in calls if not call.startswith("airflow")] == [
        "checker prune",
        "mlflow ",
    ]
    (clean,) = (call for call in calls if call.startswith("airflow"))
    assert clean.startswith("airflow db clean --yes --skip-archive --error-on-cleanup-failure ")
    before = datetime.fromisoformat(clean.rpartition("--clean-before-timestamp=")[2])
    assert before == dag_run.run_after - timedelta(days=30)
    assert (old.exists(), old.parent.exists(), new.exists()) == (False, False, True)


@pytest.mark.parametrize(
    ("part", "code", "hopeless"),
    [("checker", 2, True), ("checker", 4, False), ("airflow", 2, False)],
)
def test_what_fails_is_tried_again_where_that_helps(
    commands: Path, part: str, code: int, *, hopeless: bool
) -> None:
    (commands / f"{part}.code").write_text(str(code))
    task = load().get_task({"checker": "prune", "airflow": "clean_metadata"}[part])

    with pytest.raises(AirflowException, match=f"^{part} ended with {code}") as caught:
        task.execute({})
    assert isinstance(caught.value, AirflowFailException) == hopeless


def test_on_kubernetes_each_part_is_its_pod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFT_PLATFORM", "kubernetes")
    monkeypatch.setenv("DRIFT_POD_TEMPLATES", str(tmp_path))
    dag = load()

    pods = {name: dag.get_task(name) for name in ("prune", "empty_trash", "clean_metadata")}
    assert all(isinstance(pod, PartPodOperator) for pod in pods.values())
    templates = {name: Path(pod.pod_template_file).name for name, pod in pods.items()}
    assert templates == {
        "prune": "checker.yml",
        "empty_trash": "mlflow.yml",
        "clean_metadata": "airflow.yml",
    }
    assert {pod.base_container_name for pod in pods.values()} == {"checker", "mlflow", "airflow"}


def test_old_logs_go_with_their_folders_and_others_stay(tmp_path: Path) -> None:
    old = write(tmp_path / "dag/old/1.log", NOW - timedelta(days=1))
    beside = write(tmp_path / "dag/both/1.log", NOW - timedelta(days=1))
    new = write(tmp_path / "dag/both/2.log", NOW + timedelta(days=1))
    fresh = tmp_path / "dag/fresh"
    fresh.mkdir()

    assert remove_old_logs(tmp_path, NOW) == 2

    assert not old.parent.exists()
    assert (beside.exists(), new.exists(), fresh.exists()) == (False, True, True)
    assert remove_old_logs(tmp_path, NOW) == 0
