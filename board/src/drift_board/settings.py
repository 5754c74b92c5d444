"""Settings: the checker's own, and those of the board, `DRIFT_*` variables of the environment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from drift_checker import config
from drift_checker.config import HttpUrl, load_settings
from drift_checker.errors import UsageError

PREFIX = "DRIFT_"
OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")
"""Names by which this machine asks itself; always allowed."""
LEAST_TOKEN = 16
"""Characters of a token: fewer can be guessed."""
STORE_SECONDS = 5.0
"""A reader waits for the page, so the store gets less time than a tick gives it."""


class BoardSettings(BaseSettings):
    """What the board has of its own; each description says what is allowed."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True
    )

    board_token: SecretStr | None = Field(
        default=None,
        min_length=LEAST_TOKEN,
        description="what a request has to know that changes something; without it none can",
    )
    board_refresh_seconds: float = Field(
        default=5, ge=1, le=3600, description="seconds between two looks into the store, 1 to 3600"
    )
    board_allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="further names by which it may be asked for (Host header), separated by "
        "commas: example.com, *.example.com, or * for any",
    )
    board_public_mlflow_url: HttpUrl | None = Field(
        default=None, description="MLflow as a browser reaches it, for links"
    )
    board_public_airflow_url: HttpUrl | None = Field(
        default=None, description="Airflow as a browser reaches it, for links"
    )
    airflow_url: HttpUrl | None = Field(
        default=None, description="Airflow as the board reaches it, to start checks"
    )
    airflow_user: str | None = Field(default=None, description="its user there")
    airflow_password: SecretStr | None = Field(default=None, description="the user's password")

    @field_validator("board_allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value

    @field_validator("board_allowed_hosts")
    @classmethod
    def _check_hosts(cls, hosts: Sequence[str]) -> tuple[str, ...]:
        for host in hosts:
            if not re.fullmatch(r"\*|(\*\.)?[\w.-]+", host):
                raise ValueError(f"{host!r} is no name of a host; it has neither scheme nor port")
        return tuple(hosts)

    @property
    def hosts(self) -> list[str]:
        """All names by which it may be asked for."""
        return [*OWN_NAMES, *self.board_allowed_hosts]

    @property
    def token(self) -> str | None:
        """The token itself."""
        return self.board_token.get_secret_value() if self.board_token else None


@dataclass(frozen=True)
class Settings:
    """All that the board is told: `checker` as a check is told it, `board` of its own."""

    checker: config.Settings
    board: BoardSettings
    file: Path | None = None
    """Where they were read from, besides the environment."""


def load(env_file: Path | None = None) -> Settings:
    """Read the settings from the environment and, beneath it, from a file of `DRIFT_*=` lines.

    Raises:
        UsageError: a variable is missing or wrong; the message names it and what is allowed.
    """
    checker = load_settings(env_file)
    # Two waits, the store's own and that between retries, are all that a reader has patience for.
    limits = {
        name: min(getattr(checker, name), STORE_SECONDS)
        for name in ("timeout_seconds", "retry_seconds")
    }
    for name, value in limits.items():
        setattr(checker, name, value)
    try:
        # type: pydantic's plugin alone knows this argument, which is none of the fields.
        board = BoardSettings(_env_file=env_file)  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        allowed = BoardSettings.model_fields[name].description
        raise UsageError(f"{PREFIX}{name.upper()}: {first['msg']}. Allowed: {allowed}.") from None
    return Settings(checker, board, env_file)
