"""The first step: faults of structure, and of each column what its tests need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain

import pyarrow as pa

from drift_checker.comparison.faults import CountTest, changed_share
from drift_checker.comparison.options import ColumnRoles, CompareSettings
from drift_checker.comparison.pairs import ColumnPair, ColumnSample, ComparedTable, TablePair
from drift_checker.errors import BadReferenceError
from drift_checker.profiles import TickCounts
from drift_checker.result import ColumnResult, Fault, Role, Severity, Verdict
from drift_checker.tables import ColumnKind, MismatchError, kind_of


@dataclass(frozen=True, kw_only=True)
class PreparedColumn:
    """A column of the reference, before any test.

    `untested` is its result where no test has one. `pair` is None where the column is not on both
    sides, `sample` where its values are not tested.
    """

    untested: ColumnResult
    faults: tuple[Fault, ...] = ()
    count_tests: tuple[CountTest, ...] = ()
    pair: ColumnPair | None = None
    sample: ColumnSample | None = None


@dataclass(frozen=True)
class Prepared:
    """Both tables, looked at column by column, and not yet judged.

    `batch_faults` are those of the batch as a whole; `columns` are in the order of the reference.
    """

    tables: TablePair
    settings: CompareSettings
    batch_faults: tuple[Fault, ...]
    columns: Mapping[str, PreparedColumn]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the batch, and then with each column, before any test."""
        by_column = (column.faults for column in self.columns.values())
        return (*self.batch_faults, *chain.from_iterable(by_column))

    @property
    def count_tests(self) -> list[CountTest]:
        """The tests of all columns for faults that rows may have by chance."""
        return [test for column in self.columns.values() for test in column.count_tests]

    @cached_property
    def pairs(self) -> dict[str, ColumnPair]:
        """The columns that are on both sides."""
        return {
            name: column.pair for name, column in self.columns.items() if column.pair is not None
        }

    @cached_property
    def samples(self) -> dict[str, ColumnSample]:
        """The values of the columns that are tested."""
        return {
            name: column.sample
            for name, column in self.columns.items()
            if column.sample is not None
        }

    @property
    def target_first(self) -> list[str]:
        """The columns that are tested: target and prediction, then all others."""
        first = ("target", "prediction")
        return sorted(self.samples, key=lambda name: self.columns[name].untested.role not in first)

    @cached_property
    def tick_counts(self) -> TickCounts:
        """What the batch leaves for the sequential statistic of later ticks."""
        counts = {name: sample.tick_counts for name, sample in self.samples.items()}
        return TickCounts(
            reference=self.tables.bins_id,
            rows=self.tables.current.rows,
            numbers={name: each for name, each in counts.items() if isinstance(each, list)},
            categories={name: each for name, each in counts.items() if isinstance(each, dict)},
        )


def prepare(tables: TablePair, settings: CompareSettings) -> Prepared:
    """Look at a batch and at each of its columns.

    Raises:
        BadReferenceError: The reference cannot be used, lacks a column that the settings name, or
            has no column in common with the batch.
    """
    _check_reference(tables.reference, tables.current, settings)
    columns = {name: _prepared(tables, settings, name) for name in tables.reference.names}
    return Prepared(tables, settings, tuple(_batch_faults(tables, settings)), columns)


def _check_reference(
    reference: ComparedTable, current: ComparedTable, settings: CompareSettings
) -> None:
    if reference.faults or not reference.rows:
        detail = reference.faults[0].detail if reference.faults else "it has no rows"
        raise BadReferenceError(f"The reference cannot be used: {detail}.")
    names = reference.names
    listed = ", ".join(map(repr, names))
    if missing := sorted(settings.required_columns() - set(names)):
        wrong = ", ".join(map(repr, missing))
        raise BadReferenceError(f"The reference has no column {wrong}; it has {listed}.")
    arrived = current.names
    if current.rows and not current.faults and not set(names) & set(arrived):
        raise BadReferenceError(
            f"The reference has no column in common with the batch: {listed} "
            f"against {', '.join(map(repr, arrived))}."
        )


def _batch_faults(tables: TablePair, settings: CompareSettings) -> list[Fault]:
    """Return the faults of a batch as a whole, those of its reading first."""
    batch = tables.current
    if batch.unreadable:
        return list(batch.faults)
    structural, found = partial(_fault, Severity.STRUCTURAL, None), list(batch.faults)
    if not batch.rows:
        found.append(structural("empty", "the batch has no rows"))
    elif batch.rows < settings.min_rows:
        detail = f"{batch.rows} rows, at least {settings.min_rows} are needed"
        found.append(structural("too_few_rows", detail))
    expected, extra = set(tables.reference.names), "the reference does not have this column"
    return found + [
        _fault(Severity.NOTE, name, "extra_column", extra)
        for name in batch.names
        if name not in expected
    ]


def _fault(severity: Severity, column: str | None, fault: str, detail: str) -> Fault:
    return Fault(fault=fault, severity=severity, column=column, detail=detail)


def _prepared(tables: TablePair, settings: CompareSettings, name: str) -> PreparedColumn:
    """Bring a column to one kind, look for its faults, and take its sample."""
    batch, role, type_ = tables.current, _role(name, settings.columns), tables.column_type(name)
    result = partial(ColumnResult, name=name, kind=kind_of(type_), role=role)
    structural = partial(_fault, Severity.STRUCTURAL, name)
    if role == "ignored":
        return PreparedColumn(untested=result(verdict=None, reason="ignored by the settings"))
    if batch.unreadable or not batch.rows:
        return PreparedColumn(untested=result(verdict=None, reason="the batch has no rows"))
    if name not in batch.names:
        known = any(fault.column == name for fault in batch.faults)
        return PreparedColumn(
            untested=result(verdict=Verdict.INVALID, reason="missing or there more than once"),
            faults=() if known else (structural("missing_column", "the column is missing"),),
        )
    try:
        pair = tables.column_pair(name)
    except MismatchError as error:
        return PreparedColumn(
            untested=result(verdict=Verdict.INVALID, reason=error.detail),
            faults=(structural(error.fault, error.detail),),
        )
    return _sampled(result(verdict=Verdict.OK), type_, pair)


def _sampled(column: ColumnResult, type_: pa.DataType, pair: ColumnPair) -> PreparedColumn:
    """Look at the rows of a column that is on both sides, and take its sample."""
    name, notes = column.name, _faults_of_role(column, pair)
    tests = [changed_share("nulls", name, "nulls", *pair.nulls)]
    reason = _not_tested(column.kind, column.role, type_)
    sample = None if reason else pair.sample()
    if sample is not None and sample.infinities:
        tests.append(changed_share("not_finite", name, "infinities", *sample.infinities))
        if infinite := sample.infinities[0][0]:
            detail = f"{infinite} infinite values are left out"
            notes.append(_fault(Severity.NOTE, name, "infinities_left_out", detail))
    if sample is not None and all(sample.sizes):
        tests += sample.count_tests(name)
    elif sample is not None:
        reason = f"the {'batch' if sample.sizes[1] else 'reference'} has no values"
        sample = None
    return PreparedColumn(
        untested=column.model_copy(update={"reason": reason}),
        faults=tuple(notes),
        count_tests=tuple(tests),
        pair=pair,
        sample=sample,
    )


def _faults_of_role(column: ColumnResult, pair: ColumnPair) -> list[Fault]:
    """Return what is wrong with the values of an id or a timestamp."""
    note = partial(_fault, Severity.NOTE, column.name)
    if column.role == "timestamp" and column.kind == "timestamp":
        back, times = pair.steps_back
        detail = f"{back} of {times} rows are earlier than the row before"
        return [note("timestamps_out_of_order", detail)] if back else []
    if column.role != "id":
        return []
    repeated = pair.repeated_ids
    if repeated is None:
        detail = "whether ids repeat is not looked at in data of this size"
        return [note("ids_not_checked", detail)]
    # Where the reference says that an id is no two rows', a repeated one is certain.
    detail = f"{repeated[0]} of {repeated[1]} rows repeat the id of another row"
    structural = _fault(Severity.STRUCTURAL, column.name, "duplicate_ids", detail)
    return [structural] if repeated[0] else []


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
