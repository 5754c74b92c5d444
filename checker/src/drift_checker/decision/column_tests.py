"""The statistics of one column combined into one p-value, with its effect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drift_checker.decision import homogeneity, kolmogorov
from drift_checker.decision.arrays import Ints
from drift_checker.decision.exceedance import Exceedance

Interval = tuple[float, float]

# Counts of few rows have few p-values, most of which lie far below the level that they are given.
# What that leaves unspent is at most a tenth, and drift of the tails needs no more.
BULK_SHARE, TAIL_SHARE = 0.9, 0.1


def _attained_if_dense(level: float) -> float:
    return level


@dataclass(frozen=True)
class Evidence:
    """One statistic: how unlikely it is by chance, and how large the effect is that it measures.

    `test` and `effect` are the names of both. `effect_floor` is the smallest effect that is worth
    an alarm, `share` the part of the column's level that is the statistic's own; `attained` gives
    the chance that its p-value is at most a level, which is the level itself where p-values lie
    densely.
    """

    test: str
    statistic: float
    p_value: float
    effect: str
    effect_size: float
    interval: Interval
    effect_floor: float
    share: float
    attained: Callable[[float], float] = _attained_if_dense


@dataclass(frozen=True)
class CombinedEvidence:
    """One statistic with its p-value combined with the others of its column."""

    evidence: Evidence
    p_value: float


@dataclass(frozen=True)
class Decision:
    """The evidence of a column that is least likely by chance, of all and of relevant effects."""

    most_significant: CombinedEvidence
    relevant: CombinedEvidence | None

    @property
    def relevant_p_value(self) -> float | None:
        """The p-value that may alarm, if any."""
        return self.relevant.p_value if self.relevant else None

    def alarming(self, threshold: float) -> CombinedEvidence | None:
        """Return what alarms at this threshold, if anything does."""
        relevant = self.relevant
        return relevant if relevant and relevant.p_value <= threshold else None


def numeric(
    bulk: kolmogorov.Distance,
    tail: Exceedance,
    *,
    threshold: float,
    distance_floor: float,
    tail_floor: float,
) -> Decision:
    """Decide on a numeric column by its distance and by the rows in its tails.

    The Kolmogorov-Smirnov distance sees the bulk, the exceedances the tails, where the distance
    is blind: five per cent of wild values move it by three per cent only. `distance_floor` and
    `tail_floor` are their effect floors, as shares of rows.
    """
    return decide(
        [
            Evidence(
                "kolmogorov_smirnov",
                bulk.value,
                kolmogorov.p_value(bulk, level=BULK_SHARE * threshold),
                "distance",
                bulk.value,
                kolmogorov.interval(bulk),
                distance_floor,
                BULK_SHARE,
            ),
            Evidence(
                "exceedance",
                tail.count,
                tail.p_value,
                "tail_excess",
                tail.excess,
                tail.interval(),
                tail_floor,
                TAIL_SHARE,
                tail.attained,
            ),
        ],
        threshold=threshold,
    )


def categorical(
    current: Ints, reference: Ints, *, threshold: float, distance_floor: float
) -> Decision:
    """Decide on a categorical column by the counts of its categories, both (categories,).

    No category is empty on both sides. The deviance sees many small changes, the largest cell a
    single one among many categories.
    """
    distance = homogeneity.total_variation(current, reference)
    interval = homogeneity.total_variation_interval(current, reference)

    cell = homogeneity.largest_cell_p_value(current, reference)
    tests = [("largest_cell", distance, cell)]
    if len(current) > 2:  # noqa: PLR2004  with two, both tests are one
        bulk = homogeneity.deviance_p_value(current, reference)
        tests.append(("deviance", homogeneity.deviance(current, reference), bulk))
    return decide(
        [
            Evidence(*test, "total_variation", distance, interval, distance_floor, 1 / len(tests))
            for test in tests
        ],
        threshold=threshold,
    )


def decide(evidence: Sequence[Evidence], *, threshold: float) -> Decision:
    """Combine by the smallest p-value for its share; it counts only above its effect floor.

    The chance that some statistic is as extreme for its share is at most the sum of the chances
    of each: Bonferroni's inequality, with what discrete statistics attain in place of what they
    are given (Tarone 1990). The bulk and the far tails being nearly independent, the inequality
    is nearly an equality at the levels in question. What they attain is computed only where it
    can change the decision; elsewhere what they are given is an upper bound.
    """

    def combined(statistic: Evidence) -> CombinedEvidence:
        level = statistic.p_value / statistic.share
        if statistic.p_value <= threshold < level:
            level = sum(other.attained(other.share * level) for other in evidence)
        return CombinedEvidence(statistic, min(1.0, level))

    ranked = sorted(map(combined, evidence), key=lambda combined: combined.p_value)
    relevant = (
        combined
        for combined in ranked
        if combined.evidence.effect_size >= combined.evidence.effect_floor
    )
    return Decision(most_significant=ranked[0], relevant=next(relevant, None))
