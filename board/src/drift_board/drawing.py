"""Pictures of ticks as paths of SVG: a strip, a time line, a heat map.

A verdict is told by shape as well as by colour. Cells of one kind are one path: a hundred strips
are small that way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import sqrt

from drift_board.view import Cell, Mark, over_floor
from drift_checker.state import RecentTicks, ShortTick

STEP, BAR = 5, 4
"""Width of a cell of a strip with its gap, and without."""
HEIGHT = 20
_TOPS = {Mark.OK: 11, Mark.DRIFT: 1, Mark.INVALID: 1, Mark.MISSING: 17, Mark.SILENT: 17}
_WORDS = {Mark.OK: "ok", Mark.DRIFT: "drift", Mark.INVALID: "invalid", Mark.MISSING: "missing"}

SHOWN = 120
"""Ticks of a time line: more are too narrow to be told apart."""
COLUMNS = 15
"""Rows of a heat map."""
WIDTH, GUTTER = 960, 170
"""Of time line and heat map, and what is left of them for names."""
SCORES, ROWS = 110, 44
"""Heights of the two lanes of a time line."""
ROW = 20
"""Height of a row of a heat map."""
MOST_RATIO = 100.0
"""Effects beyond so many floors are drawn as that many."""
LEVELS = (0.5, 1.0, 2.0, 4.0)
"""Effects over floor at which the shade of a heat map changes."""
_LABELS = 6


@dataclass(frozen=True)
class Strip:
    """A strip: a path for each mark that it has, one for what was muted, and what it says."""

    paths: Sequence[tuple[str, str]]
    muted: str
    words: str
    width: int
    height: int = HEIGHT + 4


def strip_of(cells: Sequence[Cell], slots: int) -> Strip:
    """Draw cells against the right end of so many places."""
    paths: dict[Mark, list[str]] = defaultdict(list)
    muted = []
    first = slots - len(cells)
    for place, cell in enumerate(cells, first):
        x, top = place * STEP, _TOPS[cell.mark]
        if cell.mark is Mark.INVALID:
            # A bar that is broken.
            paths[cell.mark].append(f"M{x} {top}h{BAR}v8h-{BAR}zM{x} 12h{BAR}v8h-{BAR}z")
        else:
            paths[cell.mark].append(f"M{x} {top}h{BAR}v{HEIGHT - top}h-{BAR}z")
        if cell.muted:
            muted.append(f"M{x} {HEIGHT + 2}h{STEP}v2h-{STEP}z")
    return Strip(
        paths=[(mark.value, "".join(parts)) for mark, parts in paths.items()],
        muted="".join(muted),
        words=_in_words(cells),
        width=slots * STEP,
    )


def _in_words(cells: Sequence[Cell]) -> str:
    if not cells:
        return "no ticks yet"
    counts = Counter("missing" if cell.mark is Mark.SILENT else _WORDS[cell.mark] for cell in cells)
    told = ", ".join(f"{number} {word}" for word, number in counts.most_common())
    muted = sum(cell.muted for cell in cells)
    return f"last {len(cells)} ticks: {told}{f'; {muted} of them muted' if muted else ''}"


def score(tick: ShortTick) -> float | None:
    """Return the largest effect of a tick in units of its floor; None where none is known."""
    ratios = [over_floor(column.effect_size, column.floor) for column in tick.columns]
    return max((ratio for ratio in ratios if ratio is not None), default=None)


@dataclass(frozen=True)
class TimeLine:
    """Scores above, rows below; shaded where an alarm was open, marked where a reference changed.

    `dots` are (verdict, path), `shades` (x, width), `changes` and `labels` (x, text).
    """

    line: str
    dots: Sequence[tuple[str, str]]
    rows: str
    shades: Sequence[tuple[float, float]]
    changes: Sequence[tuple[float, str]]
    labels: Sequence[tuple[float, str]]
    floor_y: float
    most_ratio: float
    most_rows: int
    words: str


def time_line(ticks: Sequence[ShortTick]) -> TimeLine:
    """Draw scheduled ticks, the oldest first, at equal steps."""
    ticks = ticks[-SHOWN:]
    step = (WIDTH - GUTTER) / max(len(ticks), 1)
    scores = [score(tick) for tick in ticks]
    most = min(max([2.0, *(each for each in scores if each is not None)]), MOST_RATIO)
    most_rows = max([1, *(tick.rows for tick in ticks)])
    dots: dict[str, list[str]] = defaultdict(list)
    points, rows = [], []
    for place, (tick, ratio) in enumerate(zip(ticks, scores, strict=True)):
        x = GUTTER + (place + 0.5) * step
        height = ROWS * tick.rows / most_rows
        rows.append(
            f"M{x - step * 0.4:.1f} {ROWS}h{step * 0.8:.1f}v{-height:.1f}h{-step * 0.8:.1f}z"
        )
        y = SCORES - _height(ratio or 0.0, most)
        if ratio is not None:
            points.append(f"{x:.1f},{y:.1f}")
        dots[tick.verdict.value].append(_dot(tick.verdict.value, x, y))
    return TimeLine(
        line=" ".join(points),
        dots=[(verdict, "".join(paths)) for verdict, paths in dots.items()],
        rows="".join(rows),
        shades=_shades(ticks, step),
        changes=_changes(ticks, step),
        labels=_time_labels(ticks, step),
        floor_y=round(SCORES - _height(1.0, most), 1),
        most_ratio=most,
        most_rows=most_rows,
        words=_line_words(ticks, scores),
    )


def _height(ratio: float, most: float) -> float:
    """By the root: what is around the floor is told apart beside what is far above."""
    return (SCORES - 6) * sqrt(min(ratio, most) / most)


def _dot(verdict: str, x: float, y: float) -> str:
    """A verdict's shape: a disc, a triangle, a cross."""
    if verdict == "drift":
        return f"M{x:.1f} {y - 4:.1f}l4 7h-8z"
    if verdict == "invalid":
        return (
            f"M{x - 4:.1f} {y - 2.5:.1f}l1.5-1.5 2.5 2.5 2.5-2.5 1.5 1.5-2.5 2.5 2.5 2.5-1.5 1.5"
            "-2.5-2.5-2.5 2.5-1.5-1.5 2.5-2.5z"
        )
    return f"M{x - 2:.1f} {y:.1f}a2 2 0 1 0 4 0a2 2 0 1 0-4 0z"


def _shades(ticks: Sequence[ShortTick], step: float) -> list[tuple[float, float]]:
    shades: list[tuple[float, float]] = []
    begin: int | None = None
    for place, tick in enumerate(ticks):
        if tick.alarm.is_open and begin is None:
            begin = place
        if begin is not None and (not tick.alarm.is_open or place == len(ticks) - 1):
            end = place + 1 if tick.alarm.is_open else place
            shades.append((round(GUTTER + begin * step, 1), round((end - begin) * step, 1)))
            begin = None
    return shades


def _changes(ticks: Sequence[ShortTick], step: float) -> list[tuple[float, str]]:
    return [
        (round(GUTTER + place * step, 1), tick.reference[:12])
        for place, (before, tick) in enumerate(pairwise(ticks), 1)
        if tick.reference != before.reference
    ]


def _time_labels(ticks: Sequence[ShortTick], step: float) -> list[tuple[float, str]]:
    if not ticks:
        return []
    every = max(1, len(ticks) // _LABELS)
    form = (
        "%d %b %H:%M" if ticks[-1].logical_date.date() != ticks[0].logical_date.date() else "%H:%M"
    )
    places = range(every // 2, len(ticks), every)
    return [
        (round(GUTTER + (place + 0.5) * step, 1), ticks[place].logical_date.strftime(form))
        for place in places
    ]


def _line_words(ticks: Sequence[ShortTick], scores: Iterable[float | None]) -> str:
    if not ticks:
        return "No ticks yet."
    highest = max((each for each in scores if each is not None), default=None)
    told = (
        f"The largest effect was {highest:.2g} times its floor."
        if highest is not None
        else "No effect is known."
    )
    alarm = sum(tick.alarm.is_open for tick in ticks)
    rows = [tick.rows for tick in ticks]
    return (
        f"{len(ticks)} ticks. {told} An alarm was open in {alarm} of them. "
        f"Batches had {min(rows):,} to {max(rows):,} rows."
    )


@dataclass(frozen=True)
class HeatRow:
    """A column of a heat map: a path for each level, and its figures."""

    name: str
    levels: Sequence[tuple[int, str]]
    last: float | None
    most: float
    above: int


@dataclass(frozen=True)
class HeatMap:
    """Columns by ticks: effect over floor, of those columns that were among a tick's strongest."""

    rows: Sequence[HeatRow]
    labels: Sequence[tuple[float, str]]
    ticks: int
    more: int


def heat_map(ticks: Sequence[ShortTick]) -> HeatMap:
    """Draw the columns that came farthest over their floor, below the time line's ticks."""
    ticks = ticks[-SHOWN:]
    step = (WIDTH - GUTTER) / max(len(ticks), 1)
    ratios: dict[str, dict[int, float]] = defaultdict(dict)
    for place, tick in enumerate(ticks):
        for column in tick.columns:
            ratio = over_floor(column.effect_size, column.floor)
            if ratio is not None:
                ratios[column.name][place] = ratio
    names = sorted(ratios, key=lambda name: (-max(ratios[name].values()), name))
    return HeatMap(
        rows=[_heat_row(name, ratios[name], len(ticks), step) for name in names[:COLUMNS]],
        labels=_time_labels(ticks, step),
        ticks=len(ticks),
        more=max(0, len(names) - COLUMNS),
    )


def _heat_row(name: str, ratios: dict[int, float], ticks: int, step: float) -> HeatRow:
    levels: dict[int, list[str]] = defaultdict(list)
    width = max(step - (1 if step > 3 else 0), 0.5)  # noqa: PLR2004  a gap that leaves a cell
    for place, ratio in ratios.items():
        level = sum(ratio >= bound for bound in LEVELS)
        x = GUTTER + place * step
        levels[level].append(f"M{x:.1f} 2h{width:.1f}v{ROW - 4}h-{width:.1f}z")
    return HeatRow(
        name=name,
        levels=[(level, "".join(paths)) for level, paths in sorted(levels.items())],
        last=ratios.get(ticks - 1),
        most=max(ratios.values()),
        above=sum(ratio >= 1 for ratio in ratios.values()),
    )


def series(
    recent: RecentTicks,
) -> dict[str, list[tuple[datetime, float | None, float | None, float | None]]]:
    """Return each column's (date, p-value, effect, floor) in the scheduled ticks that keep it."""
    found: dict[str, list[tuple[datetime, float | None, float | None, float | None]]] = defaultdict(
        list
    )
    for tick in recent.ticks:
        if tick.trigger == "scheduled":
            for column in tick.columns:
                found[column.name].append(
                    (tick.logical_date, column.p_value, column.effect_size, column.floor)
                )
    return dict(found)
