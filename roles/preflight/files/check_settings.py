"""Checks the settings of the stack, and tells all that is wrong with them at once.

The action `check_settings` gives them, as Ansible has them, to the standard input of this, which
runs in an environment of the checker's own requirements: monitors and schedules are checked by
what will read them. Nothing is written, and of the references only files of this machine are read.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationInfo

from drift_checker.comparison import parse_span
from drift_checker.config import (
    DEFAULT_CHANNEL,
    Columns,
    Cron,
    DagId,
    EventKind,
    Mistake,
    MonitorFloors,
    Monitors,
    ReferenceSource,
    Section,
    closest,
    find_mistakes,
    repeated_keys,
    secret_error,
)
from drift_checker.config.channels import CHANNEL_NAME
from drift_checker.errors import UsageError
from drift_checker.references.declared import reference_mistakes

STATE_DIR_MAX = 80
"""Sockets lie below it, and have short paths: 107 bytes on Linux, 103 on macOS."""
TOKEN_MIN = 16
"""Characters of a token: fewer can be guessed, and the board takes none of fewer."""
PORTS = ("board_port", "drifter_port", "mlflow_port", "airflow_port")


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("allowed: a number")  # noqa: TRY004  as Pydantic's validators do
    return value


def _state_dir(path: str, info: ValidationInfo) -> str:
    if not path.startswith("/"):
        raise ValueError("allowed: an absolute path")
    if (info.context or {}).get("platform") == "local" and len(path) > STATE_DIR_MAX:
        raise ValueError(
            f"it is {len(path)} characters long, and a socket below it needs a path of at most "
            f"{STATE_DIR_MAX}: choose a shorter one"
        )
    return path


def _urls(value: object) -> object:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise secret_error("a list of URLs")
    return value


def _map(value: object) -> object:
    if not isinstance(value, dict):
        raise secret_error("keys with their values")
    return value


def _token(value: object) -> object:
    if value != "" and not (isinstance(value, str) and len(value) >= TOKEN_MIN):
        raise secret_error(f"a text of at least {TOKEN_MIN} characters, or none")
    return value


def _text(value: object) -> str:
    if isinstance(value, dict | list) or value is None:
        raise secret_error("a text")
    return str(value)


def _span(text: str) -> str:
    try:
        parse_span(text)
    except UsageError:
        raise ValueError("allowed: a span of time such as 12h or 3d") from None
    return text


def _http_url(text: str) -> str:
    if not re.match(r"https?://[^/@\s]+", text):
        raise ValueError("allowed: http://host:port or https://host")
    return text


Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Port = Annotated[int, BeforeValidator(_number), Field(ge=1, le=65535)]
Secret = Annotated[str, BeforeValidator(_text)]
Scenario = Literal[
    "mean_shift",
    "scale",
    "category_mix",
    "missing_values",
    "tail_contamination",
    "correlation_change",
]


class Channel(Section):
    """Addresses that are told together, and of what."""

    urls: Annotated[list[str], BeforeValidator(_urls), Field(min_length=1)]
    events: Annotated[list[EventKind], Field(min_length=1)] | None = None


class Login(Section):
    """What a source asks of whoever reads it."""

    user: Secret | None = None
    password: Secret | None = None
    token: Secret | None = None
    access_key: Secret | None = None
    secret_key: Secret | None = None
    endpoint: Secret | None = None
    region: Secret | None = None


class Settings(Monitors):
    """The settings that people edit, as group_vars/all has them."""

    drift_prob: Annotated[Number, Field(ge=0, le=1)]
    drift_strength: Annotated[Number, Field(gt=0)]
    drift_scenarios: Annotated[list[Scenario], Field(min_length=1)]
    check_schedule: Cron
    alarms_per_week: Annotated[Number, Field(gt=0)]
    report: Literal["episode", "always", "never"]
    watch_schedule: Cron
    remind_after: Literal[""] | Annotated[str, AfterValidator(_span)]
    on_drift_trigger_dag: Literal[""] | DagId
    retention_days: Annotated[Number, Field(gt=0)]
    maintenance_schedule: Cron
    state_dir: Annotated[str, AfterValidator(_state_dir)]
    board_public_url: Literal[""] | Annotated[str, AfterValidator(_http_url)]
    board_port: Port
    drifter_port: Port
    mlflow_port: Port
    airflow_port: Port
    notification_urls: Annotated[list[str], BeforeValidator(_urls)]
    notification_channels: Annotated[
        dict[str, Annotated[Channel, BeforeValidator(_map)]], BeforeValidator(_map)
    ]
    heartbeat_url: Secret
    board_token: Annotated[str, BeforeValidator(_token)]
    source_credentials: Annotated[
        dict[str, Annotated[Login, BeforeValidator(_map)]], BeforeValidator(_map)
    ]


class Given(BaseModel):
    """What the action knows."""

    project: Path
    platform: Literal["local", "kubernetes"]
    settings: dict[str, Any]
    """Those of `Settings` that are set, as they are rendered."""
    unreadable: list[tuple[int | str, ...]]
    """What of them could not be rendered, which has been told."""
    names: list[str]
    """All variables that people have set."""
    elsewhere: list[str] = []
    """Those of files outside of the project, such as an inventory that others read too."""
    files: list[Path]
    """Where they have set them."""


def check(given: Given) -> Iterator[tuple[str | None, Mistake]]:
    """Yield every mistake; before those that are of a file, and of no setting, stands the file."""
    for path in given.files:
        yield from ((str(path), each) for each in _repeated(path))
    unknown = dict(_unknown_names(given))
    yield from ((None, Mistake(name, words)) for name, (words, _) in unknown.items())
    # What is set by a misspelt name is not missed besides.
    meant = {(name,) for _, name in unknown.values() if name and name not in given.settings}
    folder = given.project
    if given.platform == "local":  # where the monitors file will lie
        folder = Path(str(given.settings.get("state_dir", given.project))) / "etc"
    context = {"folder": folder, "platform": given.platform}
    _, mistakes = find_mistakes(
        Settings, given.settings, context, unreadable=[*given.unreadable, *meant]
    )
    yield from ((None, each) for each in mistakes)
    yield from ((None, each) for each in _equal_ports(given.settings))
    yield from ((None, each) for each in _channel_names(given.settings))
    monitors = given.settings.get("monitors")
    for number, monitor in enumerate(monitors if isinstance(monitors, list) else ()):
        if isinstance(monitor, dict):
            of_others = (_of_logins, _of_channels)
            for each in (
                *_of_reference(monitor, context),
                *(mistake for find in of_others for mistake in find(monitor, given.settings)),
            ):
                yield None, Mistake(f"monitors[{number}].{each.place}", each.message)


def _unknown_names(given: Given) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """Yield the variables that nothing reads, with what is said of each and what may be meant.

    What is set outside of the project, and is like none of its settings, is for others.
    """
    read = _words_read(given.project, given.files)
    known = {*Settings.model_fields, *_names(given.project, "roles/*/defaults/main.yml")}
    likely = known | (_names(given.project, "group_vars/*/*.yml") & read)
    for name in given.names:
        if name not in known | read:
            # What people edit has similar names in the roles: drifter_prot is no drifter_prob.
            meant = closest(name, Settings.model_fields, likeness=0.85) or closest(name, likely)
            if meant is None and name in given.elsewhere:
                continue
            hint = f"did you mean {meant}?" if meant else "nothing reads it"
            yield name, (f"unknown setting; {hint}", meant)


def _equal_ports(settings: Mapping[str, Any]) -> Iterator[Mistake]:
    for number, later in enumerate(PORTS):
        for earlier in PORTS[:number]:
            if later in settings and str(settings[later]) == str(settings.get(earlier)):
                message = f"port {settings[later]} is that of {earlier} too: choose another one"
                yield Mistake(later, message)


def _of_reference(monitor: Mapping[str, Any], context: Mapping[str, object]) -> Iterator[Mistake]:
    """Yield what is not so of a reference, whatever else is wrong with the monitor."""
    reference, _ = find_mistakes(ReferenceSource, monitor.get("reference"), context)
    columns, _ = find_mistakes(Columns, monitor.get("columns", {}))
    floors, _ = find_mistakes(MonitorFloors, monitor.get("floors", {}))
    if reference is not None:
        yield from reference_mistakes(reference, columns or Columns(), floors or MonitorFloors())


def _of_logins(monitor: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield the logins that a monitor names and nobody has."""
    logins = settings.get("source_credentials")
    for side in ("current", "reference"):
        source = monitor.get(side)
        name = source.get("credentials") if isinstance(source, dict) else None
        if isinstance(name, str) and isinstance(logins, dict) and name not in logins:
            there = ", ".join(logins) or "none"
            yield Mistake(
                f"{side}.credentials",
                f"source_credentials have no login {name}; there are: {there}",
            )


def _channel_names(settings: Mapping[str, Any]) -> Iterator[Mistake]:
    channels = settings.get("notification_channels")
    for name in channels if isinstance(channels, dict) else ():
        if name == DEFAULT_CHANNEL:
            message = "it is the channel of notification_urls: choose another name"
            yield Mistake(f"notification_channels.{name}", message)
        elif not re.fullmatch(CHANNEL_NAME, str(name)):
            message = "allowed: at most 40 of `a-z`, `0-9`, `-` and `_`, the first of them a letter"
            yield Mistake(f"notification_channels.{name}", message)


def _of_channels(monitor: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield the channels that a monitor names and nobody has."""
    channels, named = settings.get("notification_channels"), monitor.get("notify")
    if isinstance(channels, dict) and isinstance(named, list):
        there = [DEFAULT_CHANNEL, *channels]
        for number, name in enumerate(named):
            if name not in there:
                yield Mistake(
                    f"notify[{number}]",
                    f"notification_channels have no {name}; there are: {', '.join(there)}",
                )


def _repeated(path: Path) -> list[Mistake]:
    try:
        return repeated_keys(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return []  # it is encrypted, or no YAML, and Ansible has read it


def _names(project: Path, pattern: str) -> set[str]:
    """Return the variables that files of the project set."""
    texts = (path.read_text("utf-8") for path in project.glob(pattern))
    return {name for text in texts for name in re.findall(r"(?m)^([a-z]\w*):", text)}


def _words_read(project: Path, files: Iterable[Path]) -> set[str]:
    """Return every word that something may read a variable by."""
    words: set[str] = set()
    for pattern in ("roles/**/*.yml", "roles/**/*.j2", "playbooks/**/*.yml", "plugins/**/*.py"):
        for path in project.glob(pattern):
            words.update(re.findall(r"\w+", path.read_text("utf-8")))
    for path in {*project.glob("group_vars/*/*.yml"), *files}:
        # A name is not read by being set.
        text = path.read_text("utf-8", errors="replace")
        words.update(re.findall(r"\w+", re.sub(r"(?m)^\s*(#.*|\w+:)", "", text)))
    return words


def main() -> None:
    """Tell what is wrong with the settings of the standard input, as JSON."""
    given = Given.model_validate_json(sys.stdin.read())
    json.dump([(file, *mistake) for file, mistake in check(given)], sys.stdout)


if __name__ == "__main__":
    main()
