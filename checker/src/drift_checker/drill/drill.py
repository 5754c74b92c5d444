"""The drill: known drift, judged by the deployed monitor's own settings and reference.

A drill leaves nothing where the monitor would find it: it stores below `drill/<id>/`, and its run
of MLflow is in the experiment `drill/<monitor>`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal

import structlog

from drift_checker.comparison.compare import Comparison
from drift_checker.comparison.options import CompareSettings, Floors
from drift_checker.config.budget import settings_of
from drift_checker.config.monitors import Monitor, Monitors
from drift_checker.config.settings import Settings
from drift_checker.decision import binomial
from drift_checker.drill.injection import NO_DRIFT, BatchRequest, DriftSource, drift_source
from drift_checker.outputs.mlflow import MlflowClient
from drift_checker.outputs.notify import TITLE, Address, notification_addresses
from drift_checker.profiles import TickCounts
from drift_checker.references.in_force import StoredReference
from drift_checker.result import Result, Verdict
from drift_checker.state import keys
from drift_checker.state.documents import Document
from drift_checker.state.store import Store
from drift_checker.tables import Batch

DRIFT_TICKS = 3
"""Ticks that a drift lasts; one that is not found in them is missed."""
DETECTED_SHARE = 0.8
"""Share of the trials of a drift that have to be found for it to count as found."""
FALSE_ALARM_LEVELS = (0.5, 0.25, 0.1, 0.05)
"""Levels at which drift-free ticks are judged, to see that so many are flagged by chance."""
REJECTION_LEVEL = 0.001
"""Chance that a drill of a sound monitor finds too many drift-free ticks flagged at a level."""

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
    tell: bool
    """Whether people are sent a message, to see that it arrives."""


class Rate(Document):
    """Hits among trials, and the exact 95 % interval of their rate."""

    hits: int
    trials: int
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, trials: int) -> Rate:
        """A rate with its interval."""
        low, high = binomial.interval(hits, trials) if trials else (0.0, 1.0)
        return cls(hits=hits, trials=trials, low=low, high=high)

    @property
    def share(self) -> float:
        """The rate itself; 0 without a trial."""
        return self.hits / max(1, self.trials)


class Detection(Document):
    """How often one drift was found, and how late."""

    scenario: str
    strength: float
    at_once: Rate
    within: Rate
    """Within `TICKS` ticks."""
    delay: float | None
    """Ticks until it was found, the mean over the trials in which it was; 1 is at once."""


class DriftFree(Document):
    """How many drift-free ticks are flagged at a level, without floors for their effect."""

    level: float
    flagged: Rate
    sound: bool
    """Whether so many, or more, could be chance at this level."""


class DrillReport(Document):
    """`drill.json`: what came of a drill."""

    schema_version: Literal[1] = 1
    drill: str
    monitor: str
    source: str
    reference: str
    level: float
    """The level of a tick of the monitor, at which drift was looked for."""
    detections: list[Detection]
    smallest: dict[str, float | None]
    """Of each scenario the smallest strength from which on it was found; null if none was."""
    false_alarms: Rate
    """Of drift-free ticks, as the monitor itself judges."""
    drift_free: list[DriftFree]
    notifications: dict[str, bool]
    """Whether each address took the message; none where nobody is told."""
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether drift was found, drift-free ticks were left alone, and messages were taken."""
        found = all(strength is not None for strength in self.smallest.values())
        sound = all(level.sound for level in self.drift_free)
        return found and sound and all(self.notifications.values())


def run_drill(
    settings: Settings, monitors: Monitors, monitor: Monitor, plan: DrillPlan
) -> DrillReport:
    """Run a drill, store its report and publish it.

    Raises:
        BadReferenceError: the monitor has no reference.
        NoBatchError: the Drifter answered with no batch.
        ServiceAwayError: a service stayed away.
        UsageError: the Drifter takes no drift from requests, or no batch is stored yet.
    """
    start = time.perf_counter()
    store = Store(settings)
    options = settings_of(monitors, monitor)
    reference = StoredReference(store, monitor.name, options)
    source = drift_source(store, monitor, settings, reference.rows, plan.drill)
    judge = _Judge(store, source, reference, options, plan)
    detections = list(judge.detections())
    false_alarms, drift_free = judge.drift_free()
    report = DrillReport(
        drill=plan.drill,
        monitor=monitor.name,
        source=source.kind,
        reference=reference.version.version,
        level=options.alarm_budget().level,
        detections=detections,
        smallest=_smallest(detections),
        false_alarms=false_alarms,
        drift_free=drift_free,
        notifications=_tell(notification_addresses(settings), monitor.name, plan)
        if plan.tell
        else {},
        seconds=round(time.perf_counter() - start, 1),
    )
    data = report.model_dump_json(indent=2).encode()
    store.put(keys.drill(plan.drill, "drill.json"), data)
    with MlflowClient(settings) as tracking:
        _publish(tracking, report, data)
    return report


@dataclass(frozen=True)
class _Judge:
    store: Store
    source: DriftSource
    reference: StoredReference
    options: CompareSettings
    plan: DrillPlan

    def detections(self) -> Iterator[Detection]:
        for scenario in self.source.scenarios():
            for strength in self.plan.strengths:
                yield self._detection(scenario, strength)

    def _detection(self, scenario: str, strength: float) -> Detection:
        trials = self.plan.trials
        delays = [self._delay(BatchRequest(scenario, strength, trial)) for trial in range(trials)]
        found = [delay for delay in delays if delay is not None]
        log.info("drill", scenario=scenario, strength=strength, found=len(found), trials=trials)
        return Detection(
            scenario=scenario,
            strength=strength,
            at_once=Rate.of(found.count(1), trials),
            within=Rate.of(len(found), trials),
            delay=sum(found) / len(found) if found else None,
        )

    def _delay(self, trial: BatchRequest) -> int | None:
        """Judge the ticks of a trial as the monitor would; returns how many it took."""
        past: list[TickCounts] = []
        for tick in range(DRIFT_TICKS):
            sides = self.reference.against(self.source.batch(replace(trial, tick=tick)))
            comparison = Comparison(sides, self.options, past=past)
            result = comparison.result()
            if result.verdict is not Verdict.OK:
                return tick + 1
            past.insert(0, comparison.profile)
        self._keep(trial, result)
        return None

    def _keep(self, trial: BatchRequest, result: Result) -> None:
        """Keep what the last tick of a missed drift came to, for a look at it."""
        name = f"missed/{trial.scenario}-{trial.strength:g}-{trial.trial}.json"
        self.store.put(keys.drill(self.plan.drill, name), result.model_dump_json().encode())

    def drift_free(self) -> tuple[Rate, list[DriftFree]]:
        """Judge ticks without drift: as the monitor does, and at several levels without floors."""
        ticks = self.plan.drift_free
        alarms = 0
        flagged = dict.fromkeys(FALSE_ALARM_LEVELS, 0)
        for number in range(ticks):
            batch = self.source.batch(BatchRequest(NO_DRIFT, 0, number))
            alarms += self._flags(batch, self.options)
            for level in FALSE_ALARM_LEVELS:
                flagged[level] += self._flags(batch, _at(level, self.options))
        log.info("drill", scenario=NO_DRIFT, ticks=ticks, alarms=alarms)
        rates = [_drift_free(level, hits, ticks) for level, hits in flagged.items()]
        return Rate.of(alarms, ticks), rates

    def _flags(self, batch: Batch, options: CompareSettings) -> bool:
        result = Comparison(self.reference.against(batch), options).result()
        return result.verdict is not Verdict.OK


def _at(level: float, options: CompareSettings) -> CompareSettings:
    floors = Floors(distance=0, tail=0, share=0, correlation=0)
    return replace(options, budget=None, level=level, floors=floors)


def _drift_free(level: float, hits: int, ticks: int) -> DriftFree:
    # One-sided: to flag too few costs power, which the detections show.
    least, _ = (
        binomial.interval(hits, ticks, confidence=1 - 2 * REJECTION_LEVEL) if ticks else (0.0, 1.0)
    )
    return DriftFree(level=level, flagged=Rate.of(hits, ticks), sound=least <= level)


def _smallest(detections: list[Detection]) -> dict[str, float | None]:
    smallest: dict[str, float | None] = {found.scenario: None for found in detections}
    for scenario in smallest:
        ours = (one for one in detections if one.scenario == scenario)
        falling = sorted(ours, key=lambda one: one.strength, reverse=True)
        for one in takewhile(lambda one: one.within.share >= DETECTED_SHARE, falling):
            smallest[scenario] = one.strength
    return smallest


def _tell(people: Sequence[Address], monitor: str, plan: DrillPlan) -> dict[str, bool]:
    message = f"This is drill {plan.drill} of {monitor}, no alarm."
    return {address.name: address.send(TITLE, message) for address in people}


def _publish(tracking: MlflowClient, report: DrillReport, data: bytes) -> None:
    experiment = tracking.experiment(f"drill/{report.monitor}")
    tags = {"monitor": report.monitor, "drill": report.drill, "passed": str(report.passed)}
    run = tracking.create_run(experiment, report.drill, {**tags, "source": report.source})
    metrics = {
        f"within.{one.scenario}.{one.strength:g}": one.within.share for one in report.detections
    }
    metrics |= {f"flagged.{one.level:g}": one.flagged.share for one in report.drift_free}
    metrics["false_alarms"] = report.false_alarms.share
    tracking.log_metrics(run, metrics, int(time.time() * 1000))
    tracking.log_artifact(run, "drill.json", data)
    tracking.finish(run)
