"""File listings read by Spark's workers, each a part by the code that reads all of it here."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from drift_checker.errors import DriftCheckerError, ServiceAwayError, UsageError
from drift_checker.sources.listings import FileListing
from drift_checker.tables import UnreadableError
from drift_checker.tables.chunks import ChunkedTable

if TYPE_CHECKING:
    from pyspark import RDD

S = TypeVar("S", bound=ChunkedTable)
T = TypeVar("T")

PARTS_PER_CORE = 4
"""Listings that a listing is split into, so that no core waits long for the slowest."""
FAN_IN = 8
"""Results that are merged by one worker, until there are no more of them than that."""

LOCAL = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}
"""Of a Spark within this process, which nobody else has to reach."""
_EVERYWHERE = {
    "spark.ui.showConsoleProgress": "false",
    "spark.app.name": "drift-checker",
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
}


class Spark:
    """A reader on a cluster, or on the cores of this machine."""

    def __init__(self, master: str, *, fan_in: int = FAN_IN) -> None:
        """Start Spark, or join the one that this process has already.

        `master` is a URL as Spark knows them: `local[2]`, `spark://host:7077`, `yarn`, `k8s://…`.
        No worker, nor this process, merges more than `fan_in` results at once.
        Whatever else Spark can be told stands in its own `spark-defaults.conf`.

        Raises:
            UsageError: PySpark or Java is not installed.
            ServiceAwayError: The cluster does not answer.
        """
        self._master, self._fan_in = master, fan_in
        try:
            from py4j.protocol import Py4JError  # noqa: PLC0415  # an extra
            from pyspark import SparkConf, SparkContext  # noqa: PLC0415  # an extra
            from pyspark.errors import PySparkException  # noqa: PLC0415  # an extra
        except ImportError as error:
            raise UsageError("engine spark needs 'drift-checker[spark]'") from error
        home = os.environ.get("JAVA_HOME")
        if not shutil.which("java", path=str(Path(home, "bin")) if home else None):
            raise UsageError(
                "engine spark needs Java 17 or 21: install it (Debian: openjdk-17-jre-headless), "
                "or name its folder with JAVA_HOME"
            )
        settings = SparkConf().setMaster(master)
        if master.startswith("local"):
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            settings.setAll(list(LOCAL.items()))
        for name, value in _EVERYWHERE.items():
            settings.setIfMissing(name, value)
        try:
            self._context = SparkContext.getOrCreate(settings)
        except (PySparkException, Py4JError) as error:
            raise self._away(error) from error

    def __call__(self, table: S, read: Callable[[S], T], merge: Callable[[T, T], T]) -> T:
        """Have a table read, a file listing in parts, and what was read of them merged.

        Raises:
            DriftCheckerError: A worker raised it.
            UnreadableError: The table is damaged.
            ServiceAwayError: Spark failed.
        """
        from py4j.protocol import Py4JError  # noqa: PLC0415  # an extra

        parts: list[Any] = [table]
        if isinstance(table, FileListing):
            parts = table.split(PARTS_PER_CORE * self._context.defaultParallelism)
        if len(parts) < 2:  # noqa: PLR2004  nothing to share out
            return read(table)
        try:
            outcome = _merged(
                self._context.parallelize(parts, len(parts)), read, merge, self._fan_in
            )
        except Py4JError as error:
            raise self._away(error) from error
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def stop(self) -> None:
        """End the Spark of this process, or leave the cluster."""
        self._context.stop()

    def _away(self, error: Exception) -> ServiceAwayError:
        reason = str(error).strip().partition("\n\tat ")[0].splitlines()
        return ServiceAwayError(f"DRIFT_SPARK_MASTER={self._master}: {' '.join(reason)}")


def _merged(
    parts: RDD[S], read: Callable[[S], T], merge: Callable[[T, T], T], fan_in: int
) -> T | Exception:
    """Read each part by a worker, and merge neighbours until few are left.

    Workers merge too, so that no more than `fan_in` results ever arrive here.
    """

    def outcomes(number: int, own: Iterable[S]) -> Iterator[tuple[int, T | Exception]]:
        for part in own:
            yield number, _try_read(read, part)

    def grouped(item: tuple[int, T | Exception]) -> tuple[int, tuple[int, T | Exception]]:
        return item[0] // fan_in, item

    def merged(items: Iterable[tuple[int, T | Exception]]) -> T | Exception:
        in_order = (outcome for _, outcome in sorted(items, key=itemgetter(0)))
        return reduce(lambda first, second: _merge(first, second, merge), in_order)

    numbered, count = parts.mapPartitionsWithIndex(outcomes), parts.getNumPartitions()
    while count > fan_in:
        count = -(-count // fan_in)
        numbered = numbered.map(grouped).groupByKey(count).mapValues(merged)
    return merged(numbered.collect())


def _merge(
    first: T | Exception, second: T | Exception, merge: Callable[[T, T], T]
) -> T | Exception:
    if isinstance(first, Exception):
        return first
    return second if isinstance(second, Exception) else merge(first, second)


def _try_read(read: Callable[[S], T], part: S) -> T | Exception:
    """Return what is raised on purpose, of which Spark would bring here no more than its text."""
    try:
        return read(part)
    except (DriftCheckerError, UnreadableError) as error:
        return error
