"""The figures: what was measured, against what, and what it has to stay below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Limit:
    """What has to hold (`bound`) and what is aimed at (`goal`), in the figure's own unit.

    Where `ratio` is set, both are multiples of the baseline.
    """

    bound: float
    goal: float | None = None
    ratio: bool = False


@dataclass(frozen=True)
class Figure:
    """One measured figure; `baseline` is in the same unit."""

    name: str
    unit: str
    value: float
    baseline_name: str
    baseline: float
    limit: Limit | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    """What the value or its baseline is made of, in the same unit."""

    @property
    def ratio(self) -> float:
        """The figure over its baseline."""
        return self.value / self.baseline

    @property
    def holds(self) -> bool:
        """Whether the bound, if there is one, is kept."""
        return self.limit is None or self._limited <= self.limit.bound

    @property
    def outcome(self) -> str:
        """Whether bound and goal are kept, in a word or two."""
        if self.limit is None:
            return ""
        if not self.holds:
            return "FAILS"
        if self.limit.goal is None:
            return "holds"
        return "goal met" if self._limited <= self.limit.goal else "holds, goal missed"

    @property
    def _limited(self) -> float:
        return self.ratio if self.limit is not None and self.limit.ratio else self.value

    def as_json(self) -> dict[str, Any]:
        """The figure as JSON."""
        return {
            "name": self.name,
            "unit": self.unit,
            "value": self.value,
            "baseline_name": self.baseline_name,
            "baseline": self.baseline,
            "ratio": self.ratio,
            "bound": self.limit and self.limit.bound,
            "goal": self.limit and self.limit.goal,
            "limit_is_ratio": self.limit is not None and self.limit.ratio,
            "holds": self.holds,
            "parts": dict(self.parts),
        }


_HEADER = ("figure", "measured", "baseline", "", "ratio", "bound", "goal", "")


def as_table(figures: Iterable[Figure]) -> str:
    """The figures as an aligned table, each part on a line of its own below its figure."""
    rows: list[tuple[str, ...]] = [_HEADER]
    for figure in figures:
        rows.append(_row(figure))
        rows += [
            (f"  {name}", _amount(part, figure.unit), "", "", "", "", "", "")
            for name, part in figure.parts.items()
        ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    limit, unit = figure.limit, figure.unit
    if limit is not None and limit.ratio:
        unit = "x"
    return (
        figure.name,
        _amount(figure.value, figure.unit),
        figure.baseline_name,
        _amount(figure.baseline, figure.unit),
        f"{figure.ratio:.2f}",
        _amount(limit.bound, unit) if limit else "",
        _amount(limit.goal, unit) if limit and limit.goal else "",
        figure.outcome,
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}"
