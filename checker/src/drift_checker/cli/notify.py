"""`drift-checker notify`: notifications that no check can send."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from drift_checker.config import Settings, load_monitors, load_settings
from drift_checker.errors import ServiceAwayError, UsageError
from drift_checker.logs import configure_logs
from drift_checker.outputs import deliver_events, notification_addresses, silence_events
from drift_checker.state import Store


@click.group()
def notify() -> None:
    """Notify people; checks notify them of alarms and invalid batches by themselves."""


@notify.command()
@click.pass_context
def due(ctx: click.Context) -> None:
    """Notify of monitors without a verdict for three intervals, and of events that still wait."""
    settings = _settings(ctx)
    store, monitors = Store(settings), load_monitors(settings.monitors_file)
    now = datetime.now(UTC)
    events = silence_events(store, monitors, now)
    deliver_events(store, events, notification_addresses(settings), now)


@notify.command()
@click.pass_context
def test(ctx: click.Context) -> None:
    """Send a test message to each address."""
    addresses = notification_addresses(_settings(ctx))
    if not addresses:
        raise UsageError("DRIFT_NOTIFICATION_URLS is not set")
    for address in addresses:
        if not address.send("Drift detection: a test", "Notifications arrive here."):
            raise ServiceAwayError(f"DRIFT_NOTIFICATION_URLS: {address.name} took no message")
        click.echo(f"{address.name}: sent")


def _settings(ctx: click.Context) -> Settings:
    configure_logs(ctx.obj["log_level"])
    return load_settings(ctx.obj["settings_file"])
