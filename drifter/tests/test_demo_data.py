"""The committed demo data, and the script that makes them."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import DATA

MAKE = "make_demo_data"


def test_files_are_those_of_the_checksums() -> None:
    for line in (DATA / "SHA256SUMS").read_text(encoding="ascii").splitlines():
        digest, name = line.split()
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest


def test_files_are_small_and_of_one_schema(
    reference: pa.Table, base: pa.Table, stream: pa.Table
) -> None:
    assert (DATA / "reference.parquet").stat().st_size < 500_000
    assert (DATA / "stream.parquet").stat().st_size < 3_000_000
    assert reference.num_rows == 10_000
    assert reference.schema == base.schema == stream.schema
    assert not {"year", "month", "day", "hour", "minute"} & set(reference.column_names)


def test_no_flight_is_in_two_files(reference: pa.Table, base: pa.Table, stream: pa.Table) -> None:
    """No two flights of the source agree in all columns, so rows that agree would be one flight."""
    every = pa.concat_tables([reference, base, stream])
    assert every.group_by(every.column_names).aggregate([]).num_rows == every.num_rows


def test_january_is_split_from_the_rest_and_the_stream_is_in_time_order(
    reference: pa.Table, base: pa.Table, stream: pa.Table
) -> None:
    first = pc.min(stream["time_hour"])
    for table in (reference, base):
        assert pc.less(pc.max(table["time_hour"]), first).as_py()
    times = stream["time_hour"].to_numpy()
    assert (times[1:] >= times[:-1]).all()
    months = set(pc.month(stream["time_hour"]).to_pylist())
    assert months == set(range(2, 13))


def test_target_is_always_known(reference: pa.Table, base: pa.Table, stream: pa.Table) -> None:
    for table in (reference, base, stream):
        assert table["arr_delay"].null_count == 0


@pytest.mark.parametrize("seed", [0, 1])
def test_script_splits_into_disjoint_repeatable_sets(seed: int) -> None:
    spec = importlib.util.spec_from_file_location(MAKE, Path(DATA / f"{MAKE}.py"))
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    start = np.datetime64("2012-12-31T20:00", "ms")
    hours = start + np.arange(0, 370 * 24 * 60, 2).astype("timedelta64[m]")
    times = pa.chunked_array([pa.array(hours).cast(pa.timestamp("ms", tz="UTC"))])
    sets = make.split(times, seed=seed)
    again = make.split(times, seed=seed)
    rows = np.concatenate(list(sets.values()))
    assert len(np.unique(rows)) == len(rows)
    for name, drawn in sets.items():
        assert (drawn == again[name]).all()
        assert (np.diff(drawn) > 0).all()
    assert (hours[sets["base"]] < np.datetime64("2013-02-01")).all()
    assert (hours[sets["stream"]] >= np.datetime64("2013-02-01")).all()
    assert (hours[sets["stream"]] < np.datetime64("2014-01-01")).all()
