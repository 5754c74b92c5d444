"""A batch whose names and values would do something, through all that shows a word of it."""

from __future__ import annotations

import json
import re
import shutil
import smtplib
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from email import message_from_string
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deployment import DATE, Deployment
from markdown_it import MarkdownIt
from markers import MARKERS, marked
from samples import parquet
from web import FakeMlflow, Receiver, Web

from drift_checker.config import load_monitors, load_settings
from drift_checker.outputs.notify import Address
from drift_checker.result import Verdict

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_SECONDS = 300
LONGEST_LINE = 3000
"""Characters of a line that shows names; the longest marker has more."""
NEEDS_EVIDENTLY = pytest.mark.skipif(
    find_spec("evidently") is None, reason="the extra `report` is not installed"
)


class Marked:
    """A deployment that has told of a batch that drifted, and of one with a wrong column."""

    def __init__(self, env_file: Path, web: Web, mlflow: FakeMlflow) -> None:
        (env_file.parent / "reference.parquet").write_bytes(parquet(marked(2000, seed=1)))
        self.receiver, self.mlflow = Receiver(web, "/hook"), mlflow
        with env_file.open("a") as file:
            file.write(f"DRIFT_NOTIFICATION_URLS={self.receiver.url}\n")
        settings = load_settings(env_file)
        self.deployment = Deployment(env_file, settings, load_monitors(settings.monitors_file))
        web.answer("/data", parquet(marked(500, seed=2, shift=1)))
        self.drifted = self.deployment.run(DATE, "scheduled")
        wrong = marked(500, seed=3).drop_columns([MARKERS["newline"]])
        wrong = wrong.append_column(f"another {MARKERS['terminal']}", wrong[MARKERS["long"]])
        web.answer("/data", parquet(wrong))
        self.invalid = self.deployment.run(DATE + timedelta(minutes=5), "scheduled")


@pytest.fixture
def told(env_file: Path, web: Web, mlflow: FakeMlflow) -> Marked:
    told = Marked(env_file, web, mlflow)
    assert (told.drifted.verdict, told.invalid.verdict) == (Verdict.DRIFT, Verdict.INVALID)
    assert len(told.drifted.drifted_columns) > len(MARKERS) / 2
    return told


def assert_tame(text: str) -> None:
    """Its lines are our own, nothing in them steers what shows them, and none is without end."""
    assert "marker" in text
    for line in text.removesuffix("\n").split("\n"):
        assert line.isprintable(), line
        assert not line.startswith("Error: marker")
        assert len(line) <= LONGEST_LINE


def test_messages_are_text(told: Marked) -> None:
    drifted, invalid = told.receiver.messages
    for message in (drifted, invalid):
        assert_tame(message["message"])
        assert not re.search(r"@\S|\]\(", message["message"])
    assert drifted["title"] == "m: drift since 2026-11-23 09:00:00Z"
    assert MARKERS["element"] in drifted["message"]


def test_notes_of_mlflow_have_no_markup_but_their_own(told: Marked) -> None:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    notes = [run["tags"]["mlflow.note.content"] for run in told.mlflow.active]
    assert len(notes) == 2
    for note in notes:
        assert_tame(note)
        tokens = parser.parse(note)
        assert {token.tag for token in tokens} <= {"", "p", "ul", "li"}
        inside = {child.type for token in tokens for child in token.children or []}
        assert inside <= {"text", "softbreak", "strong_open", "strong_close"}
    assert "&lt;b class=&quot;marker&quot;&gt;" in "".join(map(parser.render, notes))


def test_metrics_of_mlflow_and_all_tags_but_those_that_say_what_drifts_hold_no_name(
    told: Marked,
) -> None:
    for run in told.mlflow.active:
        assert all(re.fullmatch(r"[A-Za-z0-9_.: -]+", metric) for metric in run["metrics"])
        tags = dict(run["tags"])
        del tags["mlflow.note.content"]
        assert_tame(tags.pop("columns", "marker"))
        assert "marker" not in "".join(tags.values())
    assert "columns" in told.mlflow.active[0]["tags"]
    # Its name is the summary, which stands on one line.
    for run in told.mlflow.active:
        assert_tame(run["name"])


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_logs(told: Marked, monkeypatch: pytest.MonkeyPatch, log_format: str) -> None:
    monkeypatch.setenv("DRIFT_LOG_FORMAT", log_format)

    ended = told.deployment.cli("run", "--monitor", "m", "--logical-date", "2026-11-23T09:10:00Z")

    assert ended.exit_code == 0, ended.output
    if log_format == "json":
        assert ended.stderr.isascii()
        assert all(json.loads(line)["event"] for line in ended.stderr.splitlines())
    # What structlog writes itself is coloured, and nothing else.
    assert_tame(re.sub(r"\x1b\[\d*m", "", ended.stderr))


@pytest.mark.parametrize("command", [("status",), ("baseline", "show", "--all")])
def test_terminal(told: Marked, command: Sequence[str]) -> None:
    ended = told.deployment.cli(*command)

    assert ended.exit_code in {0, 5}, ended.output
    assert_tame(ended.output)


@pytest.mark.parametrize("options", [(), ("--verbose",)])
def test_comparison_in_a_terminal(told: Marked, tmp_path: Path, options: Sequence[str]) -> None:
    pq.write_table(marked(500, seed=2, shift=1), tmp_path / "current.parquet")
    reference, current = (str(tmp_path / f"{name}.parquet") for name in ("reference", "current"))
    segment = f"kind of {MARKERS['element']}"

    ended = told.deployment.cli("compare", reference, current, "--segment", segment, *options)

    assert ended.exit_code == 0, ended.output
    assert_tame(ended.output)


class Elements(HTMLParser):
    """What a page has: the classes of its elements, links that a marker names, and plots."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.classes: list[str] = []
        self.links: list[str] = []
        self.plots = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.classes += (attributes.get("class") or "").split()
        address = attributes.get("href") or attributes.get("src") or ""
        self.links += [address] if "marker" in address else []
        self.plots += tag == "canvas"
        assert tag not in {"iframe", "object", "embed"}
        assert "data-marker" not in attributes, "a marker ran"
        assert "onmouseover" not in attributes


def opened(page: Path, tmp_path: Path) -> str:
    """The page as a browser has it once its scripts have run."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    # Chromium refuses its sandbox to root and in many containers; it opens our own pages only.
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path}/browser", "--virtual-time-budget=20000"]
    ended = subprocess.run(
        [*command, page.as_uri()],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_marker_that_is_no_data_is_seen(tmp_path: Path) -> None:
    """What the next tests look for is there where a page does not escape."""
    page = tmp_path / "page.html"
    page.write_text(f"<html><body>{MARKERS['element']}{MARKERS['link']}</body></html>")
    assert Elements(opened(page, tmp_path)).classes == ["marker"]

    page.write_text(f"<html><script>x = '{MARKERS['script end']}'</script></html>")
    with pytest.raises(AssertionError, match="a marker ran"):
        Elements(opened(page, tmp_path))


@NEEDS_EVIDENTLY
def test_the_report_in_a_browser(told: Marked, web: Web, tmp_path: Path) -> None:
    web.answer("/data", parquet(marked(500, seed=4, shift=1)))
    result = told.deployment.run(DATE + timedelta(minutes=10), "scheduled", report=True)
    assert result.report is not None
    assert result.evidently is not None
    content = told.deployment.store.get(result.report)
    assert content is not None
    page = tmp_path / "report.html"
    page.write_bytes(content)

    shown = opened(page, tmp_path)

    elements = Elements(shown)
    assert "marker" not in elements.classes
    assert elements.links == []
    # It draws: two plots of each column, and lets nothing in from outside.
    assert elements.plots == 2 * result.evidently.columns > 0
    assert "default-src 'none'" in shown
    assert "‹img class=" in shown  # noqa: RUF001  what stands for it on a plot
    assert "&lt;b" in shown


def test_mail_in_a_browser(told: Marked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sent: list[str] = []

    class Server:
        """Takes mail, as `smtplib.SMTP` sends it."""

        def __init__(self, *_: Any, **__: Any) -> None: ...

        def sendmail(self, sender: str, to: list[str], content: str) -> None:  # noqa: ARG002
            sent.append(content)

        def quit(self) -> None: ...

    monkeypatch.setattr(smtplib, "SMTP", Server)
    message = told.receiver.messages[0]

    Address("mailto://localhost?from=a@localhost&to=b@localhost&mode=insecure&format=html").send(
        message["title"], message["message"]
    )

    (mail,) = map(message_from_string, sent)
    parts = {part.get_content_type(): part.get_payload(decode=True) for part in mail.walk()}
    page = tmp_path / "mail.html"
    content = parts["text/html"]
    assert isinstance(content, bytes)
    page.write_bytes(b'<html><meta charset="utf-8">' + content)
    shown = opened(page, tmp_path)
    elements = Elements(shown)
    assert (elements.classes, elements.links) == ([], [])
    assert "&lt;b" in shown
