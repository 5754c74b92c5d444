"""Of which kind the columns of a reference are, inferred from their types, values and names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.errors import BadReferenceError
from drift_checker.tables.arrays import as_numpy, from_floats, from_texts, in_one, joined, to_floats
from drift_checker.tables.batch import MIXED_TYPE, Batch
from drift_checker.tables.columns import (
    ColumnReading,
    DeclaredKind,
    Features,
    ReadingSettings,
    describe_mixed,
    matches_format,
)
from drift_checker.tables.types import (
    describe_type,
    is_text,
    kind_of,
    type_words,
)

if TYPE_CHECKING:
    from drift_checker.tables.time_text import TimeForm

GUESS_ROWS = 1 << 16
"""The first rows of a reference, by which it is told what a column looks like."""
_MIN_GUESS_ROWS = 20
"""Values below which nothing is guessed."""
_FEW = 200
"""Whole numbers among which most columns have a tie already, and so are no ids."""
_FIRST_VALUES = 20
_NO_WORDS = frozenset({"na", "nan", "nat", "null", "none", "nil", "missing", "blank"})
_NO_WORDS |= {"inf", "infinity", "true", "false"}
"""What stands for no value, for a number or a boolean."""
_PLACES, _AT_A_PLACE = 10, 50
_LOOKED_AT, _PLAIN_NUMBER = 256, r"^\s*[+-]?(0|[1-9][0-9]*)([.,][0-9]+)?\s*$"
_DECLARED = "declared by columns.kinds:"
_FIRST_MONTH = 190_001
"""No whole number below this one is taken for a date."""


def infer_readings(reference: Batch, settings: ReadingSettings) -> dict[str, ColumnReading]:
    """Return how each column of a reference is read, with those that are derived, by their names.

    Raises:
        BadReferenceError: Values of a column are of several types, or not what the settings say.
    """
    columns = {name: in_one(reference.table.column(name)) for name in reference.names}
    readings = readings_by_values(
        columns,
        untyped=reference.untyped,
        settings=settings,
        partition_keys=reference.partition_keys,
    )
    return {reading.name: reading for reading in readings}


def readings_by_values(
    columns: Mapping[str, pa.Array[Any]],
    possible: Mapping[str, tuple[ColumnReading, ...]] = MappingProxyType({}),
    *,
    untyped: bool,
    settings: ReadingSettings,
    partition_keys: Collection[str],
    most: int | None = None,
) -> list[ColumnReading]:
    """Return how columns are read, with those that are derived from each, by all of their values.

    By the first of them alone where there are `most` values: then `possible` has how all values of
    a column may be read, of those of which it is known.

    Raises:
        BadReferenceError: As `infer_readings`.
    """
    ways = {
        name: possible[name]
        if name in possible
        else possible_readings(name, column, untyped=untyped, settings=settings)
        for name, column in columns.items()
    }
    decimal = decimal_sign(ways.values())
    if untyped and (markers := _markers(columns, ways)):
        ways = {
            name: tuple(_without_markers(each, markers, settings) for each in possible)
            for name, possible in ways.items()
        }
    settled = (
        settle(
            choose(ways[name], decimal) if ways[name] else _without_values(name, settings),
            column,
            untyped=untyped,
            settings=settings,
            partition=name in partition_keys,
            whole=most is None or len(column) < most,
        )
        for name, column in columns.items()
    )
    return [reading for readings in settled for reading in readings]


def _without_values(name: str, settings: ReadingSettings) -> ColumnReading:
    """Return how text is read of which the reference has no value."""
    return ColumnReading(
        name=name, source=name, kind="categorical", type=pa.string(), missing=settings.missing
    )


def possible_readings(
    name: str, column: pa.Array[Any], *, untyped: bool, settings: ReadingSettings
) -> tuple[ColumnReading, ...]:
    """Return how a column of the reference may be read by these values of it, the best way first.

    There are none where text has no values. Those of a whole column are those that all parts of it
    have in common, but for what `settle` finds out.

    Raises:
        BadReferenceError: Its values are not of the kind that the settings say.
    """
    declared = settings.kinds.get(name)
    base = ColumnReading(
        name=name,
        source=name,
        kind=kind_of(column.type),
        type=column.type,
        missing=settings.missing,
        codes=declared == "categorical" or name in settings.identifiers,
    )
    values = column if name in settings.ignored else base.plain(column)
    mixed = column.type == MIXED_TYPE
    base = replace(
        base,
        kind=kind_of(values.type if mixed else column.type),
        type=values.type,
        codes=base.codes and is_text(values.type),
        why=f"stored as {type_words(values.type if mixed else column.type)}",
    )
    if name in settings.ignored:
        return (base,)
    if values.type == MIXED_TYPE:
        raise BadReferenceError(
            f"The reference cannot be used: column {name!r} has {describe_mixed(values)}; name "
            "what stands for no value in columns.missing, say that it is codes by "
            f"`columns.kinds: {{{name}: categorical}}`, or name it in columns.ignore"
        )
    if declared:
        base = replace(base, why=f"{_DECLARED} {declared}")
    format_ = settings.formats.get(name)
    if not is_text(values.type):
        return _declared(base, values, declared, format_)
    values = base.without_missing(values)
    if values.null_count == len(values):
        return ()
    if base.codes or declared == "text":
        if declared == "categorical" and untyped and _all_booleans(values):
            base = replace(base, type=pa.bool_(), codes=False)
        return (replace(base, kind="text" if declared == "text" else "categorical"),)
    found = _text_readings(base, values, format_, untyped=untyped or declared == "numeric")
    if declared:
        found = tuple(reading for reading in found if reading.kind == declared)
        if not found:
            example = _example_unlike(declared, values)
            raise BadReferenceError(
                f"columns.kinds: {name!r} is declared {declared}, and not all of its values are, "
                f"such as {example!r}; name what stands for no value in columns.missing, or its "
                "form in columns.formats"
            )
    return found


def _example_unlike(kind: DeclaredKind, texts: pa.Array[Any]) -> str:
    """Return a text that is not of a kind."""
    from drift_checker.tables.number_text import NumberForm  # noqa: PLC0415  # of text alone

    unlike = texts.filter(NumberForm().parse(texts)[1]) if kind == "numeric" else texts.drop_null()
    return str((unlike if len(unlike) else texts.drop_null())[0])


def _declared(
    base: ColumnReading,
    values: pa.Array[Any],
    declared: DeclaredKind | None,
    format_: str | None,
) -> tuple[ColumnReading, ...]:
    """Return how values that are no text are read."""
    may_be_times = declared in {None, "timestamp"} and pa.types.is_integer(values.type)
    if may_be_times and format_ is not None and "%" in format_:
        return (_reading_of_format(base, base.without_missing(values), format_),)
    if declared is None or declared == base.kind:
        return (base,)
    scalar = base.kind in {"numeric", "categorical", "timestamp"}
    if declared == "categorical" and scalar:
        return (replace(base, kind="categorical"),)
    if declared == "numeric" and kind_of(values.type) == "numeric":
        return (replace(base, kind="numeric"),)
    if declared == "timestamp" and kind_of(values.type) == "numeric":
        form = _time_form_of_numbers(values)
        if form is not None:
            return (replace(base, kind="timestamp", form=form),)
    raise BadReferenceError(
        f"columns.kinds: {base.name!r} is declared {declared}, and has values of the type "
        f"{values.type}"
    )


def _text_readings(
    base: ColumnReading, texts: pa.Array[Any], format_: str | None, *, untyped: bool
) -> tuple[ColumnReading, ...]:
    """Return what the values of text may be, the most that they can be first."""
    if format_ is None and _is_only_text(texts):
        return (base,)
    from drift_checker.tables.number_text import read_numbers  # noqa: PLC0415  # of text alone
    from drift_checker.tables.time_text import time_forms  # noqa: PLC0415

    if format_ is not None and "%" in format_:
        return (_reading_of_format(base, texts, format_),)
    times = time_forms(texts)
    numbers, values = read_numbers(texts) if not times else ((), None)
    # Whole numbers that are stored as text were meant as text.
    if values is not None and not untyped and format_ is None and pa.types.is_integer(values.type):
        numbers = () if "numbers" in {form.words for form in numbers} else numbers
    if format_ is not None:
        times = tuple(form for form in times if matches_format(form, format_))
        numbers = tuple(form for form in numbers if matches_format(form, format_))
        if not times and not numbers:
            raise _not_of_format(base.name, format_, texts)
    readings = [
        *(replace(base, kind="timestamp", type=pa.timestamp("us"), form=form) for form in times),
        *(replace(base, kind="numeric", type=pa.float64(), form=form) for form in numbers),
    ]
    if untyped and format_ is None and _all_booleans(texts):
        readings.append(replace(base, type=pa.bool_()))
    return (*readings, base)


def _reading_of_format(base: ColumnReading, values: pa.Array[Any], format_: str) -> ColumnReading:
    """Return how dates and times are read of which the settings say how they are written."""
    from drift_checker.tables.time_text import TimeForm  # noqa: PLC0415  # of few columns

    form = TimeForm(format_, zoned="%z" in format_)
    _, bad = form.parse(values)
    if pc.any(bad).as_py():
        raise _not_of_format(base.name, format_, values.filter(bad))
    why = f"declared by columns.formats: {format_}"
    return replace(base, kind="timestamp", type=pa.timestamp("us"), form=form, why=why)


def _not_of_format(name: str, format_: str, values: pa.Array[Any]) -> BadReferenceError:
    return BadReferenceError(
        f"columns.formats: {name!r} is said to be written as {format_}, and not all of its values "
        f"are; there is {str(values.drop_null()[0])!r}. Name what stands for no value in "
        "columns.missing"
    )


def _is_only_text(texts: pa.Array[Any]) -> bool:
    """Return whether one of the first values is a word, so that they are no numbers and no times.

    Most columns are told by that, without what reads the others.
    """
    first = map(str, texts.slice(0, _FIRST_VALUES).drop_null())
    return any(len(text) > 1 and text.isalpha() and text.lower() not in _NO_WORDS for text in first)


def choose(possible: Sequence[ColumnReading], decimal: str | None) -> ColumnReading:
    """Return the way in which a column is read, of those in which all of its values can be.

    `decimal` is the decimal sign of other columns, which decides where the values do not.
    """
    first = possible[0]
    forms = [each.form for each in possible if each.kind == first.kind and each.form is not None]
    if not forms:
        return first
    from drift_checker.tables.number_text import choose_number_form  # noqa: PLC0415  # of text alone
    from drift_checker.tables.time_text import TimeForm, choose_time_form  # noqa: PLC0415

    times = [form for form in forms if isinstance(form, TimeForm)]
    numbers = [form for form in forms if not isinstance(form, TimeForm)]
    form = choose_time_form(times) if times else choose_number_form(numbers, decimal)
    if form is None:  # of dates, of which nobody can tell the day from the year
        return possible[-1]
    declared = first.why.startswith(_DECLARED)
    return replace(first, form=form, why=first.why if declared else f"all values are {form.words}")


def decimal_sign(columns: Iterable[Sequence[ColumnReading]]) -> str | None:
    """Return the decimal sign of those columns in which there is no doubt, if it is one."""
    signs = set()
    for possible in columns:
        forms = [each.form for each in possible if each.kind == "numeric" and each.form]
        found = {form.decimal for form in forms if hasattr(form, "decimal")}
        signs |= found if len(found) == 1 and possible[0].kind == "numeric" else set()
    return signs.pop() if len(signs) == 1 else None


def _markers(
    columns: Mapping[str, pa.Array[Any]], ways: Mapping[str, Sequence[ColumnReading]]
) -> tuple[str, ...]:
    """Return what stands for no value among the numbers and times of a file without types.

    The same stands for no value among its words: who writes `NA` for a missing number writes it
    for a missing name too.
    """
    from drift_checker.tables.number_text import markers_of  # noqa: PLC0415  # of text alone

    found: set[str] = set()
    for name, possible in ways.items():
        if possible and possible[0].form is not None and is_text(columns[name].type):
            found |= markers_of(columns[name].slice(0, GUESS_ROWS))
    return tuple(sorted(found))


def _without_markers(
    reading: ColumnReading, markers: tuple[str, ...], settings: ReadingSettings
) -> ColumnReading:
    """Return how words are read where markers are no value, unless a setting says its kind."""
    if reading.kind != "categorical" or not is_text(reading.type) or reading.name in settings.kinds:
        return reading
    if reading.name in settings.ignored | settings.identifiers:
        return reading
    why = f"{reading.why}, with {', '.join(map(repr, markers))} for no value as among the numbers"
    return replace(reading, missing=(*reading.missing, *markers), why=why)


def settle(
    reading: ColumnReading,
    column: pa.Array[Any],
    *,
    untyped: bool,
    settings: ReadingSettings,
    partition: bool = False,
    whole: bool = True,
) -> list[ColumnReading]:
    """Say of a reading what its values in the reference look like, all of them or the first.

    `partition` says that the column is a name of folders, `whole` that these are all its values: of
    some alone it is not said that no text comes twice. The list begins with the column itself,
    which those follow that are derived from it.
    """
    name = reading.name
    if name in settings.ignored:
        return [reading]
    if partition and name not in settings.kinds:
        return [replace(reading, untested="the name of a folder (a partition key): not tested")]
    if name in settings.tested and reading.kind in {"numeric", "timestamp"}:
        return [reading]
    values = reading.read(column, untyped=untyped)
    if name in settings.identifiers:
        codes = reading.codes and values.null_count < len(values)
        return [replace(reading, digits=_width_of_codes(values)) if codes else reading]
    settled = [reading]
    match "other" if values.null_count == len(values) else reading.kind:
        case "numeric" if name not in settings.kinds:
            settled = [_settle_numbers(reading, values)]
        case "categorical" if is_text(reading.type):
            settled = _settle_text(
                reading, values, settings, may_be_id=whole and name not in settings.tested
            )
        case "text":
            settled = _with_features(reading, _fit_text(values))
        case "vector":
            settled = _with_features(reading, _fit_vectors(values))
        case "other" if reading.kind in {"other", "text", "vector"}:
            settled = [replace(reading, untested=_why_not_compared(reading))]
    return settled


def _why_not_compared(reading: ColumnReading) -> str:
    if reading.kind == "other":
        return f"{describe_type(reading.type)} are not compared"
    return "the reference has no values"


def _settle_numbers(reading: ColumnReading, values: pa.Array[Any]) -> ColumnReading:
    """Look for times and ids among whole numbers, however they are stored."""
    whole = _whole_numbers(values)
    if whole is None or pa.types.is_duration(reading.type):
        return reading
    if len(whole) < _MIN_GUESS_ROWS:
        return reading
    form = None
    if pc.min(whole).as_py() >= _FIRST_MONTH:
        form = _time_form_of_numbers(whole)
    if form is not None:
        why = f"all values are {form.words}"
        return replace(reading, kind="timestamp", form=form, why=why)
    if not np.all(np.diff(np.sort(as_numpy(whole.slice(0, _FEW))))):
        return reading
    from drift_checker.tables.guesses import guess_integers  # noqa: PLC0415  # of few columns

    return _guessed(reading, guess_integers(reading.name, whole), "numeric")


def _settle_text(
    reading: ColumnReading, values: pa.Array[Any], settings: ReadingSettings, *, may_be_id: bool
) -> list[ColumnReading]:
    """Look for codes with leading zeros, free text and ids."""
    reading = replace(reading, digits=_width_of_codes(values))
    if reading.name in settings.kinds:
        return [reading]
    if not reading.digits:
        reading = replace(reading, why=reading.why + _words_among_numbers(values))
    if _repeats(values):
        return [reading]
    from drift_checker.tables.free_text import looks_like_free_text  # noqa: PLC0415  # of such text alone
    from drift_checker.tables.guesses import guess_text  # noqa: PLC0415

    if looks_like_free_text(values):
        reading = replace(reading, kind="text", why="many different texts of several words")
        return _with_features(reading, _fit_text(values))
    may_be_id = may_be_id and len(values) - values.null_count >= _MIN_GUESS_ROWS
    return [_guessed(reading, guess_text(values) if may_be_id else "", "categorical")]


def _words_among_numbers(texts: pa.Array[Any]) -> str:
    """Say so where most of the first values are numbers: a few others make all of them text."""
    head = texts.slice(0, _LOOKED_AT).drop_null()
    others = head.filter(pc.invert(pc.match_substring_regex(head, _PLAIN_NUMBER)))
    if not 0 < len(others) < len(head) / 2:
        return ""
    return (
        f": most of its values are numbers, and others are not, such as {str(others[0])!r}; name "
        "what stands for no value in columns.missing"
    )


def _repeats(texts: pa.Array[Any]) -> bool:
    """Return whether most of some values come twice: they are neither ids nor free text."""
    step = max(1, len(texts) // _PLACES)
    size = min(step, _AT_A_PLACE)  # so that no value is looked at twice
    parts = [texts.slice(first, size) for first in range(0, len(texts), step)]
    some = joined(parts)
    return len(some) >= _AT_A_PLACE and pc.count_distinct(some).as_py() < len(some) / 2


def _guessed(reading: ColumnReading, guess: str, kind: str) -> ColumnReading:
    if not guess:
        return reading
    way_out = f"have it tested by `columns.kinds: {{{reading.name}: {kind}}}`"
    return replace(
        reading,
        untested=f"looks like {guess}, and is not tested; name it in `columns.id` or "
        f"`columns.ignore`, or {way_out}",
    )


def _with_features(reading: ColumnReading, features: Features | str) -> list[ColumnReading]:
    """Return a column with those that are derived from it."""
    if isinstance(features, str):
        return [replace(reading, untested=f"not compared: {features}")]
    derived = [
        ColumnReading(
            name=f"{reading.name}: {feature}",
            source=reading.source,
            kind="numeric",
            type=pa.float64(),
            missing=reading.missing,
            why=f"derived from {reading.name}",
            features=features,
            feature=feature,
        )
        for feature in features.names
    ]
    untested = f"compared by {len(derived)} derived columns"
    return [replace(reading, untested=untested, features=features), *derived]


def _fit_text(texts: pa.Array[Any]) -> Features | str:
    from drift_checker.tables.free_text import fit_text  # noqa: PLC0415  # of text alone

    return fit_text(texts)


def _fit_vectors(vectors: pa.Array[Any]) -> Features | str:
    from drift_checker.tables.vectors import fit_vectors  # noqa: PLC0415  # of vectors alone

    return fit_vectors(vectors)


def _whole_numbers(values: pa.Array[Any]) -> pa.Array[Any] | None:
    """Return the values as integers where none of them has a fraction."""
    if pa.types.is_integer(values.type):
        return values.drop_null()
    if not pa.types.is_floating(values.type):
        return None
    numbers = to_floats(values)
    numbers = numbers[~np.isnan(numbers)]
    if not np.all(np.floor(numbers) == numbers) or np.abs(numbers).max(initial=0) > 1 << 53:
        return None
    return from_floats(numbers).cast(pa.int64())


def _time_form_of_numbers(values: pa.Array[Any]) -> TimeForm | None:
    """Return the form of dates that whole numbers are written in, such as YYYYMMDD."""
    from drift_checker.tables.time_text import integer_time_form  # noqa: PLC0415  # of whole numbers

    return integer_time_form(values)


def _width_of_codes(texts: pa.Array[Any]) -> int:
    """Return how many digits codes have of which some begin with 0; 1 if not all have as many."""
    present = texts.drop_null()
    if (
        not str(present[0]).isdigit()
        or not pc.all(pc.match_substring_regex(present, "^[0-9]+$")).as_py()
    ):
        return 0
    if not pc.any(pc.match_substring_regex(present, "^0[0-9]")).as_py():
        return 0
    width = len(str(present[0]))
    return width if pc.all(pc.match_substring_regex(present, f"^.{{{width}}}$")).as_py() else 1


def _all_booleans(texts: pa.Array[Any]) -> bool:
    words = pc.utf8_lower(pc.utf8_trim_whitespace(texts.drop_null()))
    return bool(pc.all(pc.is_in(words, from_texts(["true", "false"]))).as_py())
