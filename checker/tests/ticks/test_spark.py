"""`engine: spark`: the profile, the verdict and the tick are those of the default engine."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import obstore
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from obstore.store import LocalStore
from s3 import serve_lake
from samples import as_csv

from drift_checker.comparison import ColumnRoles, CompareSettings, compare_tables
from drift_checker.comparison.profiled_pairs import (
    ProfiledPair,
    ProfiledTable,
    profile_batch,
    profile_reference,
)
from drift_checker.config import Monitor, Monitors, Settings, load_monitors
from drift_checker.errors import BadReferenceError, ServiceAwayError, UsageError
from drift_checker.profiles.layout import Layout
from drift_checker.profiles.numeric import NumericProfile
from drift_checker.profiles.profile import TableProfile
from drift_checker.profiles.readers import Reader, read_here
from drift_checker.references import versions
from drift_checker.result import Result, Verdict
from drift_checker.sources import RejectedResponseError
from drift_checker.sources import spark as spark_module
from drift_checker.sources.listings import FileListing, list_files
from drift_checker.sources.prefixes import Prefix, read_prefix
from drift_checker.sources.request import Selection
from drift_checker.sources.spark import Spark
from drift_checker.state import Store
from drift_checker.tables import Batch, ColumnReading, UnreadableError
from drift_checker.ticks import Tick, run_tick

needs_java = pytest.mark.skipif(
    shutil.which("java") is None and "JAVA_HOME" not in os.environ, reason="Spark needs Java"
)


def with_spark(test: Callable[..., None]) -> Callable[..., None]:
    """Have a test run by a Spark of its own, where there is Java."""
    return pytest.mark.long(needs_java(pytest.mark.usefixtures("spark")(test)))


# PySpark leaves its sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OPTIONS = CompareSettings(level=0.05, columns=ColumnRoles(timestamp="at", target="kind"))
MASTER = "local[2]"


@pytest.fixture(scope="module")
def spark() -> Iterator[Spark]:
    reader = Spark(MASTER)
    yield reader
    reader.stop()


def random_table(rng: np.random.Generator, rows: int, shift: float = 0) -> pa.Table:
    """Numbers with and without ties, nulls and infinities; categories, dates, and text of them."""
    times = np.datetime64("2026-01-01T00:00:00") + rng.integers(0, 10**6, rows)
    numbers = rng.normal(shift, 1, rows)
    return pa.table(
        {
            "at": pa.array(times),
            "x": pa.array(numbers, mask=rng.random(rows) < 0.1),
            "tied": pa.array(rng.poisson(3 + shift, rows)),
            "endless": np.where(rng.random(rows) < 0.05, np.inf, numbers),
            "kind": pa.array(rng.choice(["a", "b", "é"], rows), mask=rng.random(rows) < 0.1),
            "many": pa.array([f"c{n}" for n in rng.integers(0, 12_000, rows)]),
            "day": pa.array([str(day) for day in times.astype("datetime64[D]")]),
            "nothing": pa.nulls(rows, pa.float64()),
        }
    )


def write(folder: Path, content: pa.Table, files: int, form: str = ".parquet") -> Path:
    """Write a table as files of about equal size, of several row groups each."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    ends = np.linspace(0, content.num_rows, files + 1).astype(int)
    for number, (start, end) in enumerate(pairwise(ends)):
        part = content.slice(start, end - start)
        if form == ".csv":
            (folder / f"{number}.csv").write_bytes(as_csv(part))
        else:
            pq.write_table(part, folder / f"{number}.parquet", row_group_size=97)
    return folder


def read_by(reader: Reader, folder: Path) -> FileListing:
    return list_files(Prefix(LocalStore(folder), "", str(folder)), Selection(), reader)


def alike(one: TableProfile, other: TableProfile) -> None:
    """Check that counts are equal, and moments but for their rounding."""
    assert one.rows == other.rows
    assert list(one.columns) == list(other.columns)
    for name, mine in one.columns.items():
        theirs = other.columns[name]
        if not isinstance(mine, NumericProfile):
            assert mine == theirs
            continue
        assert isinstance(theirs, NumericProfile)
        for field in ("edges", "below", "up_to"):
            np.testing.assert_array_equal(getattr(mine, field), getattr(theirs, field))
        assert (mine.nulls, mine.infinite, mine.value_count) == (
            theirs.nulls,
            theirs.infinite,
            theirs.value_count,
        )
        assert (mine.minimum, mine.maximum) == (theirs.minimum, theirs.maximum)
        assert mine.mean == pytest.approx(theirs.mean, rel=1e-9, abs=1e-9)
        assert mine.standard_deviation == pytest.approx(
            theirs.standard_deviation, rel=1e-9, abs=1e-9
        )
        shares = np.linspace(0, 1, 21)
        np.testing.assert_array_equal(mine.quantiles(*shares), theirs.quantiles(*shares))
    np.testing.assert_array_equal(one.sample.row_numbers, other.sample.row_numbers)
    for name, values in one.sample.columns.items():
        np.testing.assert_array_equal(values, other.sample.columns[name])


def in_memory(folder: Path, settings: Settings) -> Batch:
    """The same files as a monitor of the default engine gets them."""
    prefix = Prefix(LocalStore(folder), "", str(folder))
    return read_prefix(prefix, Selection(), settings).batch()


def judged(layout: Layout, reference: ProfiledTable, current: ProfiledTable) -> dict[str, Any]:
    result = compare_tables(ProfiledPair(layout, reference, current), OPTIONS)
    told = {"faults": result.faults, "joint": result.joint, "verdict": result.verdict}
    return told | {column.name: column for column in result.columns}


def in_parts(source: Any, read: Callable[[Any], Any], merge: Callable[[Any, Any], Any]) -> Any:
    """What Spark does, without it: parts go out and results come back as bytes."""
    parts = sent(source.split(7)) or [source]
    return reduce(merge, (sent(read(part)) for part in parts))


def sent(content: Any) -> Any:
    return pickle.loads(pickle.dumps(content))  # noqa: S301  our own


Check = Callable[[Reader, pa.Table, pa.Table, str], None]


@pytest.fixture
def check(settings: Settings, tmp_path: Path) -> Check:
    return partial(_check, settings, tmp_path)


def _check(  # noqa: PLR0917  the first two are those of the fixture
    settings: Settings, folder: Path, reader: Reader, first: pa.Table, second: pa.Table, form: str
) -> None:
    """Check that a reader comes to the profiles and to the verdict of the default engine."""
    before = write(folder / "before", first, 9, form)
    after = write(folder / "after", second, 3, form)
    layout, reference = profile_reference(in_memory(before, settings), OPTIONS)
    current = profile_batch(in_memory(after, settings), layout)
    spread_layout, spread = profile_reference(read_by(reader, before), OPTIONS, reader)
    assert spread_layout.sampled == layout.sampled
    assert _readings(spread_layout) == _readings(layout)
    alike(spread.profile, reference.profile)
    found = profile_batch(read_by(reader, after), spread_layout, reader)
    alike(found.profile, current.profile)
    assert judged(spread_layout, spread, found) == judged(layout, reference, current)


def _readings(layout: Layout) -> dict[str, ColumnReading]:
    return {name: column.reading for name, column in layout.columns.items()}


@given(
    seed=st.integers(0, 2**32),
    rows=st.tuples(st.integers(60, 1500), st.integers(0, 900)),
    shift=st.sampled_from([0, 0.1, 0.5]),
    form=st.sampled_from([".parquet", ".csv"]),
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parts_come_to_the_profile_and_the_verdict_of_the_whole(
    check: Check, seed: int, rows: tuple[int, int], shift: float, form: str
) -> None:
    rng = np.random.default_rng(seed)
    check(in_parts, random_table(rng, rows[0]), random_table(rng, rows[1], shift), form)


@pytest.mark.long
@needs_java
@pytest.mark.parametrize(("form", "shift"), [(".parquet", 0), (".parquet", 0.2), (".csv", 0)])
def test_spark_comes_to_the_profile_and_the_verdict_of_the_default_engine(
    spark: Spark, check: Check, form: str, shift: float
) -> None:
    # Three rounds of workers merge the eight parts.
    reader = Spark(MASTER, fan_in=2)
    rng = np.random.default_rng(round(10 * shift))
    check(reader, random_table(rng, 13_000), random_table(rng, 900, shift), form)


MONITOR = """
monitors:
  - name: lake
    engine: spark
    current: {{url: "{lake}/day={{logical_date:%Y-%m-%d}}/", time: at, window: 1h}}
    reference: {{url: "{lake}/reference/"}}
    columns: {{timestamp: at, target: kind}}
    sampling: iid
"""


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A reference, and a day of which the last hour before `DATE` is one tick's."""
    rng = np.random.default_rng(1)
    folder = tmp_path / "lake"
    write(folder / "reference", random_table(rng, 4000), 5)
    hours = [random_table(rng, 500, shift).drop_columns(["at"]) for shift in (3, 0)]
    for hour, content in enumerate(hours):
        start = np.datetime64(DATE.replace(tzinfo=None)) - np.timedelta64(2 - hour, "h")
        times = pa.array(start + np.arange(500).astype("timedelta64[s]"))
        timed = content.add_column(0, "at", times.cast(pa.timestamp("us")))
        day = folder / f"day={DATE:%Y-%m-%d}"
        day.mkdir(exist_ok=True)
        pq.write_table(timed, day / f"{hour}.parquet", row_group_size=200)
    return folder


@pytest.fixture
def lake_monitors(lake: Path, settings: Settings) -> Monitors:
    settings.monitors_file.write_text(MONITOR.format(lake=lake.as_uri()))
    return load_monitors(settings.monitors_file)


def tick(settings: Settings, monitors: Monitors, *, force: bool = False) -> Result:
    here = settings.model_copy(update={"spark_master": MASTER, "report": "always"})
    lake_tick = Tick(monitors.get("lake"), DATE, "scheduled")
    return run_tick(here, monitors, lake_tick, force=force)[0]


def fitted_lake(settings: Settings, monitors: Monitors) -> versions.FittedReference:
    here = settings.model_copy(update={"spark_master": MASTER})
    return versions.fit_reference(Store(settings), monitors.get("lake"), here)


@with_spark
def test_a_tick_judges_its_window_and_copies_no_rows(
    settings: Settings, lake: Path, lake_monitors: Monitors
) -> None:
    store = Store(settings)
    first = fitted_lake(settings, lake_monitors)
    assert (first.rows, first.columns, first.changed) == (4000, 8, True)
    assert not fitted_lake(settings, lake_monitors).changed

    result = tick(settings, lake_monitors)
    # The hour before it, which drifted, is in the same folder.
    assert (result.verdict, result.current.rows) == (Verdict.OK, 500)
    assert result.reference.rows == 4000
    assert result.current.url == str(lake / f"day={DATE:%Y-%m-%d}")
    # Without rows there is nothing that Evidently could draw.
    assert result.evidently is None
    kept = {entry.key.rpartition("/")[2] for entry in store.list("batches/lake")}
    assert {name.partition("-")[0] for name in kept} == {"meta.json", "columns"}
    names = [entry.key for entry in store.list(f"reference/lake/{first.version}")]
    assert not any(name.endswith("data.parquet") for name in names)

    # What was read once is judged again, whatever has become of the files.
    shutil.rmtree(lake)
    again = tick(settings, lake_monitors, force=True)
    assert again.columns == result.columns
    assert again.current == result.current


@with_spark
def test_drift_and_damage_are_told(settings: Settings, lake: Path, lake_monitors: Monitors) -> None:
    fitted_lake(settings, lake_monitors)
    early = lake_monitors.get("lake").model_copy(update={"name": "lake"})
    day = lake / f"day={DATE:%Y-%m-%d}"
    before = DATE - timedelta(hours=1)
    here = settings.model_copy(update={"spark_master": MASTER})
    drifted = run_tick(here, lake_monitors, Tick(early, before, "scheduled"))[0]
    assert drifted.verdict is Verdict.DRIFT
    assert {"x", "tied"} <= set(drifted.drifted_columns)

    file = day / "1.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    damaged = tick(settings, lake_monitors)
    assert damaged.verdict is Verdict.INVALID
    assert [fault.fault for fault in damaged.faults] == ["unreadable"]

    shutil.rmtree(day)
    with pytest.raises(RejectedResponseError, match="neither"):
        tick(settings, lake_monitors, force=True)


@with_spark
def test_a_reference_whose_files_have_changed_is_refused(
    settings: Settings, lake: Path, lake_monitors: Monitors
) -> None:
    fitted_lake(settings, lake_monitors)
    (lake / "reference" / "4.parquet").unlink()
    with pytest.raises(BadReferenceError, match="have changed since version"):
        tick(settings, lake_monitors)
    assert fitted_lake(settings, lake_monitors).rows == 3200
    assert tick(settings, lake_monitors).verdict is Verdict.OK
    store = Store(settings)
    version = versions.summary_in_force(store, "lake")
    with pytest.raises(BadReferenceError, match="not copied"):
        versions.load_reference(store, "lake", version)


@pytest.mark.long
@needs_java
def test_workers_read_from_an_s3_and_tell_their_errors(
    spark: Spark, settings: Settings, monkeypatch: pytest.MonkeyPatch, lake: Path
) -> None:
    with serve_lake(monkeypatch, settings) as store:
        for path in sorted((lake / "reference").iterdir()):
            obstore.put(store, f"r/{path.name}", path)
        found = list_files(Prefix(store, "r/", "s3://lake/r/"), Selection(("x", "kind")), spark)
        layout, reference = profile_reference(found, OPTIONS, spark)
        expected = profile_batch(read_by(read_here, lake / "reference"), layout)
        assert list(reference.profile.columns) == ["x", "kind"]
        assert reference.profile.columns["kind"] == expected.profile.columns["kind"]

        obstore.put(store, "r/2.parquet", b"no table")
        with pytest.raises(UnreadableError, match="A file is damaged"):
            fitted_files(found, spark)
        obstore.delete(store, "r/2.parquet")
        with pytest.raises(RejectedResponseError, match="s3://lake/r/"):
            fitted_files(found, spark)
    with pytest.raises(ServiceAwayError):
        fitted_files(found, spark)


def fitted_files(files: FileListing, spark: Spark) -> FileListing:
    return spark(files, FileListing.counted, lambda one, other: one + other)  # type: ignore[arg-type, return-value]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """The URL of a master, which has one worker, each a process of its own."""
    home = Path(spark_module.__file__).parents[2] / "pyspark"
    here = ["--host", "127.0.0.1", "--webui-port", "0"]
    with ExitStack() as stack:

        def start(program: str, *arguments: str, until: str) -> str:
            command = [str(home / "bin/spark-class"), f"org.apache.spark.deploy.{program}"]
            process = stack.enter_context(
                subprocess.Popen(
                    [*command, *here, *arguments],
                    env=os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"},
                    stderr=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    text=True,
                )
            )
            stack.callback(process.terminate)
            assert process.stderr
            said = []
            for line in process.stderr:
                said.append(line)
                if until in line:
                    # What it says from now on is of no interest, but has to go somewhere.
                    Thread(target=process.stderr.read, daemon=True).start()
                    return line.partition(until)[2].strip()
            raise AssertionError("".join(said))

        url = start("master.Master", "--port", "0", until="Starting Spark master at ")
        work = ["--work-dir", str(tmp_path / "work"), "--cores", "2", "--memory", "1g"]
        start("worker.Worker", *work, url, until="Successfully registered with master")
        yield url


@pytest.mark.long
@needs_java
def test_a_tick_through_a_cluster_named_by_its_url(
    settings: Settings, lake_monitors: Monitors, env_file: Path, cluster: str, tmp_path: Path
) -> None:
    defaults = {
        "spark.pyspark.python": sys.executable,
        "spark.driver.host": "127.0.0.1",
        "spark.executor.memory": "512m",
    }
    conf = tmp_path / "conf"
    conf.mkdir()
    told = "".join(f"{name} {value}\n" for name, value in defaults.items())
    (conf / "spark-defaults.conf").write_text(told)
    env_file.write_text(f"{env_file.read_text()}\nDRIFT_SPARK_MASTER={cluster}\n")

    def checker(*words: str) -> None:
        code = "from drift_checker.cli import main; main()"
        command = [sys.executable, "-c", code, "--settings", str(env_file), *words]
        ended = subprocess.run(
            command,
            env=os.environ | {"SPARK_CONF_DIR": str(conf)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr

    checker("baseline", "fit", "--monitor", "lake")
    checker("run", "--monitor", "lake", "--logical-date", DATE.isoformat())
    judged = run_tick(settings, lake_monitors, Tick(lake_monitors.get("lake"), DATE, "scheduled"))[
        0
    ]
    assert (judged.verdict, judged.current.rows, judged.reference.rows) == (Verdict.OK, 500, 4000)
    # Two drivers came to the worker.
    assert len(list((tmp_path / "work").glob("app-*"))) == 2


def test_what_spark_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(spark_module.shutil, "which", lambda *_, **__: None)
        with pytest.raises(UsageError, match="needs Java 17 or 21"):
            Spark(MASTER)
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(UsageError, match=r"drift-checker\[spark\]"):
        Spark(MASTER)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"current": {"url": "http://drifter/data"}}, "reads files"),
        ({"reference": {"database": "duckdb:///d", "query": "SELECT 1"}}, "reads files"),
        ({"baseline": {"kind": "rolling", "ticks": 30}}, "keeps no batches"),
        ({"reference": {"path": "r", "sha256": "0" * 64}}, "names, sizes and tags"),
    ],
)
def test_what_spark_does_not_read_is_refused(changed: dict[str, Any], message: str) -> None:
    content = {
        "name": "m",
        "engine": "spark",
        "current": {"url": "s3://lake/now/"},
        "reference": {"url": "s3://lake/then/"},
    }
    assert Monitor.model_validate(content).in_place
    with pytest.raises(ValueError, match=message):
        Monitor.model_validate(content | changed)
