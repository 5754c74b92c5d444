"""`drift-checker note`: a note beside an episode."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from drift_checker.cli.configuration import settings_and_monitors
from drift_checker.cli.options import by_option
from drift_checker.errors import UsageError
from drift_checker.escape import one_line
from drift_checker.outputs import last_alarm
from drift_checker.state import Store, add_note, read_notes


@click.command()
@click.argument("text", required=False)
@click.option("--monitor", "name", required=True, help="Name of the monitor.")
@click.option("--episode", help="Its id; that of the last alarm by default.")
@by_option
@click.pass_context
def note(ctx: click.Context, text: str | None, name: str, episode: str | None, by: str) -> None:
    """Leave a note of TEXT beside an episode; without TEXT, show those that are there."""
    settings, monitors = settings_and_monitors(ctx)
    store, monitor = Store(settings), monitors.get(name)
    episode = episode or last_alarm(store, monitor.name, monitors.schedule_of(monitor)).id
    if episode is None:
        raise UsageError(f"{name} has no alarm; name an episode with --episode")
    if text is not None:
        add_note(store, name, episode, text=text, by=by, at=datetime.now(UTC))
    for each in read_notes(store, name, episode):
        click.echo(one_line(f"{each.at:%Y-%m-%d %H:%M:%SZ}  {each.by}: {each.text}"))
