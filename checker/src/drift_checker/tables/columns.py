"""How a column is read: of which kind it is, in what form its values are written, and why.

It is inferred once, with the reference, and holds for every batch: values that differ in nothing
but how they are stored are the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from drift_checker.decision import Floats
from drift_checker.tables.arrays import from_floats, from_texts, in_one, to_floats
from drift_checker.tables.batch import MIXED_TYPE, Batch
from drift_checker.tables.types import (
    ColumnKind,
    is_text,
    kind_of,
    plain,
)

if TYPE_CHECKING:
    from drift_checker.tables.free_text import TextFeatures
    from drift_checker.tables.number_text import NumberForm
    from drift_checker.tables.time_text import TimeForm
    from drift_checker.tables.vectors import VectorFeatures

Form: TypeAlias = "NumberForm | TimeForm"
"""How the values of a column of text are written."""
Features: TypeAlias = "VectorFeatures | TextFeatures"
"""What is derived of a column that is no number and no category."""

READING_RULES = 3
"""The version of all rules by which bytes become columns; what other rules fitted is fitted
anew."""

DeclaredKind: TypeAlias = Literal["numeric", "categorical", "timestamp", "text"]
"""What the settings may say that a column is."""


FORMATS = (
    "decimal comma, decimal point, day first, month first, or a format of strptime such as %d.%m.%Y"
)
"""What the settings may name as the form of a column."""
_SIGNS = {"decimal comma": ",", "decimal point": "."}
_ORDERS = ("day first", "month first")


def is_format(text: str) -> bool:
    """Return whether the settings may name this as the form of a column."""
    return text in _SIGNS or text in _ORDERS or is_time_format(text)


def is_time_format(text: str) -> bool:
    """Return whether this is a format of `strptime`."""
    from datetime import UTC, datetime  # noqa: PLC0415  # of few columns

    try:
        datetime.strptime(datetime.now(UTC).strftime(text), text)  # noqa: DTZ007  # %z or not
    except ValueError:
        return False
    return "%" in text


def matches_format(form: Form, format_: str) -> bool:
    """Return whether a form is the one that the settings name."""
    sign = getattr(form, "decimal", None)
    return sign == _SIGNS[format_] if format_ in _SIGNS else format_ in form.words


class MismatchError(Exception):
    """The batch's values are not of the reference's kind."""

    def __init__(
        self, fault: Literal["changed_type", "mixed_types", "lost_zeros"], detail: str
    ) -> None:
        super().__init__(detail)
        self.fault, self.detail = fault, detail


@dataclass(frozen=True, kw_only=True)
class ReadingSettings:
    """What the settings say of how columns are read, by their names.

    `missing` are texts that stand for no value, besides an empty one; `formats` names the form of a
    column's text, such as `decimal comma` or `day first`. `identifiers` are read as
    they are written, those that are `ignored` as they are stored; what is `tested` is taken for
    what its type says, whatever it looks like.
    """

    kinds: Mapping[str, DeclaredKind] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict)
    identifiers: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    tested: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class ColumnReading:
    """How a column of the reference is read, and so of every batch.

    `source` is the column of the table, of whose type the values are once they are read; a column
    that is derived from it has another `name`, and is the `feature` of that name. `why` says by
    what its kind is known, `untested` why its values are not tested, if they are not.
    """

    name: str
    kind: ColumnKind
    type: pa.DataType
    form: Form | None = None
    missing: tuple[str, ...] = ()
    digits: int = 0
    """Of codes with leading zeros that all have as many, 1 if they have not."""
    codes: bool = False
    """Of text, whether it is known to be codes or ids, for which numbers may stand."""
    why: str = ""
    untested: str = ""
    source: str = ""
    features: Features | None = None
    feature: str = ""

    @property
    def form_words(self) -> str:
        """How the values are written, such as `numbers with decimal comma`; nothing of types."""
        return "" if self.form is None else self.form.words

    def read(self, column: pa.Array[Any], *, untyped: bool) -> pa.Array[Any]:
        """Return values of the column in the kind of the reference; `untyped` text may be any.

        Numbers as they are stored, categories as text or booleans, moments as `timestamp[us]`, text
        as `string`, a derived feature as `double`; nulls of any type where there are no values.

        Raises:
            MismatchError: They are of another kind, or of several.
        """
        values = self.without_missing(self.plain(column))
        if values.type == MIXED_TYPE:
            raise MismatchError("mixed_types", describe_mixed(values))
        if values.null_count == len(values) or pa.types.is_null(self.type):
            return pa.nulls(len(values))
        match self.kind:
            case "numeric":
                return self._numbers(values, column.type, untyped=untyped)
            case "categorical":
                return self._categories(values, column.type, untyped=untyped)
            case "timestamp":
                return self._moments(values)
            case "vector" | "text":
                return self._source_values(values)
            case _ if kind_of(values.type) == "other":
                return values
        raise self._changed(values)

    def plain(self, column: pa.Array[Any]) -> pa.Array[Any]:
        """Return values in the plainest type that holds them; of `MIXED_TYPE` if there are several.

        Codes keep all of their digits.
        """
        if column.type == MIXED_TYPE:
            from drift_checker.tables.values import codes_of, unmixed  # noqa: PLC0415  # seldom needed

            column = codes_of(column) if self.codes else unmixed(column, self.missing)
        if self.codes and pa.types.is_decimal(column.type) and column.type.scale <= 0:
            return column.cast(pa.string())
        return column if column.type == MIXED_TYPE else plain(column)

    def compute(self, column: pa.Array[Any]) -> Mapping[str, Floats]:
        """Return all features that are derived of the source's values, each (rows,).

        Raises:
            MismatchError: The values are of another kind, or vectors of several lengths.
        """
        if self.features is None:
            raise TypeError(f"{self.name} is not derived")
        values = self.without_missing(self.plain(column))
        if values.null_count == len(values):
            return dict.fromkeys(self.features.names, np.full(len(values), np.nan))
        return self.features.compute(self._source_values(values))

    def _source_values(self, values: pa.Array[Any]) -> pa.Array[Any]:
        """Return values that features are derived of.

        Raises:
            MismatchError: They are of another kind, or vectors of several lengths.
        """
        is_vector = hasattr(self.features, "count_other_lengths")
        kind = "vector" if is_vector or self.kind == "vector" else "text"
        if not (kind_of(values.type) == "vector" if kind == "vector" else is_text(values.type)):
            arrived = "text" if is_text(values.type) else str(values.type)
            raise MismatchError("changed_type", f"expected {kind}s, arrived as {arrived}")
        if is_vector and (other := self.features.count_other_lengths(values)):  # type: ignore[union-attr]
            present = len(values) - values.null_count
            raise MismatchError(
                "changed_type" if other == present else "mixed_types",
                f"{other} of {present} vectors have another length than {self.features.size}",  # type: ignore[union-attr]
            )
        return values

    def without_missing(self, values: pa.Array[Any]) -> pa.Array[Any]:
        """Return the same values, null where the settings say that there is none."""
        if not self.missing:
            return values
        if is_text(values.type):
            missing = pc.is_in(pc.utf8_trim_whitespace(values), from_texts(self.missing))
        elif kind_of(values.type) == "numeric":
            markers = [float(text) for text in self.missing if _is_number(text)]
            numbers = values.cast(pa.float64(), safe=False)
            missing = pc.is_in(numbers, from_floats(np.array(markers, np.float64)))
        else:
            return values
        present: pa.Array[Any] = pc.if_else(missing, pa.scalar(None, values.type), values)
        return present

    def _changed(self, values: pa.Array[Any]) -> MismatchError:
        expected = self.form_words or ("text" if is_text(self.type) else str(self.type))
        arrived = "text" if is_text(values.type) else str(values.type)
        example = ""
        if arrived == "text":
            example = f", such as {str(values.drop_null()[0])!r}"
        return MismatchError("changed_type", f"expected {expected}, arrived as {arrived}{example}")

    def _numbers(
        self, values: pa.Array[Any], stored: pa.DataType, *, untyped: bool
    ) -> pa.Array[Any]:
        if is_text(values.type):
            if not untyped and self.form is None:
                raise self._changed(values)
            return _in_width(self._parsed_numbers(values), pa.float64(), self.type)
        if kind_of(values.type) != "numeric":
            raise self._changed(values)
        if pa.types.is_duration(self.type) and pa.types.is_duration(values.type):
            return _in_unit(values, self.type)
        return _in_width(values, stored if pa.types.is_floating(stored) else values.type, self.type)

    def _parsed_numbers(self, texts: pa.Array[Any]) -> pa.Array[Any]:
        from drift_checker.tables.number_text import NumberForm, number_form  # noqa: PLC0415  # of text alone

        form = self.form if isinstance(self.form, NumberForm) else NumberForm()
        return self._parsed(texts, form, number_form)

    def _parsed(
        self,
        values: pa.Array[Any],
        form: Form,
        form_of: Callable[[pa.Array[Any]], Form | None],
    ) -> pa.Array[Any]:
        """Return what values stand for by a form, or by another one that all of them have.

        That they come in another form is no change of theirs.

        Raises:
            MismatchError: They have none.
        """
        parsed, bad = form.parse(values)
        if pc.any(bad).as_py():
            other = form_of(values)
            if other is None:
                raise self._explained(values, bad)
            parsed, _ = other.parse(values)
        return parsed

    def _explained(self, texts: pa.Array[Any], bad: pa.Array[Any]) -> MismatchError:
        failing = texts.filter(bad)
        expected = self.form_words or str(self.type)
        if len(failing) == len(texts) - texts.null_count:
            return self._changed(texts)
        return MismatchError(
            "mixed_types",
            f"{len(failing)} of {len(texts) - texts.null_count} values are not {expected}, "
            f"such as {str(failing[0])!r}",
        )

    def _categories(
        self, values: pa.Array[Any], stored: pa.DataType, *, untyped: bool
    ) -> pa.Array[Any]:
        boolean = pa.types.is_boolean(self.type)
        if boolean and untyped and is_text(values.type):
            try:
                return values.cast(pa.bool_())
            except pa.ArrowInvalid:
                raise self._changed(values) from None
        if boolean != pa.types.is_boolean(values.type):
            raise self._changed(values)
        if is_text(self.type) and not is_text(values.type):
            return self._numbers_for_codes(values, stored)
        if not is_text(self.type) and is_text(values.type):
            return _canonical_codes(values) if untyped else values
        texts = values if boolean or is_text(values.type) else code_texts(values)
        self._check_zeros(texts)
        return _without_fractions(texts) if self.codes and is_text(texts.type) else texts

    def _numbers_for_codes(self, values: pa.Array[Any], stored: pa.DataType) -> pa.Array[Any]:
        """Take numbers for codes where these are known to be some, or came as a dictionary."""
        if self.digits:
            raise MismatchError("lost_zeros", self._zeros_words(code_texts(values)))
        if pa.types.is_dictionary(stored) or (self.codes and kind_of(values.type) == "numeric"):
            return code_texts(values)
        raise self._changed(values)

    def _check_zeros(self, texts: pa.Array[Any]) -> None:
        """Refuse codes of digits that are shorter than those of the reference.

        Raises:
            MismatchError: Some are.
        """
        if self.digits <= 1 or not is_text(texts.type):
            return
        most = self.digits - 1
        short = pc.match_substring_regex(texts, rf"^([0-9]{{1,{most}}}|[0-9]{{1,{most + 1}}}\.0)$")
        if pc.any(short).as_py():
            raise MismatchError("lost_zeros", self._zeros_words(texts.filter(short)))

    def _zeros_words(self, texts: pa.Array[Any]) -> str:
        example = repr(str(texts.drop_null()[0]))
        if self.digits == 1:
            return f"expected codes such as 007, arrived as {example}: leading zeros were lost"
        return (
            f"expected codes of {self.digits} digits, arrived with fewer, such as {example}: "
            "leading zeros were lost"
        )

    def _moments(self, values: pa.Array[Any]) -> pa.Array[Any]:
        if kind_of(values.type) == "timestamp":
            return values
        if not is_text(values.type) and (self.form is None or kind_of(values.type) != "numeric"):
            raise self._changed(values)
        from drift_checker.tables.time_text import TimeForm, time_form  # noqa: PLC0415  # of few columns

        form = self.form if isinstance(self.form, TimeForm) else time_form(values)
        if form is None:
            raise self._changed(values)
        return self._parsed(values, form, time_form)


_WIDTHS: dict[str, type[np.floating[Any]]] = {"halffloat": np.float16, "float": np.float32}


def _in_width(values: pa.Array[Any], stored: pa.DataType, wanted: pa.DataType) -> pa.Array[Any]:
    """Return floats as close to each other as the narrower of two types can tell them apart.

    What is wider than the reference is rounded to its width. What is narrower becomes the decimal
    that it is written as, since 0.1 is another number in each width.
    """
    before, after = _WIDTHS.get(str(wanted), np.float64), _WIDTHS.get(str(stored), np.float64)
    if before == after or pa.types.is_integer(values.type):
        return values
    if np.dtype(after).itemsize > np.dtype(before).itemsize:
        # Beyond the range of the narrower type, a value is infinite there.
        with np.errstate(over="ignore"):
            return from_floats(to_floats(values).astype(before).astype(np.float64))
    if after is np.float32:
        return values.cast(pa.string()).cast(pa.float64())
    distinct, rows = np.unique(to_floats(values).astype(np.float16), return_inverse=True)
    return from_floats(np.array([float(str(each)) for each in distinct])[rows])


_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def _in_unit(values: pa.Array[Any], wanted: Any) -> pa.Array[Any]:
    """Return durations as numbers in the unit of a type, with fractions of it."""
    ticks = to_floats(values) * _PER_SECOND[wanted.unit]
    return from_floats(ticks / _PER_SECOND[values.type.unit])


def code_texts(values: pa.Array[Any]) -> pa.Array[Any]:
    """Return values as the texts of categories; whole numbers without a fraction, in any width."""
    if pa.types.is_floating(values.type):
        numbers = to_floats(values)
        if np.all(np.isnan(numbers) | (np.floor(numbers) == numbers)):
            values = values.cast(pa.int64(), safe=False)
        elif values.type != pa.float64():
            values = _in_width(values, values.type, pa.float64())
    return values.cast(pa.string())


def _canonical_codes(texts: pa.Array[Any]) -> pa.Array[Any]:
    """Return the texts of numbers as `code_texts` writes them; all others as they are."""
    for type_ in (pa.int64(), pa.uint64(), pa.float64()):  # the latter has not all large integers
        try:
            return code_texts(texts.cast(type_))
        except pa.ArrowInvalid:
            continue
    return texts


def _without_fractions(texts: pa.Array[Any]) -> pa.Array[Any]:
    """Return the texts of numbers as `code_texts` writes whole ones: `1` for `1.0`."""
    numbers = pc.all(pc.match_substring_regex(texts, r"^-?[0-9]+(\.[0-9]+)?$")).as_py()
    return pc.replace_substring_regex(texts, r"\.0+$", "") if numbers else texts


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def describe_mixed(column: pa.Array[Any]) -> str:
    """Say of which types the values of a column are, with an example of each."""
    examples: dict[str, str] = {}
    for value in filter(None, column.to_pylist()):
        if value["kind"] is not None:
            examples.setdefault(value["kind"], value["json"])
    return "values of several types: " + ", ".join(
        f"{kind} such as {example}" for kind, example in sorted(examples.items())
    )


class ReadColumns:
    """The columns of a table or of a chunk, as they are read; a feature is computed once."""

    def __init__(self, column: Callable[[str], pa.Array[Any]], *, untyped: bool) -> None:
        """Take what returns a column by its name, as it is stored."""
        self._column, self._untyped = column, untyped
        self._features: dict[str, Mapping[str, Floats]] = {}

    @classmethod
    def of(cls, table: Batch) -> Self:
        """Take a table in memory."""
        return cls(lambda name: in_one(table.table.column(name)), untyped=table.untyped)

    def read(self, reading: ColumnReading) -> pa.Array[Any]:
        """Return the values of a column in the kind of the reference.

        Raises:
            MismatchError: They are of another kind, or of several.
        """
        if not reading.feature:
            return reading.read(self._column(reading.source), untyped=self._untyped)
        if reading.source not in self._features:
            self._features[reading.source] = reading.compute(self._column(reading.source))
        return from_floats(self._features[reading.source][reading.feature])


def read_form(name: str, fields: Mapping[str, Any]) -> Form:
    """Return a form of text by the name of its class, and its fields as JSON has them."""
    from drift_checker.tables import number_text, time_text  # noqa: PLC0415  # of text alone

    forms = {form.__name__: form for form in (number_text.NumberForm, time_text.TimeForm)}
    return forms[name](**fields)


def features_as_arrays(features: Features) -> dict[str, NDArray[Any]]:
    """Return features as arrays, with the name of their class as `class`."""
    arrays = {"class": np.array(type(features).__name__)}
    if hasattr(features, "to_arrays"):
        return arrays | features.to_arrays()
    return arrays | {"json": np.array(json.dumps(features.to_dict()))}


def features_of_arrays(arrays: Mapping[str, NDArray[Any]]) -> Features:
    """Return the features of which `features_as_arrays` gave these."""
    from drift_checker.tables import free_text, vectors  # noqa: PLC0415  # of few columns

    if "json" in arrays:
        return free_text.TextFeatures.from_dict(json.loads(str(arrays["json"])))
    return vectors.VectorFeatures.from_arrays(arrays)
