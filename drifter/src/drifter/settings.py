"""Settings, read from environment variables that begin with ``DRIFT_``."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from drifter.errors import SettingError
from drifter.scenarios import ScenarioName

PREFIX = "DRIFT_"


class Settings(BaseSettings):
    """Everything that can be set; each description says what is allowed."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    prob: float = Field(
        default=0.1, ge=0, le=1, description="probability that a resampled batch drifts, 0 to 1"
    )
    scenarios: Annotated[tuple[ScenarioName, ...], NoDecode] = Field(
        default=tuple(ScenarioName),
        min_length=1,
        description=f"what a drift can be, separated by commas: {', '.join(ScenarioName)}",
    )
    strength: float = Field(
        default=1.0, gt=0, le=10, description="strength of the drift, above 0 and up to 10"
    )
    allow_override: bool = Field(
        default=False,
        description="whether a request may name scenario and strength, true or false",
    )
    base_path: Path = Field(
        default=Path("data/base.parquet"), description="the Parquet file that is resampled"
    )
    stream_path: Path = Field(
        default=Path("data/stream.parquet"),
        description="the Parquet file that is replayed, in time order",
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("localhost", "127.0.0.1"),
        min_length=1,
        description="names by which it may be asked for (Host header), separated by commas: "
        "example.com, *.example.com, or * for any",
    )
    port: int = Field(default=8000, ge=1, le=65535, description="port to listen on, 1 to 65535")
    max_rows: int = Field(default=1_000_000, ge=1, description="most rows in one batch, at least 1")
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="json, console, or auto: console on a terminal, else json"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )

    @field_validator("allowed_hosts")
    @classmethod
    def _check_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not re.fullmatch(r"\*|(\*\.)?[\w.-]+", host):
                raise ValueError(f"{host!r} is no name of a host; it has neither scheme nor port")
        return hosts

    @field_validator("allowed_hosts", "scenarios", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def load_settings() -> Settings:
    """Return the settings of the environment.

    Raises:
        SettingError: A value is not allowed; the message names variable, value and what is.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise SettingError(
            variable_of(name),
            first["input"],
            f"{first['msg']}. Allowed: {Settings.model_fields[name].description}.",
        ) from None


def variable_of(field: str) -> str:
    """Return the environment variable that sets a field."""
    return PREFIX + field.upper()
