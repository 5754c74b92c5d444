"""JSON in the shapes that tables are written in, as a table.

A list of records, records a line or one after the other, one record, an object of columns, and
what answers of services wrap them in. Nothing is told by names where the shape leaves it open,
and what fits two shapes is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import pyarrow as pa

from drift_checker.errors import NoBatchError
from drift_checker.tables.batch import UnreadableError
from drift_checker.tables.limits import too_deep
from drift_checker.tables.values import clean_text, column_of

_WRAPPERS = (
    "data", "records", "items", "results", "result", "rows", "value", "values", "features",
    "response", "payload", "content", "entries", "hits",
)  # fmt: skip
"""Members of an answer that hold its records, where there are other lists of records besides."""
_ERRORS = frozenset(
    {
        "code", "detail", "details", "error", "errors", "exception", "instance", "message", "msg",
        "path", "reason", "status", "success", "timestamp", "title", "trace", "traceback", "type",
    }
)  # fmt: skip
"""Members of an answer that is an error, and of no table."""
_HEADERS = ("columns", "fields", "header", "names")
_BODIES = ("data", "rows", "values")
_MOST_WRAPPERS = 2
_RECORD_SEPARATOR = "\x1e"
"""Before each text of a JSON text sequence (RFC 7464)."""
_EXAMPLE = '(expected: [{"column": value, …}, …])'
_Columns = Mapping[str, Sequence[Any]]


def read_json(data: bytes) -> pa.Table:
    """Read JSON in any encoding of Unicode.

    Raises:
        NoBatchError: It holds no records.
        UnreadableError: It is broken, or some of its records are none.
    """
    try:
        columns = _columns(_documents(_text(data)))
    except RecursionError as error:
        raise UnreadableError(f"{too_deep()}: {error}") from error
    except ValueError as error:
        raise UnreadableError(f"The JSON is broken: {error}") from error
    return pa.Table.from_arrays(
        [column_of(values) for values in columns.values()], names=list(map(_name, columns))
    )


def _text(data: bytes) -> str:
    try:
        # A lone surrogate may stand in the bytes, too; it becomes U+FFFD with the others.
        return data.decode(json.detect_encoding(data), "surrogatepass")
    except UnicodeDecodeError:
        from drift_checker.tables.encoding import decode  # noqa: PLC0415  # of odd text only

        return decode(data)


def _name(name: str) -> str:
    return name if name.isascii() else clean_text(name)


def _documents(text: str) -> Any:
    """Return the one JSON value, or the list of those that follow one another."""
    if text.startswith(_RECORD_SEPARATOR):
        text = text.replace(_RECORD_SEPARATOR, "\n")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
        in_one_line = text[error.pos] == "{" and "\n" not in text[: error.pos].lstrip()
    # Only a line feed ends a line: other separators, such as U+2028, may stand in text.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if in_one_line or lines[0][1].strip() in {"{", "["}:
        return list(_one_after_the_other(text))
    return _checked([_line(number, line) for number, line in lines], [n for n, _ in lines], "line")


def _line(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise UnreadableError(
            f"The JSON is broken in line {number}: {error.msg} at character {error.pos + 1}"
        ) from error


def _one_after_the_other(text: str) -> Iterator[Any]:
    """Parse values that end anywhere: in several lines, as `jq` prints them, or all in one."""
    decoder, at = json.JSONDecoder(), 0
    while at := _next(text, at):
        value, at = decoder.raw_decode(text, at - 1)
        yield value


def _next(text: str, at: int) -> int:
    """Return one more than the place of the next character that is no white space, or 0."""
    found = re.compile(r"\S").search(text, at)
    return found.end() if found else 0


def _columns(document: Any) -> _Columns:
    if isinstance(document, dict):
        return _columns_of_object(document)
    if isinstance(document, list):
        return _transposed(_checked(document, range(1, len(document) + 1), "record"))
    raise _no_records(f"is {_described(document)}")


def _checked(values: list[Any], numbers: Sequence[int], unit: str) -> list[dict[str, Any]]:
    """Return values that all are records; `numbers` are those of their lines or places."""
    wrong = [place for place, value in enumerate(values) if type(value) is not dict]
    if not wrong:
        return values
    first = values[wrong[0]]
    if len(wrong) < len(values):
        raise UnreadableError(
            f"The JSON is broken in {unit} {numbers[wrong[0]]}: "
            f"expected a record, found {_described(first)}"
        )
    raise _no_records(f"is a list of which the first value is {_described(first)}")


def _transposed(records: Sequence[dict[str, Any]]) -> _Columns:
    return {name: _member(records, name) for name in dict.fromkeys(chain.from_iterable(records))}


def _member(records: Sequence[dict[str, Any]], name: str) -> list[Any]:
    """Return what records have of a name, None where they do not have it."""
    try:
        return list(map(itemgetter(name), records))
    except KeyError:
        return [record.get(name) for record in records]


def _columns_of_object(document: dict[str, Any], depth: int = 0) -> _Columns:
    """Return the columns of an object that is a table, wraps one, or is a record."""
    columns = _split(document)
    if columns is not None:
        return columns
    lists = _record_lists(document)
    preferred = [name for name in lists if name in _WRAPPERS] or lists
    if len(preferred) == 1:
        return _transposed(list(map(_flat_feature, document[preferred[0]])))
    if lists:
        raise _no_records(f"has several lists of records: {', '.join(lists)}")
    columns = _listed(document) or _indexed(document)
    if columns is not None:
        return columns
    inner = [name for name in _WRAPPERS if isinstance(document.get(name), dict)]
    if len(inner) == 1 and depth < _MOST_WRAPPERS:
        return _columns_of_object(document[inner[0]], depth + 1)
    if _ERRORS.issuperset(document) or "error" in document:
        raise _no_records(f"is {json.dumps(document)[:200]}")
    return {name: [value] for name, value in document.items()}


def _split(document: dict[str, Any]) -> _Columns | None:
    """Return the columns of names and lists of values, as pandas' `orient="split"` has them."""
    names = next((document[name] for name in _HEADERS if name in document), None)
    rows = next((document[name] for name in _BODIES if name in document), None)
    if not (isinstance(names, list) and isinstance(rows, list)):
        return None
    if not all(isinstance(row, list) for row in rows) or not (rows or "index" in document):
        return None
    titles = [str(name.get("name") if isinstance(name, dict) else name) for name in names]
    wrong = next((at for at, row in enumerate(rows, 1) if len(row) != len(titles)), None)
    if wrong is not None:
        raise UnreadableError(
            f"The JSON is broken in row {wrong}: expected {len(titles)} values, "
            f"found {len(rows[wrong - 1])}"
        )
    return {title: [row[at] for row in rows] for at, title in enumerate(titles)}


def _record_lists(document: dict[str, Any]) -> list[str]:
    return [
        name
        for name, value in document.items()
        if isinstance(value, list)
        and all(isinstance(item, dict) for item in value)
        and (value or name in _WRAPPERS)
    ]


def _flat_feature(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record; of a feature of GeoJSON its properties, with its geometry."""
    properties = record.get("properties")
    if record.get("type") == "Feature" and isinstance(properties, dict):
        return {**properties, "geometry": record.get("geometry")}
    return record


def _listed(document: dict[str, Any]) -> _Columns | None:
    """Return the columns of an object of lists."""
    if not document or not all(isinstance(value, list) for value in document.values()):
        return None
    lengths = {name: len(values) for name, values in document.items()}
    if len(set(lengths.values())) > 1:
        sizes = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise UnreadableError(f"The JSON is broken: its columns differ in length: {sizes[:200]}")
    return document


def _indexed(document: dict[str, Any]) -> _Columns | None:
    """Return the columns of an object of objects, of which one level numbers the rows."""
    if not document or not all(isinstance(value, dict) for value in document.values()):
        return None
    labels = list(next(iter(document.values())))
    if (
        labels
        and all(map(_is_number, labels))
        and all(list(v) == labels for v in document.values())
    ):
        return {name: list(values.values()) for name, values in document.items()}
    if all(map(_is_number, document)):
        return _transposed(list(document.values()))
    return None


def _is_number(label: str) -> bool:
    return label.removeprefix("-").isdecimal()


def _described(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"


def _no_records(what: str) -> NoBatchError:
    return NoBatchError(
        f"The source answered with JSON that is no list of records {_EXAMPLE}: it {what}."
    )
