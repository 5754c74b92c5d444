from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drift_checker.cli import main
from drift_checker.comparison import Floors
from drift_checker.config import (
    Columns,
    Monitor,
    Monitors,
    ReferenceSource,
    alarm_budget,
    find_mistakes,
    load_monitors,
    load_settings,
    settings_of,
)
from drift_checker.config.budget import MAX_LEVEL
from drift_checker.config.schedule import CRON_HELP
from drift_checker.errors import UsageError

TIMED = {"columns": {"timestamp": "time"}}
DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def content(**monitor: Any) -> dict[str, Any]:
    one = {"name": "m", "current": {"url": "http://h/x"}, "reference": {"path": "r.csv"}}
    return {"monitors": [one | monitor]}


def load(tmp_path: Path, found: object) -> Monitors:
    file = tmp_path / "monitors.yml"
    file.write_text(yaml.safe_dump(found))
    return load_monitors(file)


def test_defaults(tmp_path: Path) -> None:
    monitors = load(tmp_path, content(current={"url": "http://h/x", "params": {"rows": 1000}}))

    monitor = monitors.get("m")
    assert monitor.reference.path == tmp_path / "r.csv"
    assert monitor.current.params == {"rows": "1000"}
    assert monitors.schedule_of(monitor) == "*/5 * * * *"
    assert monitors.alarms_per_week == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (content(name="Flights"), r"monitors\[0\]\.name: allowed: at most 40 of `a-z`"),
        (content(name="-a"), r"monitors\[0\]\.name"),
        (content(name="a" * 41), r"monitors\[0\]\.name"),
        (content(colour="red"), r"monitors\[0\]\.colour: unknown key; allowed: name, current"),
        (
            content(current={"uri": "http://h"}),
            r"\[0\]\.current\.uri: unknown key; did you mean url\?",
        ),
        (content(current={}), r"\.current: allowed: exactly one of `url`, `path` and `database`"),
        (content(current={"url": "ftp://h/x"}), r"current\.url: allowed: http\(s\)"),
        (content(current={"url": "postgresql://h/x"}), r"current\.url: allowed: http\(s\)"),
        (content(current={"url": "http://u:secret@h/x"}), "name them with `credentials`"),
        (content(current={"url": "http://h/{day}"}), r"allowed placeholders: \{seed\}, "),
        (content(current={"url": "http://h/{"}), "allowed placeholders"),
        (content(current={"url": "http://h", "params": {"a": [1]}}), r"current\.params\.a: "),
        (content(reference={"path": "x", "sha256": "beef"}), r"reference\.sha256: "),
        (content(freshness="2h"), "`freshness` needs `columns.timestamp`"),
        (content(freshness="soon", **TIMED), "no span of time"),
        (content(row_count={}), "`row_count` has `least`, `most` or both"),
        (content(row_count={"least": 9, "most": 8}), "`least` 9 is more than `most` 8"),
        (content(row_count={"least": -1}), r"row_count\.least"),
        (content(sampling="random"), r"sampling: allowed: 'iid' or 'windows'"),
        (content(floors={"shares": 0.1}), r"floors\.shares: unknown key; did you mean share\?"),
        (content(floors={"share": 1.5}), r"floors: floor share: 1\.5 can never be reached"),
        (content(floors={"columns": {"x": {"tail": -1}}}), r"floors\.columns\.x: .*not at least 0"),
        (content(floors={"columns": {"x": {"correlation": 1}}}), r"x\.correlation: unknown key"),
        (
            content(columns={"ignore": ["x"]}, floors={"columns": {"x": {"share": 0.1}}}),
            "x: ignored columns have no floor",
        ),
        (content(sampling="windows"), r"monitors\[0\]: windows need `columns\.timestamp`"),
        (content(window="1d"), r"windows need `columns\.timestamp`"),
        (content(window="a day", **TIMED), r"window: 'a day' is no span of time; allowed: such as"),
        (content(window="1d", sampling="iid", **TIMED), "`window` belongs to `sampling: windows`"),
        (content(baseline={"kind": "seasonal"}), "seasonal baseline needs `sampling: windows`"),
        (content(baseline={"kind": "lunar"}), r"kind: allowed: 'fixed', 'rolling' or"),
        (content(baseline={"ticks": 5}), "`ticks` belong to `kind: rolling`"),
        (content(baseline={"anchor": "tell"}), "`anchor` belongs to `kind: rolling`"),
        (
            content(baseline={"kind": "rolling", "ticks": 101}),
            r"ticks: allowed: 100 or less",
        ),
        (content(baseline={"kind": "rolling", "ticks": 10}, **TIMED), "raise `baseline.ticks`"),
        (content(min_windows=2), r"min_windows: allowed: 5 or more"),
        (content(schedule="every day"), "allowed: a cron expression of five fields"),
        (content(schedule="* * * * * *"), "allowed: a cron expression of five fields"),
        (content(schedule="0 0 31 2 *"), "it names no day that there is; allowed: a cron"),
        (content(min_rows="many"), r"monitors\[0\]\.min_rows: "),
        (
            content() | {"check_schedule": "61 * * * *"},
            "check_schedule: allowed: a cron expression",
        ),
        (content() | {"alarms_per_week": 0}, "alarms_per_week: allowed: more than 0"),
        (content() | {"alarms_per_week": float("inf")}, "alarms_per_week: allowed: a finite"),
        (
            content() | {"alarms_per_weak": 1},
            "alarms_per_weak: unknown key; did you mean alarms_pe",
        ),
        ({"monitors": content()["monitors"] * 2}, "must be unique, these are not: m"),
        ({"monitors": []}, "monitors: "),
        ([], "the whole file: "),
    ],
)
def test_mistakes_are_named_by_their_path(tmp_path: Path, wrong: object, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        load(tmp_path, wrong)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        pytest.param(
            content(
                current={"uri": "ftp://h/x", "parms": {"rows": 1}, "window": "soon"},
                min_rows=1,
                schedule="61 * * * *",
                colour="red",
            )
            | {"alarms_per_week": 0},
            [
                ("alarms_per_week", "allowed: more than 0 (got 0)"),
                ("monitors[0].colour", "unknown key; allowed: name, current, "),
                ("monitors[0].current.parms", "unknown key; did you mean params?"),
                ("monitors[0].current.uri", "allowed: http(s)://host/path, "),
                ("monitors[0].current.uri", "unknown key; did you mean url?"),
                ("monitors[0].current.window", "'soon' is no span of time"),
                ("monitors[0].min_rows", "allowed: 2 or more (got 1)"),
                ("monitors[0].schedule", "allowed: a cron expression of five fields in UTC"),
            ],
            id="those of one map hide none of each other",
        ),
        pytest.param(
            content(current={"uri": "http://h/x"}, min_rows=0, sampling="windows"),
            [
                ("monitors[0]", "windows need `columns.timestamp`, the time of each row"),
                ("monitors[0].current.uri", "unknown key; did you mean url?"),
                ("monitors[0].min_rows", "allowed: 2 or more (got 0)"),
            ],
            id="what keys say of each other is told beside what is wrong with others",
        ),
        pytest.param(
            content(current={"uri": "http://h/x", "url": "ftp://h/x"}),
            [
                ("monitors[0].current.uri", "unknown key; did you mean url?"),
                ("monitors[0].current.url", "allowed: http(s)://host/path"),
            ],
            id="what follows from another mistake is not told",
        ),
        pytest.param(
            content(sampling="windows", columns={"timestamp": 1, "ignore": ["a", {}]}),
            [
                ("monitors[0].columns.ignore[1]", "allowed: a text"),
                ("monitors[0].columns.timestamp", "allowed: a text; in quotes, a number is one"),
            ],
            id="nor what follows from leaving it out",
        ),
        pytest.param(
            {"monitors": [content(min_rows=0)["monitors"][0], content()["monitors"][0]]},
            [
                ("monitors[0].min_rows", "allowed: 2 or more"),
                ("the whole file", "names of monitors must be unique, these are not: m"),
            ],
            id="those of one monitor hide none of the whole file",
        ),
    ],
)
def test_all_mistakes_are_told_at_once(
    tmp_path: Path, wrong: object, told: list[tuple[str, str]]
) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, wrong)

    lines = sorted(str(caught.value).splitlines())
    expected = sorted(f"{tmp_path / 'monitors.yml'}: {place}: {message}" for place, message in told)
    assert len(lines) == len(expected), lines
    for line, beginning in zip(lines, expected, strict=True):
        assert line.startswith(beginning)


def test_what_a_misspelt_key_holds_is_checked_as_well(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, content(scedule="61 * * * *"))

    assert str(caught.value).splitlines() == [
        f"{tmp_path / 'monitors.yml'}: monitors[0].scedule: unknown key; did you mean schedule?",
        f"{tmp_path / 'monitors.yml'}: monitors[0].scedule: {CRON_HELP} (got '61 * * * *')",
    ]


FIELDS = sorted({*Monitor.model_fields, *Columns.model_fields, *ReferenceSource.model_fields})
KEYS = st.sampled_from([*FIELDS, "uri", "refrence", "monitors", "params", "time", "", 1])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["m", "1h", "{seed"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(ANYTHING, st.dictionaries(KEYS, ANYTHING, max_size=4))
def test_whatever_is_no_monitors_file_has_mistakes(whole: object, part: dict[Any, Any]) -> None:
    valid = content()["monitors"][0]
    source = valid | {"current": {"url": "http://h/x"} | part}
    for each in (whole, {"monitors": [valid | part, source, valid]}, {"monitors": [whole]}):
        _, mistakes = find_mistakes(Monitors, each)
        try:
            Monitors.model_validate(each)
        except ValidationError:
            assert mistakes
        else:
            assert not mistakes


def test_keys_that_stand_twice_are_told_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "monitors.yml"
    file.write_text(
        "alarms_per_week: 1\n"
        "monitors:\n"
        "  - {name: m, current: {url: 'http://h', url: 'http://i'}, reference: {path: r.csv}}\n"
        "alarms_per_week: 0\n"
    )

    with pytest.raises(UsageError) as caught:
        load_monitors(file)

    assert str(caught.value).splitlines() == [
        f"{file}: monitors[0].current.url: stands twice, in lines 3 and 3: remove one of them",
        f"{file}: alarms_per_week: stands twice, in lines 1 and 4: remove one of them",
        f"{file}: alarms_per_week: allowed: more than 0 (got 0)",
    ]


def test_validate_says_what_is_wrong_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "monitors.yml"
    file.write_text("monitors: {")

    ended = CliRunner().invoke(main, ["monitors", "validate", str(file)])
    assert (ended.exit_code, "Traceback" in ended.output) == (2, False)
    ended = CliRunner().invoke(main, ["monitors", "validate", str(tmp_path / "none")])
    assert ended.exit_code == 2

    file.write_text(yaml.safe_dump(content()))
    ended = CliRunner().invoke(main, ["monitors", "validate", str(file)])
    assert (ended.exit_code, "2016 ticks" in ended.output) == (0, True)


@pytest.mark.parametrize(
    ("monitor", "said"),
    [
        (TIMED | {"window": "1d", "schedule": "0 * * * *"}, "longer than the interval of 1:00:00"),
        (
            TIMED
            | {
                "schedule": "0 * * * *",
                "current": {"path": "b", "time": "time", "window": "1d"},
            },
            "as long as 24 windows of 1:00:00: so many are joined, and the reference needs 20 days",
        ),
        (TIMED | {"window": "1h", "schedule": "0 * * * *"}, None),
        ({}, None),
    ],
)
def test_windows_that_may_not_be_meant_are_said(
    tmp_path: Path, monitor: dict[str, Any], said: str | None
) -> None:
    (tmp_path / "monitors.yml").write_text(yaml.safe_dump(content(**monitor)))

    ended = CliRunner().invoke(main, ["monitors", "validate", str(tmp_path / "monitors.yml")])

    assert ended.exit_code == 0
    assert ("monitors[0]." in ended.output) == (said is not None)
    assert (said or "") in ended.output


def test_seed_depends_on_name_and_date_alone(tmp_path: Path) -> None:
    monitor = load(tmp_path, content()).get("m")

    # The first four bytes of `printf m/20261123T090000Z | sha256sum`, without the highest bit.
    assert monitor.seed(DATE) == 2060017487
    assert monitor.seed(DATE) != monitor.seed(DATE.replace(minute=5))


@given(st.datetimes(timezones=st.just(UTC)))
def test_seeds_are_31_bits(moment: datetime) -> None:
    monitor = Monitor.model_validate(content()["monitors"][0])
    assert 0 <= monitor.seed(moment) < 2**31


def test_placeholders() -> None:
    monitor = Monitor.model_validate(content()["monitors"][0])
    filled = monitor.fill("{logical_date} {logical_date:%Y/%m/%d} {{}} {seed}", DATE)
    assert filled == f"2026-11-23T09:00:00Z 2026/11/23 {{}} {monitor.seed(DATE)}"


@pytest.mark.parametrize(
    ("monitor", "window"),
    [
        ({}, None),
        (TIMED, timedelta(minutes=5)),
        (TIMED | {"sampling": "iid"}, None),
        (TIMED | {"window": "2h"}, timedelta(hours=2)),
        (TIMED | {"schedule": "0 6 * * 1-5"}, timedelta(days=1)),
        (TIMED | {"schedule": "0 9-17 * * *"}, timedelta(hours=1)),
    ],
)
def test_a_window_is_the_interval_of_the_schedule(
    tmp_path: Path, monitor: dict[str, Any], window: timedelta | None
) -> None:
    monitors = load(tmp_path, content(**monitor))
    assert monitors.window_of(monitors.get("m")) == window


def test_the_budget_is_divided_over_the_ticks_of_all_monitors(tmp_path: Path) -> None:
    two = content()["monitors"] + content(name="n", schedule="0 * * * *")["monitors"]

    budget = alarm_budget(load(tmp_path, {"alarms_per_week": 2, "monitors": two}))

    assert budget.ticks_per_week == 2016 + 168
    assert budget.level == pytest.approx(2 / (2016 + 168))
    assert sum(budget.parts.values()) == pytest.approx(budget.level)


def test_a_column_has_the_floors_of_all_but_for_its_own(tmp_path: Path) -> None:
    floors = {"distance": 0.05, "columns": {"failed": {"category": 0.004, "unseen_rows": 9}}}
    monitors = load(tmp_path, content(floors=floors))
    settings = settings_of(monitors, monitors.get("m"))

    assert settings.floors_of("other") == Floors(distance=0.05)
    assert settings.floors_of("failed") == Floors(distance=0.05, category=0.004, unseen_rows=9)
    assert settings.required_columns() == {"failed"}


def test_the_level_has_a_ceiling(tmp_path: Path) -> None:
    rare = content(schedule="0 0 * * 1") | {"alarms_per_week": 100}
    assert alarm_budget(load(tmp_path, rare)).level == MAX_LEVEL


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DRIFT_REPORT", "sometimes", "DRIFT_REPORT='sometimes': .*'episode', 'always' or 'never'"),
        ("DRIFT_MLFLOW_URL", "mlflow", "DRIFT_MLFLOW_URL='mlflow': allowed: http"),
        ("DRIFT_MAX_BODY_MB", "0", "DRIFT_MAX_BODY_MB='0': .*greater than 0"),
        ("DRIFT_TIMEOUT_SECONDS", "soon", "DRIFT_TIMEOUT_SECONDS='soon'"),
    ],
)
def test_wrong_settings(
    env_file: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=said):
        load_settings(env_file)


def test_missing_settings() -> None:
    with pytest.raises(UsageError, match="DRIFT_STORE_URL is not set"):
        load_settings()


def test_validate_names_what_is_seldom_meant(tmp_path: Path) -> None:
    """Freshness below the interval, a window that is longer."""
    file = tmp_path / "monitors.yml"

    def notes(**monitor: Any) -> list[str]:
        file.write_text(yaml.safe_dump(content(schedule="0 * * * *", **monitor)))
        done = CliRunner().invoke(main, ["monitors", "validate", str(file)])
        assert done.exit_code == 0
        return [line.partition(": ")[2] for line in done.output.splitlines()[1:]]

    assert notes(freshness="1h", row_count={"least": 0}, **TIMED) == []
    (fresh,) = notes(freshness="30m", **TIMED)
    assert fresh.startswith("monitors[0].freshness: 0:30:00 is less than the interval of 1:00")
    files = {"path": "data", "time": "at"}
    assert notes(current=files | {"window": "1h"}) == []
    (long,) = notes(current=files | {"window": "1d"})
    assert "current.window: 1 day, 0:00:00 is longer" in long
    assert "batches overlap, a row is judged in up to 24 of them" in long
