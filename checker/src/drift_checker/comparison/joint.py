"""Joint drift: do the columns hang together as they did, whatever each one does?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from drift_checker.comparison.options import Floors
from drift_checker.decision import Floats, Indices, association
from drift_checker.profiles import MIN_JOINT_ROWS, SAMPLE_ROWS, choose_rows, varies_enough
from drift_checker.result import JointResult, PairResult, Verdict

TOO_FEW_COLUMNS = (
    f"fewer than two numeric columns vary and have {MIN_JOINT_ROWS} values on either side"
)
"""Why there is no joint verdict."""


def sampled_rows(rows: int) -> Indices:
    """Return the numbers of at most `SAMPLE_ROWS` of so many rows, in order.

    They are those of the smallest hash of the row's number: the same rows each time, and of no
    period in the data.
    """
    return choose_rows(np.arange(rows), SAMPLE_ROWS)


def relevant_p_value(result: JointResult | None, floors: Floors) -> float | None:
    """Return the p-value of what may alarm, if there is any: 1 where all is below its floor."""
    if result is None:
        return None
    return result.p_value if result.effect >= floors.correlation else 1.0


def judge(
    columns: Mapping[str, tuple[Floats, Floats]], *, most: int, level: float, floor: float
) -> JointResult | None:
    """Judge all pairs of columns at a level for all of them; a change below the floor is no drift.

    `columns` are the sampled rows of (current, reference) of numeric columns by name, NaN where a
    value is missing; `most` of them are looked at. None where `TOO_FEW_COLUMNS` have values.
    """
    names = [name for name, both in columns.items() if all(map(varies_enough, both))][:most]
    if len(names) <= 1:
        return None
    ranks = association.dense_ranks(np.array([np.concatenate(columns[name]) for name in names]))
    current, reference = np.split(ranks, [len(columns[names[0]][0])], axis=1)
    changes = association.largest_changes(current, reference, effect_floor=floor)
    pairs = len(names) * (len(names) - 1) // 2
    drifted = [
        change for change in changes if change.effect >= floor and pairs * change.p_value <= level
    ]
    shown = drifted or changes[:1]
    return JointResult(
        verdict=Verdict.DRIFT if drifted else Verdict.OK,
        test="rank_correlation",
        statistic=shown[0].standardised,
        p_value=min(1.0, pairs * shown[0].p_value),
        threshold=level,
        effect=shown[0].effect,
        pairs=[
            PairResult(
                columns=(names[change.columns[0]], names[change.columns[1]]),
                reference=change.reference,
                current=change.current,
                interval=association.interval(current, reference, change),
                p_value=min(1.0, pairs * change.p_value),
            )
            for change in shown
        ],
    )
