"""Which cells are simulated: a covering design over the factors of a drift-free tick.

Every pair of levels of two factors is in some cell, and so are all corners of the sizes. Nothing
here needs more than the standard library.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import combinations, product
from typing import Literal, TypeAlias, get_args

Dependence: TypeAlias = Literal["independent", "gaussian", "t"]

CURRENT = (50, 200, 1000, 10_000)
REFERENCE = (500, 5000, 50_000)
COLUMNS = (1, 10, 100)
KINDS = ("continuous", "integers", "2 categories", "20 categories", "1000 categories", "mixed")
EXTRA = dict(zip(KINDS, (350, 450, 850, 600, 1400, 1400), strict=True))
"""What the tests of one column cost, in values drawn, as it was measured."""
DEPENDENCE: tuple[Dependence, ...] = get_args(Dependence)

WEEKLY = 1 / 2016
"""One alarm a week at a tick every five minutes."""
LEVELS = (0.05, 0.005)

Level: TypeAlias = int | str
Pair: TypeAlias = tuple[tuple[str, Level], tuple[str, Level]]


@dataclass(frozen=True, order=True)
class Cell:
    """One combination of the factors.

    `kind` is what each column holds: a continuous variable, which stands for every distribution,
    since the tests of numbers are of ranks; integers with ties; so many categories; or these
    five in turn (mixed).
    """

    current: int
    reference: int
    columns: int
    kind: str = "continuous"
    dependence: Dependence = "independent"

    @property
    def name(self) -> str:
        """The cell in one word, for the command line and the tables."""
        kind = self.kind.replace(" ", "-")
        return f"{self.current}-{self.reference}-{self.columns}-{kind}-{self.dependence}"

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels that are simulated, in falling order."""
        return (*LEVELS, WEEKLY) if self in AT_ONE_ALARM_A_WEEK else LEVELS

    @property
    def cost(self) -> int:
        """About what it takes, in values drawn: thirty ticks of each reference, and their tests."""
        return self.columns * (self.reference + 30 * (self.current + EXTRA[self.kind]))

    def pairs(self) -> Iterator[Pair]:
        """Yield each pair of factors with its levels."""
        levels = ((field.name, getattr(self, field.name)) for field in fields(self))
        return combinations(levels, 2)


AT_ONE_ALARM_A_WEEK = frozenset(
    {
        Cell(50, 500, 1),
        Cell(1000, 5000, 1),
        Cell(50, 5000, 10),
        Cell(200, 500, 10),
        Cell(200, 5000, 10, dependence="gaussian"),
        Cell(50, 500, 10, dependence="t"),
        Cell(1000, 5000, 10),
    }
)
HARD = frozenset(
    {
        Cell(current, 500, 100, dependence=dependence)
        for current in (50, 200)
        for dependence in DEPENDENCE
    }
)
"""Many columns that hang together, of few rows."""


def possible() -> list[Cell]:
    """Return all combinations, without those that say nothing: one column depends on none."""
    combined = (Cell(*levels) for levels in product(CURRENT, REFERENCE, COLUMNS, KINDS, DEPENDENCE))
    return sorted(
        cell
        for cell in combined
        if cell.columns > 1 or (cell.dependence == "independent" and cell.kind != "mixed")
    )


def corners() -> list[Cell]:
    """Return the smallest and largest sizes and numbers of columns, continuous and independent."""
    ends = ((one[0], one[-1]) for one in (CURRENT, REFERENCE, COLUMNS))
    return [Cell(current, reference, columns) for current, reference, columns in product(*ends)]


def covering() -> list[Cell]:
    """Return the cells of the whole design, the dearest first, so that all processes end together.

    To the corners and to those chosen by hand is added, one after the other, the cell with the
    most pairs that none has yet, for what it costs.
    """
    chosen = {*AT_ONE_ALARM_A_WEEK, *HARD, *corners()}
    left = _pairs(possible()) - _pairs(chosen)
    while left:
        best = max(possible(), key=lambda cell: _gain(cell, left))
        chosen.add(best)
        left -= set(best.pairs())
    return sorted(chosen, key=lambda cell: (cell.cost, cell), reverse=True)


def _gain(cell: Cell, left: set[Pair]) -> float:
    return len(left.intersection(cell.pairs())) / cell.cost


def smoke() -> list[Cell]:
    """Return a few cells: the smallest sizes, the usual ones, many columns, no numbers."""
    return [
        Cell(50, 500, 1),
        Cell(200, 5000, 10),
        Cell(1000, 5000, 10, dependence="t"),
        Cell(50, 500, 100, dependence="gaussian"),
        Cell(200, 500, 10, "integers"),
        Cell(200, 500, 1, "20 categories"),
    ]


def _pairs(cells: Iterable[Cell]) -> set[Pair]:
    return {pair for cell in cells for pair in cell.pairs()}
