from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from drift_checker.profiles.layout import fit_layout
from drift_checker.tables import Batch
from drift_checker.tables.chunks import chunked_table


def test_text_in_a_csv_file_is_read_as_what_all_of_it_is(tmp_path: Path) -> None:
    lines = [f"{n},{n / 2},{n}{'.5' * (n > 60_000)},2026-01-01,x{n % 3}" for n in range(90_000)]
    (tmp_path / "t.csv").write_text("a,b,late,day,kind\n" + "\n".join(lines))
    layout = fit_layout(chunked_table(tmp_path / "t.csv"))
    kinds = {name: str(column.reading.type) for name, column in layout.columns.items()}
    assert kinds == {
        "a": "double",
        "b": "double",
        "late": "double",
        "day": "timestamp[us]",
        "kind": "string",
    }


@pytest.mark.parametrize(
    "type_",
    [
        pa.dense_union([pa.field("0", pa.int64()), pa.field("1", pa.null())]),
        pa.sparse_union([pa.field("0", pa.int64())]),
        pa.run_end_encoded(pa.int32(), pa.string()),
        pa.uuid(),
    ],
    ids=str,
)
def test_a_table_without_rows_has_columns_of_any_type(type_: Any) -> None:
    table = pa.table({"a": pa.chunked_array([], type_)})
    layout = fit_layout(chunked_table(Batch(table, "digest")))
    assert set(layout.columns) == {"a"}
