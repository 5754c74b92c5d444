"""Parts of a source read by Spark's workers, each by the same code that reads all of it here."""

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
from drift_checker.sources.files import Files
from drift_checker.tables import ChunkedTable, UnreadableError

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext

S = TypeVar("S", bound=ChunkedTable)
T = TypeVar("T")

PARTS_PER_CORE = 4
"""Parts that a source is split into, so that no core waits long for the slowest."""
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

    def __init__(self, master: str) -> None:
        """Start Spark, or join the one that this process has already.

        `master` is a URL as Spark knows them: `local[2]`, `spark://host:7077`, `yarn`, `k8s://…`.
        Whatever else Spark can be told stands in its own `spark-defaults.conf`.

        Raises:
            UsageError: PySpark or Java is not installed.
            ServiceAwayError: The cluster does not answer.
        """
        self._master = master
        self._context = self._started()

    def __call__(self, source: S, read: Callable[[S], T], merge: Callable[[T, T], T]) -> T:
        """Have the parts of a source read, and what was read of them merged.

        Raises:
            DriftCheckerError: A worker raised it.
            UnreadableError: The source is damaged.
            ServiceAwayError: Spark failed.
        """
        from py4j.protocol import Py4JError  # noqa: PLC0415  # an extra

        parts: list[Any] = [source]
        if isinstance(source, Files):
            parts = source.parts(PARTS_PER_CORE * self._context.defaultParallelism)
        if len(parts) < 2:  # noqa: PLR2004  nothing to share out
            return read(source)
        try:
            found = _merged(self._context.parallelize(parts, len(parts)), read, merge)
        except Py4JError as error:
            raise self._away(error) from error
        if isinstance(found, Exception):
            raise found
        return found

    def stop(self) -> None:
        """End the Spark of this process, or leave the cluster."""
        self._context.stop()

    def _started(self) -> SparkContext:
        try:
            from py4j.protocol import Py4JError  # noqa: PLC0415  # an extra
            from pyspark import SparkConf, SparkContext  # noqa: PLC0415  # an extra
            from pyspark.errors import PySparkException  # noqa: PLC0415  # an extra
        except ImportError as error:
            raise UsageError("engine spark needs 'drift-checker[spark]'") from error
        if not shutil.which("java", path=_java_path()):
            raise UsageError(
                "engine spark needs Java 17 or 21: install it (Debian: openjdk-17-jre-headless), "
                "or name its folder with JAVA_HOME"
            )
        settings = SparkConf().setMaster(self._master)
        if self._master.startswith("local"):
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            settings.setAll(list(LOCAL.items()))
        for name, value in _EVERYWHERE.items():
            settings.setIfMissing(name, value)
        try:
            return SparkContext.getOrCreate(settings)
        except (PySparkException, Py4JError) as error:
            raise self._away(error) from error

    def _away(self, error: Exception) -> ServiceAwayError:
        reason = str(error).strip().partition("\n\tat ")[0].splitlines()
        return ServiceAwayError(f"DRIFT_SPARK_MASTER={self._master}: {' '.join(reason)}")


def _java_path() -> str | None:
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin")) if home else None


def _merged(parts: RDD[S], read: Callable[[S], T], merge: Callable[[T, T], T]) -> T | Exception:
    """Read each part by a worker, and merge neighbours until few are left.

    Workers merge too, so that no more than `FAN_IN` results ever arrive here.
    """

    def results(place: int, each: Iterable[S]) -> Iterator[tuple[int, T | Exception]]:
        for part in each:
            yield place, _tried(read, part)

    def group(one: tuple[int, T | Exception]) -> tuple[int, tuple[int, T | Exception]]:
        return one[0] // FAN_IN, one

    def joined(ones: Iterable[tuple[int, T | Exception]]) -> T | Exception:
        found = (result for _, result in sorted(ones, key=itemgetter(0)))
        return reduce(lambda one, other: _both(one, other, merge), found)

    found, left = parts.mapPartitionsWithIndex(results), parts.getNumPartitions()
    while left > FAN_IN:
        left = -(-left // FAN_IN)
        found = found.map(group).groupByKey(left).mapValues(joined)
    return joined(found.collect())


def _both(one: T | Exception, other: T | Exception, merge: Callable[[T, T], T]) -> T | Exception:
    if isinstance(one, Exception):
        return one
    return other if isinstance(other, Exception) else merge(one, other)


def _tried(read: Callable[[S], T], part: S) -> T | Exception:
    """Return what is raised on purpose, of which Spark would bring here no more than its text."""
    try:
        return read(part)
    except (DriftCheckerError, UnreadableError) as error:
        return error
