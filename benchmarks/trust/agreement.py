"""`python -m benchmarks.trust.agreement`: verdicts of tables and of their profiles, side by side.

Random tables of normal, lognormal, Poisson and categorical columns with missing values are compared
as they are and by profiles. What profiles may change is the distance of numbers between two edges:
it is smaller by at most the smaller share of rows that lies there. A verdict that differs has to
differ for that alone: a threshold or the floor lies between what both found.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from benchmarks.trust.arguments import command_line
from benchmarks.trust.draws import Generator
from benchmarks.trust.tables import Row, show
from drift_checker import ColumnRoles, CompareSettings
from drift_checker.comparison import InMemoryPair, compare_tables
from drift_checker.comparison.profiled_pairs import ProfiledPair, profile_pair
from drift_checker.comparison.samples import BinnedSample, NumericSample
from drift_checker.decision import kolmogorov
from drift_checker.profiles.numeric import NumericProfile
from drift_checker.result import ColumnResult
from drift_checker.tables import from_frame

SEED = 20_261_128
CASES, SMOKE_CASES = 1000, 20
DRIFTS = (0.0, 0.05, 0.1, 0.2)
"""By turns; of half of the cases, about, the verdict is drift."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Agreement:
    """The cases of one strength of drift.

    `largest_error` is that of a distance, over what is stated for its column; `on_the_edge` are
    those of the columns that differ whose threshold or floor lies between both results.
    """

    drift: float
    cases: int
    drifted: int
    columns: int
    verdicts_differ: int
    columns_differ: int
    on_the_edge: int
    largest_error: float

    def row(self) -> Row:
        """One row of the committed table."""
        holds = self.on_the_edge == self.columns_differ and 0 <= self.largest_error <= 1
        return asdict(self) | {"holds": holds}


def draw(rng: Generator, rows: int, drift: float) -> pa.Table:
    """Draw a table, with columns moved by a drift."""
    missing = rng.random(rows) < 0.1 + drift / 5
    kinds = np.array([f"c{place}" for place in range(31)])
    return pa.table(
        {
            "normal": pa.array(rng.normal(drift, 1, rows), mask=missing),
            "lognormal": pa.array(rng.lognormal(drift, 1, rows)),
            "poisson": pa.array(rng.poisson(2000 * (1 + drift / 20), rows)),
            "kind": pa.array(kinds[rng.binomial(30, 0.5 + drift / 20, rows)]),
        }
    )


def _one(place: int, *, drift: float, seed: int) -> tuple[bool, bool, int, int, float]:
    """Return whether a case drifts and differs, how its columns differ, and the largest error."""
    rng = np.random.default_rng([seed, round(1000 * drift), place])
    before = from_frame(draw(rng, int(rng.integers(500, 20_000)), 0))
    after = from_frame(draw(rng, int(rng.integers(50, 4000)), drift))
    settings = CompareSettings(columns=ColumnRoles(target="poisson"))
    tables = InMemoryPair(before, after)
    counts = profile_pair(before, after, settings)
    exact, counted = (compare_tables(both, settings) for both in (tables, counts))
    pairs = list(zip(exact.columns, counted.columns, strict=True))
    differing = [pair for pair in pairs if pair[0].verdict is not pair[1].verdict]
    # A column may alarm with a group of others, whose threshold is then what is crossed.
    crossed = any(_is_crossed(*pair) for pair in pairs)
    return (
        bool(exact.drifted_columns),
        exact.verdict is not counted.verdict,
        len(differing),
        len(differing) if crossed else 0,
        max(_error(tables, counts, column.name) for column in exact.columns),
    )


def _is_crossed(exact: ColumnResult, counted: ColumnResult) -> bool:
    """Whether a threshold or the floor lies between what both found."""
    p_values = _known(exact.p_value, counted.p_value)
    thresholds = _known(exact.threshold, counted.threshold)
    effects = _known(exact.effect_size, counted.effect_size)
    floors = _known(exact.floor, counted.floor)
    if not (p_values and thresholds and effects and floors):
        return False
    return _between(p_values, thresholds) or _between(effects, floors)


def _known(*found: float | None) -> list[float]:
    """Return what both found, if they did."""
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else []


def _between(found: Sequence[float], limits: Sequence[float]) -> bool:
    """Whether a limit lies between two different values."""
    return found[0] != found[1] and min(found) <= max(limits) and min(limits) <= max(found)


def _error(tables: InMemoryPair, counts: ProfiledPair, name: str) -> float:
    """Return by how much a distance at the edges is too small, over what is stated.

    Negative if it is too large, which none may be.
    """
    values, binned = tables.column_pair(name).sample, counts.column_pair(name).sample
    if not (isinstance(values, NumericSample) and isinstance(binned, BinnedSample)):
        return 0.0
    current, reference = binned.current, binned.reference
    exact = kolmogorov.distance(values.current, values.reference).value
    error = exact - distance_at_edges(current, reference)
    shares = [profile.between_edges / profile.value_count for profile in (current, reference)]
    stated = float(np.minimum(*shares).max())
    if abs(error) < _ROUNDING:
        return 0.0
    return round(error / stated, 6) if stated and error > 0 else -1.0


def distance_at_edges(current: NumericProfile, reference: NumericProfile) -> float:
    """Return the distance at the edges, before and after each value."""
    differences = [
        getattr(current, at) / current.value_count - getattr(reference, at) / reference.value_count
        for at in ("below", "up_to")
    ]
    return float(np.abs(differences).max())


def agreements(seed: int, cases: int, jobs: int) -> Iterator[Agreement]:
    """Compare so many cases, an equal part of each drift."""
    with ProcessPoolExecutor(jobs) as pool:
        for drift in DRIFTS:
            work = partial(_one, drift=drift, seed=seed)
            found = list(pool.map(work, range(cases // len(DRIFTS)), chunksize=5))
            drifted, verdicts, columns, crossed, errors = zip(*found, strict=True)
            yield Agreement(
                drift=drift,
                cases=len(found),
                drifted=sum(drifted),
                columns=4 * len(found),
                verdicts_differ=sum(verdicts),
                columns_differ=sum(columns),
                on_the_edge=sum(crossed),
                largest_error=max(errors, key=abs),
            )


def main() -> int:
    """Compare all cases, and return 1 where profiles change more than is stated."""
    arguments = command_line("benchmarks.trust.agreement", __doc__, SEED).parse_args()
    cases = SMOKE_CASES if arguments.smoke else CASES
    found = (one.row() for one in agreements(arguments.seed, cases, arguments.jobs))
    return 0 if show("agreement", found, arguments.output, named_by=1) else 1


if __name__ == "__main__":
    sys.exit(main())
