"""`drift-checker notify`: telling people what no check can tell."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from drift_checker.config.monitors import load_monitors
from drift_checker.config.settings import Settings, load_settings
from drift_checker.errors import ServiceAwayError, UsageError
from drift_checker.logs import configure_logs
from drift_checker.outputs.events import of_silence
from drift_checker.outputs.notify import addresses
from drift_checker.outputs.notify import notify as tell
from drift_checker.state.store import Store


@click.group()
def notify() -> None:
    """Tell people; checks tell of alarms and invalid batches by themselves."""


@notify.command()
@click.pass_context
def due(ctx: click.Context) -> None:
    """Tell of monitors without a verdict for three intervals, and of events that still wait."""
    settings = _settings(ctx)
    store, monitors = Store(settings), load_monitors(settings.monitors_file)
    tell(store, of_silence(store, monitors, datetime.now(UTC)), addresses(settings))


@notify.command()
@click.pass_context
def test(ctx: click.Context) -> None:
    """Send a test message to each address."""
    people = addresses(_settings(ctx))
    if not people:
        raise UsageError("DRIFT_NOTIFICATION_URLS is not set")
    for address in people:
        if not address.send("Drift detection: a test", "Notifications arrive here."):
            raise ServiceAwayError(f"DRIFT_NOTIFICATION_URLS: {address.name} took no message")
        click.echo(f"{address.name}: sent")


def _settings(ctx: click.Context) -> Settings:
    configure_logs(ctx.obj["log_level"])
    return load_settings(ctx.obj["settings_file"])
