"""`drift-checker mute` and `unmute`: until when nobody is told of a monitor's drift."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from drift_checker.cli.configuration import settings_and_monitors
from drift_checker.cli.options import by_option, parse_logical_date
from drift_checker.comparison import parse_span
from drift_checker.errors import UsageError
from drift_checker.state import Store, mute_in_force
from drift_checker.state import mute as mute_monitor


@click.command()
@click.option("--monitor", "name", required=True, help="Name of the monitor.")
@click.option("--for", "span", metavar="SPAN", help="How long, such as 4h or 2d.")
@click.option(
    "--until", type=parse_logical_date, metavar="ISO8601", help="Until when; in UTC by default."
)
@click.option("--reason", default="", help="Why, for whoever looks at it.")
@by_option
@click.pass_context
def mute(  # noqa: PLR0917  click passes every option by name
    ctx: click.Context,
    name: str,
    span: str | None,
    until: datetime | None,
    reason: str,
    by: str,
) -> None:
    """Tell nobody of a monitor's drift for some time; an alarm that is open stays visible.

    Invalid batches and silence are told as always. Where an alarm is open when the time is over,
    people are told of it once.
    """
    if (span is None) == (until is None):
        raise UsageError("allowed: either --for or --until")
    settings, monitors = settings_and_monitors(ctx)
    monitor, now = monitors.get(name), datetime.now(UTC)
    end = until or now + parse_span(span or "")
    asked = mute_monitor(Store(settings), monitor.name, until=end, reason=reason, by=by, at=now)
    click.echo(f"{name}: muted until {asked.until:%Y-%m-%d %H:%M:%SZ}")


@click.command()
@click.option("--monitor", "name", required=True, help="Name of the monitor.")
@by_option
@click.pass_context
def unmute(ctx: click.Context, name: str, by: str) -> None:
    """End the mute of a monitor."""
    settings, monitors = settings_and_monitors(ctx)
    store, now = Store(settings), datetime.now(UTC)
    if mute_in_force(store, monitors.get(name).name, now) is None:
        click.echo(f"{name}: it is not muted")
        return
    mute_monitor(store, name, until=now, reason="", by=by, at=now)
    click.echo(f"{name}: no longer muted")
