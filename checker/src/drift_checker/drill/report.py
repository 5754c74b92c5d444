"""The report of a drill: how often and how late drift was detected, and false alarms without it."""

from __future__ import annotations

from itertools import takewhile
from typing import Literal

from pydantic import Field

from drift_checker.decision.binomial import interval
from drift_checker.state import Document

DRIFT_TICKS = 3
"""Ticks that a drift lasts; one that is not detected in them is missed."""
DETECTED_SHARE = 0.8
"""Share of a drift that has to be detected for it to count as detected."""
REJECTION_LEVEL = 0.001
"""Chance that a drill of a sound monitor finds too many drift-free ticks flagged at a level."""


class Rate(Document):
    """Hits among trials, and the exact 95 % interval of their rate."""

    hits: int
    trials: int
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, trials: int) -> Rate:
        """Return the rate with its interval."""
        low, high = interval(hits, trials) if trials else (0.0, 1.0)
        return cls(hits=hits, trials=trials, low=low, high=high)

    @property
    def share(self) -> float:
        """The rate itself; 0 without a trial."""
        return self.hits / max(1, self.trials)


class Detection(Document):
    """How often one drift was detected, and how late."""

    scenario: str
    strength: float
    at_once: Rate
    within: Rate
    """Within `DRIFT_TICKS` ticks."""
    delay: float | None
    """Ticks until it was detected, the mean over the trials in which it was; 1 is at once."""

    @property
    def too_rare(self) -> bool:
        """Whether so few were detected that the share of all is below `DETECTED_SHARE`.

        By the interval of the rate, so that a missed trial or two of a few are no more than that.
        """
        return self.within.high < DETECTED_SHARE


class DriftFree(Document):
    """How many drift-free ticks are flagged at a level, without floors for their effect."""

    level: float
    flagged: Rate
    sound: bool
    """Whether so many, or more, could be chance at this level."""

    @classmethod
    def of(cls, level: float, flagged: Rate) -> DriftFree:
        """Test whether more ticks are flagged than the level allows, by the binomial distribution.

        One-sided: to flag too few costs power, which the detections show.
        """
        least, trials = 0.0, flagged.trials
        if trials:
            least, _ = interval(flagged.hits, trials, confidence=1 - 2 * REJECTION_LEVEL)
        return cls(level=level, flagged=flagged, sound=least <= level)


class DrillReport(Document):
    """`drill.json`: what came of a drill, as far as it came."""

    schema_version: Literal[1] = 1
    drill: str
    monitor: str
    source: str
    stored_batches: int | None = None
    """How many stored batches were perturbed; null where the source was asked for drift."""
    reference: str
    level: float
    """The level of a tick of the monitor, at which drift was tested."""
    left_out: list[str] = Field(default_factory=list)
    """The scenarios that no column of the stored batches can carry."""
    detections: list[Detection]
    smallest: dict[str, float | None]
    """Of each scenario the smallest strength from which on it was detected; null if none was."""
    false_alarms: Rate
    """Of drift-free ticks, as the monitor itself judges."""
    drift_free: list[DriftFree]
    notifications: dict[str, bool]
    """Whether each address took the message; none where nobody is notified."""
    seconds: float
    broken_off: str | None = None
    """What kept the drill from its end, if anything did."""

    @property
    def undetected(self) -> list[Detection]:
        """The scenarios that are detected too rarely, each at its largest strength."""
        largest = {each.scenario: each for each in sorted(self.detections, key=_strength)}
        return [detection for detection in largest.values() if detection.too_rare]

    @property
    def unsound(self) -> list[DriftFree]:
        """The levels at which more drift-free ticks were flagged than chance makes of it."""
        return [level for level in self.drift_free if not level.sound]

    @property
    def untold(self) -> list[str]:
        """The addresses that did not take the message."""
        return [address for address, taken in self.notifications.items() if not taken]

    @property
    def passed(self) -> bool:
        """Whether drift was detected, drift-free ticks were not, and messages were taken."""
        return not (self.broken_off or self.undetected or self.unsound or self.untold)


def smallest_detected(detections: list[Detection]) -> dict[str, float | None]:
    """Return the smallest strength of each scenario from which on all are detected, if any is."""
    smallest: dict[str, float | None] = {detection.scenario: None for detection in detections}
    for scenario in smallest:
        same = (detection for detection in detections if detection.scenario == scenario)
        falling = sorted(same, key=_strength, reverse=True)
        for detection in takewhile(lambda d: d.within.share >= DETECTED_SHARE, falling):
            smallest[scenario] = detection.strength
    return smallest


def _strength(detection: Detection) -> float:
    return detection.strength
