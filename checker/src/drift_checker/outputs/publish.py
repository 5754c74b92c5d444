"""The publish step: a stored result becomes exactly one run of MLflow.

MLflow makes a new run whenever it is asked to, so that two publishers, or one that was killed and
its successor, could make two. Which run counts is therefore decided by the store: the first to
write `published.json` wins. A run that was made but not recorded is found again by its tags, and
all else that publishing does is the same when it is done twice, so nobody has to wait for anybody.
Runs with the same tags that did not win are deleted.

A marker or a record that is damaged is made anew: a marker says no more than its key, and the run
of a result is found by its tags.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import structlog

from drift_checker.config import date_of_key
from drift_checker.errors import (
    DamagedObjectError,
    DriftCheckerError,
    ServiceAwayError,
    UsageError,
)
from drift_checker.escape import for_markdown, one_line
from drift_checker.outputs import series
from drift_checker.outputs.mlflow import (
    MAX_RUN_NAME,
    MAX_TAG,
    Dataset,
    MlflowClient,
    Run,
    escape_column,
)
from drift_checker.result import ColumnResult, Result, Verdict
from drift_checker.state import (
    Document,
    LatestResult,
    Store,
    keys,
    parsed,
    read_cache,
    read_document,
    read_result,
    result_dates,
    write_latest_result,
)
from drift_checker.wording import explanation_markdown, shortened, strongest_first, summarize

MAX_NAMED = 5
"""Columns that drifted which a tag names."""
MAX_COLUMNS = 100
"""Columns whose metrics are logged, the most drifted first."""
MAX_OLDER = 5
"""Older results that a run publishes besides its own."""
PROGRESS = 100
"""Results after which it is logged how far `publish_all` has come."""
ABANDONED_MARKER = timedelta(hours=1)
"""Age from which a marker without a result is taken for one whose run was killed."""

log = structlog.get_logger()


class PendingMarker(Document):
    """The marker of a result that is not yet published."""

    monitor: str
    logical_date: datetime
    dag_run_id: str | None
    task_page: str | None = None


class Publication(Document):
    """`published.json`: the run that counts for one result, and whether all of it is there."""

    result: str
    """SHA-256 of `result.json`."""
    run_id: str
    url: str
    complete: bool
    dag_run_id: str | None = None
    """Airflow's name of the run, for another run of MLflow in the place of a lost one."""
    task_page: str | None = None
    """The page of the task in Airflow, as a path; its log is there."""
    runs_url: str | None = None
    """The page that lists the runs of the monitor."""


def mark_pending(store: Store, pending: PendingMarker) -> None:
    """Leave the marker of a result that is about to be stored."""
    key = keys.pending(pending.monitor, pending.logical_date)
    store.put(key, pending.model_dump_json().encode())


def newest_pending(store: Store) -> dict[str, list[datetime]]:
    """The logical dates of results that are not yet published, by monitor, the latest first."""
    dates: dict[str, list[datetime]] = {}
    for entry in store.list(keys.pending()):
        if (marker := marker_of_key(entry.key)) is not None:
            dates.setdefault(marker.monitor, []).insert(0, marker.logical_date)
    return dates


def _read_marker(store: Store, key: str) -> PendingMarker | None:
    return read_cache(store, key, PendingMarker.model_validate_json) or marker_of_key(key)


def marker_of_key(key: str) -> PendingMarker | None:
    """What a marker says by its key, or None of a key that names no tick."""
    try:
        _, monitor, date = key.split("/")
        return PendingMarker(monitor=monitor, logical_date=date_of_key(date), dag_run_id=None)
    except ValueError:
        return None


def read_publication(store: Store, monitor: str, logical_date: datetime) -> Publication | None:
    """Return what is recorded of the publication of a result, or None where nothing is.

    Where it is damaged, the result waits to be published again, which records the same run.
    """
    key = keys.result(monitor, logical_date, "published.json")
    try:
        return read_document(store, key, Publication)
    except DamagedObjectError as error:
        log.warning("damaged, and made anew", key=key, reason=error.reason)
        marker = PendingMarker(monitor=monitor, logical_date=logical_date, dag_run_id=None)
        mark_pending(store, marker)
        store.delete(key)
        return None


def publish_result(store: Store, mlflow: MlflowClient, pending: PendingMarker) -> Publication:
    """Publish one stored result; if that was done before, MLflow gets no request.

    Raises:
        ServiceAwayError: the store or MLflow stayed away.
        UsageError: MLflow refuses.
    """
    return _Publisher(store, mlflow, pending).publish()


def publish_pending(
    store: Store,
    mlflow: MlflowClient,
    monitor: str | None = None,
    *,
    besides: PendingMarker | None = None,
    limit: int | None = None,
) -> int:
    """Publish the results that are not yet published, oldest first; returns how many.

    Of one monitor or of all; `besides` is skipped, and at most `limit` are tried. Whoever stored
    them may have been killed before the pointer to the latest result was moved; it is moved first.

    Raises:
        ServiceAwayError: the store or MLflow stayed away.
    """
    done = 0
    own = besides and keys.pending(besides.monitor, besides.logical_date)
    others = (entry for entry in store.list(keys.pending(monitor)) if entry.key != own)
    markers = sorted(others, key=lambda entry: entry.key.rpartition("/")[2])
    for entry in markers[:limit]:
        pending = _read_marker(store, entry.key)
        if pending is None:
            continue
        result = read_result(store, pending.monitor, pending.logical_date)
        if result is None:
            # Whoever left the marker was killed before the result; a repetition leaves it anew.
            if datetime.now(UTC) - entry.modified > ABANDONED_MARKER:
                store.delete(entry.key)
            continue
        write_latest_result(store, pending.monitor, LatestResult.of(result))
        done += _published(_Publisher(store, mlflow, pending).publish, pending)
    return done


def publish_all(
    store: Store, mlflow: MlflowClient, since: datetime | None = None
) -> tuple[int, int]:
    """Publish every stored result whose run is not in MLflow, oldest first.

    Returns how many were published, and how many had their run. Of results before `since`, a
    logical date, nothing is looked at. A run that is made anew has the age of its result, so that
    retention takes both together.

    Raises:
        ServiceAwayError: the store or MLflow stayed away.
    """
    published = there = 0
    for monitor in store.folders("results"):
        experiment = mlflow.experiment(f"drift/{monitor}")
        runs = {run.run_id for run in mlflow.runs_before(experiment, _tomorrow())}
        drawn = series.is_kept(store, mlflow, monitor)
        for date in reversed(list(result_dates(store, monitor))):
            if (since and date < since) or read_result(store, monitor, date) is None:
                continue
            claim = read_publication(store, monitor, date)
            pending = PendingMarker(
                monitor=monitor,
                logical_date=date,
                dag_run_id=claim.dag_run_id if claim else None,
                task_page=claim.task_page if claim else None,
            )
            publisher = _Publisher(store, mlflow, pending)
            if publisher.is_in(runs):
                if not drawn:
                    publisher.log_point()
                there += 1
            else:
                published += _published(publisher.publish_anew, pending)
            if (published + there) % PROGRESS == 0:
                log.info("published", monitor=monitor, published=published, there=there)
    return published, there


def _tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


def _published(publish: Callable[[], Publication], pending: PendingMarker) -> bool:
    """Publish one of many results; says whether that succeeded, and logs why it did not."""
    try:
        publish()
    except ServiceAwayError:
        raise
    except DriftCheckerError as error:
        key = keys.result(pending.monitor, pending.logical_date)
        log.warning("not published", monitor=pending.monitor, key=key, reason=str(error))
        return False
    return True


class _Publisher:
    def __init__(self, store: Store, mlflow: MlflowClient, pending: PendingMarker) -> None:
        self.store = store
        self.mlflow = mlflow
        self.pending = pending
        self.claim_key = keys.result(pending.monitor, pending.logical_date, "published.json")
        self.started: datetime | None = None
        key = keys.result(pending.monitor, pending.logical_date)
        data = store.get(key)
        if data is None:
            raise UsageError(f"{pending.monitor} has no result of {pending.logical_date}")
        self.data = data
        self.digest = sha256(data).hexdigest()
        self.result = parsed(key, data, Result.model_validate_json)

    def publish(self) -> Publication:
        claim = self._claimed()
        if claim is None or not claim.complete:
            claim = self._publish()
        self.store.delete(keys.pending(self.pending.monitor, self.pending.logical_date))
        return claim

    def is_in(self, runs: Container[str]) -> bool:
        """Whether the run that counts is complete, and among those of these ids."""
        claim = self._claimed()
        return claim is not None and claim.complete and claim.run_id in runs

    def publish_anew(self) -> Publication:
        """Publish whatever is recorded, with a run as old as the result where there is none."""
        key = keys.result(self.pending.monitor, self.pending.logical_date)
        stored = self.store.list(key.rpartition("/")[0])
        self.started = next((entry.modified for entry in stored if entry.key == key), None)
        claim = self._publish()
        self.store.delete(keys.pending(self.pending.monitor, self.pending.logical_date))
        return claim

    def _publish(self) -> Publication:
        experiment = self.mlflow.experiment(f"drift/{self.pending.monitor}")
        run = self._claim(experiment)
        self._fill(run)
        for duplicate in self.mlflow.find_runs(experiment, self._identity()):
            if duplicate.run_id != run.run_id:
                self.mlflow.delete_run(duplicate.run_id)
        done = self._record(run, complete=True)
        self.store.put(self.claim_key, done.model_dump_json().encode())
        return done

    def _claim(self, experiment: str) -> Run:
        """The run that counts: the recorded one, one of a killed publisher, or a new one."""
        claim = self._claimed()  # before the search, which then must find its run
        runs = {run.run_id: run for run in self.mlflow.find_runs(experiment, self._identity())}
        if claim is not None:
            if claim.run_id in runs:
                return runs[claim.run_id]
            self.store.delete(self.claim_key)  # the run was deleted in MLflow
        ours = [run for run in runs.values() if run.tags.get("result_sha256") == self.digest]
        run = ours[0] if ours else self._create(experiment)
        record = self._record(run, complete=False)
        if self.store.put_if_absent(self.claim_key, record.model_dump_json().encode()):
            return run
        return self._claim(experiment)

    def _claimed(self) -> Publication | None:
        claim = read_publication(self.store, self.pending.monitor, self.pending.logical_date)
        if claim is not None and claim.result != self.digest:
            self.store.delete(self.claim_key)  # of a result that was replaced since
            return None
        return claim

    def _record(self, run: Run, *, complete: bool) -> Publication:
        url = self.mlflow.url_of(run)
        return Publication(
            result=self.digest,
            run_id=run.run_id,
            url=url,
            complete=complete,
            dag_run_id=self.pending.dag_run_id,
            task_page=self.pending.task_page,
            runs_url=self.mlflow.url_of_experiment(run.experiment_id),
        )

    def _identity(self) -> dict[str, str]:
        date = self.pending.logical_date.astimezone(UTC)
        return {"monitor": self.pending.monitor, "logical_date": f"{date:%Y-%m-%dT%H:%M:%SZ}"}

    def _create(self, experiment: str) -> Run:
        identity = self._identity()
        tags = {
            **identity,
            "verdict": self.result.verdict,
            "trigger": self.result.trigger,
            "alarm": self.result.alarm.state,
            "result_sha256": self.digest,
            "current_url": self._current_url,
            "mlflow.note.content": _description(self.result),
            "mlflow.source.name": "drift-checker",
        }
        if self.pending.dag_run_id:
            tags["dag_run_id"] = self.pending.dag_run_id
        if drifted := strongest_first(self.result)[: len(self.result.drifted_columns)]:
            names = ", ".join(shortened(column.name) for column in drifted[:MAX_NAMED])
            more = len(drifted) - MAX_NAMED
            tags["columns"] = one_line(names) + (f" and {more} more" if more > 0 else "")
        if self.result.alarm.since:
            tags["since"] = f"{self.result.alarm.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return self.mlflow.create_run(experiment, self._name(), tags, started=self.started)

    def _name(self) -> str:
        """Return when and what: it stands in MLflow's list, and above all else of the run."""
        date = self.pending.logical_date.astimezone(UTC)
        time = f"{date:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
        return one_line(f"{time} {summarize(self.result)}")[:MAX_RUN_NAME]

    def _fill(self, run: Run) -> None:
        timestamp = int(self.pending.logical_date.timestamp() * 1000)
        self.mlflow.log_metrics(run, result_metrics(self.result), timestamp)
        self.log_point()
        self.mlflow.log_inputs(run, self._datasets())
        self.mlflow.log_artifact(run, "result.json", self.data)
        if self.result.report:
            page = self.store.get(self.result.report)
            if page is not None:
                self.mlflow.log_artifact(run, "report.html", page)
        current = self.store.get(self._batch_key(), max_size=self.mlflow.max_artifact)
        if current is not None:
            self.mlflow.log_artifact(run, "current.parquet", current)
        self.mlflow.finish(run)

    def log_point(self) -> None:
        """Log the tick in the run that has all ticks of its monitor."""
        metrics = result_metrics(self.result)
        date = self.pending.logical_date
        series.log_point(self.store, self.mlflow, self.pending.monitor, date, metrics)

    def _datasets(self) -> list[Dataset]:
        version = self.result.reference.version
        stored = keys.reference(self.pending.monitor, version, "data.parquet")
        reference = self.result.reference.url or self.store.url_of(stored)
        name = self.pending.monitor
        return [
            Dataset("reference", f"{name}-reference", version, reference),
            Dataset("current", f"{name}-current", self.result.current.digest, self._current_url),
        ]

    @property
    def _current_url(self) -> str:
        return self.result.current.url or self.store.url_of(self._batch_key())

    def _batch_key(self) -> str:
        return keys.batch(self.pending.monitor, self.pending.logical_date, "current.parquet")


def _description(result: Result) -> str:
    """What MLflow shows above a run; results of before there were explanations have a summary."""
    if result.explanation:
        return explanation_markdown(result.explanation)[:MAX_TAG]
    return for_markdown(summarize(result))[:MAX_TAG]


def result_metrics(result: Result) -> dict[str, float]:
    """The metrics of a result by their names in MLflow, at most three per column and a few more."""
    tested = [column for column in result.columns if column.p_value is not None]
    metrics = {
        "rows": float(result.current.rows),
        "drift.columns": float(len(result.drifted_columns)),
        "drift.segments": float(sum(s.verdict is Verdict.DRIFT for s in result.segments)),
        "drift.score": max(map(_score, tested), default=0.0),
        "drift.share": len(result.drifted_columns) / max(1, len(tested)),
        **{f"seconds.{step}": seconds for step, seconds in result.timings.items()},
    }
    for column in sorted(tested, key=_drifted_first)[:MAX_COLUMNS]:
        name = escape_column(column.name)
        if column.p_value is not None:
            metrics[f"p_value.{name}"] = column.p_value
        if column.effect_size is not None:
            metrics[f"score.{name}"] = column.effect_size
    return metrics


def _score(column: ColumnResult) -> float:
    """Return the effect in parts of its floor: from 1 on it is worth an alarm."""
    return (column.effect_size or 0.0) / column.floor if column.floor else 0.0


def _drifted_first(column: ColumnResult) -> tuple[bool, float, float]:
    return (
        column.verdict is not Verdict.DRIFT,
        column.p_value if column.p_value is not None else 1.0,
        -(column.effect_size or 0.0),
    )
