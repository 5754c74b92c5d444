"""Settings of the checker: `DRIFT_*` variables of the environment, or a file of them.

The environment wins over the file. Nothing here is read before a command asks for it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from drift_checker.comparison import parse_span
from drift_checker.config.channels import DEFAULT_CHANNEL, Channel, parse_channels
from drift_checker.errors import UsageError

PREFIX = "DRIFT_"


def _store_url(url: str) -> str:
    parts = urlsplit(url)
    match parts.scheme:
        case "file" if not parts.netloc and parts.path.startswith("/"):
            return url
        case "s3" if parts.netloc and "@" not in parts.netloc:
            return url
    raise ValueError("allowed: file:///absolute/directory or s3://bucket/prefix")


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.password:
        raise ValueError("allowed: http://host:port or https://host, without a password")
    return url.rstrip("/")


def _span(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_span(value)
    except UsageError as error:
        raise ValueError(str(error)) from None


def _spark_master(url: str) -> str:
    if not url.startswith(("local", "spark://", "k8s://", "yarn")):
        raise ValueError("allowed: local[*], local[N], spark://host:port, k8s://… or yarn")
    return url


HttpUrl = Annotated[str, AfterValidator(_http_url)]


class _Variables(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", env_ignore_empty=True)


class S3Access(_Variables):
    """How an S3 is reached: AWS itself and without a key where nothing is set."""

    endpoint: HttpUrl | None = None
    access_key: str | None = None
    secret_key: SecretStr | None = None
    region: str = "us-east-1"


class SourceAccess(S3Access):
    """Credentials of one source: an S3 key, or a user and password or a bearer token for HTTP."""

    user: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None


S = TypeVar("S", bound=_Variables)


class Limits(_Variables):
    """How much and how long a source may answer."""

    max_body_mb: float = Field(default=24, gt=0)
    """Largest body that a source may answer with, and largest table that it may stand for, in MiB.

    A check takes some 60 MiB of memory, and up to thirteen times as much as a body has.
    """
    max_rows: int = Field(default=1_000_000, gt=0)
    """Most rows of a batch or a reference."""
    max_columns: int = Field(default=10_000, gt=0)
    """Most columns of a batch or a reference."""
    timeout_seconds: float = Field(default=20, gt=0)
    """Seconds that one answer of a service may take, from the request to its last byte."""
    retry_seconds: float = Field(default=20, ge=0)
    """Seconds within which a service that stays away is asked again."""


class Settings(Limits):
    """What a run needs to know of its surroundings."""

    store_url: Annotated[str, AfterValidator(_store_url)]
    """Object store: `file:///directory` or `s3://bucket/prefix`."""
    mlflow_url: HttpUrl
    """MLflow's tracking server."""
    monitors_file: Path
    """The monitors file; see `docs/monitors.md`."""
    report: Literal["episode", "always", "never"] = "episode"
    """When a report is made."""
    spark_master: Annotated[str, AfterValidator(_spark_master)] = "local[*]"
    """Where Spark runs, for monitors of `engine: spark`; a URL as Spark knows them."""
    notification_urls: SecretStr | None = None
    """Who is told, as URLs of apprise with spaces between them; nobody where there are none."""
    channels: SecretStr | None = None
    """Further channels, as JSON: name, then `urls` like those above, and perhaps `events`."""
    heartbeat_url: SecretStr | None = None
    """Asked after each scheduled tick that ended well, so that a stopped stack is noticed."""
    remind_after: Annotated[timedelta | None, BeforeValidator(_span)] = None
    """How long an alarm is open before people are told of it again, such as 1d; never if empty."""
    board_url: HttpUrl | None = None
    """The board's address for people; notifications and status name its pages."""
    max_artifact_mb: float = Field(default=16, ge=0)
    """Largest current batch that is copied to MLflow, in MiB; of a larger one, its URL is."""
    retention_days: float = Field(default=30, gt=0)
    """Days for which batches, results, runs and references that were in use are kept."""

    _env_file: Path | None = PrivateAttr(default=None)

    @property
    def notification_channels(self) -> dict[str, Channel]:
        """Who is told, by the names of channels; `default` has `notification_urls`.

        Raises:
            UsageError: `DRIFT_CHANNELS` is wrong.
        """
        urls, more = self.notification_urls, self.channels
        default = Channel(tuple(urls.get_secret_value().split()) if urls else ())
        return {DEFAULT_CHANNEL: default} | (
            parse_channels(more.get_secret_value()) if more else {}
        )

    @property
    def s3(self) -> S3Access:
        """`DRIFT_S3_*`: how the object store is reached where it is an S3."""
        return _read(S3Access, f"{PREFIX}S3_", self._env_file)

    def source(self, name: str) -> SourceAccess:
        """`DRIFT_SOURCE_<NAME>_*`: the credentials that a source names."""
        return _read(SourceAccess, f"{PREFIX}SOURCE_{name.upper()}_", self._env_file)


def load_settings(env_file: Path | None = None) -> Settings:
    """Read the settings from the environment and, beneath it, from `env_file`.

    Raises:
        UsageError: a variable is missing or wrong, or there is no such file.
    """
    if env_file is not None and not env_file.is_file():
        raise UsageError(f"--settings {env_file}: no such file")
    settings = _read(Settings, PREFIX, env_file)
    settings._env_file = env_file
    _check_channels(settings)
    return settings


def _check_channels(settings: Settings) -> None:
    """Raise what is wrong with the channels and the heartbeat; shows nothing of an address."""
    _ = settings.notification_channels
    if settings.heartbeat_url is not None:
        try:
            _http_url(settings.heartbeat_url.get_secret_value())
        except ValueError as error:
            raise UsageError(f"{PREFIX}HEARTBEAT_URL: {error}") from None


def load_limits(env_file: Path | None = None) -> Limits:
    """Read the limits alone, which need nothing to be set.

    Raises:
        UsageError: a variable is wrong.
    """
    return _read(Limits, PREFIX, env_file)


def _read(kind: type[S], prefix: str, env_file: Path | None) -> S:
    try:
        return kind(_env_prefix=prefix, _env_file=env_file)  # type: ignore[call-arg]
    except ValidationError as error:
        raise UsageError("\n".join(_explain(prefix, e) for e in error.errors())) from None


def _explain(prefix: str, error: ErrorDetails) -> str:
    variable = prefix + str(error["loc"][0]).upper()
    if error["type"] == "missing":
        return f"{variable} is not set"
    return f"{variable}={redact(error['input'])}: {error['msg'].removeprefix('Value error, ')}"


def redact(value: object) -> str:
    """A wrong value as it may be shown: without the credentials that a URL may carry."""
    return re.sub(r"//[^/@]*@", "//…@", repr(value))
