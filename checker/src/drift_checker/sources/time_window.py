"""Which rows are in the window of a tick, by a column of times of whatever type.

Times without a zone are UTC, dates their midnight, and a row without a time is in no window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute
import pyarrow.dataset as ds

from drift_checker.sources.request import Window
from drift_checker.tables import UnreadableError, is_text

if TYPE_CHECKING:
    from drift_checker.tables.time_text import TimeForm

pc: Any = pyarrow.compute
_Times: TypeAlias = "pa.ChunkedArray[Any]"

_MOMENT = pa.timestamp("us")
_MISSING = r"^\s*(NA|N/A|NaT|NaN|nan|null|NULL|None)?\s*$"
_ZONE = r"(Z|[+-]\d\d(:?\d\d)?)$"
# Numbers between 1990 and 2100 are in one of these ranges only, whatever they count since 1970.
_FIRST, _LAST = 631_152_000, 4_102_444_800
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAYS = (19_900_101, 21_001_231)
"""Days written as one number: YYYYMMDD."""


class NoTimesError(Exception):
    """A column holds no times, and cannot tell which rows are in a window."""


def filter_of(type_: pa.DataType, name: str, window: Window) -> ds.Expression | None:
    """Say in Arrow's words that a row is in a window; None where its type allows no such words.

    By it row groups and rows are left out in reading.
    """
    at: Any = ds.field(name)
    if pa.types.is_date(type_):
        at, type_ = at.cast(_MOMENT), _MOMENT
    elif not pa.types.is_timestamp(type_):
        return None
    start, end = (_scalar(moment, type_.tz) for moment in window)
    in_window: ds.Expression = (at >= start) & (at < end)
    return in_window


def rows_in_window(times: _Times, window: Window, form: TimeForm | None = None) -> _Times:
    """Return which rows are in a window (rows,), false where there is no time.

    `form` is how text is written that is not in ISO 8601.

    Raises:
        NoTimesError: The column is of another type.
        UnreadableError: A value is no time.
    """
    found = moments(times, form)
    start, end = (_scalar(moment, None) for moment in window)
    inside: Any = pc.and_(pc.greater_equal(found, start), pc.less(found, end))
    rows: _Times = pc.fill_null(inside, fill_value=False)
    return rows


def form_of(columns: Iterable[_Times]) -> TimeForm:
    """Return how the times of a column are written that are not in ISO 8601, of all its chunks.

    Raises:
        NoTimesError: No value tells the day from the month.
        UnreadableError: They are not times, or not all written alike.
    """
    from drift_checker.tables.time_text import (  # noqa: PLC0415  # seldom needed
        choose_time_form,
        time_forms,
    )

    left: Sequence[TimeForm] | None = None
    for column in columns:
        texts: Any = _plain(column).combine_chunks()
        missing = pc.fill_null(pc.match_substring_regex(texts, _MISSING), fill_value=True)
        if pc.all(missing).as_py() is not False:
            continue
        forms = time_forms(texts)
        orders = {form.order for form in forms}
        left = forms if left is None else [form for form in left if form.order in orders]
    form = choose_time_form(left or ())
    if form is None:
        raise UnreadableError("not all values are times, or they are not all written alike")
    if form.ambiguous:
        raise NoTimesError(
            "has dates that may be day first or month first, and no value tells which; "
            "write them as YYYY-MM-DD"
        )
    return form


def _plain(times: _Times) -> _Times:
    """Return values without runs and dictionaries."""
    type_ = times.type
    if pa.types.is_run_end_encoded(type_):
        chunks = [pc.run_end_decode(chunk) for chunk in times.chunks]
        return pa.chunked_array(chunks, type_.value_type)
    return times.cast(type_.value_type) if pa.types.is_dictionary(type_) else times


def _scalar(moment: datetime, zone: str | None) -> Any:
    """A moment in UTC as Arrow has it, with a zone or without any."""
    micros = pa.scalar(round(moment.timestamp() * 1_000_000), pa.int64())
    return micros.cast(pa.timestamp("us", tz=zone))


def moments(times: _Times, form: TimeForm | None = None) -> _Times:
    """Return times in UTC, in microseconds and without a zone.

    Raises:
        NoTimesError: The column is of another type.
        UnreadableError: A value is no time.
    """
    times = _plain(times)
    type_ = times.type
    if pa.types.is_timestamp(type_):
        zoned = times.cast(pa.timestamp("us", type_.tz), safe=False)
        return zoned.cast(pa.timestamp("us", "UTC")).cast(_MOMENT) if type_.tz else zoned
    if pa.types.is_date(type_) or pa.types.is_null(type_):
        return times.cast(_MOMENT)
    if is_text(type_):
        return _parsed(times) if form is None else _of_form(times, form)
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return _counted(times)
    raise NoTimesError(f"has the type {type_}, no time")


def _of_form(texts: _Times, form: TimeForm) -> _Times:
    found, wrong = form.parse(texts.combine_chunks())
    if pc.any(wrong).as_py():
        example = pc.first(pc.filter(texts.combine_chunks(), wrong))
        raise UnreadableError(f"not all values are times, such as {str(example)!r}")
    return pa.chunked_array([found.cast(pa.timestamp("us", "UTC")).cast(_MOMENT)])


def _counted(times: _Times) -> _Times:
    """Read numbers that count since 1970, where all are certain to count the same."""
    bounds = pc.min_max(pc.drop_null(times)).as_py()
    low, high = bounds["min"], bounds["max"]
    if low is None:
        return pa.chunked_array([pa.nulls(len(times), _MOMENT)])
    if _DAYS[0] <= low <= high <= _DAYS[1] and pa.types.is_integer(times.type):
        return _parsed(times.cast(pa.string()))
    for each in _PER_SECOND.values():
        if _FIRST * each <= low <= high <= _LAST * each:
            micros = pc.multiply(times.cast(pa.float64(), safe=False), 1_000_000 / each)
            if pa.types.is_integer(times.type):
                micros = _whole_micros(times.cast(pa.int64()), each)
            found: _Times = pc.floor(micros).cast(pa.int64()).cast(_MOMENT)
            return found
    raise NoTimesError(
        f"has the type {times.type}, no time: its numbers from {low} to {high} are neither days "
        "(YYYYMMDD) nor seconds, milli-, micro- or nanoseconds since 1970"
    )


def _whole_micros(times: _Times, per_second: int) -> Any:
    if per_second == _PER_SECOND["ns"]:
        return pc.divide(times, 1000)
    return pc.multiply(times, _PER_SECOND["us"] // per_second)


def _parsed(texts: _Times) -> _Times:
    """Read text, of which each value may have a zone or none."""
    texts = texts.cast(pa.string())
    for type_ in (_MOMENT, pa.timestamp("us", "UTC")):
        try:
            return texts.cast(type_).cast(_MOMENT)
        except pa.ArrowInvalid:
            continue
    present = pc.if_else(pc.match_substring_regex(texts, _MISSING), None, texts)
    tidy: Any = pc.utf8_trim_whitespace(present)
    for pattern, replacement in (
        (r"^(\d{4})[/.]?(\d\d)[/.]?(\d\d)([T ]|$)", r"\1-\2-\3\4"),
        (r"([T ]\d\d)(\d\d)(\d\d)?(\D|$)", r"\1:\2:\3\4"),
        (r":([^\d]|$)", r"\1"),
        (r"[.,](\d{1,6})\d*", r".\1"),
        (r" ?(UTC|GMT|Z|z|[+-]00:?00)$", "Z"),
        (r" ([+-]\d\d:?\d\d)$", r"\1"),
    ):
        tidy = pc.replace_substring_regex(tidy, pattern, replacement)
    zoned = pc.match_substring_regex(tidy, rf"[T ]\d\d.*{_ZONE}")
    try:
        local = pc.if_else(zoned, None, tidy).cast(_MOMENT)
        utc = pc.if_else(zoned, tidy, None).cast(pa.timestamp("us", "UTC")).cast(_MOMENT)
    except pa.ArrowInvalid as error:
        raise UnreadableError(f"not all values are times: {error}") from error
    found: _Times = pc.coalesce(local, utc)
    return found
