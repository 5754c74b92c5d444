"""The geometry of pictures: where bars, curves and dots stand, with the numbers that they show."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from drift_checker.escape import one_line
from drift_checker.wording.phrases import percent, shortened
from drift_checker.wording.pictures import CategoricalPicture, NumericPicture, PairPicture

WIDTH, HEIGHT = 420, 190
"""Units of a picture, which is as wide as there is room for."""
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 10, 30
"""Margins for the labels of the axes."""
BAR_HEIGHT = 9
"""Height of a horizontal bar."""
BAR_LABELS = 130
"""Width of the labels of horizontal bars."""
SIDES = ("reference", "batch")
_THIRDS = ("low", "middle", "high")
_LONGEST_LABEL = 20
"""Characters of a category's name beside its bars."""


@dataclass(frozen=True)
class Shape:
    """All bars, all dots or the curve of one side, as one path of SVG."""

    kind: Literal["bars", "curve", "dots"]
    side: str
    path: str


@dataclass(frozen=True)
class Label:
    """A text; `anchor` says which of its ends stands at the place."""

    x: float
    y: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Figure:
    """A picture, what it is called, what it says in words, and its numbers as a table."""

    title: str
    description: str
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    width: float = WIDTH
    height: float = HEIGHT
    axes: str = ""
    shapes: Sequence[Shape] = ()
    labels: Sequence[Label] = field(default_factory=list)


_AXES = f"M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"


def column_figures(picture: NumericPicture | CategoricalPicture) -> list[Figure]:
    """Return the figures of a column."""
    if isinstance(picture, CategoricalPicture):
        return [_categories(picture)]
    return [_histogram(picture), _distribution(picture)]


def _histogram(picture: NumericPicture) -> Figure:
    """Draw the bins side by side, each as wide: about as many rows of the reference are in each."""
    shares = [_shares(picture.reference), _shares(picture.current)]
    edges = [_number(edge) for edge in picture.edges]
    names = [f"below {edges[0]}", *map(_between, pairwise(edges)), f"above {edges[-1]}"]
    # What lies beyond the range of the reference has no place where nothing does.
    shown = [j for j, _ in enumerate(names) if 0 < j < len(names) - 1 or shares[1][j]]
    top = max(max(side[j] for j in shown) for side in shares) or 1.0
    step = (WIDTH - LEFT - RIGHT) / len(shown)
    bars = [
        _bars(
            side,
            (
                (LEFT + step * (place + 0.1 + 0.4 * number), HEIGHT - BOTTOM, 0.4 * step, -tall)
                for place, tall in enumerate(
                    (HEIGHT - BOTTOM - TOP) * shares[number][j] / top for j in shown
                )
            ),
        )
        for number, side in enumerate(SIDES)
    ]
    most = max(shown, key=lambda j: abs(shares[1][j] - shares[0][j]))
    return Figure(
        title=f"Histogram of {_name(picture.name)}",
        description=f"{names[most]}: {_change(shares, most)}",
        caption=f"Rows in bins of the reference; farthest apart {names[most]}: "
        f"{_change(shares, most)}",
        head=("values", *SIDES, "share of reference", "share of batch"),
        rows=[
            (
                names[j],
                f"{picture.reference[j]:,}",
                f"{picture.current[j]:,}",
                percent(shares[0][j]),
                percent(shares[1][j]),
            )
            for j in shown
        ],
        axes=_AXES,
        shapes=bars,
        labels=[
            *_shares_axis(top),
            Label(LEFT, HEIGHT - BOTTOM + 14, edges[0], "start"),
            Label((LEFT + WIDTH) / 2, HEIGHT - BOTTOM + 14, edges[len(edges) // 2]),
            Label(WIDTH - RIGHT, HEIGHT - BOTTOM + 14, edges[-1], "end"),
        ],
    )


def _distribution(picture: NumericPicture) -> Figure:
    """Draw the share of rows up to each value, over the range of all but the outermost."""
    sides = picture.reference_quantiles, picture.current_quantiles
    low = min(side[1] for side in sides)
    high = max(side[-2] for side in sides)
    width = (high - low) or 1.0
    steps = len(sides[0]) - 1

    def curve(values: Sequence[float]) -> str:
        places = (
            (LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, (value - low) / width)), j / steps)
            for j, value in enumerate(values)
        )
        return "M" + " ".join(f"{x:.1f} {_height(share):.1f}" for x, share in places)

    middle = steps // 2
    medians = f"median {_number(sides[0][middle])} -> {_number(sides[1][middle])}"
    return Figure(
        title=f"Distribution function of {_name(picture.name)}",
        description=medians,
        caption=f"Share of rows up to a value; {medians}",
        head=("share of rows", *SIDES),
        rows=[
            (percent(j / steps), _number(sides[0][j]), _number(sides[1][j]))
            for j in range(0, steps + 1, 2)
        ],
        axes=_AXES,
        shapes=[Shape("curve", name, curve(side)) for name, side in zip(SIDES, sides, strict=True)],
        labels=[
            *_shares_axis(1.0),
            Label(LEFT, HEIGHT - BOTTOM + 14, _number(low), "start"),
            Label(WIDTH - RIGHT, HEIGHT - BOTTOM + 14, _number(high), "end"),
        ],
    )


def _categories(picture: CategoricalPicture) -> Figure:
    """Draw two bars for each category, that whose share changed most on top."""
    shares = [_shares(picture.reference), _shares(picture.current)]
    names = [_name(name) for name in picture.categories]
    names += [f"{picture.others:,} others"] if picture.others else []
    top = max(map(max, shares)) or 1.0
    row = 2 * BAR_HEIGHT + 8
    room = WIDTH - BAR_LABELS - 4 * RIGHT - LEFT
    bars = [
        (BAR_LABELS + RIGHT, TOP + row * j + BAR_HEIGHT * number, room * side[j] / top, BAR_HEIGHT)
        for number, side in enumerate(shares)
        for j, _ in enumerate(names)
    ]
    labels = [
        Label(BAR_LABELS, TOP + row * j + BAR_HEIGHT + 4, _cut(name), "end")
        for j, name in enumerate(names)
    ]
    labels += [
        Label(round(x + width + 4, 1), y + BAR_HEIGHT - 1, percent(share), "start")
        for (x, y, width, _), share in zip(bars, [*shares[0], *shares[1]], strict=True)
    ]
    change = f"{names[0]}: {_change(shares, 0)}"
    return Figure(
        title=f"Shares of {_name(picture.name)}",
        description=change,
        caption=f"Categories whose share changed most; {change}",
        head=("category", *SIDES, "share of reference", "share of batch"),
        rows=[
            (
                name,
                f"{picture.reference[j]:,}",
                f"{picture.current[j]:,}",
                percent(shares[0][j]),
                percent(shares[1][j]),
            )
            for j, name in enumerate(names)
        ],
        height=2 * TOP + row * len(names),
        shapes=[
            _bars("reference", bars[: len(names)]),
            _bars("batch", bars[len(names) :]),
        ],
        labels=labels,
    )


def pair_figures(picture: PairPicture) -> list[Figure]:
    """Draw the ranks of two columns against each other, the reference's and the batch's.

    What each column does by itself does not show in its ranks.
    """
    x_name, y_name = map(_name, picture.columns)
    sides = (("reference", picture.reference), ("batch", picture.current))
    return [_scatter(side, x_name, y_name, *rows) for side, rows in sides]


def _scatter(
    side: str, x_name: str, y_name: str, xs: Sequence[float], ys: Sequence[float]
) -> Figure:
    places = list(zip(_ranks(xs), _ranks(ys), strict=True))
    cells = [[0] * 3 for _ in _THIRDS]
    for x, y in places:
        cells[min(2, int(3 * y))][min(2, int(3 * x))] += 1
    rows = max(1, len(places))
    alike = sum(cells[j][j] for j in range(3)) / rows
    of_side = "the reference" if side == "reference" else "this batch"
    said = f"{percent(alike)} of rows are in the same third of both"
    return Figure(
        title=f"{x_name} and {y_name} in {of_side}",
        description=said,
        caption=f"{of_side.capitalize()}: ranks of {len(places)} rows; {said}",
        head=(f"{y_name} \\ {x_name}", *_THIRDS),
        rows=[(_THIRDS[j], *(percent(count / rows) for count in cells[j])) for j in (2, 1, 0)],
        axes=_AXES,
        shapes=[
            Shape(
                "dots",
                side,
                "".join(
                    f"M{LEFT + (WIDTH - LEFT - RIGHT) * x:.0f} {_height(y):.0f}h0"
                    for x, y in places
                ),
            )
        ],
        labels=[
            Label(LEFT, HEIGHT - BOTTOM + 14, "low", "start"),
            Label((LEFT + WIDTH) / 2, HEIGHT - BOTTOM + 14, _cut(x_name)),
            Label(WIDTH - RIGHT, HEIGHT - BOTTOM + 14, "high", "end"),
            Label(LEFT - 4, TOP + 8, "high", "end"),
            Label(LEFT - 4, HEIGHT - BOTTOM, "low", "end"),
            Label(LEFT + 6, TOP + 2, _cut(y_name), "start"),
        ],
    )


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the middle rank of each value among all, from 0 to 1."""
    ordered = sorted(values)
    below = dict[float, int]()
    for j, value in enumerate(ordered):
        below.setdefault(value, j)
    return [(below[value] + bisect_right(ordered, value)) / (2 * len(ordered)) for value in values]


def _shares(counts: Sequence[int]) -> list[float]:
    total = max(1, sum(counts))
    return [count / total for count in counts]


def _change(shares: Sequence[Sequence[float]], j: int) -> str:
    return f"{percent(shares[0][j])} -> {percent(shares[1][j])}"


def _shares_axis(top: float) -> Iterable[Label]:
    yield Label(LEFT - 4, HEIGHT - BOTTOM, "0 %", "end")
    yield Label(LEFT - 4, TOP + 8, percent(top), "end")


def _height(share: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share


def _between(edges: tuple[str, str]) -> str:
    return f"{edges[0]} to {edges[1]}" if edges[0] != edges[1] else edges[0]


def _number(value: float) -> str:
    return f"{value:.4g}"


def _name(text: str) -> str:
    return one_line(shortened(text))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else f"{text[:_LONGEST_LABEL]}…"


def _bars(side: str, bars: Iterable[tuple[float, float, float, float]]) -> Shape:
    """Return bars of x, y, width and height, which may be negative."""
    path = "".join(
        f"M{x:.1f} {y:.1f}h{width:.1f}v{height:.1f}h{-width:.1f}z" for x, y, width, height in bars
    )
    return Shape("bars", side, path)
