"""What may stand in URLs and parameters; `fill_template` also fills what nobody has validated."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.config import load_monitors
from drift_checker.config.templates import check_template, fill_template
from drift_checker.errors import UsageError

DATE = datetime(2026, 11, 3, 9, 5, tzinfo=UTC)


def fill(template: str) -> str:
    return fill_template(template, logical_date=DATE, seed=7)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("plain", "plain"),
        ("100%", "100%"),
        ("{logical_date}", "2026-11-03T09:05:00Z"),
        ("day={logical_date:%Y-%m-%d}/{seed}", "day=2026-11-03/7"),
        ("{logical_date:%-d.%-m. at %H:%M}", "3.11. at 09:05"),
        ("{logical_date:%F %T %%}", "2026-11-03 09:05:00 %"),
        ("{{}} {{seed}} {{{seed}}}", "{} {seed} {7}"),
    ],
)
def test_what_is_filled_in(template: str, filled: str) -> None:
    assert check_template(template) == template
    assert fill(template) == filled


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{logical_date:{logical_date.__class__}}", "braces within braces"),
        ("{logical_date:{seed}}", "braces within braces"),
        ("{logical_date.year}", "{logical_date.year} stands for nothing"),
        ("{logical_date.__class__.__mro__}", "stands for nothing"),
        ("{logical_date[0]}", "stands for nothing"),
        ("{logical_date!r}", "stands for nothing"),
        ("{seed!r}", "stands for nothing"),
        ("{ seed}", "stands for nothing"),
        ("{0}", "{0} stands for nothing"),
        ("{}", "{} stands for nothing"),
        ("{seed:08d}", "a format belongs to the logical date alone"),
        ("{logical_date:}", "a format belongs to the logical date alone"),
        ("{logical_date:%Q}", "%Q is no directive"),
        ("{logical_date:%}", "% is no directive"),
        ("{logical_date:%Y", "a single '{'"),
        ("seed}", "a single '}'"),
    ],
)
def test_what_is_refused(tmp_path: Path, template: str, said: str) -> None:
    """By the monitors file, and by what fills it in."""
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        fill(template)
    assert "allowed placeholders: {seed}, {logical_date}" in str(caught.value)
    quoted = f"'{template}'"
    for current in (
        f"{{url: 'http://h/{template}'}}",
        f"{{url: 'http://h', params: {{a: {quoted}}}}}",
    ):
        path = tmp_path / "monitors.yml"
        path.write_text(
            f"monitors: [{{name: m, current: {current}, reference: {{path: r.csv}}}}]", "utf-8"
        )
        with pytest.raises(UsageError, match=re.escape(said)):
            load_monitors(path)


@given(st.text(alphabet="{}:%-.Yds[]!", max_size=12) | st.text(max_size=12))
def test_any_text_is_filled_in_or_refused(text: str) -> None:
    try:
        check_template(text)
    except ValueError:
        with pytest.raises(ValueError, match="allowed placeholders"):
            fill(text)
    else:
        fill(text)
