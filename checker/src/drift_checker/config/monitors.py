"""The monitors file: what is watched, how often, and with how many false alarms.

`docs/monitors.md` describes every key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import parse_qsl, urlsplit

import yaml
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from drift_checker.comparison import ColumnRoles, FeedSettings, Floors, parse_span
from drift_checker.config.channels import CHANNEL_NAME, DEFAULT_CHANNEL
from drift_checker.config.mistakes import (
    Section,
    closest,
    find_mistakes,
    matching,
    parse_yaml,
)
from drift_checker.config.schedule import Cron, date_key, interval
from drift_checker.config.templates import check_template, fill_template
from drift_checker.decision import LEAST_WINDOWS
from drift_checker.errors import UsageError
from drift_checker.tables import FORMATS, DeclaredKind, is_format

NAME = r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?"
SCHEMES = ("http", "https", "s3", "file")
WINDOW_PARAMETER = re.compile(r"(?<![:\w]):(window_start|window_end)\b")
"""Of a query: the bounds of a tick's window, the first within it and the last not."""


def _source_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not (parts.netloc or parts.scheme == "file"):
        raise ValueError("allowed: http(s)://host/path, s3://bucket/key or file:///path")
    if "@" in parts.netloc:
        raise ValueError(
            "a URL must not carry a user or a password; name them with `credentials` instead"
        )
    return check_template(url)


def _database_url(url: str) -> str:
    parts = urlsplit(url)
    local = parts.scheme == "duckdb" and not parts.netloc and parts.path.startswith("/")
    if not local and not (parts.scheme == "postgresql" and parts.hostname):
        raise ValueError("allowed: postgresql://host:port/database or duckdb:///absolute/file")
    secrets = {"user", "password", "passfile", "options"} & dict(parse_qsl(parts.query)).keys()
    if "@" in parts.netloc or secrets:
        raise ValueError(
            "a URL must not carry a user, a password or options; name the login with `credentials`"
        )
    return url


def _timespan(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_span(value)
    except UsageError as error:
        raise ValueError(str(error)) from None


Span = Annotated[timedelta, BeforeValidator(_timespan)]
Name = Annotated[
    str, matching(NAME, "at most 40 of `a-z`, `0-9` and `-`, and no `-` at either end")
]
Parameter = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if type(value) in {int, float} else value),
    AfterValidator(check_template),
]
Credentials = Annotated[
    str,
    matching(
        r"[a-z][a-z0-9_]{0,39}", "at most 40 of `a-z`, `0-9` and `_`, beginning with a letter"
    ),
]
Marker = Annotated[
    str, BeforeValidator(lambda value: str(value) if type(value) in {int, float} else value)
]
DagId = Annotated[
    str, matching(r"[\w.-]{1,200}", "the name of a DAG: letters, digits, `_`, `.` and `-`")
]
ChannelName = Annotated[
    str,
    matching(CHANNEL_NAME, "at most 40 of `a-z`, `0-9`, `-` and `_`, beginning with a letter"),
]
Sha256 = Annotated[str, matching(r"[0-9a-f]{64}", "64 hexadecimal digits, in lower case")]


class SourceSettings(Section):
    """Where a table comes from: a URL, a path (relative to the monitors file), or a database."""

    url: Annotated[str, AfterValidator(_source_url)] | None = None
    path: Path | None = None
    database: Annotated[str, AfterValidator(_database_url)] | None = None
    query: str | None = None
    """What the database runs."""
    columns: tuple[str, ...] = ()
    """Those that are read of files; all where none are named."""
    credentials: Credentials | None = None
    """Name of a secret: variables `DRIFT_SOURCE_<NAME>_*`."""

    _locations: ClassVar[str] = "allowed: exactly one of `url`, `path` and `database`"

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        folder: Path = (info.context or {}).get("folder", Path.cwd())
        return path and (folder / path).absolute()

    @model_validator(mode="after")
    def _one_location(self) -> Self:
        if [self.url, self.path, self.database].count(None) != self._absent:
            raise ValueError(self._locations)
        if (self.database is None) != (self.query is None):
            raise ValueError("`database` and `query` belong together")
        if self.columns and not self.of_files:
            raise ValueError("`columns` belong to files, directories and S3")
        return self

    @property
    def _absent(self) -> int:
        """How many of the three locations it must not have."""
        return 2

    @property
    def of_files(self) -> bool:
        """Whether it is of files, in a directory or an S3."""
        return self.path is not None or urlsplit(self.url or "").scheme in {"file", "s3"}


class ReferenceSource(SourceSettings):
    """The data that batches are compared with."""

    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _without_window(self) -> Self:
        if WINDOW_PARAMETER.search(self.query or ""):
            raise ValueError("a reference belongs to no tick, and has no window")
        return self


class BatchSource(SourceSettings):
    """The data of one tick; `push` alone, where a pipeline pushes them."""

    push: bool = False
    """Whether batches are pushed, by the board's API; the schedule says when they are due."""
    params: dict[str, Parameter] = Field(default_factory=dict)
    """Query parameters; `{seed}` and `{logical_date}` are filled in."""
    time: str | None = None
    """Column of files by which rows are in a tick's window."""
    window: Span | None = None
    """How far a tick's window reaches back from its logical date."""

    _locations: ClassVar[str] = (
        "allowed: exactly one of `url`, `path` and `database`, or `push` alone"
    )

    @property
    def _absent(self) -> int:
        return 3 if self.push else super()._absent

    @model_validator(mode="before")
    @classmethod
    def _pushed(cls, data: object) -> object:
        return {"push": True} if data == "push" else data

    @model_validator(mode="after")
    def _pushed_alone(self) -> Self:
        if self.push and (others := sorted(self.model_fields_set - {"push"})):
            raise ValueError(f"a pushed batch has no `{others[0]}`: what is pushed is all of it")
        return self

    @model_validator(mode="after")
    def _window_of_tick(self) -> Self:
        if self.time and not self.of_files:
            raise ValueError("`time` belongs to files, directories and S3")
        used = bool(self.time or WINDOW_PARAMETER.search(self.query or ""))
        if used != (self.window is not None):
            raise ValueError(
                "`window`, such as 1h, belongs to `time` "
                "or to a query with :window_start or :window_end"
            )
        return self


class Columns(Section):
    """What columns mean; all others are features."""

    timestamp: str | None = None
    target: str | None = None
    prediction: str | None = None
    id: str | None = None
    ignore: tuple[str, ...] = ()
    kinds: dict[str, DeclaredKind] = Field(default_factory=dict)
    """What a column is, whatever its values look like."""
    missing: tuple[Marker, ...] = ()
    """Texts that stand for no value, besides an empty one."""
    formats: dict[str, str] = Field(default_factory=dict)
    """How the values of a column are written."""
    segments: tuple[str, ...] = ()

    @field_validator("formats")
    @classmethod
    def _known_formats(cls, formats: dict[str, str]) -> dict[str, str]:
        for name, format_ in formats.items():
            if not is_format(format_):
                raise ValueError(f"{name}: {format_!r} is no format; allowed: {FORMATS}")
        return formats

    @model_validator(mode="after")
    def _kind_or_ignored(self) -> Self:
        if both := sorted({*self.kinds, *self.formats} & set(self.ignore)):
            raise ValueError(f"{', '.join(both)}: either `ignore` or `kinds` and `formats`")
        return self

    def named(self) -> set[str]:
        """Return the columns that the reference must have."""
        return {name for _, name in self.declared()}

    def declared(self) -> Iterator[tuple[str, str]]:
        """Yield the columns that the reference must have, each after the key that names it."""
        for role in ("timestamp", "target", "prediction", "id"):
            if name := getattr(self, role):
                yield role, name
        for key in ("kinds", "formats"):
            for name in getattr(self, key):
                yield f"{key}.{name}", name
        for key in ("ignore", "segments"):
            for number, name in enumerate(getattr(self, key)):
                yield f"{key}[{number}]", name

    @property
    def roles(self) -> ColumnRoles:
        """The roles as a comparison takes them."""
        return ColumnRoles(**self.model_dump(exclude={"segments"}))


class Baseline(Section):
    """How the reference follows the data."""

    kind: Literal["fixed", "rolling", "seasonal"] = "fixed"
    ticks: int = Field(default=20, ge=2, le=100)
    """Of a rolling baseline: at most so many of the latest ticks are the reference."""
    anchor: Annotated[
        Literal["tell", "alarm", "off"],
        # What YAML makes of `off`.
        BeforeValidator(lambda value: "off" if value is False else value),
    ] = "tell"
    """Of a rolling baseline: what is made of the distance from the fixed reference."""

    @model_validator(mode="after")
    def _only_rolling_has_them(self) -> Self:
        for key, verb in (("ticks", "belong"), ("anchor", "belongs")):
            if self.kind != "rolling" and key in self.model_fields_set:
                raise ValueError(f"`{key}` {verb} to `kind: rolling`")
        return self


class RowCount(Section):
    """How many rows a batch may have."""

    least: int | None = Field(default=None, ge=0)
    most: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.least is None and self.most is None:
            raise ValueError("`row_count` has `least`, `most` or both")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError(f"`least` {self.least} is more than `most` {self.most}")
        return self


class ColumnFloors(Section):
    """The smallest changes of a column that are worth an alarm; what is not set is as for all."""

    distance: float | None = None
    category: float | None = None
    tail: float | None = None
    share: float | None = None
    ratio: float | None = None
    ratio_from: float | None = None
    unseen_rows: int | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        try:
            Floors(**self.given)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def given(self) -> dict[str, Any]:
        """Those that are set."""
        return self.model_dump(exclude={"columns"}, exclude_none=True)


class MonitorFloors(ColumnFloors):
    """The smallest changes that are worth an alarm, of all columns and of some."""

    correlation: float | None = None
    columns: dict[str, ColumnFloors] = Field(default_factory=dict)

    @property
    def of_all(self) -> Floors:
        """Those of all columns."""
        return Floors(**self.given)

    @property
    def of_columns(self) -> dict[str, Floors]:
        """Those of the columns that have their own."""
        return {name: replace(self.of_all, **each.given) for name, each in self.columns.items()}


class Monitor(Section):
    """One watched source."""

    name: Name
    current: BatchSource
    reference: ReferenceSource
    columns: Columns = Columns()
    sampling: Literal["iid", "windows"] | None = None
    """Whether rows of a batch are independent; `windows` where a timestamp is set, else `iid`."""
    window: Span | None = None
    """One tick's worth of time; the interval of the schedule where it is not set."""
    min_windows: int = Field(default=20, ge=LEAST_WINDOWS)
    baseline: Baseline = Baseline()
    engine: Literal["auto", "spark"] = "auto"
    """What reads large data; `spark` reads files where they lie, and copies none of them."""
    schedule: Cron | None = None
    """Only where it differs from `check_schedule`."""
    min_rows: int = Field(default=50, ge=2)
    floors: MonitorFloors = MonitorFloors()
    """The smallest changes that are worth an alarm."""
    freshness: Span | None = None
    """How old the newest row of a batch may be; learned from the last ticks where it is not set."""
    owner: Annotated[str, Field(max_length=80)] = ""
    """Who looks after it, as people know them."""
    tags: tuple[Annotated[str, Field(min_length=1, max_length=40)], ...] = ()
    severity: Literal["info", "warning", "critical"] = "warning"
    """How much an alarm of it matters."""
    notify: tuple[ChannelName, ...] = (DEFAULT_CHANNEL,)
    """Channels that are told of it."""
    row_count: RowCount | None = None
    """How many rows a batch may have; learned from the last ticks where it is not set."""

    @model_validator(mode="after")
    def _freshness_needs_time(self) -> Self:
        if self.freshness and self.columns.timestamp is None and self.current.time is None:
            raise ValueError("`freshness` needs `columns.timestamp`, the time of each row")
        return self

    @property
    def feed(self) -> FeedSettings:
        """What is asked of its feed."""
        bounds = self.row_count or RowCount.model_construct()
        return FeedSettings(
            freshness=self.freshness,
            least_rows=bounds.least,
            most_rows=bounds.most,
            min_rows=self.min_rows,
        )

    @model_validator(mode="after")
    def _windows_need_time(self) -> Self:
        if self.columns.timestamp is None and (self.sampling == "windows" or self.window):
            raise ValueError("windows need `columns.timestamp`, the time of each row")
        if self.sampling == "iid" and self.window:
            raise ValueError("`window` belongs to `sampling: windows`")
        if self.baseline.kind == "seasonal" and not self.windowed:
            raise ValueError("a seasonal baseline needs `sampling: windows`")
        if self.in_place:
            self._check_in_place()
        rolls = self.baseline.kind == "rolling" and self.windowed
        if rolls and self.baseline.ticks < self.min_windows:
            raise ValueError(
                f"a rolling baseline of {self.baseline.ticks} ticks has as many windows, and "
                f"`min_windows` are {self.min_windows}: raise `baseline.ticks`"
            )
        return self

    @model_validator(mode="after")
    def _floors_of_tested_columns(self) -> Self:
        if both := sorted(self.floors.columns.keys() & set(self.columns.ignore)):
            raise ValueError(f"{', '.join(both)}: ignored columns have no floor")
        return self

    def _check_in_place(self) -> None:
        if not (self.current.of_files and self.reference.of_files):
            raise ValueError("`engine: spark` reads files, in a directory or an S3, on both sides")
        if self.baseline.kind != "fixed":
            raise ValueError("`engine: spark` keeps no batches that a baseline could follow")
        if self.reference.sha256:
            raise ValueError("`engine: spark` knows files by their names, sizes and tags alone")

    @property
    def in_place(self) -> bool:
        """Whether its data are read where they lie, and not copied to the store."""
        return self.engine == "spark"

    @property
    def windowed(self) -> bool:
        """Whether windows of the reference tell what is normal."""
        return (self.sampling or "windows") == "windows" and self.columns.timestamp is not None

    def seed(self, logical_date: datetime) -> int:
        """A seed below 2**31 that the monitor's name and the logical date alone decide.

        The first four bytes, big endian, of the SHA-256 of `<name>/<YYYYMMDDTHHMMSSZ>`, without
        the highest bit.
        """
        digest = sha256(f"{self.name}/{date_key(logical_date)}".encode()).digest()
        return int.from_bytes(digest[:4]) & 0x7FFF_FFFF

    def fill(self, template: str, logical_date: datetime) -> str:
        """Fill the placeholders of a URL or parameter for one tick."""
        date = logical_date.astimezone(UTC)
        return fill_template(template, logical_date=date, seed=self.seed(logical_date))


class Monitors(Section):
    """The whole file."""

    check_schedule: Cron = "*/5 * * * *"
    alarms_per_week: float = Field(default=1, gt=0, allow_inf_nan=False)
    """False alarms that the user is ready to see per week, over all monitors."""
    watch_schedule: Cron | None = None
    """When Airflow looks for silent monitors; never without one."""
    on_drift_trigger_dag: DagId | None = None
    """The DAG that Airflow starts when an alarm opens."""
    monitors: list[Monitor] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique_names(self) -> Self:
        names = [monitor.name for monitor in self.monitors]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(
                f"names of monitors must be unique, these are not: {', '.join(repeated)}"
            )
        return self

    def get(self, name: str) -> Monitor:
        """The monitor of that name.

        Raises:
            UsageError: there is none.
        """
        for monitor in self.monitors:
            if monitor.name == name:
                return monitor
        names = ", ".join(monitor.name for monitor in self.monitors)
        raise UsageError(f"no monitor is named {name!r}; there are: {names}")

    def check_channels(self, known: Iterable[str]) -> None:
        """Look whether all channels that monitors name are known.

        Raises:
            UsageError: One is not.
        """
        known = sorted(known)
        for monitor in self.monitors:
            for channel in monitor.notify:
                if channel not in known:
                    meant = closest(channel, known)
                    words = f"did you mean {meant}?" if meant else f"there are: {', '.join(known)}"
                    raise UsageError(
                        f"{monitor.name}: notify: no channel is named {channel!r} "
                        f"(DRIFT_CHANNELS); {words}"
                    )

    def window_of(self, monitor: Monitor) -> timedelta | None:
        """The span of one tick's worth of rows; None where rows are independent."""
        if not monitor.windowed:
            return None
        return monitor.window or interval(self.schedule_of(monitor))

    def schedule_of(self, monitor: Monitor) -> str:
        """The cron expression that the monitor is checked by."""
        return monitor.schedule or self.check_schedule


def load_monitors(path: Path) -> Monitors:
    """Read and validate the monitors file; paths in it become absolute.

    Raises:
        UsageError: with one line for each mistake: where it is, what it is, what is allowed.
    """
    try:
        content, repeated = parse_yaml(path.read_text("utf-8"))
    except RecursionError:
        raise UsageError(f"{path}: lists or maps are nested too deeply") from None
    # A date or a number that there cannot be is a ValueError of Python's own.
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: {error}") from None
    monitors, mistakes = find_mistakes(Monitors, content, {"folder": path.parent})
    if monitors is None or mistakes or repeated:
        raise UsageError("\n".join(f"{path}: {each}" for each in (*repeated, *mistakes)))
    return monitors
