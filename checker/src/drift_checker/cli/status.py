"""`drift-checker status`: the last verdict of every monitor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import click

from drift_checker.cli.configuration import settings_and_monitors
from drift_checker.cli.options import format_option
from drift_checker.escape import one_line
from drift_checker.outputs import (
    MonitorStatus,
    SetAside,
    WaitingNotification,
    notification_addresses,
    read_status,
)
from drift_checker.state import Store
from drift_checker.wording import aligned, shortened

SILENT_EXIT_CODE = 5
MOST_DAMAGED = 10
"""Damaged objects that are named."""
_HEADER = (
    "MONITOR",
    "LOGICAL DATE",
    "VERDICT",
    "ALARM",
    "NEW ROWS",
    "NEWEST ROW",
    "DRIFTED COLUMNS AND FAULTS",
    "RUN",
)
_WAITING = ("NOTIFICATION THAT WAITS", "ADDRESS", "SINCE", "ATTEMPTS", "WHY")


@click.command()
@format_option
@click.pass_context
def status(ctx: click.Context, output_format: str) -> None:
    """Show the last verdict of every monitor, what nobody was told yet, and what was damaged.

    Exits with 5 when a monitor has had no verdict for three intervals of its schedule.
    """
    settings, monitors = settings_and_monitors(ctx)
    latest = read_status(
        Store(settings),
        monitors,
        datetime.now(UTC),
        notification_addresses(settings),
        settings.board_url,
    )
    if output_format == "json":
        click.echo(latest.model_dump_json(indent=2, ensure_ascii=True))
    else:
        if settings.board_url:
            click.echo(f"board: {settings.board_url}/\n")
        click.echo(aligned([_HEADER, *map(_row, latest.monitors)]))
        for line in [*_waiting_lines(latest.waiting), *_damaged_lines(latest.damaged)]:
            click.echo(line)
    if any(monitor.silent for monitor in latest.monitors):
        ctx.exit(SILENT_EXIT_CODE)


def _waiting_lines(waiting: Sequence[WaitingNotification]) -> Iterator[str]:
    """Say which notifications have not been taken, and why."""
    if not waiting:
        return
    rows = [
        (each.event, each.address or "-", _utc(each.since), f"{each.attempts}", each.reason)
        for each in waiting
    ]
    yield ""
    yield aligned([_WAITING, *rows])


def _damaged_lines(damaged: Sequence[SetAside]) -> Iterator[str]:
    """Say what was damaged and set aside, the latest first."""
    if not damaged:
        return
    yield ""
    number = "an object was" if len(damaged) == 1 else f"{len(damaged)} objects were"
    yield f"{number} damaged and set aside (`drift-checker store check` looks at all others):"
    for each in sorted(damaged, key=lambda one: one.since, reverse=True)[:MOST_DAMAGED]:
        yield f"  {_utc(each.since)}  {one_line(each.key)}, {each.size} bytes"


def _row(monitor: MonitorStatus) -> tuple[str, ...]:
    reasons = ", ".join(map(shortened, [*monitor.drifted_columns, *monitor.faults])) or "-"
    verdict = f"{monitor.verdict or 'none'}{', silent' if monitor.silent else ''}"
    rows, newest = "-", None
    if monitor.feed is not None:
        newest = monitor.feed.newest_row
        rows = "-" if monitor.feed.new_rows is None else f"{monitor.feed.new_rows}"
    return (
        monitor.name,
        _utc(monitor.logical_date),
        verdict,
        _alarm(monitor),
        rows,
        _utc(newest),
        reasons,
        monitor.run_url or "-",
    )


def _alarm(monitor: MonitorStatus) -> str:
    """Say since when an alarm is open, of which columns, and until when nobody is told."""
    said = []
    if monitor.open_alarm:
        names = ", ".join(map(shortened, monitor.open_alarm.columns))
        said.append(f"open since {_utc(monitor.open_alarm.since)}{f': {names}' if names else ''}")
    if monitor.muted_until:
        said.append(f"muted until {_utc(monitor.muted_until)}")
    return "; ".join(said) or "-"


def _utc(date: datetime | None) -> str:
    return f"{date.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if date else "-"
