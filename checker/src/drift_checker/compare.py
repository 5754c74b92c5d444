"""Comparing a batch with its reference: faults first, then drift on what remains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from drift_checker import faults, sequential, words
from drift_checker.columns import Kind, MismatchError, current_column, kind_of, reference_column
from drift_checker.decision import column as decision
from drift_checker.decision import harmonic
from drift_checker.errors import BadReferenceError
from drift_checker.explanation import explained
from drift_checker.joint import Joint, sampled_rows
from drift_checker.options import ColumnRoles, CompareSettings
from drift_checker.profiles import MAX_CATEGORIES, BatchProfile, cells, edges
from drift_checker.result import (
    ColumnResult,
    CurrentInfo,
    Fault,
    JointResult,
    ReferenceInfo,
    Result,
    Role,
    SequentialResult,
    Severity,
    Verdict,
)
from drift_checker.tables import Batch, from_frame, read_batch, read_reference

Tabular: TypeAlias = Any
"""A path, an Arrow table, a `Batch`, a pandas data frame, or any frame that speaks Arrow."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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
    before, after = _batch(reference, read_reference), _batch(current, read_batch)
    return explained(Comparison(before, after, settings).result())


def _batch(source: Tabular, read: Callable[[Path], Batch]) -> Batch:
    match source:
        case Batch():
            return source
        case str() | Path():
            return read(Path(source))
        case _:
            return from_frame(source)


def _check_reference(reference: Batch, current: Batch, settings: CompareSettings) -> None:
    if reference.faults or not reference.rows:
        detail = reference.faults[0].detail if reference.faults else "it has no rows"
        raise BadReferenceError(f"The reference cannot be used: {detail}.")
    names = reference.table.column_names
    known = ", ".join(map(repr, names))
    if missing := sorted(settings.columns.named() - set(names)):
        wrong = ", ".join(map(repr, missing))
        raise BadReferenceError(f"The reference has no column {wrong}; it has {known}.")
    arrived = current.table.column_names
    if current.rows and not current.faults and not set(names) & set(arrived):
        raise BadReferenceError(
            f"The reference has no column in common with the batch: {known} "
            f"against {', '.join(map(repr, arrived))}."
        )


@dataclass(frozen=True)
class _Column:
    """A column that is on both sides in one kind."""

    name: str
    role: Role
    kind: Kind
    reference: pa.Array[Any]
    current: pa.Array[Any]


@dataclass(frozen=True)
class _Numbers:
    """Sorted finite values, and the sampled rows with NaN where a value is missing."""

    reference: Floats
    current: Floats
    reference_rows: Floats
    current_rows: Floats

    def decide(self, settings: CompareSettings, threshold: float) -> decision.Decision:
        return decision.numeric(
            self.current,
            self.reference,
            threshold=threshold,
            distance_floor=settings.floors.distance,
            tail_floor=settings.floors.tail,
        )

    def change(self, effect: str) -> str:
        return words.numeric_change(self.current, self.reference, effect)

    def pooled(self, name: str) -> sequential.Pooled:
        return sequential.PooledNumbers(name, self.reference)


@dataclass(frozen=True)
class _Categories:
    """Counts of each category, none empty on both sides."""

    names: list[str]
    reference: Ints
    current: Ints

    def decide(self, settings: CompareSettings, threshold: float) -> decision.Decision:
        return decision.categorical(
            self.current,
            self.reference,
            threshold=threshold,
            distance_floor=settings.floors.distance,
        )

    def change(self, effect: str) -> str:  # noqa: ARG002  categories have one effect
        return words.categorical_change(self.names, self.current, self.reference)

    def counted(self, counts: Ints) -> dict[str, int]:
        """Return the counts of one side by name, without those that are 0."""
        return {self.names[place]: int(counts[place]) for place in np.flatnonzero(counts)}

    def pooled(self, name: str) -> sequential.Pooled:
        return sequential.PooledCategories(name, self.counted(self.reference))


class Comparison:
    """The steps of one comparison; each adds to what the result is made of."""

    def __init__(
        self,
        reference: Batch,
        current: Batch,
        settings: CompareSettings,
        *,
        past: Sequence[BatchProfile] | None = None,
    ) -> None:
        """Take both sides and, of a scheduled tick, the profiles of those before it.

        `past` has those that count for its sequential statistic, the newest first.

        Raises:
            BadReferenceError: As `compare`.
        """
        _check_reference(reference, current, settings)
        self.reference, self.current, self.settings = reference, current, settings
        self.past = past
        self.by_itself = Verdict.OK
        """The verdict on this batch alone."""
        self.budget = settings.alarm_budget()
        self.faults: list[Fault] = list(current.faults)
        self.columns: dict[str, ColumnResult] = {}
        self.tests: list[faults.CountTest] = []
        self.samples: dict[str, tuple[_Column, _Numbers | _Categories]] = {}
        self.rows = tuple(sampled_rows(side.rows) for side in (reference, current))

    def result(self) -> Result:
        """Reach the verdict."""
        self._check_batch()
        for name in self.reference.table.column_names:
            self._prepare(name)
        joint, joint_reason = self._judge_joint()
        sequential = self._judge_sequence()
        self._judge_faults()
        self._judge_columns()
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
            columns=[self.columns[name] for name in self.reference.table.column_names],
            joint=joint,
            joint_reason=joint_reason,
            sequential=sequential,
            faults=self.faults,
            drifted_columns=self._drifted(),
            alarm_budget=self.budget,
        )

    @cached_property
    def profile(self) -> BatchProfile:
        """What the batch leaves for the sequential statistic of later ticks."""
        numbers, categories = {}, {}
        for name, (_, sample) in self.samples.items():
            if isinstance(sample, _Numbers):
                numbers[name] = cells(sample.current, edges(sample.reference)).tolist()
            elif np.count_nonzero(sample.current) <= MAX_CATEGORIES:
                categories[name] = sample.counted(sample.current)
        return BatchProfile(
            reference=self.reference.digest,
            rows=self.current.rows,
            numbers=numbers,
            categories=categories,
        )

    def _drifted(self) -> list[str]:
        names = self.reference.table.column_names
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
        expected = set(self.reference.table.column_names)
        for name in self.current.table.column_names:
            if name not in expected:
                detail = "the reference does not have this column"
                self._fault("extra_column", Severity.NOTE, name, detail)

    def _prepare(self, name: str) -> None:
        """Bring a column to one kind, look for its faults, and take its sample."""
        column = reference_column(self.reference, name)
        role, kind = _role(name, self.settings.columns), kind_of(column.type)

        def untested(verdict: Verdict | None, reason: str) -> None:
            self.columns[name] = ColumnResult(
                name=name, kind=kind, role=role, verdict=verdict, reason=reason
            )

        if role == "ignored":
            return untested(None, "ignored by the settings")
        if self.current.unreadable or not self.current.rows:
            return untested(None, "the batch has no rows")
        if name not in self.current.table.column_names:
            if all(fault.column != name for fault in self.faults):
                self._fault("missing_column", Severity.STRUCTURAL, name, "the column is missing")
            return untested(Verdict.INVALID, "missing or there more than once")
        try:
            current = current_column(self.current, name, column)
        except MismatchError as error:
            self._fault(error.fault, Severity.STRUCTURAL, name, error.detail)
            return untested(Verdict.INVALID, error.detail)
        pair = _Column(name, role, kind, column, current)
        self._count_nulls(pair)
        untested(Verdict.OK, self._take_sample(pair))
        return None

    def _count_nulls(self, column: _Column) -> None:
        before, after = column.reference, column.current
        nulls = [
            int(_numpy(pc.is_null(side, nan_is_null=True).cast(pa.uint8())).sum())
            for side in (after, before)
        ]
        self.tests.append(
            faults.share_of(
                "nulls", column.name, "nulls", (nulls[0], len(after)), (nulls[1], len(before))
            )
        )

    def _take_sample(self, column: _Column) -> str:
        """Keep what the column's test needs; returns why there is none."""
        if column.role == "id":
            self._check_unique(column)
        if column.kind == "timestamp":
            if column.role == "timestamp":
                self._check_order(column)
            return "a point in time"
        if column.role in ("id", "timestamp"):
            return f"the role is {column.role}"
        if column.kind == "other":
            return f"values of type {column.reference.type} are not compared"
        sample = self._numbers(column) if column.kind == "numeric" else self._categories(column)
        for side, values in (("reference", sample.reference), ("batch", sample.current)):
            if not values.sum() if column.kind == "categorical" else not len(values):
                return f"the {side} has no values"
        self._count_values(column, sample)
        self.samples[column.name] = (column, sample)
        return ""

    def _check_order(self, column: _Column) -> None:
        times = column.current.drop_null().cast(pa.int64())
        steps = np.diff(_numpy(times))
        if back := int((steps < 0).sum()):
            detail = f"{back} of {len(steps) + 1} rows are earlier than the row before"
            self._fault("timestamps_out_of_order", Severity.NOTE, column.name, detail)

    def _check_unique(self, column: _Column) -> None:
        """Where the reference says that an id is no two rows', a repeated one is certain."""
        if pa.types.is_nested(column.current.type) or _repeated(column.reference):
            return
        if twice := _repeated(column.current):
            detail = f"{twice} of {len(column.current)} rows repeat the id of another row"
            self._fault("duplicate_ids", Severity.STRUCTURAL, column.name, detail)

    def _numbers(self, column: _Column) -> _Numbers:
        sides, sampled, infinite = [], [], []
        for side, rows in zip((column.reference, column.current), self.rows, strict=True):
            values = _floats(side)
            finite = np.sort(values[np.isfinite(values)])
            known = len(values) - int(np.isnan(values).sum())
            infinite.append((known - len(finite), max(1, known)))
            sides.append(finite)
            sampled.append(values[rows])
        self.tests.append(
            faults.share_of("not_finite", column.name, "infinities", infinite[1], infinite[0])
        )
        if infinite[1][0]:
            detail = f"{infinite[1][0]} infinite values are left out"
            self._fault("infinities_left_out", Severity.NOTE, column.name, detail)
        return _Numbers(*sides, *sampled)

    def _categories(self, column: _Column) -> _Categories:
        before, after = (
            side.drop_null().cast(pa.string()) for side in (column.reference, column.current)
        )
        encoded = pa.concat_arrays([before, after]).dictionary_encode()
        places = _numpy(encoded.indices)
        names, split = list(map(str, encoded.dictionary.to_pylist())), len(before)
        return _Categories(
            names,
            np.bincount(places[:split], minlength=len(names)),
            np.bincount(places[split:], minlength=len(names)),
        )

    def _count_values(self, column: _Column, sample: _Numbers | _Categories) -> None:
        if isinstance(sample, _Numbers):
            self.tests.append(faults.out_of_range(column.name, sample.current, sample.reference))
            self.tests.append(faults.constant_number(column.name, sample.current, sample.reference))
        else:
            names, current, reference = sample.names, sample.current, sample.reference
            self.tests.append(faults.unseen(column.name, names, current, reference))
            self.tests.append(faults.constant_category(column.name, names, current, reference))

    def _judge_faults(self) -> None:
        """Test all counts, at equal shares of the part of the level that is theirs."""
        if not self.tests:
            return
        threshold = self.budget.parts.get("faults", 0.0) / len(self.tests)
        for test in self.tests:
            if test.p_value <= threshold and test.effect >= self.settings.floors.share:
                detail = f"{test.detail} ({words.p_words(test.p_value)})"
                self._fault(test.fault, Severity.STATISTICAL, test.column, detail)
                column = self.columns[test.column]
                self.columns[test.column] = column.model_copy(update={"verdict": Verdict.DRIFT})

    def _judge_joint(self) -> tuple[JointResult | None, str | None]:
        """Test how the numeric columns hang together; without them, the columns get its part."""
        first = ("target", "prediction")
        numbers = {
            name: (sample.current_rows, sample.reference_rows)
            for name, (_, sample) in sorted(
                self.samples.items(), key=lambda item: item[1][0].role not in first
            )
            if isinstance(sample, _Numbers)
        }
        joint, parts = Joint(numbers, most=self.settings.joint_columns), self.budget.parts
        level = parts.get("joint", 0.0)
        if joint.reason is None:
            return joint.judge(level, self.settings.floors.correlation), None
        self.budget = self.budget.without("joint")
        return None, joint.reason

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
            [sample.pooled(name) for name, (_, sample) in self.samples.items()],
            pools,
            threshold=self.budget.parts.get("sequential", 0.0),
            floors=self.settings.floors,
            reason=sequential.limit(self.current.rows, rows, ticks=len(self.past) + 1),
        )

    def _mark_lasting(self, found: SequentialResult) -> None:
        for lasting in found.columns:
            column = self.columns[lasting.name]
            self.columns[lasting.name] = column.model_copy(update={"verdict": Verdict.DRIFT})

    def _judge_columns(self) -> None:
        """Test all samples, at the part of the level that is theirs."""
        if not self.samples:
            return
        least = harmonic.least_sum(self.budget.parts.get("columns", 0.0), len(self.samples))
        alone = 1 / least
        decisions = [sample.decide(self.settings, alone) for _, sample in self.samples.values()]
        thresholds = harmonic.thresholds([one.relevant_p_value for one in decisions], least)
        for (name, (column, sample)), decided, threshold in zip(
            self.samples.items(), decisions, thresholds, strict=True
        ):
            alarming = decided.alarming(threshold)
            found = alarming or decided.first
            evidence = found.evidence
            faulty = self.columns[name].verdict is Verdict.DRIFT
            self.columns[name] = ColumnResult(
                name=name,
                kind=column.kind,
                role=column.role,
                verdict=Verdict.DRIFT if alarming or faulty else Verdict.OK,
                test=evidence.test,
                statistic=evidence.statistic,
                p_value=found.p_value,
                threshold=threshold,
                effect=evidence.effect,
                effect_size=evidence.effect_size,
                interval=evidence.interval,
                change=sample.change(evidence.effect) if alarming else None,
            )


def _repeated(values: pa.Array[Any]) -> int:
    """Count the rows whose value an earlier row has; nulls have none."""
    return len(values) - values.null_count - int(pc.count_distinct(values).as_py())


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


def _floats(values: pa.Array[Any]) -> Floats:
    """Return the values as floats, nulls as NaN."""
    if pa.types.is_duration(values.type):
        values = values.cast(pa.int64())
    numbers: Floats = _numpy(values.drop_null().cast(pa.float64(), safe=False))
    if not values.null_count:
        return numbers
    found = np.full(len(values), np.nan)
    found[_numpy(values.is_valid().cast(pa.uint8())) > 0] = numbers
    return found


def _numpy(values: pa.Array[Any]) -> NDArray[Any]:
    # Array.to_numpy() would import pandas, which costs more than the rest of a comparison.
    return np.from_dlpack(values)
