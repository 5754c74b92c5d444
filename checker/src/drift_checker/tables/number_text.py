"""Numbers as people write them in text: which form a column's are of, and their values.

A form is found from the whole column, or intersected over its chunks: `number_forms` returns all
forms in which every value of a chunk can be read, `choose_number_form` the one that those left
over speak for. The rules are conservative. A column is of numbers only where each of its values
is one or a marker of a missing value; codes are none: digits after a leading zero, telephone
numbers, hexadecimal digits, versions, whole numbers too large for 64 bits.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.decision import Bools

MISSING = frozenset(
    {
        *("", "na", "n/a", "n.a.", "#n/a", "#n/a n/a", "#na", "<na>", "nan", "-nan", "+nan", "nat"),
        *("null", "none", "nil", "missing", "(missing)", "(blank)", "(null)", "blank", r"\n"),
        *("-", "--", "---", "\u2013", "\u2014", "?", "??", ".", "..", "...", ":", "*"),
        *("#div/0!", "#value!", "#ref!", "#null!", "#num!", "#name?"),
        *("-1.#ind", "1.#ind", "-1.#qnan", "1.#qnan"),
    }
)
"""What people and tools write for a missing number or time, in lower case."""

_HEAD = 256
"""Values from which the possible forms are guessed, before all values are tried."""
_SPACES = " \t\r\n\u00a0\u2007\u2009\u202f\ufeff"
# Written for a space, an apostrophe and a minus.
_TYPOGRAPHY = {"\u00a0": " ", "\u2007": " ", "\u2009": " ", "\u202f": " ", "’": "'", "\u2212": "-"}  # noqa: RUF001
_CURRENCIES = frozenset(
    re.findall(
        r"\S+",
        "$ € £ ¥ ₹ ₽ ₩ ₺ ₪ ₫ ฿ ₴ ₦ ₱ ₡ ₲ ₵ ₸ ¢ US$ A$ C$ R$ Rs Rs. kr kr. Fr. "
        "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR JPY KRW "
        "MXN MYR NOK NZD PEN PHP PLN RON RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR",
    )
)
# One word without digits. Of am, pm and Z the column holds times.
_UNIT = r"""(?![AaPp][Mm]$|Z$)[^\d\s.,;:+()'"\[\]{}#&*?!_|\\<>=~@-]{1,12}"""
_NUMBER = "[.,]?[0-9](?:.*[0-9])?[.,]?"
_PLAIN = frozenset("+,-.eE")
_LEADING_ZERO = "^0[0-9]+$"
_TELEPHONE = r"^\+[0-9]{8,}$"
_INFINITY = "(?i:inf|infinity)"
_SAFE_DIGITS = 18
"""Whole numbers of as many digits fit 64 bits, whatever they are."""
_TOO_LARGE = f"^-?0*[1-9][0-9]{{{_SAFE_DIGITS}}}"
_MOST_DIGITS = 20
"""Whole numbers of more digits fit 64 bits never."""


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written.

    In every form a number may have a plus or minus sign (also the typographic minus, a minus
    after it, or brackets around a negative one), an exponent, and spaces around it.

    Attributes:
        decimal: The sign before the fraction.
        thousands: The sign between groups of digits, a space for each of the usual ones; numbers
            without it are of the form too. The last group has three digits, those before it three
            or, as in India, two.
        prefix: What stands before every number, such as a currency.
        suffix: What stands after every number, such as `%` or a unit. The value is the number as
            it is written: 12.5 of `12.5 %`.
        ambiguous: No value of the column tells the thousands' sign from the decimal sign.
    """

    decimal: str = "."
    thousands: str = ""
    prefix: str = ""
    suffix: str = ""
    ambiguous: bool = False

    @property
    def words(self) -> str:
        """What it is called, in the plural."""
        affix = self.prefix or self.suffix
        words, parts = "numbers", []
        if affix == "%":
            words = "percentages"
        elif affix in _CURRENCIES:
            words = f"amounts in {affix}"
        elif affix:
            parts.append(f"the unit {affix}")
        if self.decimal == ",":
            parts.append("decimal comma")
        if self.thousands:
            parts.append(
                f"{'spaces' if self.thousands == ' ' else self.thousands} between thousands"
            )
        words += " with " * bool(parts) + " and ".join(parts)
        doubt = "decimal comma" if self.decimal == "." else ", between thousands"
        return words + f" (or {doubt}: no value tells)" * self.ambiguous

    def parse(
        self, texts: pa.Array[Any], missing: Collection[str] = ()
    ) -> tuple[pa.Array[Any], pa.Array[Any]]:
        """Return the numbers (rows,), and which rows hold neither a number nor a missing one.

        Both are null or wrong only where they have to be: numbers are int64 or uint64 if all are
        whole, else the floats nearest to what is written. Whole numbers that 64 bits do not hold
        are not rounded: among whole numbers alone they are none.

        Args:
            texts: Any type of text.
            missing: Markers of missing values beside `MISSING`; upper and lower case are one.
        """
        texts = as_texts(texts)
        values, bad = self._read(texts, missing)
        return values, boolean_array(bad)

    def _read(
        self,
        texts: pa.Array[Any],
        missing: Collection[str],
        *,
        signs: Collection[str] | None = None,
        strict: bool = False,
    ) -> tuple[pa.Array[Any], Bools]:
        """Do what `parse` does; `signs` are those of the texts, if known.

        If it is `strict`, values are null where one is wrong.
        """
        values = None if any(map(_has_digit, missing)) else self._quick(texts, signs)
        if values is None:
            texts = without_missing(texts, missing)
            values = self._quick(texts, None)
        if values is not None:
            return values, np.zeros(len(values), dtype=np.bool_)
        bare = self._without_affix(texts)
        if bare is None:
            return self._carefully(texts, strict=strict)
        return self._bare._carefully(bare, strict=strict)

    @property
    def _bare(self) -> NumberForm:
        return replace(self, prefix="", suffix="")

    def _without_affix(self, texts: pa.Array[Any]) -> pa.Array[Any] | None:
        """Return the texts without prefix and suffix; None if one has another sign outside."""
        if not self.prefix and not self.suffix:
            return texts
        if not _all(pc.starts_with(texts, self.prefix)) or not _all(
            pc.ends_with(texts, self.suffix)
        ):
            return None
        bare = pc.utf8_slice_codeunits(texts, len(self.prefix), -len(self.suffix) or None)
        return bare if _signs(bare) <= _PLAIN else pc.utf8_trim(bare, _SPACES)

    def _quick(self, texts: pa.Array[Any], signs: Collection[str] | None) -> pa.Array[Any] | None:
        """Return the numbers if all are written without thousands and with usual signs."""
        bare = self._without_affix(texts)
        if bare is None or _has_empty(bare):
            return None
        signs = set(signs) if signs is not None and bare is texts else _signs(bare)
        if signs <= {"-"}:
            return _as_integers(bare)
        fractions = {self.decimal, "e", "E"}
        if not signs & fractions or not signs <= fractions | {"-", "+"}:
            return None
        return _as_floats(_translated(bare, b",", b".") if "," in signs else bare)

    def _carefully(self, texts: pa.Array[Any], *, strict: bool) -> tuple[pa.Array[Any], Bools]:
        grammar = _grammar(self)
        valid = as_mask(texts.is_valid())
        of_form = np.zeros(len(texts), dtype=np.bool_)
        if self == self._bare:
            of_form = as_mask(pc.match_substring_regex(texts, grammar.plain))
        if (valid & ~of_form).any():
            of_form = as_mask(pc.match_substring_regex(texts, grammar.number))
            if strict and (valid & ~of_form).any():
                return pa.nulls(len(texts)), valid & ~of_form
            texts = with_nulls(texts, ~of_form)
            texts = pc.replace_substring_regex(texts, grammar.negative, r"-\1\2\3\4\5")
            texts = pc.replace_substring_regex(texts, grammar.positive, r"\1")
        bad = valid & ~of_form
        if self.thousands:
            texts = pc.replace_substring(texts, self.thousands, "")
        if self.decimal == ",":
            texts = pc.replace_substring(texts, ",", ".")
        if not _signs(texts) <= {"-"}:
            values = texts.cast(pa.float64())
            infinite = as_mask(pc.is_inf(values))
            if infinite.any():
                infinite &= ~as_mask(pc.match_substring(texts, "inf", ignore_case=True))
            return with_nulls(values, infinite), bad | infinite
        integers = _as_integers(texts)
        if integers is None:
            too_large = as_mask(pc.match_substring_regex(texts, _TOO_LARGE))
            bad |= too_large
            integers = with_nulls(texts, too_large).cast(pa.int64())
        return integers, bad


# In the order in which they are preferred where a column can be read in several.
_SIGNS = (
    *((".", ""), (".", ","), (",", ""), (".", " "), (".", "'")),
    *((",", "."), (",", " "), (",", "'")),
)


def number_form(texts: pa.Array[Any], missing: Collection[str] = ()) -> NumberForm | None:
    """Return the form in which all values are numbers, or None if they are not."""
    return choose_number_form(number_forms(texts, missing))


def choose_number_form(
    forms: Sequence[NumberForm], decimal: str | None = None
) -> NumberForm | None:
    """Return one of the forms that are left over, as `number_forms` returns them.

    A comma that three digits follow in every value stands between thousands: people write a
    number of fractions with always three digits, none below one, more seldom. A point is a
    decimal point, as machines write it.

    Args:
        forms: Those in which all values can be read, in order of preference.
        decimal: The decimal sign of other columns of the same file, which decides where the
            values do not.
    """
    for sign in (",", "."):
        either = [form for form in forms if sign in (form.decimal, form.thousands)]
        if len(either) < len(forms) or len({sign == form.decimal for form in either}) < 2:  # noqa: PLR2004
            continue
        agreeing = [form for form in forms if form.decimal == decimal]
        return agreeing[0] if agreeing else replace(forms[0], ambiguous=sign == ",")
    return forms[0] if forms else None


def number_forms(texts: pa.Array[Any], missing: Collection[str] = ()) -> tuple[NumberForm, ...]:
    """Return all forms in which every value is a number, in order of preference.

    None where a value is neither a number nor missing, where all are missing, or where one is a
    code (see the module). Of chunks of a column that are not missing altogether, the forms of the
    column are those that all chunks have.
    """
    return read_numbers(texts, missing)[0]


def read_numbers(
    texts: pa.Array[Any], missing: Collection[str] = ()
) -> tuple[tuple[NumberForm, ...], pa.Array[Any] | None]:
    """Return `number_forms`, and the values in the first, in one pass; None if there is none."""
    texts = as_texts(texts)
    candidates = _candidates(texts.slice(0, _HEAD), missing)
    if candidates == []:
        return (), None
    if candidates is None:
        texts = without_missing(texts, missing)
        candidates = _candidates(texts.drop_null().slice(0, _HEAD), ())
    signs = _signs(texts)
    if candidates and not signs <= _PLAIN | set(candidates[0].prefix + candidates[0].suffix):
        texts = without_missing(texts, missing)
        signs = _signs(texts)
    if not candidates or _has_codes(texts, signs):
        return (), None
    read: dict[NumberForm, pa.Array[Any] | None] = {}
    for form in candidates:
        same = _without_absent(form, signs)
        if same not in read:
            values, bad = same._read(texts, missing, signs=signs, strict=True)
            read[same] = None if bad.any() or _says_nothing(form, values) else values
    forms = tuple(form for form in candidates if read[_without_absent(form, signs)] is not None)
    return forms, read[_without_absent(forms[0], signs)] if forms else None


def has_leading_zeros(texts: pa.Array[Any]) -> bool:
    """Return whether whole numbers of several digits begin with 0, as codes do: `00123`."""
    texts = as_texts(texts)
    offsets, data = _offsets(texts), texts.buffers()[2]
    bytes_ = np.frombuffer(memoryview(data or b""), np.uint8)
    if not bytes_.size:
        return False
    last = bytes_.size - 1
    zeros = np.flatnonzero(bytes_[np.minimum(offsets[:-1], last)] == ord("0"))
    seconds = bytes_[np.minimum(offsets[zeros] + 1, last)][offsets[zeros + 1] - offsets[zeros] > 1]
    if not ((seconds >= ord("0")) & (seconds <= ord("9"))).any():
        return False
    return _any(pc.match_substring_regex(texts, _LEADING_ZERO))


def is_missing(texts: pa.Array[Any], missing: Collection[str] = ()) -> pa.Array[Any]:
    """Return which rows are null or hold a marker of a missing value (rows,)."""
    trimmed = pc.ascii_lower(pc.utf8_trim(as_texts(texts), _SPACES))
    markers = pa.lib.StringBuilder()
    # pa.array() would import pandas, which costs more than the rest of a comparison.
    markers.append_values([*MISSING, *(marker.strip().lower() for marker in missing)])
    # A null is in no set.
    return pc.or_(pc.is_in(trimmed, value_set=markers.finish()), texts.is_null())


def markers_of(texts: pa.Array[Any]) -> set[str]:
    """Return the markers of `MISSING` that stand in some texts, as they are written there."""
    texts = as_texts(texts)
    marked = texts.filter(pc.and_(is_missing(texts), texts.is_valid()))
    return {str(text) for text in pc.utf8_trim(marked, _SPACES).unique()} - {""}


def without_missing(texts: pa.Array[Any], missing: Collection[str] = ()) -> pa.Array[Any]:
    """Return texts without spaces around them, with usual signs, and null where missing."""
    trimmed = pc.utf8_trim(texts, _SPACES)
    trimmed = with_nulls(trimmed, as_mask(is_missing(trimmed, missing)))
    data = _bytes(trimmed)
    for special, usual in _TYPOGRAPHY.items() if not data.isascii() else ():
        if special.encode() in data:
            trimmed = pc.replace_substring(trimmed, special, usual)
    return trimmed


def as_texts(texts: pa.Array[Any]) -> pa.Array[Any]:
    """Return text of whatever type as one whose bytes begin at their buffer's."""
    if not pa.types.is_string(texts.type) and not pa.types.is_large_string(texts.type):
        texts = texts.cast(pa.large_string())
    return pa.concat_arrays([texts, texts.slice(0, 0)]) if texts.offset else texts


def as_mask(booleans: pa.Array[Any]) -> Bools:
    """Return booleans (rows,), nulls as False."""
    known = booleans.cast(pa.uint8())
    values = np.frombuffer(memoryview(known.buffers()[1] or b""), np.uint8)[
        known.offset : known.offset + len(known)
    ]
    if not known.null_count:
        return np.asarray(values > 0)
    valid = np.from_dlpack(known.is_valid().cast(pa.uint8()))
    return np.asarray((values > 0) & (valid > 0))


def boolean_array(mask: Bools) -> pa.Array[Any]:
    """Return the mask as Arrow holds it."""
    bits = pa.py_buffer(np.packbits(mask, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.bool_(), len(mask), [None, bits])


def with_nulls(values: pa.Array[Any], null: Bools) -> pa.Array[Any]:
    """Return the values, without those of the rows of the mask."""
    if not null.any():
        return values
    nulls = pa.nulls(int(null.sum()), values.type)
    kept: pa.Array[Any] = pc.replace_with_mask(values, boolean_array(null), nulls)
    return kept


@dataclass(frozen=True)
class _Grammar:
    """Regular expressions of the numbers of a form; of the signed ones, the digits are a group."""

    plain: str
    number: str
    negative: str
    positive: str


@cache
def _grammar(form: NumberForm) -> _Grammar:
    thousands, decimal = re.escape(form.thousands), re.escape(form.decimal)
    digits = "[0-9]+"
    if thousands:
        western = rf"[1-9][0-9]{{0,2}}(?:{thousands}[0-9]{{3}})+"
        indian = rf"[1-9][0-9]?(?:{thousands}[0-9]{{2}})*{thousands}[0-9]{{3}}"
        digits = f"(?:{western}|{indian}|[0-9]+)"
    mantissa = rf"(?:{digits}(?:{decimal}[0-9]*)?|{decimal}[0-9]+)" if decimal else digits
    number = rf"((?:{mantissa})(?:[eE][+-]?[0-9]+)?|{_INFINITY})"
    before = re.escape(form.prefix) + " ?" * bool(form.prefix)
    after = " ?" * bool(form.suffix) + re.escape(form.suffix)
    negative = "|".join(
        (
            f"- ?{before}{number}{after}",
            f"{before}- ?{number}{after}" if before else f"{number}{after} ?-",
            f"{before}{number} ?-{after}",
            rf"\({before}{number}{after}\)",
            rf"{before}\({number}\){after}",
        )
    )
    positive = rf"\+?{before}\+?{number}{after}"
    return _Grammar(
        f"^-?{number}$", f"^(?:{positive}|{negative})$", f"^(?:{negative})$", f"^{positive}$"
    )


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _fits(form: NumberForm, texts: Sequence[str]) -> bool:
    """Return whether all texts are of the form."""
    if form.thousands:
        # A group of other than two or three digits, at a glance.
        other = rf"{re.escape(form.thousands)}(?=[0-9])(?![0-9]{{2,3}}(?![0-9]))"
        if any(map(_compiled(other).search, texts)):
            return False
    grammar = _grammar(form)
    # Most are plain, and the whole grammar takes milliseconds to compile.
    is_plain = form.prefix == form.suffix and all(map(_compiled(grammar.plain).match, texts))
    return is_plain or all(map(_compiled(grammar.number).match, texts))


def _candidates(head: pa.Array[Any], missing: Collection[str]) -> list[NumberForm] | None:
    """Return the forms of the first values; None if all are missing, none if one is no number."""
    texts = list(map(str, without_missing(as_texts(head), missing).drop_null().to_pylist()))
    if not texts:
        return None
    affixes = _affixes(texts)
    # Where all are in brackets, these are notes or labels.
    if affixes is None or all(text.endswith((")", "-")) for text in texts):
        return []
    joined = "".join(texts)
    present = [sign for sign in ",. '" if sign in joined]
    forms = [NumberForm(decimal, thousands, *affixes) for decimal, thousands in _SIGNS]
    same = {form: _without_absent(form, present) for form in forms}
    fits = {form: _fits(form, texts) for form in set(same.values())}
    return [form for form in forms if fits[same[form]]]


def _without_absent(form: NumberForm, present: Collection[str]) -> NumberForm:
    """Return the form without signs that no value has: forms that read alike become equal."""
    return replace(
        form,
        decimal=form.decimal if form.decimal in present else "",
        thousands=form.thousands if form.thousands in present else "",
    )


def _affixes(texts: Sequence[str]) -> tuple[str, str] | None:
    """Return what stands before and after the number in all texts; None if that is no number."""
    found: set[tuple[str, str]] = set()
    bare = _compiled(f"[+-]?(?:{_NUMBER}|{_INFINITY})")
    for text in texts:
        if bare.fullmatch(text):
            found.add(("", ""))
        elif number := _compiled(_NUMBER).search(text):
            before, after = text[: number.start()], text[number.end() :]
            found.add((before.strip("+-( "), after.strip("-) ")))
        else:
            return None
        if len(found) > 1:
            return None
    ((before, after),) = found
    is_unit = after in {"", *_CURRENCIES} or re.fullmatch(_UNIT, after)
    return (before, after) if is_unit and before in {"", *_CURRENCIES} else None


def _says_nothing(form: NumberForm, values: pa.Array[Any]) -> bool:
    """Return whether there are no values, or but one with what may be a unit: `7eleven`."""
    if form.suffix in {"", "%", *_CURRENCIES}:
        return values.null_count == len(values)
    extremes = pc.min_max(values)
    return bool(extremes["min"] == extremes["max"])


def _has_codes(texts: pa.Array[Any], signs: Collection[str]) -> bool:
    if has_leading_zeros(texts):
        return True
    return "+" in signs and _any(pc.match_substring_regex(texts, _TELEPHONE))


def _has_digit(marker: str) -> bool:
    return any(map(str.isdigit, marker)) or "inf" in marker.lower()


def _as_integers(texts: pa.Array[Any]) -> pa.Array[Any] | None:
    """Return digits and minus signs as int64, or else as uint64; None if they are neither."""
    longest = _longest(texts)
    # A value that cannot be cast costs twenty times one that can, and the cast goes on.
    for type_ in (pa.int64(), pa.uint64()) if longest <= _MOST_DIGITS else ():
        try:
            return texts.cast(type_)
        except pa.ArrowInvalid:
            if longest <= _SAFE_DIGITS:
                break
    return None


def _as_floats(texts: pa.Array[Any]) -> pa.Array[Any] | None:
    """Return decimal numbers as floats; None if there are others, or larger ones than floats."""
    try:
        values = texts.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return None if _any(pc.is_inf(values)) else values


def _longest(texts: pa.Array[Any]) -> int:
    """Return the bytes of the longest text."""
    return int(np.diff(_offsets(texts)).max(initial=0))


def _has_empty(texts: pa.Array[Any]) -> bool:
    """Return whether texts are empty that are not null."""
    return int((np.diff(_offsets(texts)) == 0).sum()) > texts.null_count


def _any(booleans: pa.Array[Any]) -> bool:
    return bool(pc.any(booleans).as_py())


def _all(booleans: pa.Array[Any]) -> bool:
    return bool(pc.all(booleans).as_py())


def _offsets(texts: pa.Array[Any]) -> np.ndarray[Any, np.dtype[Any]]:
    width = np.int32 if pa.types.is_string(texts.type) else np.int64
    return np.frombuffer(memoryview(texts.buffers()[1] or b""), width)[: len(texts) + 1]


def _signs(texts: pa.Array[Any]) -> set[str]:
    """Return the signs that are in any of the texts, beside digits; `?` for rare ones."""
    data = _bytes(texts)
    codes = np.frombuffer(data, np.uint8)
    if codes.size and codes.min() >= ord("+") and codes.max() <= ord("9"):
        # To look for what is not there costs a tenth of taking out what is.
        return {sign for sign in "+,-./" if sign.encode() in data}
    signs = {sign for sign in "+,-.eE '" if sign.encode() in data}
    return signs | {"\0"} if data.translate(None, b"0123456789+,-.eE '") else signs


def _bytes(texts: pa.Array[Any]) -> bytes:
    """Return the bytes of all texts, one after the other."""
    offsets, data = _offsets(texts), texts.buffers()[2]
    return data[offsets[0] : offsets[-1]].to_pybytes() if data and len(texts) else b""


def _translated(texts: pa.Array[Any], old: bytes, new: bytes) -> pa.Array[Any]:
    """Return the texts with one sign for another; their bytes begin at their buffer's."""
    validity, offsets, _ = texts.buffers()
    buffer = pa.py_buffer(_bytes(texts).replace(old, new))
    return pa.Array.from_buffers(texts.type, len(texts), [validity, offsets, buffer])
