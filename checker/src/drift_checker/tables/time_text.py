"""Dates and times as people write them in text: which form a column's are of, and their values.

As with numbers (see `number_text`), a form is found from the whole column, or intersected over
its chunks, and only where every value that is not missing is of it. Numbers may be times too:
`20251231`, or seconds since 1970; of text that is digits only, ask for times before numbers.

Arrow's own `strptime` is not used: it reads 30/02/2025 as the 2nd of March. Its cast reads ISO
8601 without a zone only, with six digits of a second at most.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from drift_checker.decision import Bools, Ints
from drift_checker.tables.arrays import as_numpy
from drift_checker.tables.number_text import as_mask, as_texts, boolean_array, without_missing

_HEAD = 256
"""Values from which the possible forms are guessed, before all values are tried."""
_BLOCK_ROWS = 1 << 16
"""Rows that are read at once, so that they stay in the processor's cache."""
_ZERO_DATES = ("0000-00-00", "0000-00-00 00:00:00", "00.00.0000", "00/00/0000")
"""What databases write for a missing date."""

_MONTHS = "january february march april may june july august september october november december"
_MONTH_NAMES = {
    spelled.encode(): number
    for number, name in enumerate(_MONTHS.split(), 1)
    for spelled in {name, name[:3], name[:4] if name == "september" else name}
}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY_NAMES = {
    spelled.encode(): 0 for name in _WEEKDAYS for spelled in {name, name[:3], name[:4], name[:2]}
}
_HALVES = {b"a": 0, b"p": 12}
_SIGNS = {b"+": 1, b"-": -1}
_WORDS = {"name": _MONTH_NAMES, "weekday": _WEEKDAY_NAMES, "half": _HALVES, "sign": _SIGNS}
"""What may stand in a group of a pattern that is no number, in lower case, and its value."""


def _any_word(words: Mapping[bytes, int]) -> str:
    # Of two that begin alike, the longer first.
    return "|".join(sorted((word.decode() for word in words), reverse=True))


_PIVOT = 69
"""Years of two digits from this on are of the 20th century, as POSIX has it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MICROSECONDS = 24 * 60 * 60 * 10**6

_YEAR, _YY = "(?P<year>[0-9]{4})", "(?P<year>[0-9]{2})"
_MONTH, _DAY = "(?P<month>[0-9]{1,2})", "(?P<day>[0-9]{1,2})"
_NAME = f"(?P<name>(?i:{_any_word(_MONTH_NAMES)}))"
_WEEKDAY = f"(?:(?P<weekday>(?i:{_any_word(_WEEKDAY_NAMES)}))[.,]? +)?"
_SECONDS = "(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?"
_HALF = r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
_CLOCK = f"(?P<hour>[0-9]{{1,2}})(?::(?P<minute>[0-9]{{2}})(?::{_SECONDS})?)?{_HALF}"
_ZONE = (
    "(?: ?(?:(?P<utc>[Zz]|UTC|GMT)|(?:UTC|GMT)?(?P<sign>[+-])(?P<zone_hour>[0-9]{2})"
    r"(?::?(?P<zone_minute>[0-9]{2}))?)(?:\[[A-Za-z_/+-]+\]| \([A-Za-z ]+\)| [A-Z]{3,4})?)?"
)
_TIME = f"(?:(?:[Tt]|,? +){_CLOCK}{_ZONE})?"
_BASIC_DATE = "(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
_BASIC_CLOCK = f"(?P<hour>[0-9]{{2}})(?:(?P<minute>[0-9]{{2}})(?:{_SECONDS})?)?"
_NTH = "(?:st|nd|rd|th)?"
_TO_NAME, _TO_YEAR = r"(?: (?:of )?|-|/|\. ?)?", "(?:,? |-|/)?(?P<year>[0-9]{4}|[0-9]{2})"
_NAME_TIME = f"(?:(?:[Tt:]|,? +){_CLOCK}{_ZONE})?"
_RECENT = "(?P<year>(?:19|20)[0-9]{2})"

_ISO, _YEAR_FIRST = "ISO 8601", "year first"
_DAY_FIRST, _MONTH_FIRST, _NAMES = "day first", "month first", "month names"
_DAY_FIRST_2, _MONTH_FIRST_2 = "day first, two-digit years", "month first, two-digit years"
_YEAR_FIRST_2 = "year first, two-digit years"
_OF_MONTHS, _OF_DAY = "months", "times of day"
_PATTERNS: Mapping[str, tuple[str, ...]] = {
    _ISO: (f"{_YEAR}-{_MONTH}-{_DAY}{_TIME}", f"{_BASIC_DATE}[Tt ]{_BASIC_CLOCK}{_ZONE}"),
    _YEAR_FIRST: (f"{_YEAR}/{_MONTH}/{_DAY}{_TIME}", rf"{_YEAR}\.{_MONTH}\.{_DAY}{_TIME}"),
    _DAY_FIRST: tuple(f"{_DAY}{sign}{_MONTH}{sign}{_YEAR}{_TIME}" for sign in ("/", r"\.", "-")),
    # Points are put between day and month in countries where the day is first.
    _MONTH_FIRST: tuple(f"{_MONTH}{sign}{_DAY}{sign}{_YEAR}{_TIME}" for sign in ("/", "-")),
    _DAY_FIRST_2: tuple(f"{_DAY}{sign}{_MONTH}{sign}{_YY}{_TIME}" for sign in ("/", r"\.", "-")),
    _MONTH_FIRST_2: tuple(f"{_MONTH}{sign}{_DAY}{sign}{_YY}{_TIME}" for sign in ("/", "-")),
    _YEAR_FIRST_2: (f"{_YY}-{_MONTH}-{_DAY}{_TIME}",),
    _NAMES: (
        rf"\[?{_WEEKDAY}{_DAY}{_NTH}{_TO_NAME}{_NAME}\.?{_TO_YEAR}{_NAME_TIME}\]?",
        rf"{_WEEKDAY}{_NAME}\.? +{_DAY}{_NTH},? {_YEAR}{_TIME}",
        f"{_WEEKDAY}{_NAME} +{_DAY} {_CLOCK}(?: (?P<utc>UTC|GMT))? {_YEAR}",
        f"{_YEAR}[ /-]{_NAME}[ /-]{_DAY}{_TIME}",
    ),
    _OF_MONTHS: (
        f"{_RECENT}[-/](?P<month>[0-9]{{2}})",
        f"(?P<month>[0-9]{{2}})[-/]{_RECENT}",
        rf"{_NAME}\.?,?[ -]{_RECENT}",
    ),
    _OF_DAY: (
        f"(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}})(?::{_SECONDS})?{_HALF}",
        r"(?P<hour>[0-9]{1,2}) ?(?P<half>[AaPp])\.?[Mm]\.?",
    ),
}
"""The forms of text in the order in which they are preferred, and what each accepts."""
_TWO_DIGITS = (_DAY_FIRST_2, _MONTH_FIRST_2, _YEAR_FIRST_2)

_SHAPES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("[0-9]{4}-[0-9]{1,2}-[0-9]|[0-9]{8}[Tt ]", (_ISO,)),
    (r"[0-9]{4}([/.])[0-9]{1,2}\1[0-9]", (_YEAR_FIRST,)),
    (r"[0-9]{1,2}([/.-])[0-9]{1,2}\1[0-9]{4}", (_DAY_FIRST, _MONTH_FIRST)),
    (r"[0-9]{1,2}([/.-])[0-9]{1,2}\1[0-9]{2}", _TWO_DIGITS),
    ("[0-9]{4}[-/][0-9]{2}$|[0-9]{2}[-/][0-9]{4}$", (_OF_MONTHS,)),
    ("[0-9]{1,2}(?::[0-9]{2}| ?[AaPp][.Mm])", (_OF_DAY,)),
    (
        f"(?i)(?=.*[0-9]).*(?:{'|'.join(name[:3] for name in _MONTHS.split())})",
        (_NAMES, _OF_MONTHS),
    ),
)
"""What a value of some forms looks like, at a glance."""

_DIGITS = {
    "YYYYMMDD": ("year", "month", "day"),
    "YYYYMM": ("year", "month"),
    "YYYYMMDDHH": ("year", "month", "day", "hour"),
    "YYYYMMDDHHMM": ("year", "month", "day", "hour", "minute"),
    "YYYYMMDDHHMMSS": ("year", "month", "day", "hour", "minute", "second"),
}
"""Whole numbers whose digits are a date: their fields, of two digits but for the year."""
_EPOCHS = {
    "epoch seconds": 1,
    "epoch milliseconds": 10**3,
    "epoch microseconds": 10**6,
    "epoch nanoseconds": 10**9,
}
"""Whole numbers that count from 1970 on, and how many make a second."""
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_FIRST_EPOCH, _LAST_EPOCH = 946_684_800, 2_208_988_800
"""The years 2000 to 2039: other counts are not taken for times."""
_DISTINCT = {"YYYYMM": 6, **dict.fromkeys(_EPOCHS, 10)}
"""Distinct values without which a number that could be a time is none."""


@dataclass(frozen=True)
class TimeForm:
    """How the dates or times of a column are written.

    Attributes:
        order: A form of text, such as `day first`, or of whole numbers, such as `YYYYMMDD`; or a
            format of `strptime`.
        zoned: The values name their zone. Those of one column may name several.
        ambiguous: No value tells the day from the month.
    """

    order: str
    zoned: bool = False
    ambiguous: bool = False

    @property
    def type(self) -> pa.DataType:
        """The type of its values."""
        if self.order == _OF_DAY:
            return pa.time64("us")
        return pa.timestamp("us", tz="UTC") if self.zoned else pa.timestamp("us")

    @property
    def words(self) -> str:
        """What it is called, in the plural."""
        if self.order in {_OF_MONTHS, _OF_DAY, *_EPOCHS}:
            words = self.order
        elif self.order == _NAMES:
            words = "dates with month names"
        else:
            words = (
                f"dates as {self.order}"
                if self.order in _DIGITS or "%" in self.order
                else f"dates, {self.order}"
            )
        words += ", with a zone" * self.zoned
        return words + " (or month first: no value tells)" * self.ambiguous

    def parse(
        self, texts: pa.Array[Any], missing: Collection[str] = ()
    ) -> tuple[pa.Array[Any], pa.Array[Any]]:
        """Return the times (rows,) of `type`, and which rows hold neither one nor a missing one.

        Times without a zone are UTC; what is finer than a microsecond is cut off. A year of two
        digits is one of 1969 to 2068.

        Args:
            texts: Any type of text; of a form of whole numbers, also these.
            missing: Markers of missing values beside `number_text.MISSING`.
        """
        if self.order in _DIGITS or self.order in _EPOCHS:
            return self._of_numbers(texts, missing)
        texts = as_texts(texts)
        if "%" in self.order:
            return self._of_format(without_missing(texts, (*missing, *_ZERO_DATES)))
        moments = _read(texts, self.order)
        if moments.bad.any():
            texts = without_missing(texts, (*missing, *_ZERO_DATES))
            moments = _read(texts, self.order)
        return self._array(moments.values, as_mask(texts.is_valid()) & ~moments.bad), boolean_array(
            moments.bad
        )

    def _of_numbers(
        self, values: pa.Array[Any], missing: Collection[str]
    ) -> tuple[pa.Array[Any], pa.Array[Any]]:
        numbers, bad = _whole_numbers(values, missing)
        present = as_mask(numbers.is_valid())
        moments, of_form = np.zeros(len(numbers), dtype=np.int64), np.zeros(len(numbers), np.bool_)
        moments[present], of_form[present] = _moments_of_numbers(
            as_numpy(numbers.drop_null()), self.order
        )
        return self._array(moments, of_form), boolean_array(bad | (present & ~of_form))

    def _of_format(self, texts: pa.Array[Any]) -> tuple[pa.Array[Any], pa.Array[Any]]:
        codes: Any = texts.dictionary_encode()
        distinct = [_moment(text, self.order) for text in codes.dictionary.to_pylist()]
        present = as_mask(texts.is_valid())
        rows = np.from_dlpack(codes.indices.drop_null())
        moments, of_form = np.zeros(len(texts), dtype=np.int64), np.zeros(len(texts), np.bool_)
        moments[present] = np.array([each or 0 for each in distinct], np.int64)[rows]
        of_form[present] = np.array([each is not None for each in distinct], np.bool_)[rows]
        return self._array(moments, of_form), boolean_array(present & ~of_form)

    def _array(self, moments: Ints, valid: Bools) -> pa.Array[Any]:
        bits = pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
        return pa.Array.from_buffers(
            self.type, len(moments), [bits, pa.py_buffer(moments.tobytes())]
        )


def time_form(texts: pa.Array[Any], missing: Collection[str] = ()) -> TimeForm | None:
    """Return the form in which all values are times, or None if they are not."""
    return choose_time_form(time_forms(texts, missing))


def _moment(text: str, format_: str) -> int | None:
    """Return the microseconds since 1970 of a text in a format of `strptime`, or None."""
    try:
        moment = datetime.strptime(text, format_)  # noqa: DTZ007  # %z or not
    except ValueError:
        return None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)


def choose_time_form(forms: Sequence[TimeForm], order: str | None = None) -> TimeForm | None:
    """Return one of the forms that are left over, as `time_forms` returns them.

    Where no day is above 12, the day is taken to come first, as most countries write it, and the
    form is ambiguous; of years of two digits, there is no form then.

    Args:
        forms: Those in which all values can be read, in order of preference.
        order: That of other columns of the same file, which decides where the values do not.
    """
    orders = [form.order for form in forms]
    if len(forms) > 1 and order in orders:
        return forms[orders.index(order)]
    if len(set(orders) & set(_TWO_DIGITS)) > 1 or not forms:
        return None
    return replace(forms[0], ambiguous={_DAY_FIRST, _MONTH_FIRST} <= set(orders))


def time_forms(texts: pa.Array[Any], missing: Collection[str] = ()) -> tuple[TimeForm, ...]:
    """Return all forms in which every value is a time, in order of preference.

    None where a value is neither a time nor missing, where all are missing, or where some name a
    zone and others do not. Of chunks of a column that are not missing altogether, the forms of
    the column are those that all chunks have.
    """
    texts, missing = as_texts(texts), (*missing, *_ZERO_DATES)
    head = _texts(without_missing(as_texts(texts.slice(0, _HEAD)), missing))
    if not head:
        texts = without_missing(texts, missing)
        head = _texts(texts.drop_null().slice(0, _HEAD))
    if all(map(str.isdigit, head)):
        form = integer_time_form(_whole_numbers(texts, missing)[0]) if head else None
        return (form,) if form else ()
    cast = _cast(texts)
    if cast is not None:
        return (TimeForm(_ISO, zoned=bool(cast.zoned.any())),)
    forms = []
    for order in _possible_orders(head):
        moments = _read(texts, order, strict=True)
        if moments.bad.any():
            texts = without_missing(texts, missing)
            moments = _read(texts, order, strict=True)
        zones = moments.zoned[as_mask(texts.is_valid())]
        if moments.bad.any() or zones.any() != zones.all() or not _certain(order, moments):
            continue
        forms.append(TimeForm(order, zoned=bool(zones.any())))
    return tuple(forms)


def integer_dates(values: pa.Array[Any]) -> bool:
    """Return whether whole numbers are dates or times (see `integer_time_form`)."""
    return integer_time_form(values) is not None


def integer_time_form(values: pa.Array[Any]) -> TimeForm | None:
    """Return the form in which all numbers are dates or times, or None if they are not.

    The rule is conservative: all are whole, and
    - all are the digits of dates of the years 1900 to 2100, with or without hours, minutes and
      seconds; of months (`202512`) there have to be six, or
    - all count seconds, or thousandths, millionths or billionths, up to the years 2000 to 2039,
      and ten of them differ.
    """
    numbers, bad = _whole_numbers(values, ())
    present = np.from_dlpack(numbers.drop_null()) if numbers.null_count < len(numbers) else None
    if present is None or bad.any():
        return None
    for order in (*_DIGITS, *_EPOCHS):
        low, high = _range(order)
        if present.min() < low or present.max() > high:
            continue
        distinct = np.unique(present)
        if (
            len(distinct) >= _DISTINCT.get(order, 1)
            and _moments_of_numbers(distinct, order)[1].all()
        ):
            return TimeForm(order)
    return None


def _range(order: str) -> tuple[int, int]:
    """Return the least and the largest number that may be a time."""
    if order in _EPOCHS:
        return _FIRST_EPOCH * _EPOCHS[order], _LAST_EPOCH * _EPOCHS[order] - 1
    unit = 100 ** (len(_DIGITS[order]) - 1)
    return _FIRST_YEAR * unit, (_LAST_YEAR + 1) * unit - 1


def _whole_numbers(values: pa.Array[Any], missing: Collection[str]) -> tuple[pa.Array[Any], Bools]:
    """Return whole numbers as int64 (rows,), and which rows hold something else."""
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        try:
            return values.cast(pa.int64()), np.zeros(len(values), dtype=np.bool_)
        except pa.ArrowInvalid:
            return pa.nulls(len(values), pa.int64()), as_mask(values.is_valid())
    texts = without_missing(as_texts(values), (*missing, *_ZERO_DATES))
    bad = as_mask(texts.is_valid()) & ~as_mask(pc.match_substring_regex(texts, "^[0-9]{1,19}$"))
    if bad.any():
        return pa.nulls(len(texts), pa.int64()), bad
    try:
        return texts.cast(pa.int64()), bad
    except pa.ArrowInvalid:
        return pa.nulls(len(texts), pa.int64()), as_mask(texts.is_valid())


def _moments_of_numbers(numbers: Ints, order: str) -> tuple[Ints, Bools]:
    """Return microseconds since 1970, and which numbers are times."""
    if order in _EPOCHS:
        low, high = _range(order)
        per_second = _EPOCHS[order]
        if per_second > 10**6:
            return numbers // (per_second // 10**6), (numbers >= low) & (numbers <= high)
        possible = (numbers >= low) & (numbers <= high)
        return np.where(possible, numbers, 0) * (10**6 // per_second), possible
    fields = {}
    for name in reversed(_DIGITS[order][1:]):
        numbers, fields[name] = np.divmod(numbers, 100)
    moments, valid = _moments({**fields, "year": np.clip(numbers, 0, 9999)})
    return moments, valid & (numbers >= _FIRST_YEAR) & (numbers <= _LAST_YEAR)


def _texts(texts: pa.Array[Any]) -> list[str]:
    return list(map(str, texts.drop_null().to_pylist()))


def _possible_orders(head: Sequence[str]) -> Iterator[str]:
    """Yield the forms of text that all of the first values are of."""
    # To compile all patterns takes longer than to read a small file.
    shapes = (orders for shape, orders in _SHAPES if re.match(shape, head[0]))
    for order in next(shapes, ()):
        patterns = _compiled(order)
        if all(any(pattern.fullmatch(text) for pattern in patterns) for text in head):
            yield order


def _certain(order: str, moments: _Read) -> bool:
    """Return whether the values can be dates of this order; years of two digits are numbers too.

    Then there have to be as many days as years, or more.
    """
    if order not in _TWO_DIGITS:
        return True
    dates = np.unique(moments.values.astype("M8[us]").astype("M8[D]"))
    days = (dates - dates.astype("M8[M]")).astype(np.int64)
    return len(np.unique(dates.astype("M8[Y]"))) <= len(np.unique(days))


@cache
def _compiled(order: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in _PATTERNS[order])


@dataclass
class _Read:
    """What was read of texts, row by row: microseconds, whether one is wrong or names a zone."""

    values: Ints
    bad: Bools
    zoned: Bools


def _read(texts: pa.Array[Any], order: str, *, strict: bool = False) -> _Read:
    """Read texts of one form; of a `strict` one, up to a block that has a wrong one.

    Texts that look alike, position by position, are read at once: what a regular expression
    finds in one of them tells where the fields of all are.
    """
    cast = _cast(texts) if order == _ISO else None
    if cast is not None:
        return cast
    read = _Read(
        np.zeros(len(texts), dtype=np.int64),
        np.zeros(len(texts), dtype=np.bool_),
        np.zeros(len(texts), dtype=np.bool_),
    )
    _, offsets, data = texts.buffers()
    width = np.int32 if pa.types.is_string(texts.type) else np.int64
    ends = np.frombuffer(memoryview(offsets or b""), width)[: len(texts) + 1]
    codes = np.frombuffer(memoryview(data or b""), np.uint8)
    valid = as_mask(texts.is_valid())
    templates: list[_Template] = []
    for first in range(0, len(texts), _BLOCK_ROWS):
        block = slice(first, first + _BLOCK_ROWS)
        rows = first + np.flatnonzero(valid[block])
        for template in templates:
            rows = template.read(read, rows, ends, codes)
        checked = False
        while len(rows):
            new = _template(order, codes[ends[rows[0]] : ends[rows[0] + 1]].tobytes())
            if new is not None:
                templates.append(new)
                rows = new.read(read, rows, ends, codes)
                continue
            # Each row that is left will have a template of its own, or is wrong.
            of_form = as_mask(
                pc.match_substring_regex(texts.slice(first, _BLOCK_ROWS), _any_of(order))
            )
            wrong = rows[:1] if checked else rows[~of_form[rows - first]]
            read.bad[wrong], checked = True, True
            rows = rows[~read.bad[rows]]
        if strict and read.bad[block].any():
            break
    return read


def _cast(texts: pa.Array[Any]) -> _Read | None:
    """Read ISO 8601 where all are of the way that Arrow knows, with a zone or without."""
    for type_ in (pa.timestamp("us"), pa.timestamp("us", tz="UTC")):
        try:
            # A value that cannot be cast costs forty times one that can, and the cast goes on.
            texts.slice(0, _HEAD).cast(type_)
            values = texts.cast(type_)
        except pa.ArrowInvalid:
            continue
        zoned = np.full(len(texts), type_.tz is not None)
        moments = np.frombuffer(memoryview(values.buffers()[1] or b""), np.int64)[: len(texts)]
        if _in_calendar(moments[as_mask(texts.is_valid())]).all():
            return _Read(moments, np.zeros(len(texts), dtype=np.bool_), zoned)
    return None


@cache
def _any_of(order: str) -> str:
    patterns = "|".join(_PATTERNS[order])
    return "^(?:" + re.sub("[?]P<[a-z_]+>", "?:", patterns) + ")$"


def _template(order: str, text: bytes) -> _Template | None:
    """Return the template of a text, or None if it is not of the form."""
    if not text.isascii():
        return None
    matches = (pattern.fullmatch(text.decode()) for pattern in _compiled(order))
    match = next(filter(None, matches), None)
    if match is None:
        return None
    spans = {name: match.span(name) for name, found in match.groupdict().items() if found}
    zoned = "utc" in spans or "sign" in spans
    spans.pop("utc", None)
    return _Template(text, spans, zoned=zoned)


@dataclass(frozen=True)
class _Template:
    """An example of texts of one length, and where the fields are in it.

    Outside of the fields, all that are alike have the same signs.
    """

    example: bytes
    spans: Mapping[str, tuple[int, int]]
    zoned: bool

    def read(self, read: _Read, rows: Ints, ends: NDArray[Any], codes: NDArray[np.uint8]) -> Ints:
        """Read those of the rows that are alike, and return the others."""
        alike = ends[rows + 1] - ends[rows] == len(self.example)
        chosen = rows[alike]
        signs = codes[ends[chosen] + np.arange(len(self.example))[:, None]]
        is_alike = np.ones(len(chosen), dtype=np.bool_)
        within = {place for span in self.spans.values() for place in range(*span)}
        for place in set(range(len(self.example))) - within:
            is_alike &= signs[place] == self.example[place]
        fields = {}
        for name, span in self.spans.items():
            fields[name], known = (
                _words(signs[slice(*span)], name)
                if name in _WORDS
                else _digits(signs[slice(*span)])
            )
            is_alike &= known
        if (year := self.spans.get("year")) and year[1] - year[0] == len("25"):
            fields["year"] += np.where(fields["year"] < _PIVOT, 2000, 1900)
        if fraction := self.spans.get("fraction"):
            fields["fraction"] = fields["fraction"] * 10**6 // 10 ** (fraction[1] - fraction[0])
        moments, valid = _moments(fields)
        chosen = chosen[is_alike]
        read.values[chosen] = np.where(valid, moments, 0)[is_alike]
        read.bad[chosen] = ~valid[is_alike]
        read.zoned[chosen] = self.zoned
        alike[alike] = is_alike
        rest: Ints = rows[~alike]
        return rest


def _digits(signs: NDArray[np.uint8]) -> tuple[Ints, Bools]:
    """Return the numbers of digits (places, rows), and which are digits only."""
    number, known = np.zeros(signs.shape[1], dtype=np.int64), np.ones(signs.shape[1], np.bool_)
    for place in signs:
        digit = place - np.uint8(ord("0"))
        known &= digit <= 9  # noqa: PLR2004 - below "0", it is large
        number = number * 10 + digit
    return number, known


def _words(signs: NDArray[np.uint8], name: str) -> tuple[Ints, Bools]:
    """Return the values of words (places, rows), and which are known."""
    value, known = np.zeros(signs.shape[1], dtype=np.int64), np.zeros(signs.shape[1], np.bool_)
    for word, of_word in _WORDS[name].items():
        if len(word) == len(signs):
            lower = signs | np.uint8(ord(" ")) if word.isalpha() else signs
            equal = (lower == np.frombuffer(word, np.uint8)[:, None]).all(axis=0)
            value[equal] = of_word
            known |= equal
    return value, known


def _moments(fields: Mapping[str, Ints]) -> tuple[Ints, Bools]:
    """Return microseconds since 1970, or since midnight, and which of them are possible."""
    zero = np.zeros(len(next(iter(fields.values()))), dtype=np.int64)
    hour, minute, second = (fields.get(name, zero) for name in ("hour", "minute", "second"))
    fraction = fields.get("fraction", zero)
    # The last second of a leap year may be the 61st; 24:00 is the end of a day.
    valid = (hour <= 24) & (minute <= 59) & (second <= 60)  # noqa: PLR2004
    valid &= (hour < 24) | (minute + second + fraction == 0)  # noqa: PLR2004
    if "half" in fields:
        valid &= (hour >= 1) & (hour <= 12)  # noqa: PLR2004
        hour = hour % 12 + fields["half"]
    microseconds = ((hour * 60 + minute) * 60 + second) * 10**6 + fraction
    if "year" not in fields:
        return microseconds, valid & (microseconds < _DAY_MICROSECONDS)
    year, day = fields["year"], fields.get("day", zero + 1)
    month = fields["name"] if "name" in fields else fields["month"]
    months = (year - 1970) * 12 + month - 1
    days = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
    month_ends = (months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
    valid &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= month_ends - days)  # noqa: PLR2004
    microseconds += (days + day - 1) * _DAY_MICROSECONDS
    if "sign" in fields:
        hours, minutes = fields["zone_hour"], fields.get("zone_minute", zero)
        valid &= (hours <= 23) & (minutes <= 59)  # noqa: PLR2004
        microseconds -= fields["sign"] * (hours * 60 + minutes) * 60 * 10**6
    return microseconds, valid & _in_calendar(microseconds)


def _in_calendar(moments: Ints) -> Bools:
    """Return which are of the years 1 to 9999, as Python's are; Arrow reads the year 0 too."""
    first, end = (
        np.datetime64(day, "us").astype(np.int64) for day in ("0001-01-01", "10000-01-01")
    )
    return (moments >= first) & (moments < end)
