"""Evidently's drawings of a bounded sample, which stand below the page of a tick in its report.

Evidently judges nothing here: each of its columns has the p-value, the threshold and the verdict of
ours. Names and values reach its scripts as labels that none of them takes for markup.

Importing this module costs seconds: it is done where a report is made, and nowhere else.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.escape import labels
from drift_checker.result import ColumnResult, EvidentlySummary, Result, Verdict
from drift_checker.tables import (
    Batch,
    MismatchError,
    ReadColumns,
    ReadingSettings,
    infer_readings,
)
from drift_checker.wording.summary import strongest_first
from drift_checker.wording.tick_page import Details

os.environ.setdefault("DO_NOT_TRACK", "1")
with warnings.catch_warnings():
    # Deprecated names of numpy and litestar that Evidently uses; nothing that a reader can mend.
    warnings.simplefilter("ignore", DeprecationWarning)
    from evidently import DataDefinition, Dataset, Report  # type: ignore[import-untyped]
    from evidently.legacy.calculations.stattests import (  # type: ignore[import-untyped]
        StatTest,
        register_stattest,
    )
    from evidently.legacy.core import ColumnType  # type: ignore[import-untyped]
    from evidently.legacy.metrics import DataDriftTable  # type: ignore[import-untyped]
    from evidently.legacy.options import ColorOptions  # type: ignore[import-untyped]
    from evidently.legacy.renderers.base_renderer import (  # type: ignore[import-untyped]
        DEFAULT_RENDERERS,
    )
    from evidently.presets import DataDriftPreset  # type: ignore[import-untyped]

# The colours of our pictures: red, which Evidently has for every batch, looks like drift.
DEFAULT_RENDERERS.typed_renderers[DataDriftTable].color_options = ColorOptions(
    primary_color="#b45400", secondary_color="#5b6b79"
)

MAX_ROWS = 1000
"""Rows of either side that are drawn."""
MAX_COLUMNS = 6
"""Columns that are drawn, the strongest ones: the page holds all values, and has at most 1.5 MB."""
MAX_CATEGORIES = 50
"""Categories of a column that are drawn by their names."""
POOLED_CATEGORIES = "(all others)"
"""The name that all other categories share."""

_SCRIPTS = 4
"""Scripts of Evidently's page: its data, a name that they need, the library, the drawing."""
_TABLE = "big_table"
"""The type of Evidently's widget that has a row for each column."""
_TEST = "drift_checker_"
"""What the names of our tests begin with in Evidently's register."""


def evidently_details(
    reference: Batch,
    current: Batch,
    result: Result,
    settings: ReadingSettings | None = None,
) -> tuple[Details, EvidentlySummary] | None:
    """Have Evidently draw a sample of either side; returns what a page needs, and what it shows.

    Samples are drawn with a fixed seed, and rare categories are pooled. Columns that were not
    tested, that only one side has, that are empty or of another type, or that are neither numbers
    nor categories, are left out; None where no other is there.

    Raises:
        ValueError: a name got into Evidently's scripts.
    """
    tested = {each.name: each for each in strongest_first(result) if each.p_value is not None}
    columns = _comparable_columns(reference, current, settings or ReadingSettings(), list(tested))
    if columns is None:
        return None
    before, after = map(_sample, columns)
    _pool_rare(before, after)
    judged = {label: tested[name] for name, label in labels(before.columns).items()}
    before, after = _labelled(before, after)
    definition = DataDefinition(
        numerical_columns=list(before.select_dtypes("number")),
        categorical_columns=list(before.select_dtypes(exclude="number")),
    )
    with warnings.catch_warnings():
        # What Evidently's own calculations and plots warn of says nothing about the verdict.
        warnings.simplefilter("ignore")
        snapshot = Report([_our_verdicts(judged)]).run(
            Dataset.from_pandas(after, data_definition=definition),
            Dataset.from_pandas(before, data_definition=definition),
        )
        page = snapshot.get_html_str(as_iframe=False)
    sizes = f"{len(before):,} rows of the reference and {len(after):,} of the batch"
    drifted = sum(column.verdict is Verdict.DRIFT for column in judged.values())
    return _details(page, f"Drawings by Evidently of {sizes}, judged as above"), EvidentlySummary(
        version=version("evidently"),
        reference_rows=len(before),
        current_rows=len(after),
        drifted_columns=drifted,
        columns=before.shape[1],
        drift_share=drifted / before.shape[1],
        dataset_drift=result.verdict is Verdict.DRIFT,
    )


class _OurTable(DataDriftPreset):  # type: ignore[misc]  # Evidently has no types
    """Evidently's table of columns, without its banner: a verdict by the share of columns."""

    def render(self, context: Any, child_widgets: Any = None) -> list[Any]:
        """Return the table in the order of our page, with titles that pronounce no verdict."""
        widgets = [each for each in super().render(context, child_widgets) if each.type == _TABLE]
        for widget in widgets:
            widget.title = "Column by column"
            rows = widget.params["data"]
            rows.sort(key=lambda row: (self.columns or []).index(row["column_name"]))
            for part in (part for row in rows for part in row["details"]["parts"]):
                part["title"] = part["title"].replace("DATA DRIFT", "BATCH ROW BY ROW")
        return widgets


def _our_verdicts(judged: dict[str, ColumnResult]) -> DataDriftPreset:
    """Return Evidently's preset with a test for each column that says what ours said."""
    for number, column in enumerate(judged.values()):
        said = column.p_value, column.verdict is Verdict.DRIFT
        register_stattest(
            StatTest(
                name=f"{_TEST}{number}",
                display_name=_test_name(column),
                allowed_feature_types=[ColumnType.Numerical, ColumnType.Categorical],
            ),
            lambda *_, said=said: said,
        )
    names = list(judged)
    return _OurTable(
        columns=names,
        per_column_method={name: f"{_TEST}{number}" for number, name in enumerate(names)},
        per_column_threshold={name: judged[name].threshold for name in names},
        include_tests=False,
    )


def _test_name(column: ColumnResult) -> str:
    floor = "" if column.floor is None else f", floor {column.floor:g}"
    effect = "" if column.effect_size is None else f", {column.effect} {column.effect_size:.2g}"
    return f"p-value of {column.test}{effect}{floor}"


def _sample(table: pd.DataFrame) -> pd.DataFrame:
    return table.sample(min(len(table), MAX_ROWS), random_state=0).sort_index()


def _shown_rows(rows: int) -> pa.Array[Any]:
    """Return the numbers of the rows that may be shown, at most `MAX_ROWS`."""
    numbers = pd.Series(range(rows))
    return pa.array(numbers.sample(min(rows, MAX_ROWS), random_state=0).sort_index().to_numpy())


def _comparable_columns(
    reference: Batch, current: Batch, settings: ReadingSettings, tested: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return the first of the columns that were tested, which are the strongest ones."""
    pairs = dict(islice(_column_pairs(reference, current, settings, tested), MAX_COLUMNS))
    if not pairs:
        return None
    before = pd.DataFrame({name: pair[0] for name, pair in pairs.items()})
    after = pd.DataFrame({name: pair[1] for name, pair in pairs.items()})
    return before, after


def _column_pairs(
    reference: Batch, current: Batch, settings: ReadingSettings, tested: Sequence[str]
) -> Iterator[tuple[str, tuple[pd.Series, pd.Series]]]:
    readings = infer_readings(reference, settings)
    tables = ReadColumns.of(reference), ReadColumns.of(current)
    # Rows of a large batch would take more memory as objects of pandas than all the rest.
    shown = _shown_rows(reference.rows), _shown_rows(current.rows)
    for name, reading in ((name, readings[name]) for name in tested if name in readings):
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


def _details(page: str, heading: str) -> Details:
    """Take Evidently's scripts out of its page; nothing that they draw needs its fonts and styles.

    Raises:
        ValueError: it has other scripts than those that Evidently writes.
    """
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    roots = re.findall(r'<div id="(root_[0-9a-z_]+)">', page)
    if (len(scripts), len(roots)) != (_SCRIPTS, 1):
        raise ValueError(
            f"Evidently's page has {len(scripts)} scripts instead of {_SCRIPTS}, {len(roots)} roots"
        )
    return Details(heading=heading, root=roots[0], script="\n;".join(scripts))
