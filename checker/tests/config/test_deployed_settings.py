"""What preflight checks the settings of the stack by, without Ansible: it runs on the checker."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from drift_checker.config import Columns, MonitorFloors, ReferenceSource
from drift_checker.references.declared import reference_mistakes

ROOT = Path(__file__).parents[3]


def load(path: str) -> ModuleType:
    """Import a file of the project that lies in no package."""
    specification = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


check_settings = load("roles/preflight/files/check_settings.py")
wrong_settings = load("tests/wrong_settings.py")
SETTINGS = (ROOT / "group_vars/all/main.yml").read_text()


def told(tmp_path: Path, text: str, **others: Any) -> list[str]:
    """Return what is told of settings, given as the text of their file."""
    file = tmp_path / "main.yml"
    file.write_text(text)
    rendered = text.replace("{{ project_dir }}", str(ROOT)).replace("{{ drifter_url }}", "http://h")
    credentials = yaml.safe_load((ROOT / "group_vars/all/credentials.yml").read_text())
    settings = {**credentials, **yaml.safe_load(rendered)}
    settings |= others
    known = check_settings.Settings.model_fields
    given = check_settings.Given(
        project=ROOT,
        platform="local",
        settings={name: value for name, value in settings.items() if name in known},
        unreadable=[],
        names=list(settings),
        files=[file],
    )
    return [str(mistake) for _, mistake in check_settings.check(given)]


def test_the_project_s_own_settings_are_right(tmp_path: Path) -> None:
    assert told(tmp_path, SETTINGS) == []


@pytest.mark.parametrize("wrong", wrong_settings.WRONG, ids=lambda wrong: wrong.new.strip()[-30:])
def test_a_mistake_is_told_once(tmp_path: Path, wrong: Any) -> None:
    (line,) = told(tmp_path, wrong_settings.edited(SETTINGS, wrong))
    assert line.startswith(wrong.told)


def test_mistakes_are_told_all_at_once(tmp_path: Path) -> None:
    several = [wrong_settings.WRONG[number] for number in wrong_settings.ALL_AT_ONCE]

    lines = told(tmp_path, wrong_settings.edited(SETTINGS, *several))

    assert len(lines) == len(several), lines
    for wrong in several:
        assert any(line.startswith(wrong.told) for line in lines), wrong


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("notification_urls", "json://host/marker", "notification_urls: allowed: a list of URLs"),
        ("notification_urls", ["json://h", 5], "notification_urls: allowed: a list of URLs"),
        ("source_credentials", ["marker"], "source_credentials: allowed: keys with their values"),
        (
            "source_credentials",
            {"shop": "marker"},
            "source_credentials.shop: allowed: keys with their values",
        ),
        (
            "source_credentials",
            {"shop": {"passwort": "marker"}},
            "source_credentials.shop.passwort: unknown key; did you mean password?",
        ),
        (
            "source_credentials",
            {"shop": {"password": ["marker"]}},
            "source_credentials.shop.password: allowed: a text",
        ),
        (
            "notification_channels",
            {"oncall": {"urls": "json://host/marker"}},
            "notification_channels.oncall.urls: allowed: a list of URLs",
        ),
        (
            "notification_channels",
            {"oncall": {"urls": ["json://h"], "event": ["alarm_opened"]}},
            "notification_channels.oncall.event: unknown key; did you mean events?",
        ),
        (
            "notification_channels",
            {"On call": {"urls": ["json://h"]}},
            (
                "notification_channels.On call: allowed: at most 40 of `a-z`, `0-9`, `-` and `_`, "
                "the first of them a letter"
            ),
        ),
        (
            "notification_channels",
            {"default": {"urls": ["json://h"]}},
            (
                "notification_channels.default: it is the channel of notification_urls: "
                "choose another name"
            ),
        ),
        ("heartbeat_url", ["marker"], "heartbeat_url: allowed: a text"),
        (
            "board_token",
            "marker",
            "board_token: allowed: a text of at least 16 characters, or none",
        ),
        ("drift_prob", True, "drift_prob: allowed: a number (got True)"),
    ],
)
def test_secrets_are_checked_and_not_shown(
    tmp_path: Path, name: str, value: object, line: str
) -> None:
    assert told(tmp_path, SETTINGS, **{name: value}) == [line]


def test_a_channel_that_a_monitor_names_has_to_be_there(tmp_path: Path) -> None:
    text = SETTINGS.replace(
        "  - name: flights\n", "  - name: flights\n    notify: [default, oncal]\n"
    )
    channels = {"oncall": {"urls": ["json://h"]}}

    assert told(tmp_path, text, notification_channels=channels) == [
        "monitors[0].notify[1]: notification_channels have no oncal; there are: default, oncall"
    ]


def test_a_path_that_sockets_cannot_have_is_told_on_this_machine(tmp_path: Path) -> None:
    (line,) = told(tmp_path, SETTINGS, state_dir="/" + 80 * "x")
    assert line.startswith("state_dir: it is 81 characters long, and a socket below it needs a ")


def test_a_variable_that_another_setting_reads_is_known(tmp_path: Path) -> None:
    text = SETTINGS.replace("drift_prob: 0.1", 'city: Bergen\ndrift_prob: "{{ city | length }}"')
    assert not [line for line in told(tmp_path, text) if line.startswith("city")]


def test_preflight_gives_the_settings_that_are_checked() -> None:
    variables = yaml.safe_load((ROOT / "roles/preflight/vars/main.yml").read_text())
    assert set(variables["__preflight_settings"]) == set(check_settings.Settings.model_fields)
    assert variables["__preflight_ports"] == list(check_settings.PORTS)


@pytest.mark.parametrize("name", ["r.parquet", "r.csv"])
def test_a_reference_is_looked_at_before_it_is_fitted(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("csv"):
        path.write_text("price,kind\n1.5,a\n2.5,b\n")
    else:
        pq.write_table(pa.table({"price": [1.5], "kind": ["a"]}), path)
    columns = Columns(target="prize", ignore=("kind", "colour"), segments=("knid",))
    floors = MonitorFloors.model_validate({"columns": {"prices": {"tail": 0.1}}})

    assert [str(each) for each in reference_mistakes(_source(path), columns, floors)] == [
        "columns.target: the reference has no column prize; did you mean price?",
        "columns.ignore[1]: the reference has no column colour; it has price, kind",
        "columns.segments[0]: the reference has no column knid; did you mean kind?",
        "floors.columns.prices: the reference has no column prices; did you mean price?",
    ]
    assert not list(reference_mistakes(_source(path), Columns(target="price"), MonitorFloors()))


def test_a_reference_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    damaged = tmp_path / "r.parquet"
    damaged.write_bytes(b"PAR1 and no more")

    (absent,) = reference_mistakes(_source(tmp_path / "none"), Columns(), MonitorFloors())
    (unreadable,) = reference_mistakes(_source(damaged), Columns(), MonitorFloors())

    assert absent.message.startswith("there is no such file or directory (got '/")
    assert unreadable.place == "reference.path"
    assert "The Parquet file is damaged or cut off" in unreadable.message
    # Of what is not at hand nothing is said before it is fitted.
    elsewhere = ReferenceSource(url="http://127.0.0.1/r.csv")
    assert not list(reference_mistakes(elsewhere, Columns(target="x"), MonitorFloors()))


def _source(path: Path) -> ReferenceSource:
    return ReferenceSource.model_validate({"path": str(path)})
