"""`drift-checker notify`: notifications that no check can send."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from drift_checker.cli.configuration import settings_and_monitors, settings_for
from drift_checker.errors import UsageError
from drift_checker.outputs import deliver_events, notification_addresses, silence_events
from drift_checker.state import Store


@click.group()
def notify() -> None:
    """Notify people; checks notify them of alarms and invalid batches by themselves."""


@notify.command()
@click.pass_context
def due(ctx: click.Context) -> None:
    """Notify of monitors without a verdict for three intervals, and of events that still wait."""
    settings, monitors = settings_and_monitors(ctx)
    store, now = Store(settings), datetime.now(UTC)
    events = silence_events(store, monitors, now, settings.board_url)
    addresses = notification_addresses(settings)
    deliver_events(store, events, addresses, now, board=settings.board_url)


@notify.command()
@click.pass_context
def test(ctx: click.Context) -> None:
    """Send a test message to each address."""
    addresses = notification_addresses(settings_for(ctx))
    if not addresses:
        raise UsageError("DRIFT_NOTIFICATION_URLS and DRIFT_CHANNELS are not set")
    for address in addresses:
        address.send("Drift detection: a test", "Notifications arrive here.")
        click.echo(f"{address.name}: sent")
