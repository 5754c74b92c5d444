"""The profile of a reference as it lies in the store, with its layout: one npz file.

Names in the file stay, whatever the classes and their fields are called.
"""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import asdict
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from drift_checker.profiles.bins import NO_BINS, Bins
from drift_checker.profiles.categorical import CategoricalProfile
from drift_checker.profiles.layout import ColumnLayout, Layout
from drift_checker.profiles.numeric import NumericProfile
from drift_checker.profiles.profile import ColumnProfile, Mismatch, TableProfile
from drift_checker.profiles.sample import RowSample
from drift_checker.profiles.untested import NullProfile, TimestampProfile
from drift_checker.tables import (
    ColumnReading,
    Features,
    features_as_arrays,
    features_of_arrays,
    read_form,
)

VERSION = 2
"""Of this form; what is fitted by another version is not read."""

_NUMBERS = "Numbers"
_KINDS: dict[str, type[CategoricalProfile | TimestampProfile | NullProfile | Mismatch]] = {
    "Categories": CategoricalProfile,
    "Times": TimestampProfile,
    "Nulls": NullProfile,
    "Mismatch": Mismatch,
}
"""Names in stored files."""
_NAMES = {kind: name for name, kind in _KINDS.items()}

Arrays = dict[str, NDArray[Any]]


def to_bytes(layout: Layout, profile: TableProfile, *, told: bytes = b"") -> bytes:
    """Return the bytes of the file: numbers as arrays, all else as JSON.

    `told` is what else is known of the table, whose form is the caller's business.
    """
    arrays: Arrays = {"rows": profile.sample.row_numbers}
    columns = []
    for index, (name, column) in enumerate(layout.columns.items()):
        described = _describe(column.bins, profile.columns[name], f"{index}.", arrays)
        reading, source = column.reading, column.reading.source
        columns.append({"name": name, "reading": _describe_reading(reading), **described})
        if reading.features and f"{source}.class" not in arrays:
            fields = features_as_arrays(reading.features)
            arrays |= {f"{source}.{field}": values for field, values in fields.items()}
    for index, name in enumerate(layout.sampled):
        arrays[f"row.{index}"] = profile.sample.columns[name]
    schema = pa.schema([(name, column.reading.type) for name, column in layout.columns.items()])
    arrays["schema"] = np.frombuffer(schema.serialize().to_pybytes(), np.uint8)
    head = {
        "rows": profile.rows,
        "most": profile.sample.size,
        "sampled": layout.sampled,
        "fit_rows": layout.fit_rows,
        "columns": columns,
    }
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    if told:
        arrays["told"] = np.frombuffer(told, np.uint8)
    sink = io.BytesIO()
    np.savez(sink, **arrays)  # type: ignore[arg-type]  # its stub sees allow_pickle
    return sink.getvalue()


def from_bytes(data: bytes) -> tuple[Layout, TableProfile]:
    """Return the layout and the profile of a file's bytes.

    Raises:
        ValueError: They are damaged.
    """
    try:
        return _from_bytes(data)
    except (LookupError, TypeError, EOFError, BadZipFile, zlib.error, pa.ArrowException) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _from_bytes(data: bytes) -> tuple[Layout, TableProfile]:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        head = json.loads(arrays["head"].tobytes())
        schema = pa.ipc.read_schema(pa.py_buffer(arrays["schema"].tobytes()))
        columns, profiles, features = {}, {}, _read_features(arrays)
        for index, described in enumerate(head["columns"]):
            name = described["name"]
            bins, profiles[name] = _read(described, f"{index}.", arrays)
            reading = described["reading"]
            derived = features.get(reading["source"])
            columns[name] = ColumnLayout(
                _read_reading(name, reading, schema.field(index).type, derived), bins
            )
        values = {name: arrays[f"row.{index}"] for index, name in enumerate(head["sampled"])}
        sample = RowSample(head["most"], arrays["rows"], values)
    layout = Layout(columns, tuple(head["sampled"]), head["fit_rows"])
    return layout, TableProfile(head["rows"], profiles, sample)


def raise_if_damaged(data: bytes) -> None:
    """Look whether bytes are a whole file of this form, or of an older one.

    Raises:
        ValueError: They are not.
    """
    try:
        with ZipFile(io.BytesIO(data)) as file:
            broken = file.testzip()
    except (BadZipFile, EOFError, zlib.error) as error:
        raise ValueError(str(error)) from error
    if broken is not None:
        raise ValueError(f"{broken} has another checksum")


def told_in(data: bytes) -> bytes:
    """Return what else the bytes of a file tell of the table; older versions told nothing."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return arrays["told"].tobytes() if "told" in arrays else b""


def _describe_reading(reading: ColumnReading) -> dict[str, Any]:
    """Return how a column is read as JSON holds it; its type and its features lie beside."""
    names = ("kind", "missing", "digits", "codes", "why", "untested", "source", "feature")
    described = {name: getattr(reading, name) for name in names}
    if reading.form is not None:
        described["form"] = [type(reading.form).__name__, asdict(reading.form)]
    return described


def _read_reading(
    name: str, described: dict[str, Any], type_: pa.DataType, features: Features | None
) -> ColumnReading:
    described = {**described, "missing": tuple(described["missing"])}
    if "form" in described:
        described["form"] = read_form(*described["form"])
    return ColumnReading(name=name, type=type_, features=features, **described)


def _read_features(arrays: Any) -> dict[str, Features]:
    """Return the features that are derived of columns, by their names."""
    sources = [key.removesuffix(".class") for key in arrays.files if key.endswith(".class")]
    return {source: features_of_arrays(_below(f"{source}.", arrays)) for source in sources}


def _below(prefix: str, arrays: Any) -> Arrays:
    names = [name for name in arrays.files if name.startswith(prefix)]
    return {name.removeprefix(prefix): arrays[name] for name in names}


def _describe(
    bins: Bins, profile: ColumnProfile | Mismatch, prefix: str, arrays: Arrays
) -> dict[str, Any]:
    """Return a column as JSON holds it, and put its arrays beside."""
    if not isinstance(profile, NumericProfile):
        return {"kind": _NAMES[type(profile)], "is": asdict(profile)}
    arrays |= {
        f"{prefix}edges": profile.edges,
        f"{prefix}below": profile.below,
        f"{prefix}upto": profile.up_to,
        f"{prefix}cells": bins.tick_edges,
    }
    counts = (profile.rows, profile.nulls, profile.infinite)
    moments = (profile.mean, profile.squared_deviations, profile.minimum, profile.maximum)
    return {"kind": _NUMBERS, "is": [*counts, *moments], "tails": [bins.low, bins.high]}


def _read(
    described: dict[str, Any], prefix: str, arrays: Any
) -> tuple[Bins, ColumnProfile | Mismatch]:
    if described["kind"] != _NUMBERS:
        return NO_BINS, _KINDS[described["kind"]](**described["is"])
    edges, below, up_to, tick_edges = (
        arrays[prefix + name] for name in ("edges", "below", "upto", "cells")
    )
    low, high = described["tails"]
    return Bins(edges, low, high, tick_edges), NumericProfile(edges, below, up_to, *described["is"])
