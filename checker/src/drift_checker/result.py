"""The result of a check: what is stored, published and shown.

`result.json` is this model, versioned by `schema_version`; its JSON Schema is committed as
`result.schema.json`. Results that are read are validated by pydantic. The classes themselves are
plain, since importing pydantic costs more than a whole comparison.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Probability: TypeAlias = float
Count: TypeAlias = int


class Verdict(StrEnum):
    """The outcome of a check, in order of precedence: `invalid` > `drift` > `ok`."""

    OK = "ok"
    DRIFT = "drift"
    INVALID = "invalid"


AlarmState = Literal["none", "opened", "ongoing", "closed"]
Role = Literal["feature", "target", "prediction", "timestamp", "id", "ignored"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PlainDocument:
    """Base of JSON documents that do without pydantic until one is read, with its interface.

    What all classes have in common stands here, since `dataclass` would compile it for each of them
    whenever they are imported.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "ignore"}

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__qualname__}({values})"

    def model_copy(self, *, update: dict[str, Any]) -> Self:
        """Return a copy with some fields changed."""
        return replace(self, **update)

    def model_dump_json(self, *, indent: int | None = None) -> str:
        """Return the JSON text; times in ISO 8601."""
        return json.dumps(_plain(self), indent=indent, default=_plain)

    @classmethod
    def model_validate_json(cls, data: str | bytes) -> Self:
        """Read and validate JSON.

        Raises:
            pydantic.ValidationError: The JSON is not of this class.
        """
        return cls._adapter().validate_json(data)

    @classmethod
    @cache
    def _adapter(cls) -> TypeAdapter[Self]:
        # Made once: that costs more than reading many results.
        from pydantic import TypeAdapter  # noqa: PLC0415

        return TypeAdapter(cls)


def _plain(value: PlainDocument | datetime) -> dict[str, Any] | str:
    """Return what JSON has for a value; unlike `asdict` it copies nothing that is in it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return {each.name: getattr(value, each.name) for each in fields(value)}


class Severity(StrEnum):
    """What a fault does to the verdict."""

    STRUCTURAL = "structural"
    """The batch cannot be trusted: `invalid`. Spends no alarm budget."""
    STATISTICAL = "statistical"
    """A count is too far from the reference's to be chance: `drift`, within the alarm budget."""
    NOTE = "note"
    """Worth knowing; changes no verdict."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Fault(PlainDocument):
    """One thing that is wrong with the current batch."""

    fault: str
    severity: Severity
    column: str | None
    detail: str


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ReferenceInfo(PlainDocument):
    """The reference that the batch was compared with; `url` is of one that is not in the store."""

    version: str
    rows: Count
    url: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CurrentInfo(PlainDocument):
    """The batch itself; `digest` is the SHA-256 of the bytes as they arrived.

    `url` is that of a batch which is read where it lies; its digest is of its files' names, sizes
    and tags.
    """

    rows: Count
    digest: str
    url: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ColumnResult(PlainDocument):
    """The verdict on one column.

    `p_value` is already combined over the column's own statistics. Up to `threshold`
    the column drifts, given the p-values of all others: about its equal part of the level where
    it is alone, more where others moved with it. `effect` names the measure of
    `effect_size`; the column drifts only if the p-value is at most the threshold and the effect
    reaches its `floor`, or a rare share became many times as large or as small. Columns that are
    not tested have `test: null` and a `reason`, as have those that changed by less than their
    floor. `change` says in words what drifted, before -> after. `parse` is the form in which values
    are written, such as `numbers with decimal comma`, and `why` says by what the kind is known.
    """

    name: str
    kind: Literal["numeric", "categorical", "timestamp", "text", "vector", "other"]
    role: Role
    verdict: Verdict | None
    test: str | None = None
    statistic: float | None = None
    p_value: Probability | None = None
    threshold: Probability | None = None
    effect: str | None = None
    effect_size: float | None = None
    floor: float | None = None
    interval: tuple[float, float] | None = None
    reason: str | None = None
    change: str | None = None
    parse: str | None = None
    why: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Compared(PlainDocument):
    """How many columns were compared `of` those that the reference has and that are not ignored.

    A column counts that was tested itself, or by columns that are derived from it.
    """

    columns: Count
    of: Count


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PairResult(PlainDocument):
    """The rank correlation of two columns, before and now.

    `interval` is that of the change, null where windows tell what is normal; `p_value` is corrected
    for the number of pairs.
    """

    columns: tuple[str, str]
    reference: float
    current: float
    interval: tuple[float, float] | None
    p_value: Probability


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class JointResult(PlainDocument):
    """The verdict on the joint distribution beyond the marginals.

    `pairs` are those that drifted, or the one that changed most.
    """

    verdict: Verdict
    test: str
    statistic: float
    p_value: Probability
    threshold: Probability
    effect: float
    pairs: list[PairResult]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LastingDrift(PlainDocument):
    """A column over the last ticks; `p_value` is corrected for all columns and pools of ticks."""

    name: str
    ticks: Count
    rows: Count
    test: str
    statistic: float
    p_value: Probability
    effect: str
    effect_size: float
    interval: tuple[float, float]
    change: str


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SequentialResult(PlainDocument):
    """The verdict on this scheduled tick and those before it, pooled.

    `ticks` and `rows` are those of the longest pool; without an earlier tick to pool there is no
    verdict. `columns` are those that drifted, or the one closest to it. `reason` says why no more
    ticks were pooled. `p_value` is that of all columns and pools, of effects above their floors.
    """

    verdict: Verdict | None
    ticks: Count
    rows: Count
    threshold: Probability | None
    columns: list[LastingDrift]
    reason: str | None
    p_value: Probability | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Segment(PlainDocument):
    """The verdict within the rows of one value of a column, such as `carrier=UA`."""

    name: str
    rows: Count
    reference_rows: Count
    verdict: Verdict
    columns: list[ColumnResult]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Alarm(PlainDocument):
    """The episode that this tick belongs to.

    `columns` are those that have drifted in it, each with the first tick that it did; null where no
    episode is, or where it is not known. `widened` are those that joined an open one in this tick.
    """

    state: AlarmState = "none"
    id: str | None = None
    since: datetime | None = None
    columns: dict[str, datetime] | None = None
    widened: list[str] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether its episode goes on after this tick."""
        return self.state in {"opened", "ongoing"}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AlarmBudget(PlainDocument):
    """How the tick's level follows from the alarms that the user is ready to see.

    `level` is the probability of a false alarm in this tick; `parts` splits it by name and sums
    to it. `level_attained` is what they hold without a model, null where that is the level.
    """

    per_week: float | None
    ticks_per_week: float | None
    level: Probability
    level_attained: Probability | None = None
    parts: dict[str, Probability]

    def halved(self) -> Self:
        """Return the budget of a tick in which half of the columns' part is their segments'."""
        half = self.parts.get("columns", 0.0) / 2
        return self.model_copy(update={"parts": self.parts | {"columns": half, "segments": half}})

    def share(self, share: float) -> Self:
        """Return a share of the budget, split alike."""
        parts = {name: share * level for name, level in self.parts.items()}
        return self.model_copy(update={"level": share * self.level, "parts": parts})

    def without(self, part: str) -> Self:
        """Return the budget of a tick in which a part has nothing to test: it is the columns'."""
        spare = {part: 0.0, "columns": self.parts.get("columns", 0.0) + self.parts.get(part, 0.0)}
        return self.model_copy(update={"parts": self.parts | spare})


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RowDependence(PlainDocument):
    """Rows that are taken as independent, and in the reference are not.

    `columns` are those whose rows hang together, the worst first: neighbours in `order`, or rows
    of one `period`. The mean of a batch of so many `rows` varies `design_effect` times as much as
    that of independent ones, in the worst of them. `false_alarms` is the chance of one in a tick
    that follows from it, an estimate; the level is what was asked for.
    """

    columns: list[str]
    order: Literal["time", "rows"]
    period: Literal["day", "hour"] | None
    rows: Count
    design_effect: float
    false_alarms: Probability


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Calibration(PlainDocument):
    """What the null distribution was learnt from.

    `exact`: rows are independent. `ranked`: as many windows of the reference rank this batch.
    `extrapolated`: the level is below what their ranks resolve, and a model of their tails goes on
    from there. `reason` says why it is not what was asked for, and what would be needed.
    `dependence` is of rows that are taken as independent and do not look so.
    """

    method: Literal["exact", "ranked", "extrapolated"] = "exact"
    windows: int = 0
    reason: str | None = None
    dependence: RowDependence | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ColumnTrend(PlainDocument):
    """How far a column was from the fixed reference tick by tick, this one last.

    `effect` names the measure of `distances`; ticks without a rolling reference are not among them.
    """

    name: str
    effect: str
    distances: list[float]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Feed(PlainDocument):
    """What is known of the feed of a scheduled tick; null is what is not known.

    `newest_row` is the time of the newest row, `age_seconds` how long before the logical date that
    is. `new_rows` are those that no batch of the ticks before had, `overlap` the share of the
    others. `repeated_since` is the first tick that had the same batch. `expected_rows` is the
    median of what `new_rows` were.
    """

    newest_row: datetime | None = None
    age_seconds: float | None = None
    new_rows: Count | None = None
    overlap: float | None = None
    repeated_since: datetime | None = None
    expected_rows: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Rolling(PlainDocument):
    """The latest `ok` ticks, whose batches are the reference; where `reason` is set, they are not.

    `rows` are those of the reference that they make, `first` and `last` their logical dates.
    `accepted`: ticks that drifted are among them, and the batch is like these. `trend` has the
    columns that are farthest from the fixed reference.
    """

    ticks: Count
    rows: Count
    first: datetime | None
    last: datetime | None
    reason: str | None
    accepted: bool = False
    trend: list[ColumnTrend] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EvidentlySummary(PlainDocument):
    """What Evidently draws in a report, judged by the verdicts of this result."""

    version: str
    reference_rows: int
    current_rows: int
    drifted_columns: int
    columns: int
    drift_share: float
    dataset_drift: bool


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Truth(PlainDocument):
    """What the Drifter says it did to the batch."""

    injected: bool
    scenario: str | None
    columns: list[str]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Explanation(PlainDocument):
    """The result in words.

    `changes` has a line for each thing that changed, before -> after, target and prediction first;
    `since` is the first tick of the episode; `certainty` says what level and p-value mean.
    """

    summary: str
    changes: list[str]
    since: str | None
    certainty: str


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result(PlainDocument):
    """The outcome of one check of one monitor at one logical date.

    A comparison of two files that belongs to no monitor has neither `monitor` nor
    `logical_date`. With a rolling baseline all is said of the last `ok` ticks as the reference, but
    for `reference`, the fixed one; `anchor` is the comparison with that. Only where it is a part of
    the budget, it has a say in the verdict.

    `p_value` is that of the whole tick: the chance that without drift something in it is as clear
    as what is clearest here, of all that is above its floor. Null where nothing was tested.
    """

    schema_version: Literal[1] = 1
    monitor: str | None
    logical_date: datetime | None
    trigger: Literal["scheduled", "manual"] = "manual"
    verdict: Verdict
    reference: ReferenceInfo
    current: CurrentInfo
    columns: list[ColumnResult]
    compared: Compared | None = None
    joint: JointResult | None = None
    joint_reason: str | None = None
    sequential: SequentialResult | None = None
    segments: list[Segment] = field(default_factory=list)
    faults: list[Fault]
    drifted_columns: list[str]
    alarm: Alarm = Alarm()
    alarm_budget: AlarmBudget
    p_value: Probability | None = None
    explanation: Explanation | None = None
    calibration: Calibration = Calibration()
    feed: Feed | None = None
    rolling: Rolling | None = None
    anchor: Result | None = None
    evidently: EvidentlySummary | None = None
    truth: Truth | None = None
    timings: dict[str, float] = field(default_factory=dict)
    report: str | None = None

    @property
    def deciding_anchor(self) -> Result | None:
        """The comparison with the fixed reference where it has a say in the verdict."""
        return self.anchor if "anchor" in self.alarm_budget.parts else None

    @property
    def rows_compared_with(self) -> int:
        """Rows of what the columns were compared with."""
        rolled = self.rolling if self.rolling and self.rolling.reason is None else None
        return self.reference.rows if rolled is None else rolled.rows
