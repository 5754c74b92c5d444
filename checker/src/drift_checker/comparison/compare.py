"""Comparing a batch with its reference: faults first, then drift on what remains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from drift_checker.comparison import faults, sequential, windows
from drift_checker.comparison.joint import Joint
from drift_checker.comparison.options import ColumnRoles, CompareSettings
from drift_checker.comparison.pairs import (
    ColumnPair,
    ColumnSample,
    ComparedTable,
    InMemoryPair,
    Share,
    TablePair,
)
from drift_checker.comparison.segments import Part, parts, samples
from drift_checker.comparison.windows import Windows
from drift_checker.decision import Decision, WindowEvidence, harmonic
from drift_checker.errors import BadReferenceError
from drift_checker.profiles import TickCounts
from drift_checker.result import (
    Calibration,
    ColumnResult,
    CurrentInfo,
    Fault,
    JointResult,
    ReferenceInfo,
    Result,
    Role,
    Segment,
    SequentialResult,
    Severity,
    Verdict,
)
from drift_checker.tables import (
    Batch,
    ColumnKind,
    MismatchError,
    chunked_reference,
    chunked_table,
    count_values,
    from_frame,
    kind_of,
    read_batch,
    read_reference,
)
from drift_checker.wording import phrases, with_explanation

Tabular: TypeAlias = Any
"""A path, an Arrow table, a `Batch`, a pandas data frame, or any frame that speaks Arrow."""


LARGE_VALUES = 1 << 22
"""Rows times columns of either side from which both are read in chunks, and compared by profiles:
tables below are compared as exactly as they are for less than a second."""
LARGE_IN_PARTS = 1 << 26
"""The same where windows or segments are judged, which profiles do not have: half a gigabyte."""


def compare(
    reference: Tabular, current: Tabular, *, settings: CompareSettings | None = None
) -> Result:
    """Compare a batch with its reference and reach a verdict.

    Args:
        reference: The reference: a path, a data frame, an Arrow table or a `Batch`.
        current: The batch, as one of the same.
        settings: Level, roles, floors; the default is a level of 0.01 for the whole table.

    Raises:
        BadReferenceError: The reference is missing, unreadable, empty, lacks a column that the
            settings name, or has no column in common with the batch.
        NoBatchError: The current file is no batch at all.
        OSError: The current file cannot be read.
    """
    settings = settings or CompareSettings()
    return with_explanation(Comparison(sides_of(reference, current, settings), settings).result())


def sides_of(reference: Tabular, current: Tabular, settings: CompareSettings) -> TablePair:
    """Read both sides, as tables or, of a large one, as profiles.

    Raises:
        BadReferenceError: The reference is missing, unreadable or empty.
        NoBatchError: The current file is no batch at all.
        OSError: The current file cannot be read.
    """
    before, after = _taken(reference), _taken(current)
    if is_large(max(count_values(before), count_values(after)), settings):
        from drift_checker.comparison.profiled_pairs import profiles  # noqa: PLC0415  # seldom needed

        return profiles(chunked_reference(before), chunked_table(after), settings)
    return InMemoryPair(_read(before, read_reference), _read(after, read_batch))


def is_large(values: int, settings: CompareSettings) -> bool:
    """Whether a comparison is by profiles, by the values (rows times columns) of a side."""
    in_parts = settings.window is not None or settings.segments
    return values >= (LARGE_IN_PARTS if in_parts else LARGE_VALUES)


def _taken(source: Tabular) -> Batch | Path:
    match source:
        case Batch():
            return source
        case str() | Path():
            return Path(source)
        case _:
            return from_frame(source)


def _read(source: Batch | Path, read: Callable[[Path], Batch]) -> Batch:
    return read(source) if isinstance(source, Path) else source


def _check_reference(
    reference: ComparedTable, current: ComparedTable, settings: CompareSettings
) -> None:
    if reference.faults or not reference.rows:
        detail = reference.faults[0].detail if reference.faults else "it has no rows"
        raise BadReferenceError(f"The reference cannot be used: {detail}.")
    names = reference.names
    known = ", ".join(map(repr, names))
    if missing := sorted(settings.named() - set(names)):
        wrong = ", ".join(map(repr, missing))
        raise BadReferenceError(f"The reference has no column {wrong}; it has {known}.")
    arrived = current.names
    if current.rows and not current.faults and not set(names) & set(arrived):
        raise BadReferenceError(
            f"The reference has no column in common with the batch: {known} "
            f"against {', '.join(map(repr, arrived))}."
        )


class Comparison:
    """The steps of one comparison; each adds to what the result is made of."""

    def __init__(
        self,
        sides: TablePair,
        settings: CompareSettings,
        *,
        past: Sequence[TickCounts] | None = None,
    ) -> None:
        """Take both sides and, of a scheduled tick, the profiles of those before it.

        `past` has those that count for its sequential statistic, the newest first.

        Raises:
            BadReferenceError: As `compare`.
        """
        _check_reference(sides.reference, sides.current, settings)
        self.sides, self.settings = sides, settings
        self.reference, self.current = sides.reference, sides.current
        self.past = past
        self.by_itself = Verdict.OK
        """The verdict on this batch alone."""
        self.budget = settings.alarm_budget()
        self.calibration = Calibration()
        self.faults: list[Fault] = list(self.current.faults)
        self.columns: dict[str, ColumnResult] = {}
        self.pairs: dict[str, ColumnPair] = {}
        self.tests: list[faults.CountTest] = []
        self.samples: dict[str, ColumnSample] = {}

    def result(self) -> Result:
        """Reach the verdict."""
        self.take_samples()
        found, segments = self._windows(), list[Segment]()
        if found is None:
            joint, joint_reason = self._judge_joint()
            sequential = self._judge_sequence()
            self._judge_faults()
            segments = self._judge_segments()
            self._judge_columns()
        else:
            joint, joint_reason, sequential = self._judge_windows(found), None, None
        if any(fault.severity is Severity.STRUCTURAL for fault in self.faults):
            self.by_itself = Verdict.INVALID
        elif self._drifted() or (joint and joint.verdict is Verdict.DRIFT):
            self.by_itself = Verdict.DRIFT
        lasting = sequential is not None and sequential.verdict is Verdict.DRIFT
        if sequential and lasting:
            self._mark_lasting(sequential)
        return Result(
            monitor=None,
            logical_date=None,
            verdict=Verdict.DRIFT if lasting and self.by_itself is Verdict.OK else self.by_itself,
            reference=ReferenceInfo(version=self.reference.digest, rows=self.reference.rows),
            current=CurrentInfo(rows=self.current.rows, digest=self.current.digest),
            columns=[self.columns[name] for name in self.reference.names],
            joint=joint,
            joint_reason=joint_reason,
            sequential=sequential,
            segments=segments,
            faults=self.faults,
            drifted_columns=self._drifted(),
            alarm_budget=self.budget,
            calibration=self.calibration,
        )

    def take_samples(self) -> None:
        """Look at the batch and at each column: for faults, and for what the tests need."""
        self._check_batch()
        for name in self.reference.names:
            self._prepare(name)

    @cached_property
    def profile(self) -> TickCounts:
        """What the batch leaves for the sequential statistic of later ticks, of its samples."""
        left = {name: sample.left for name, sample in self.samples.items()}
        return TickCounts(
            reference=self.sides.cells,
            rows=self.current.rows,
            numbers={name: one for name, one in left.items() if isinstance(one, list)},
            categories={name: one for name, one in left.items() if isinstance(one, dict)},
        )

    def _drifted(self) -> list[str]:
        names = self.reference.names
        return [name for name in names if self.columns[name].verdict is Verdict.DRIFT]

    def _fault(self, fault: str, severity: Severity, column: str | None, detail: str) -> None:
        self.faults.append(Fault(fault=fault, severity=severity, column=column, detail=detail))

    def _check_batch(self) -> None:
        if self.current.unreadable:
            return
        rows, needed = self.current.rows, self.settings.min_rows
        if not rows:
            self._fault("empty", Severity.STRUCTURAL, None, "the batch has no rows")
        elif rows < needed:
            detail = f"{rows} rows, at least {needed} are needed"
            self._fault("too_few_rows", Severity.STRUCTURAL, None, detail)
        expected = set(self.reference.names)
        for name in self.current.names:
            if name not in expected:
                detail = "the reference does not have this column"
                self._fault("extra_column", Severity.NOTE, name, detail)

    def _prepare(self, name: str) -> None:
        """Bring a column to one kind, look for its faults, and take its sample."""
        role, type_ = _role(name, self.settings.columns), self.sides.type(name)
        kind = kind_of(type_)

        def untested(verdict: Verdict | None, reason: str) -> None:
            self.columns[name] = ColumnResult(
                name=name, kind=kind, role=role, verdict=verdict, reason=reason
            )

        if role == "ignored":
            return untested(None, "ignored by the settings")
        if self.current.unreadable or not self.current.rows:
            return untested(None, "the batch has no rows")
        if name not in self.current.names:
            if all(fault.column != name for fault in self.faults):
                self._fault("missing_column", Severity.STRUCTURAL, name, "the column is missing")
            return untested(Verdict.INVALID, "missing or there more than once")
        try:
            self.pairs[name] = pair = self.sides.pair(name)
        except MismatchError as error:
            self._fault(error.fault, Severity.STRUCTURAL, name, error.detail)
            return untested(Verdict.INVALID, error.detail)
        self.tests.append(faults.share_of("nulls", name, "nulls", *pair.nulls))
        if role == "id":
            self._check_unique(name, pair)
        if role == "timestamp" and kind == "timestamp":
            self._check_order(name, pair)
        reason = _not_tested(kind, role, type_) or self._take_sample(name, pair)
        return untested(Verdict.OK, reason)

    def _check_order(self, name: str, pair: ColumnPair) -> None:
        back, times = pair.steps_back
        if back:
            detail = f"{back} of {times} rows are earlier than the row before"
            self._fault("timestamps_out_of_order", Severity.NOTE, name, detail)

    def _check_unique(self, name: str, pair: ColumnPair) -> None:
        """Where the reference says that an id is no two rows', a repeated one is certain."""
        found = pair.repeated_ids
        if found is None:
            detail = "whether ids repeat is not looked at in data of this size"
            self._fault("ids_not_checked", Severity.NOTE, name, detail)
        elif found[0]:
            detail = f"{found[0]} of {found[1]} rows repeat the id of another row"
            self._fault("duplicate_ids", Severity.STRUCTURAL, name, detail)

    def _take_sample(self, name: str, pair: ColumnPair) -> str:
        """Keep what the column's test needs; returns why there is none."""
        sample = pair.sample()
        if sample.infinities:
            self._count_infinities(name, *sample.infinities)
        current, reference = sample.values
        if not (current and reference):
            return f"the {'batch' if reference else 'reference'} has no values"
        self.tests += sample.count_tests(name)
        self.samples[name] = sample
        return ""

    def _count_infinities(self, name: str, current: Share, reference: Share) -> None:
        self.tests.append(faults.share_of("not_finite", name, "infinities", current, reference))
        if current[0]:
            detail = f"{current[0]} infinite values are left out"
            self._fault("infinities_left_out", Severity.NOTE, name, detail)

    def _judge_faults(self) -> None:
        """Test all counts, at equal shares of the part of the level that is theirs."""
        if not self.tests:
            return
        threshold = self.budget.parts.get("faults", 0.0) / len(self.tests)
        for test in self.tests:
            if test.p_value <= threshold and test.effect >= self.settings.floors.share:
                detail = f"{test.detail} ({phrases.p_value_phrase(test.p_value)})"
                self._fault(test.fault, Severity.STATISTICAL, test.column, detail)
                self._mark(test.column)

    def _mark(self, name: str) -> None:
        """Note that a column drifted, by whatever test."""
        column = self.columns[name]
        self.columns[name] = column.model_copy(update={"verdict": Verdict.DRIFT})

    def _judge_joint(self) -> tuple[JointResult | None, str | None]:
        """Test how the numeric columns hang together; without them, the columns get its part."""
        numbers = {name: rows for name in self._target_first() if (rows := self.samples[name].rows)}
        joint, parts = Joint(numbers, most=self.settings.joint_columns), self.budget.parts
        level = parts.get("joint", 0.0)
        if joint.reason is None:
            return joint.judge(level, self.settings.floors.correlation), None
        self.budget = self.budget.without("joint")
        return None, joint.reason

    def _target_first(self) -> list[str]:
        first = ("target", "prediction")
        return sorted(self.samples, key=lambda name: self.columns[name].role not in first)

    def _judge_sequence(self) -> SequentialResult | None:
        """Test the last scheduled ticks as one batch; without them, the columns get its part."""
        if self.past is None or self.current.unreadable:
            self.budget = self.budget.without("sequential")
            return None
        rows = self.reference.rows
        pools = sequential.pools([self.profile, *self.past], rows)
        if not pools:
            self.budget = self.budget.without("sequential")
        return sequential.judge(
            [sample.pooled(name) for name, sample in self.samples.items()],
            pools,
            threshold=self.budget.parts.get("sequential", 0.0),
            floors=self.settings.floors,
            reason=sequential.limit(self.current.rows, rows, ticks=len(self.past) + 1),
        )

    def _mark_lasting(self, found: SequentialResult) -> None:
        for lasting in found.columns:
            self._mark(lasting.name)

    def _judge_segments(self) -> list[Segment]:
        """Test the samples of all segments, at half of the columns' part of the level.

        A column that drifted in a segment has drifted.
        """
        if not self.settings.segments:
            return []
        if not isinstance(self.sides, InMemoryPair):
            detail = "the tables are so large that they are compared by profiles, without segments"
            self._fault("segments_left_out", Severity.NOTE, None, detail)
            return []
        tables, names = self.sides, list(self.samples)
        split = parts(tables, self.settings.segments)
        found = [(part, samples(tables, part, names)) for part in split]
        taken = [(self.columns[name], one) for _, each in found for name, one in each.items()]
        if not taken:
            return []
        self.budget = self.budget.halved()
        columns = iter(self._judge(taken, self.budget.parts["segments"]))
        segments = [_segment(part, list(islice(columns, len(each)))) for part, each in found]
        for segment in segments:
            for column in segment.columns:
                if column.verdict is Verdict.DRIFT:
                    self._mark(column.name)
        return segments

    def _windows(self) -> Windows | None:
        """Cut the reference into windows where they are to tell what is normal, and can."""
        span, timestamp = self.settings.window, self.settings.columns.timestamp
        if span is None or timestamp not in self.pairs or not self.samples:
            return None
        times = self.pairs[timestamp].arrays
        if times is None:
            self.calibration = Calibration(reason=windows.TOO_LARGE)
            return None
        current, reference = times
        found = windows.of_reference(reference, self.settings, span)
        if self.settings.baseline == "seasonal":
            found = found.of_season(current)
        self.calibration = windows.calibration(found, self.settings, self.budget.level)
        if self.calibration.method == "exact":
            return None
        attained = 1 / (len(found) + 1) if self.calibration.method == "extrapolated" else None
        parts = {"windows": self.budget.level}
        self.budget = self.budget.model_copy(update={"parts": parts, "level_attained": attained})
        return found

    def _judge_windows(self, found: Windows) -> JointResult | None:
        """Rank the batch among the windows of the reference, by all aspects at once."""
        level = self.budget.level
        if self.settings.segments:
            detail = "segments take rows as independent, and are not judged where windows are"
            self._fault("segments_left_out", Severity.NOTE, None, detail)
        measured = windows.measure(
            found,
            {name: arrays for name, pair in self.pairs.items() if (arrays := pair.arrays)},
            tested=self._target_first(),
            most_joint=self.settings.joint_columns,
            floors=self.settings.floors,
        )
        placed = windows.rank(list(measured), level)
        for one in reversed(placed):
            name = one.measured.columns[0]
            if one.measured.measure in windows.OF_VALUES:
                self._mark_placed(name, one.measured.measure, one.place)
        for one in placed:
            name = one.measured.columns[0]
            if one.measured.measure == "null_share" and one.place.p_value <= level:
                self._fault("nulls", Severity.STATISTICAL, name, windows.null_words(one))
                self._mark(name)
        return windows.joint_result(placed, level)

    def _mark_placed(self, name: str, measure: str, place: WindowEvidence) -> None:
        """Say of a column what a measure of it makes of the batch."""
        column, drift = self.columns[name], place.p_value <= self.budget.level
        self.columns[name] = column.model_copy(
            update={
                "verdict": Verdict.DRIFT if drift else Verdict.OK,
                "reason": None,
                "test": measure,
                "statistic": place.standardised,
                "p_value": place.p_value,
                "threshold": self.budget.level,
                "effect": measure,
                "effect_size": place.effect,
                "change": self.samples[name].change(measure) if drift else None,
            }
        )

    def _judge_columns(self) -> None:
        """Test all samples, at the part of the level that is theirs."""
        marked = {name for name in self.samples if self.columns[name].verdict is Verdict.DRIFT}
        columns = [(self.columns[name], sample) for name, sample in self.samples.items()]
        for column in self._judge(columns, self.budget.parts.get("columns", 0.0)):
            self.columns[column.name] = column
            if column.name in marked:
                self._mark(column.name)

    def _judge(
        self, samples: Sequence[tuple[ColumnResult, ColumnSample]], level: float
    ) -> list[ColumnResult]:
        """Test samples of columns at a level for all of them."""
        if not samples:
            return []
        least = harmonic.critical_sum(level, len(samples))
        alone = 1 / least
        decisions = [sample.decide(self.settings, alone) for _, sample in samples]
        thresholds = harmonic.thresholds([one.relevant_p_value for one in decisions], least)
        return [
            _judged(column, sample, decided, threshold)
            for (column, sample), decided, threshold in zip(
                samples, decisions, thresholds, strict=True
            )
        ]


def _judged(
    column: ColumnResult, sample: ColumnSample, decided: Decision, threshold: float
) -> ColumnResult:
    """The result of a column whose sample was tested."""
    alarming = decided.alarming(threshold)
    found = alarming or decided.most_significant
    evidence = found.evidence
    return ColumnResult(
        name=column.name,
        kind=column.kind,
        role=column.role,
        verdict=Verdict.DRIFT if alarming else Verdict.OK,
        test=evidence.test,
        statistic=evidence.statistic,
        p_value=found.p_value,
        threshold=threshold,
        effect=evidence.effect,
        effect_size=evidence.effect_size,
        interval=evidence.interval,
        change=sample.change(evidence.effect) if alarming else None,
    )


def _segment(part: Part, columns: list[ColumnResult]) -> Segment:
    drifted = any(column.verdict is Verdict.DRIFT for column in columns)
    rows, reference_rows = part.rows
    return Segment(
        name=part.name,
        rows=rows,
        reference_rows=reference_rows,
        verdict=Verdict.DRIFT if drifted else Verdict.OK,
        columns=columns,
    )


def _role(name: str, roles: ColumnRoles) -> Role:
    if name in roles.ignore:
        return "ignored"
    if name == roles.timestamp:
        return "timestamp"
    if name == roles.target:
        return "target"
    if name == roles.prediction:
        return "prediction"
    return "id" if name == roles.id else "feature"


def _not_tested(kind: ColumnKind, role: Role, type_: pa.DataType) -> str:
    """Say why a column's values are not tested, or nothing."""
    if kind == "timestamp":
        return "a point in time"
    if role in {"id", "timestamp"}:
        return f"the role is {role}"
    return f"values of type {type_} are not compared" if kind == "other" else ""
