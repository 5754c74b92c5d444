"""`drift-checker status`: the last verdict of every monitor."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from drift_checker.cli.configuration import settings_and_monitors
from drift_checker.cli.options import format_option
from drift_checker.outputs import MonitorStatus, read_status
from drift_checker.state import Store
from drift_checker.wording import aligned

SILENT_EXIT_CODE = 5


@click.command()
@format_option
@click.pass_context
def status(ctx: click.Context, output_format: str) -> None:
    """Show the last verdict of every monitor.

    Exits with 5 when a monitor has had no verdict for three intervals of its schedule.
    """
    settings, monitors = settings_and_monitors(ctx)
    latest = read_status(Store(settings), monitors, datetime.now(UTC))
    if output_format == "json":
        click.echo(latest.model_dump_json(indent=2))
    else:
        header = ("MONITOR", "LOGICAL DATE", "VERDICT", "DRIFTED COLUMNS AND FAULTS", "RUN")
        click.echo(aligned([header, *map(_row, latest.monitors)]))
    if any(monitor.silent for monitor in latest.monitors):
        ctx.exit(SILENT_EXIT_CODE)


def _row(monitor: MonitorStatus) -> tuple[str, ...]:
    date = f"{monitor.logical_date:%Y-%m-%d %H:%M:%SZ}" if monitor.logical_date else "-"
    reasons = ", ".join([*monitor.drifted_columns, *monitor.faults]) or "-"
    verdict = f"{monitor.verdict or 'none'}{', silent' if monitor.silent else ''}"
    return monitor.name, date, verdict, reasons, monitor.run_url or "-"
