"""The profile of a reference as it lies in the store, with its layout: one file, of a version."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from typing import Any

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

VERSION = 1
"""Of this form; what is fitted by another version is not read."""

_NUMBERS = "Numbers"
_KINDS: dict[str, type[CategoricalProfile | TimestampProfile | NullProfile | Mismatch]] = {
    "Categories": CategoricalProfile,
    "Times": TimestampProfile,
    "Nulls": NullProfile,
    "Mismatch": Mismatch,
}
"""Names in stored files, which stay whatever the classes are called."""
_NAMES = {kind: name for name, kind in _KINDS.items()}

Arrays = dict[str, NDArray[Any]]


def to_bytes(layout: Layout, profile: TableProfile) -> bytes:
    """Write both: numbers as arrays, all else as JSON."""
    arrays: Arrays = {"rows": profile.sample.row_numbers}
    columns = []
    for place, (name, column) in enumerate(layout.columns.items()):
        found = profile.columns[name]
        columns.append({"name": name, **_described(column.bins, found, f"{place}.", arrays)})
    for place, name in enumerate(layout.sampled):
        arrays[f"row.{place}"] = profile.sample.columns[name]
    schema = pa.schema([(name, column.type) for name, column in layout.columns.items()])
    arrays["schema"] = np.frombuffer(schema.serialize().to_pybytes(), np.uint8)
    head = {
        "rows": profile.rows,
        "most": profile.sample.size,
        "sampled": layout.sampled,
        "fit_rows": layout.fit_rows,
        "columns": columns,
    }
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    sink = io.BytesIO()
    np.savez(sink, **arrays)  # type: ignore[arg-type]  # its stub sees allow_pickle
    return sink.getvalue()


def from_bytes(data: bytes) -> tuple[Layout, TableProfile]:
    """Read both."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        head = json.loads(arrays["head"].tobytes())
        schema = pa.ipc.read_schema(pa.py_buffer(arrays["schema"].tobytes()))
        columns, found = {}, {}
        for place, described in enumerate(head["columns"]):
            name = described["name"]
            cuts, found[name] = _read(described, f"{place}.", arrays)
            columns[name] = ColumnLayout(schema.field(place).type, cuts)
        values = {name: arrays[f"row.{place}"] for place, name in enumerate(head["sampled"])}
        sample = RowSample(head["most"], arrays["rows"], values)
    layout = Layout(columns, tuple(head["sampled"]), head["fit_rows"])
    return layout, TableProfile(head["rows"], found, sample)


def _described(
    cuts: Bins, found: ColumnProfile | Mismatch, prefix: str, arrays: Arrays
) -> dict[str, Any]:
    """Return a column as JSON holds it, and put its arrays beside."""
    if not isinstance(found, NumericProfile):
        return {"kind": _NAMES[type(found)], "is": asdict(found)}
    arrays |= {
        f"{prefix}edges": found.edges,
        f"{prefix}below": found.below,
        f"{prefix}upto": found.up_to,
        f"{prefix}cells": cuts.tick_edges,
    }
    known = (found.rows, found.nulls, found.infinite)
    moments = (found.mean, found.squared_deviations, found.minimum, found.maximum)
    return {"kind": _NUMBERS, "is": [*known, *moments], "tails": [cuts.low, cuts.high]}


def _read(
    described: dict[str, Any], prefix: str, arrays: Any
) -> tuple[Bins, ColumnProfile | Mismatch]:
    if described["kind"] != _NUMBERS:
        return NO_BINS, _KINDS[described["kind"]](**described["is"])
    edges, below, upto, cells = (
        arrays[prefix + name] for name in ("edges", "below", "upto", "cells")
    )
    low, high = described["tails"]
    return Bins(edges, low, high, cells), NumericProfile(edges, below, upto, *described["is"])
