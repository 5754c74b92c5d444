"""Evidently's page on a bounded sample, for a person to look at; the verdict is not made here.

Names and values reach the page as labels that no script of it takes for markup, and a policy lets
nothing run and nothing be loaded but what Evidently put there.

Importing this module costs seconds: it is done where a report is made, and nowhere else.
"""

from __future__ import annotations

import os
import re
import warnings
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.escape import labels
from drift_checker.result import EvidentlySummary, Explanation
from drift_checker.tables import (
    Batch,
    MismatchError,
    ReadColumns,
    ReadingSettings,
    infer_readings,
)
from drift_checker.wording.rendering import explanation_html

os.environ.setdefault("DO_NOT_TRACK", "1")
with warnings.catch_warnings():
    # Deprecated names of numpy and litestar that Evidently uses; nothing that a reader can mend.
    warnings.simplefilter("ignore", DeprecationWarning)
    from evidently import DataDefinition, Dataset, Report  # type: ignore[import-untyped]
    from evidently.presets import DataDriftPreset  # type: ignore[import-untyped]

MAX_ROWS = 2000
"""Rows of either side that a report shows, as long as there are at most 10 columns."""
MAX_COLUMNS = 25
"""Columns that a report shows."""
MAX_CELLS = MAX_ROWS * 10
"""Values of either side that a report shows: the page holds them all, and stays below 5 MB."""
MAX_CATEGORIES = 50
"""Categories of a column that a report shows by their names."""
POOLED_CATEGORIES = "(all others)"
"""The name that all other categories share."""

_SCRIPTS = 4
"""Scripts of the page: its data, a name that they need, the library, the call that draws."""
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; font-src data:; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)
"""What the page may do: run these scripts, style, draw; no network, not even its own origin."""


def write_report(
    reference: Batch,
    current: Batch,
    path: Path,
    explanation: Explanation | None = None,
    *,
    settings: ReadingSettings | None = None,
) -> EvidentlySummary:
    """Write Evidently's drift report to a file, with our own verdict on top.

    Of either side a sample is shown, drawn with a fixed seed and with rare categories pooled.
    Columns that only one side has, that are empty or of another type, or that are neither numbers
    nor categories, are left out.

    Raises:
        ValueError: there is nothing to show, or a name got into Evidently's scripts.
    """
    columns = _comparable_columns(reference, current, settings or ReadingSettings())
    before, after = map(_sample, columns)
    _pool_rare(before, after)
    before, after = _labelled(before, after)
    definition = DataDefinition(
        numerical_columns=list(before.select_dtypes("number")),
        categorical_columns=list(before.select_dtypes(exclude="number")),
    )
    with warnings.catch_warnings():
        # What Evidently's own calculations and plots warn of says nothing about the verdict.
        warnings.simplefilter("ignore")
        snapshot = Report([DataDriftPreset()]).run(
            Dataset.from_pandas(after, data_definition=definition),
            Dataset.from_pandas(before, data_definition=definition),
        )
        page = snapshot.get_html_str(as_iframe=False)
    heading = explanation_html(explanation) if explanation else ""
    path.write_text(_with_policy(page).replace("<body>", f"<body>{heading}", 1), "utf-8")
    drift = snapshot.dict()["metrics"][0]
    share = float(drift["value"]["share"])
    return EvidentlySummary(
        version=version("evidently"),
        reference_rows=len(before),
        current_rows=len(after),
        drifted_columns=int(drift["value"]["count"]),
        columns=before.shape[1],
        drift_share=share,
        dataset_drift=share >= drift["config"]["drift_share"],
    )


def _sample(table: pd.DataFrame) -> pd.DataFrame:
    rows = min(len(table), MAX_ROWS, MAX_CELLS // table.shape[1])
    return table.sample(rows, random_state=0).sort_index()


def _shown_rows(rows: int) -> pa.Array[Any]:
    """Return the numbers of the rows that may be shown, at most `MAX_ROWS`."""
    numbers = pd.Series(range(rows))
    return pa.array(numbers.sample(min(rows, MAX_ROWS), random_state=0).sort_index().to_numpy())


def _comparable_columns(
    reference: Batch, current: Batch, settings: ReadingSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    pairs = dict(islice(_column_pairs(reference, current, settings), MAX_COLUMNS))
    if not pairs:
        raise ValueError("a report needs a column with values on both sides")
    before = pd.DataFrame({name: pair[0] for name, pair in pairs.items()})
    after = pd.DataFrame({name: pair[1] for name, pair in pairs.items()})
    return before, after


def _column_pairs(
    reference: Batch, current: Batch, settings: ReadingSettings
) -> Iterator[tuple[str, tuple[pd.Series, pd.Series]]]:
    readings = infer_readings(reference, settings)
    tables = ReadColumns.of(reference), ReadColumns.of(current)
    # Rows of a large batch would take more memory as objects of pandas than all the rest.
    shown = _shown_rows(reference.rows), _shown_rows(current.rows)
    for name, reading in readings.items():
        if reading.source not in current.names or reading.untested:
            continue
        try:
            before, after = (
                columns.read(reading).take(rows)
                for columns, rows in zip(tables, shown, strict=True)
            )
        except MismatchError:
            continue
        if reading.kind in {"numeric", "categorical"}:
            pair = _values(before, reading.kind), _values(after, reading.kind)
            if all(values.notna().any() for values in pair):
                yield name, pair


def _values(column: pa.Array[Any], kind: str) -> pd.Series:
    if kind == "categorical":
        return pc.cast(column, pa.string()).to_pandas().astype(object)
    values = pd.to_numeric(column.to_pandas(), errors="coerce").astype(float)
    return values.replace([np.inf, -np.inf], np.nan)


def _pool_rare(before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Give the rare categories of each column one name: a page of thousands takes minutes."""
    for name in before.select_dtypes(exclude="number"):
        counts = pd.concat([before[name], after[name]]).value_counts()
        rare = counts.index[MAX_CATEGORIES:]
        for table in (before, after):
            table.loc[table[name].isin(rare), name] = POOLED_CATEGORIES


def _labelled(*tables: pd.DataFrame) -> list[pd.DataFrame]:
    """Return tables whose columns and categories have the names that a plot may show."""
    names = labels(tables[0].columns)
    tables_ = [table.rename(columns=names) for table in tables]
    for name in tables_[0].select_dtypes(exclude="number"):
        values = pd.concat([table[name] for table in tables_])
        shown = labels(values.dropna().unique())
        for table in tables_:
            table[name] = table[name].map(shown)
    return tables_


def _with_policy(page: str) -> str:
    """Return the page with a policy by which its own scripts run, and none besides.

    Raises:
        ValueError: it has other scripts than those that Evidently writes.
    """
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    if len(scripts) != _SCRIPTS:
        raise ValueError(f"Evidently's page has {len(scripts)} scripts instead of {_SCRIPTS}")
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    policy = _POLICY.format(scripts=" ".join(f"'sha256-{digest}'" for digest in digests))
    encoding = '<meta charset="UTF-8">'
    element = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return page.replace(encoding, encoding + element, 1)
