"""The statistics of one column combined into one p-value, with its effect."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from drift_checker.decision import homogeneity, kolmogorov, rank_sum
from drift_checker.decision.arrays import Ints
from drift_checker.decision.exceedance import Exceedance
from drift_checker.decision.floors import Floor
from drift_checker.decision.rank_sum import RankSum

Interval = tuple[float, float]

# The distance and the ranks see most changes all; what a smaller level costs each of them is less
# than what the others find. Drift of the tails is plain to see, and needs less.
BULK_SHARE, LOCATION_SHARE, DISPERSION_SHARE, TAIL_SHARE = 0.35, 0.3, 0.2, 0.15
_LEAST_LEVEL = 1e-300


def _attained_if_dense(level: float) -> float:
    return level


def overlap(level: float) -> float:
    """Return how often one of distance, location and dispersion reaches its share of a level.

    In parts of the sum of their shares: all see the same rows, so that they reach it together more
    often than by themselves. Without ties their joint law depends on nothing else where rows are
    many; 2,400,000 draws of it have 0.71 at a level of 0.2, 0.77 at 0.05, 0.81 at 0.01, 0.86 at
    0.001, and this is a little more at each.
    """
    return min(1.0, 0.7 - 0.06 * math.log10(max(level, _LEAST_LEVEL)))


@dataclass(frozen=True)
class Evidence:
    """One statistic: how unlikely it is by chance, and how large the effect is that it measures.

    `test` and `effect` are the names of both. `effect_floor` is the smallest effect that is worth
    an alarm, unless it `is_multiplied`: a share that became many times as large or as small.
    `share` is the part of the column's level that is the statistic's own; `attained` gives the
    chance that its p-value is at most a level, which is the level itself where p-values lie
    densely. `overlaps` says that it is one of those whose chances `overlap` tells together.
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
    is_multiplied: bool = False
    overlaps: bool = False

    @property
    def is_relevant(self) -> bool:
        """Whether the effect is worth an alarm."""
        # Differences of shares that are whole points are not.
        return self.is_multiplied or self.effect_size >= self.effect_floor * (1 - 1e-12)


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
    location: RankSum,
    tail: Exceedance,
    *,
    threshold: float,
    distance_floor: Floor,
    tail_floor: Floor,
) -> Decision:
    """Decide on a numeric column by its distance, its ranks and the rows in its tails.

    The Kolmogorov-Smirnov distance sees the bulk, the rank sum small shifts of it and Mood's test
    its spread, the exceedances the tails, where the others are blind: five per cent of wild values
    move the distance by three per cent only. `distance_floor` and `tail_floor` are their effect
    floors, as shares of rows.
    """
    return decide(
        [
            *bulk_evidence(
                bulk,
                location,
                rank_sum.p_value(location),
                threshold=threshold,
                floor=distance_floor,
                shares=(BULK_SHARE, LOCATION_SHARE, DISPERSION_SHARE),
            ),
            Evidence(
                "exceedance",
                tail.count,
                tail.p_value,
                "tail_excess",
                tail.excess,
                tail.interval(),
                tail_floor.change,
                TAIL_SHARE,
                tail.attained,
                tail_floor.is_multiplied(tail.expected_share, tail.count / tail.rows),
            ),
        ],
        threshold=threshold,
    )


def bulk_evidence(
    bulk: kolmogorov.Distance,
    location: RankSum,
    location_p_value: float,
    *,
    threshold: float,
    floor: Floor,
    shares: tuple[float, float, float],
) -> list[Evidence]:
    """Return what distance, ranks and their squares say, at their shares of the column's level.

    All have the distance as their effect: the ranks' own, the superiority above one half, is never
    more than it. It may be that of a rare value, whose share is what counts then.
    """
    after, before = bulk.shares
    nearly = shares[0] * threshold / overlap(threshold)
    multiplied = floor.is_multiplied(before, after) or floor.is_multiplied(1 - before, 1 - after)
    tests = [
        ("kolmogorov_smirnov", bulk.value, kolmogorov.p_value(bulk, level=nearly)),
        ("rank_sum", location.superiority, location_p_value),
        ("mood", location.dispersion, rank_sum.dispersion_p_value(location)),
    ]
    interval = kolmogorov.interval(bulk)
    return [
        Evidence(
            *test,
            "distance",
            bulk.value,
            interval,
            floor.change,
            share,
            is_multiplied=multiplied,
            overlaps=True,
        )
        for test, share in zip(tests, shares, strict=True)
    ]


def categorical(
    current: Ints, reference: Ints, *, threshold: float, share_floor: Floor
) -> Decision:
    """Decide on a categorical column by the counts of its categories, both (categories,).

    No category is empty on both sides. The deviance sees many small changes, the largest cell a
    single one among many categories. The effect floor is that of the share of a category.
    """
    place, p_value = homogeneity.largest_cell(current, reference)
    before, after = reference[place] / reference.sum(), current[place] / current.sum()
    cell = Evidence(
        "largest_cell",
        float(after),
        p_value,
        "share_change",
        float(abs(after - before)),
        homogeneity.share_change_interval(current, reference, place),
        share_floor.change,
        0.5,
        is_multiplied=share_floor.is_multiplied(float(before), float(after)),
    )
    if len(current) <= 2:  # noqa: PLR2004  with two, both tests are one
        return decide([replace(cell, share=1.0)], threshold=threshold)
    bulk = Evidence(
        "deviance",
        homogeneity.deviance(current, reference),
        homogeneity.deviance_p_value(current, reference),
        "total_variation",
        homogeneity.total_variation(current, reference),
        homogeneity.total_variation_interval(current, reference),
        share_floor.change,
        0.5,
    )
    return decide([cell, bulk], threshold=threshold)


def decide(evidence: Sequence[Evidence], *, threshold: float) -> Decision:
    """Combine by the smallest p-value for its share; it counts only above its effect floor.

    The chance that some statistic is as extreme for its share is at most the sum of the chances
    of each: Bonferroni's inequality, with what discrete statistics attain in place of what they
    are given (Tarone 1990), and less by what those that overlap have in common. The bulk and the
    far tails are nearly independent. What is attained is computed only where it can change the
    decision; elsewhere what is given is an upper bound.
    """
    alike = sum(statistic.share for statistic in evidence if statistic.overlaps)
    apart = [statistic for statistic in evidence if not statistic.overlaps]

    def combined(statistic: Evidence) -> CombinedEvidence:
        level = statistic.p_value / statistic.share
        together = alike * level * overlap(level)
        chance = together + level * sum(other.share for other in apart)
        if statistic.p_value <= threshold < chance:
            chance = together + sum(other.attained(other.share * level) for other in apart)
        return CombinedEvidence(statistic, min(1.0, chance))

    ranked = sorted(map(combined, evidence), key=lambda combined: combined.p_value)
    relevant = (combined for combined in ranked if combined.evidence.is_relevant)
    return Decision(most_significant=ranked[0], relevant=next(relevant, None))
