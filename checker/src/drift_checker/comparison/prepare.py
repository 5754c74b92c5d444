"""The first step: faults of structure, and of each column what its tests need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from drift_checker.comparison.faults import CountTest, changed_share, tick_shares
from drift_checker.comparison.options import ColumnRoles, CompareSettings
from drift_checker.comparison.pairs import ColumnPair, TablePair
from drift_checker.comparison.samples import ColumnSample
from drift_checker.errors import BadReferenceError
from drift_checker.profiles import TickCounts
from drift_checker.result import ColumnResult, Compared, Fault, Role, Severity, Verdict
from drift_checker.tables import ColumnReading, MismatchError, raise_for_faults

_SHOWN_REASONS = 3
"""Columns of which it is said why they were not compared, where none was."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Both tables, looked at column by column, and not yet judged.

    `columns` has of each column of the reference the result that stays where no test has one, in
    the order of the reference; `pairs` those that are in both tables, `samples` those of which the
    values are tested. `count_tests` are of faults that rows may have by chance.
    """

    tables: TablePair
    settings: CompareSettings
    faults: Sequence[Fault]
    compared: Compared
    columns: Mapping[str, ColumnResult]
    count_tests: Sequence[CountTest]
    pairs: Mapping[str, ColumnPair]
    samples: Mapping[str, ColumnSample]

    @property
    def target_first(self) -> list[str]:
        """The columns that are tested: target and prediction, then all others."""
        first = ("target", "prediction")
        return sorted(self.samples, key=lambda name: self.columns[name].role not in first)

    @cached_property
    def tick_counts(self) -> TickCounts:
        """What the batch leaves for the sequential statistic of later ticks."""
        counts = {name: sample.tick_counts for name, sample in self.samples.items()}
        return TickCounts(
            reference=self.tables.bins_id,
            rows=self.tables.current.rows,
            numbers={name: each for name, each in counts.items() if isinstance(each, list)},
            categories={name: each for name, each in counts.items() if isinstance(each, dict)},
            shares=tick_shares(self.count_tests),
        )


@dataclass(frozen=True)
class _Column:
    """A column before any test: its result where no test has one, and what its tests need."""

    result: ColumnResult
    faults: Sequence[Fault] = ()
    count_tests: Sequence[CountTest] = ()
    pair: ColumnPair | None = None
    sample: ColumnSample | None = None


def prepare(tables: TablePair, settings: CompareSettings) -> Prepared:
    """Look at a batch and at each of its columns.

    Raises:
        BadReferenceError: The reference cannot be used, or lacks a column that the settings name.
    """
    _check_reference(tables, settings)
    columns = [_prepared(tables, settings, reading) for reading in tables.readings.values()]
    faults = [*tables.current.faults, *_batch_faults(tables, settings)]
    faults += [fault for column in columns for fault in column.faults]
    compared = _compared(tables, columns)
    if not (compared.columns or any(each.severity is Severity.STRUCTURAL for each in faults)):
        faults.append(_nothing_compared(columns))
    return Prepared(
        tables=tables,
        settings=settings,
        faults=faults,
        compared=compared,
        columns={column.result.name: column.result for column in columns},
        count_tests=[test for column in columns for test in column.count_tests],
        pairs={column.result.name: column.pair for column in columns if column.pair is not None},
        samples={column.result.name: column.sample for column in columns if column.sample},
    )


def _compared(tables: TablePair, columns: Sequence[_Column]) -> Compared:
    """Count the columns of the reference whose values are tested, or those of what they are."""
    sources = {name: reading.source for name, reading in tables.readings.items()}
    ignored = {column.result.name for column in columns if column.result.role == "ignored"}
    tested = {sources[column.result.name] for column in columns if column.sample}
    return Compared(columns=len(tested), of=len(set(sources.values()) - ignored))


def _nothing_compared(columns: Sequence[_Column]) -> Fault:
    """Say that no column was compared, and why not the first of them."""
    reasons = [f"{each.result.name!r}: {each.result.reason}" for each in columns]
    shown = "; ".join(reasons[:_SHOWN_REASONS])
    more = f"; and {len(reasons) - _SHOWN_REASONS} more" if len(reasons) > _SHOWN_REASONS else ""
    detail = f"none of {len(columns)} columns was compared ({shown}{more})"
    return _fault(Severity.STRUCTURAL, None, "nothing_compared", detail)


def _check_reference(tables: TablePair, settings: CompareSettings) -> None:
    reference = tables.reference
    raise_for_faults(reference.faults)
    if not reference.rows:
        raise BadReferenceError("The reference cannot be used: it has no rows.")
    listed = ", ".join(map(repr, reference.names))
    if missing := sorted(settings.required_columns() - set(reference.names)):
        wrong = ", ".join(map(repr, missing))
        raise BadReferenceError(f"The reference has no column {wrong}; it has {listed}.")


def _batch_faults(tables: TablePair, settings: CompareSettings) -> Iterator[Fault]:
    """Yield what is wrong with a batch as a whole, besides what was when it was read."""
    batch, expected = tables.current, set(tables.reference.names)
    if batch.unreadable:
        return
    if not batch.rows:
        yield _fault(Severity.STRUCTURAL, None, "empty", "the batch has no rows")
    elif batch.rows < settings.min_rows:
        detail = f"{batch.rows} rows, at least {settings.min_rows} are needed"
        yield _fault(Severity.STRUCTURAL, None, "too_few_rows", detail)
    for name in batch.names:
        if name not in expected:
            detail = "the reference does not have this column"
            yield _fault(Severity.NOTE, name, "extra_column", detail)


def _fault(severity: Severity, column: str | None, fault: str, detail: str) -> Fault:
    return Fault(fault=fault, severity=severity, column=column, detail=detail)


def _prepared(tables: TablePair, settings: CompareSettings, reading: ColumnReading) -> _Column:
    """Bring a column to one kind, look for its faults, and take its sample."""
    name, batch, role = reading.name, tables.current, _role(reading, settings.columns)
    result = partial(
        ColumnResult,
        name=name,
        kind=reading.kind,
        role=role,
        parse=reading.form_words or None,
        why=reading.why or None,
    )
    structural = partial(_fault, Severity.STRUCTURAL, name)
    if role == "ignored":
        return _Column(result(verdict=None, reason="ignored by the settings"))
    if batch.unreadable or not batch.rows:
        return _Column(result(verdict=None, reason="the batch has no rows"))
    if reading.source not in batch.names:
        repeated = reading.feature or any(fault.column == name for fault in batch.faults)
        return _Column(
            result(verdict=Verdict.INVALID, reason="missing or there more than once"),
            () if repeated else [structural("missing_column", "the column is missing")],
        )
    try:
        pair = tables.column_pair(name)
    except MismatchError as error:
        return _Column(
            result(verdict=Verdict.INVALID, reason=error.detail),
            # Of a column that is derived, it is said of the one that it is derived from.
            [] if reading.feature else [structural(error.fault, error.detail)],
        )
    return _sampled(result(verdict=Verdict.OK), reading, pair, settings)


def _sampled(
    result: ColumnResult, reading: ColumnReading, pair: ColumnPair, settings: CompareSettings
) -> _Column:
    """Look at the rows of a column that is in both tables, and take its sample."""
    name, notes = result.name, [*_role_faults(result, pair)]
    floors = settings.floors_of(name)
    tests = (
        []
        if reading.feature
        else [changed_share("nulls", name, "nulls", *pair.nulls, floors=floors)]
    )
    reason = _reason_untested(result.role, reading)
    sample = None if reason else pair.sample
    if sample and sample.infinities:
        shares = sample.infinities
        tests.append(changed_share("not_finite", name, "infinities", *shares, floors=floors))
        if infinite := sample.infinities[0][0]:
            detail = f"{infinite} infinite values are left out"
            notes.append(_fault(Severity.NOTE, name, "infinities_left_out", detail))
    if sample and all(sample.sizes):
        tests += sample.count_tests(name, floors)
    elif sample:
        reason = f"the {'batch' if sample.sizes[1] else 'reference'} has no values"
        sample = None
    return _Column(result.model_copy(update={"reason": reason}), notes, tests, pair, sample)


def _role_faults(column: ColumnResult, pair: ColumnPair) -> Iterator[Fault]:
    """Yield what is wrong with the values of an id or a timestamp."""
    if column.role == "timestamp" and column.kind == "timestamp":
        back, times = pair.steps_back
        if back:
            detail = f"{back} of {times} rows are earlier than the row before"
            yield _fault(Severity.NOTE, column.name, "timestamps_out_of_order", detail)
    if column.role == "id":
        repeated = pair.repeated_ids
        if repeated is None:
            of_what = "nested values" if column.kind in {"other", "vector"} else "data of this size"
            detail = f"whether ids repeat is not looked at in {of_what}"
            yield _fault(Severity.NOTE, column.name, "ids_not_checked", detail)
        # Where the reference says that an id is no two rows', a repeated one is certain.
        elif repeated[0]:
            detail = f"{repeated[0]} of {repeated[1]} rows repeat the id of another row"
            yield _fault(Severity.STRUCTURAL, column.name, "duplicate_ids", detail)


def _role(reading: ColumnReading, roles: ColumnRoles) -> Role:
    name = reading.source
    # Of several roles, the last counts.
    by_name: dict[str | None, Role] = {roles.id: "id", roles.prediction: "prediction"}
    by_name |= {roles.target: "target", roles.timestamp: "timestamp"}
    return "ignored" if name in roles.ignore else by_name.get(name, "feature")


def _reason_untested(role: Role, reading: ColumnReading) -> str:
    """Say why a column's values are not tested, or nothing."""
    if reading.kind == "timestamp":
        return "a point in time"
    return f"the role is {role}" if role in {"id", "timestamp"} else reading.untested
