"""The settings of a comparison: the roles of the columns, the level and the floors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from drift_checker.decision import LEAST_WINDOWS, Floor
from drift_checker.errors import UsageError
from drift_checker.result import AlarmBudget
from drift_checker.tables import DeclaredKind, ReadingSettings


@dataclass(frozen=True, kw_only=True)
class ColumnRoles:
    """Columns that are not plain features, by name, and what else is said of how they are read.

    `kinds` says what a column is, whatever its values look like; `missing` are texts that stand for
    no value; `formats` names how values are written: `decimal comma` or `day first`.
    """

    timestamp: str | None = None
    target: str | None = None
    prediction: str | None = None
    id: str | None = None
    ignore: tuple[str, ...] = ()
    kinds: Mapping[str, DeclaredKind] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict)

    @property
    def reading(self) -> ReadingSettings:
        """What is said of how columns are read."""
        # Of several roles of one column, id is the one that does not count, and timestamp does.
        judged = {self.target, self.prediction}
        return ReadingSettings(
            kinds=self.kinds,
            missing=self.missing,
            formats=self.formats,
            identifiers=frozenset({self.id} - {None, self.timestamp} - judged),  # type: ignore[arg-type]
            ignored=frozenset(self.ignore),
            tested=frozenset(judged - {None, self.timestamp}),  # type: ignore[arg-type]
        )

    def named_columns(self) -> set[str]:
        """Return the columns that have a role."""
        single = (self.timestamp, self.target, self.prediction, self.id)
        named = {*self.ignore, *self.kinds, *self.formats}
        return {name for name in single if name is not None} | named


@dataclass(frozen=True, kw_only=True)
class Floors:
    """The smallest effects that are worth an alarm, however significant they are.

    Shares are of rows: 0.01 is one point. A change of a share that is below its floor counts all
    the same where the share became `ratio` times as large or as small, and the larger of both is at
    least `ratio_from`: a rare failure that becomes common. What ranges over windows is measured by
    `distance`, `share` and `correlation` alone.
    """

    distance: float = 0.03
    """Of numbers, the largest difference of the distribution functions."""
    category: float = 0.02
    """Change of the share of a category, or of all of them half the sum."""
    tail: float = 0.01
    """Share of rows beyond the reference's 0.1 and 99.9 % quantiles, above expectation."""
    share: float = 0.01
    """Change of the share of nulls, infinities or rows out of range."""
    ratio: float = 3.0
    """What a share is multiplied or divided by."""
    ratio_from: float = 0.002
    """The larger of two shares from which on their ratio counts."""
    unseen_rows: int = 5
    """Rows with categories that the reference does not have, or far out of its range."""
    correlation: float = 0.1
    """Change of a rank correlation."""

    def __post_init__(self) -> None:
        for name, most in _MOST_CHANGES.items():
            value = getattr(self, name)
            if not value >= 0:
                raise UsageError(f"floor {name}: {value:g} is not at least 0")
            if value >= most:
                raise UsageError(
                    f"floor {name}: {value:g} can never be reached, since no change is larger than "
                    f"{most:g}; with it, nothing of the kind would be drift"
                )
        if not self.ratio >= 1:
            raise UsageError(f"floor ratio: {self.ratio:g} is not at least 1")
        if not 0 <= self.ratio_from <= 1:
            raise UsageError(f"floor ratio_from: {self.ratio_from:g} is no share, from 0 to 1")
        if self.unseen_rows < 0:
            raise UsageError(f"floor unseen_rows: {self.unseen_rows} is not at least 0")

    def of(self, change: float) -> Floor:
        """Return the floor of a share, or of a distance of shares, by its change in points."""
        return Floor(change, self.ratio, self.ratio_from)


_MOST_CHANGES = {"distance": 1, "category": 1, "tail": 1, "share": 1, "correlation": 2}

NO_FLOORS = Floors(
    distance=0, category=0, tail=0, share=0, ratio=1, ratio_from=0, unseen_rows=0, correlation=0
)
"""Every effect counts: what is significant alarms."""


@dataclass(frozen=True, kw_only=True)
class FeedSettings:
    """What is asked of the feed of a monitor; what is None is learned from its last ticks."""

    freshness: timedelta | None = None
    """How old the newest row of a batch may be."""
    least_rows: int | None = None
    most_rows: int | None = None
    min_rows: int = 1
    """Batches of fewer rows are invalid, and say nothing of how many are usual."""


SHARES = {"columns": 0.5, "joint": 0.15, "faults": 0.2, "sequential": 0.1, "feed": 0.05}
"""The parts of a level. Rare rows, such as those of a new category, are found by their counts
alone, so that faults have a fifth; correlations and what the feed itself does are plain to see, and
pooled ticks are many rows. Where there is no joint verdict, no tick to pool or no feed, that part
is the columns'."""

ANCHOR_SHARE = 0.2
"""The share of a level that the fixed reference has beside a rolling one, where it may alarm. Drift
that it alone finds is slow, and grows until it is plain to see at any level."""


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_span(text: str) -> timedelta:
    """Read a span of time such as `15m`, `1h` or `1d`.

    Raises:
        UsageError: It is none.
    """
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no span of time; allowed: such as 15m, 1h or 1d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """Settings of one comparison.

    `level` is the probability of a false alarm for the whole table. `budget` says how it came
    about and how it is split; without one, it is split by `SHARES`. At most `joint_columns`
    columns are judged jointly: target and prediction, then the first ones. Where columns are named
    as `segments`, half of what is the columns' goes to the rows of each of their values.

    `window` is the span of one tick's worth of rows, which may depend on each other: what is normal
    is learnt from the windows of the reference. From fewer than `min_windows` nothing is, and rows
    are taken as independent, as without a window. A `seasonal` baseline has only the windows of the
    batch's hour of the day or, where a window is a day or longer, of its weekday.

    From `large_values` rows times columns of either table on, both are read in chunks and compared
    by profiles; smaller ones are compared as exactly as they are for less than a second. Profiles
    have neither windows nor segments: where these are judged it is from `large_in_parts` on, half
    a gigabyte.

    `floors` are those of all columns but of the ones that `column_floors` names.
    """

    level: float = 0.01
    budget: AlarmBudget | None = None
    columns: ColumnRoles = ColumnRoles()
    segments: tuple[str, ...] = ()
    min_rows: int = 50
    joint_columns: int = 50
    window: timedelta | None = None
    min_windows: int = 20
    baseline: Literal["fixed", "seasonal"] = "fixed"
    floors: Floors = Floors()
    column_floors: Mapping[str, Floors] = field(default_factory=dict)
    feed: FeedSettings = FeedSettings()
    large_values: int = 1 << 22
    large_in_parts: int = 1 << 26

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise UsageError(f"level: {self.level} is not between 0 and 1")
        if self.min_rows < 1:
            raise UsageError(f"min_rows: {self.min_rows} is not at least 1")
        if self.window is not None and self.columns.timestamp is None:
            raise UsageError("window: needs a timestamp column; name it as `timestamp`")
        if self.min_windows < LEAST_WINDOWS:
            raise UsageError(f"min_windows: {self.min_windows} is not at least {LEAST_WINDOWS}")

    def required_columns(self) -> set[str]:
        """Return the columns that the reference must have."""
        return self.columns.named_columns() | set(self.segments) | set(self.column_floors)

    def floors_of(self, column: str) -> Floors:
        """Return the floors of a column; what is derived from one has those of that."""
        if column in self.column_floors:
            return self.column_floors[column]
        # The name of what is derived begins with that of its source.
        named = (name for name in self.column_floors if column.startswith(f"{name}: "))
        return self.column_floors.get(max(named, key=len, default=""), self.floors)

    def is_large(self, values: int) -> bool:
        """Return whether tables are compared by profiles, by rows times columns of the larger."""
        in_parts = self.window is not None or self.segments
        return values >= (self.large_in_parts if in_parts else self.large_values)

    def alarm_budget(self) -> AlarmBudget:
        """Return the budget that is given, or the one that follows from the level alone."""
        return self.budget or AlarmBudget(
            per_week=None,
            ticks_per_week=None,
            level=self.level,
            parts={name: share * self.level for name, share in SHARES.items()},
        )
