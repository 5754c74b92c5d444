"""The drill: known drift, judged by the deployed monitor's own settings and reference.

A drill leaves nothing where the monitor would find it: it stores below `drill/<id>/`, and its run
of MLflow is in the experiment `drill/<monitor>`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self

import structlog

from drift_checker.comparison import (
    NO_FLOORS,
    CompareSettings,
    compare_tables,
    judge,
    prepare,
    result_of,
)
from drift_checker.config import Monitor, Monitors, Settings, settings_of
from drift_checker.drill.injection import (
    NO_DRIFT,
    SCENARIOS,
    BatchRequest,
    DriftSource,
    drift_source,
)
from drift_checker.drill.report import (
    DRIFT_TICKS,
    Detection,
    DriftFree,
    DrillReport,
    Rate,
    smallest_detected,
)
from drift_checker.errors import DriftCheckerError, ServiceAwayError
from drift_checker.outputs import (
    NOTIFICATION_TITLE,
    Address,
    MlflowClient,
    notification_addresses,
)
from drift_checker.profiles import TickCounts
from drift_checker.references import StoredReference
from drift_checker.result import Verdict
from drift_checker.state import Store, keys, read_truth
from drift_checker.tables import Batch

FALSE_ALARM_LEVELS = (0.5, 0.25, 0.1, 0.05)
"""Levels at which drift-free ticks are judged, to see that so many are flagged by chance."""
SHORT_STRENGTH = 1.0
"""The strength of a short drill: the one at which docs/drill.md describes each scenario."""

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class DrillPlan:
    """What a drill asks for."""

    drill: str
    strengths: Sequence[float]
    trials: int
    """Of each scenario and strength."""
    drift_free: int
    """Ticks without drift."""
    notify: bool
    """Whether people are sent a message, to see that it arrives."""

    @classmethod
    def short(cls, drill: str) -> Self:
        """Return one trial of each scenario, which shows that the way is open, and no rate."""
        return cls(drill=drill, strengths=[SHORT_STRENGTH], trials=1, drift_free=0, notify=False)


@dataclass(frozen=True, kw_only=True)
class DrillStep:
    """One step of a drill that is done: `number` of `steps`."""

    number: int
    steps: int
    monitor: str
    scenario: str
    strength: float
    detected: Rate
    """Within `DRIFT_TICKS` ticks; of drift-free ticks, those that the monitor flags."""


def run_drill(
    settings: Settings,
    monitors: Monitors,
    monitor: Monitor,
    plan: DrillPlan,
    *,
    on_step: Callable[[DrillStep], None],
) -> tuple[DrillReport, DriftCheckerError | None]:
    """Run a drill, store its report and publish it.

    What ends it before it is through is returned beside the report of what there is until then,
    for minutes of work to be seen.

    Args:
        settings: The deployed settings.
        monitors: All monitors, which share the alarm budget.
        monitor: The one to drill.
        plan: What to ask for.
        on_step: Is told of each scenario and strength when it is done.

    Raises:
        BadReferenceError: the monitor has no reference.
        ServiceAwayError: the store stayed away.
        UsageError: no batch is stored yet.
    """
    start = time.perf_counter()
    store = Store(settings)
    options = settings_of(monitors, monitor)
    reference = StoredReference(store, monitor.name, options)
    source = drift_source(store, monitor, settings, reference, plan.drill)
    trials = _Trials(store, source, reference, options, plan, monitor.name, on_step)
    notifications: dict[str, bool] = {}
    error: DriftCheckerError | None = None
    try:
        trials.run()
        notifications = _notify(settings, monitor.name, plan)
    except DriftCheckerError as broken_off:
        error = broken_off
    report = DrillReport(
        drill=plan.drill,
        monitor=monitor.name,
        source=source.kind,
        stored_batches=source.stored_batches,
        reference=reference.version.version,
        level=options.alarm_budget().level,
        left_out=trials.left_out,
        detections=trials.detections,
        smallest=smallest_detected(trials.detections),
        false_alarms=trials.false_alarms,
        drift_free=trials.drift_free,
        notifications=notifications,
        seconds=round(time.perf_counter() - start, 1),
        broken_off=str(error) if error else None,
    )
    try:
        data = report.model_dump_json(indent=2).encode()
        store.put(keys.drill(plan.drill, "drill.json"), data)
        with MlflowClient(settings) as mlflow:
            _publish(mlflow, report, data, datetime.now(UTC))
    except DriftCheckerError as unpublished:
        error = error or unpublished
    return report, error


@dataclass
class _Trials:
    """The trials of a drill, and what came of them so far."""

    store: Store
    source: DriftSource
    reference: StoredReference
    options: CompareSettings
    plan: DrillPlan
    monitor: str
    on_step: Callable[[DrillStep], None]
    left_out: list[str] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)
    false_alarms: Rate = field(default_factory=lambda: Rate.of(0, 0))
    drift_free: list[DriftFree] = field(default_factory=list)

    def run(self) -> None:
        """Go through every scenario at every strength, then through ticks without drift."""
        scenarios = self.source.scenarios()
        self.left_out = [scenario for scenario in SCENARIOS if scenario not in scenarios]
        drifts = [
            (scenario, strength) for scenario in scenarios for strength in self.plan.strengths
        ]
        ticks = self.source.drift_free_ticks(self.plan.drift_free)
        steps = len(drifts) + bool(ticks)
        for number, (scenario, strength) in enumerate(drifts, 1):
            detection = self._detection(scenario, strength)
            self.detections.append(detection)
            self._tell(number, steps, scenario, strength, detection.within)
        if ticks:
            self._judge_drift_free(ticks)
            self._tell(steps, steps, NO_DRIFT, 0, self.false_alarms)

    def _tell(
        self, number: int, steps: int, scenario: str, strength: float, detected: Rate
    ) -> None:
        self.on_step(
            DrillStep(
                number=number,
                steps=steps,
                monitor=self.monitor,
                scenario=scenario,
                strength=strength,
                detected=detected,
            )
        )

    def _detection(self, scenario: str, strength: float) -> Detection:
        trials = self.plan.trials
        delays = [self._delay(BatchRequest(scenario, strength, trial)) for trial in range(trials)]
        detected = [delay for delay in delays if delay is not None]
        return Detection(
            scenario=scenario,
            strength=strength,
            at_once=Rate.of(detected.count(1), trials),
            within=Rate.of(len(detected), trials),
            delay=sum(detected) / len(detected) if detected else None,
        )

    def _delay(self, trial: BatchRequest) -> int | None:
        """Judge the ticks of a trial as the monitor would; returns how many it took."""
        past: list[TickCounts] = []
        for tick in range(DRIFT_TICKS):
            sides = self.reference.pair_with(self.source.batch(replace(trial, tick=tick)))
            prepared = prepare(sides, self.options)
            result = result_of(judge(prepared, past=past))
            if result.verdict is not Verdict.OK:
                return tick + 1
            past.insert(0, prepared.tick_counts)
        # Of a missed drift the result of the last tick is stored, for a look at it.
        name = f"missed/{trial.scenario}-{trial.strength:g}-{trial.trial}.json"
        self.store.put(keys.drill(self.plan.drill, name), result.model_dump_json().encode())
        return None

    def _judge_drift_free(self, ticks: int) -> None:
        """Judge ticks without drift: as the monitor does, and at several levels without floors."""
        alarms = 0
        flagged = dict.fromkeys(FALSE_ALARM_LEVELS, 0)
        for number in range(ticks):
            batch = self.source.batch(BatchRequest(NO_DRIFT, 0, number))
            alarms += self._flags(batch, self.options)
            for level in FALSE_ALARM_LEVELS:
                options = replace(
                    self.options, budget=None, level=level, floors=NO_FLOORS, column_floors={}
                )
                flagged[level] += self._flags(batch, options)
        self.false_alarms = Rate.of(alarms, ticks)
        self.drift_free = [
            DriftFree.of(level, Rate.of(hits, ticks)) for level, hits in flagged.items()
        ]

    def _flags(self, batch: Batch, options: CompareSettings) -> bool:
        result = compare_tables(self.reference.pair_with(batch), options)
        return result.verdict is not Verdict.OK


def _notify(settings: Settings, monitor: str, plan: DrillPlan) -> dict[str, bool]:
    """Send a message where the plan says so; returns whether each address took it."""
    addresses = notification_addresses(settings) if plan.notify else []
    message = f"This is drill {plan.drill} of {monitor}, no alarm."
    return {address.name: _takes(address, message) for address in addresses}


def _takes(address: Address, message: str) -> bool:
    try:
        address.send(NOTIFICATION_TITLE, message)
    except ServiceAwayError as error:
        log.warning("not notified", address=address.name, reason=str(error))
        return False
    return True


def publish_drills(
    store: Store, mlflow: MlflowClient, since: datetime | None = None
) -> tuple[int, int]:
    """Publish the stored drills that have no run in MLflow.

    Returns how many were published, and how many had their run. Of drills before `since` nothing is
    looked at. A run that is made anew has the age of its drill.

    Raises:
        ServiceAwayError: The store or MLflow stayed away.
        UsageError: MLflow refuses.
    """
    published = there = 0
    for drill in store.folders("drill"):
        key = keys.drill(drill, "drill.json")
        entry = next((each for each in store.list(f"drill/{drill}") if each.key == key), None)
        if entry is None or (since and entry.modified < since):
            continue
        read = read_truth(store, key, lambda data: (DrillReport.model_validate_json(data), data))
        if read is None:
            continue
        report, data = read
        experiment = mlflow.experiment(f"drill/{report.monitor}")
        if mlflow.find_runs(experiment, {"monitor": report.monitor, "drill": report.drill}):
            there += 1
        else:
            _publish(mlflow, report, data, entry.modified)
            published += 1
    return published, there


def _publish(mlflow: MlflowClient, report: DrillReport, data: bytes, at: datetime) -> None:
    experiment = mlflow.experiment(f"drill/{report.monitor}")
    tags = {"monitor": report.monitor, "drill": report.drill, "passed": str(report.passed)}
    run = mlflow.create_run(experiment, report.drill, {**tags, "source": report.source}, started=at)
    metrics = {
        f"within.{detection.scenario}.{detection.strength:g}": detection.within.share
        for detection in report.detections
    }
    metrics |= {f"flagged.{rate.level:g}": rate.flagged.share for rate in report.drift_free}
    metrics["false_alarms"] = report.false_alarms.share
    mlflow.log_metrics(run, metrics, int(at.timestamp() * 1000))
    mlflow.log_artifact(run, "drill.json", data)
    mlflow.finish(run)
