"""`drift-checker baseline`: the references that batches are compared with."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import click

from drift_checker.cli.moment import moment
from drift_checker.comparison import of_reference, overview
from drift_checker.config import (
    Monitor,
    Monitors,
    Settings,
    load_monitors,
    load_settings,
    settings_of,
)
from drift_checker.errors import UsageError
from drift_checker.logs import configure_logs
from drift_checker.references import (
    Acceptance,
    accept_ticks,
    fit_reference,
    last_valid_ticks,
    latest_normal_ticks,
    load_reference,
    read_summary,
    summary_in_force,
    use_version,
    versions_in_force,
)
from drift_checker.state import Store
from drift_checker.tables import reference_column
from drift_checker.wording import natural_frequency

_format = click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")


@click.group()
def baseline() -> None:
    """Store references, and show which one is in force."""


@baseline.command()
@click.option("--monitor", "name", help="Name of the monitor.")
@click.option("--all", "every", is_flag=True, help="All monitors.")
@_format
@click.pass_context
def fit(ctx: click.Context, name: str | None, form: str, *, every: bool) -> None:
    """Check a monitor's reference, store it and put it in force; changes nothing twice."""
    settings, _, chosen = _chosen(ctx, name, every=every)
    store = Store(settings)
    fitted = [fit_reference(store, monitor, settings) for monitor in chosen]
    if form == "json":
        found = [one.model_dump() for one in fitted]
        click.echo(json.dumps({"changed": any(f.changed for f in fitted), "monitors": found}))
        return
    for one in fitted:
        state = "stored" if one.changed else "unchanged"
        click.echo(f"{one.monitor}: {one.version} {state}, {one.rows} rows, {one.columns} columns")


@baseline.command()
@click.option("--monitor", "name", help="Name of the monitor.")
@click.option("--all", "every", is_flag=True, help="All monitors.")
@_format
@click.pass_context
def show(ctx: click.Context, name: str | None, form: str, *, every: bool) -> None:
    """Show the reference in force, its windows, and the versions before it."""
    settings, monitors, chosen = _chosen(ctx, name, every=every)
    store = Store(settings)
    shown = {monitor.name: _shown(store, monitors, monitor) for monitor in chosen}
    if form == "json":
        click.echo(json.dumps(shown))
        return
    for monitor, found in shown.items():
        click.echo(f"{monitor}: {found['version']}, {found['rows']} rows, from {found['source']}")
        for column, type_ in found["columns"].items():
            click.echo(f"  {column}: {type_}")
        if monitors.get(monitor).windowed:
            click.echo(f"  {_windows_words(found['windows'])}")
        for entry in reversed(found["history"]):
            click.echo(f"  since {entry['since']}: {entry['version']}, from {entry['source']}")


def _shown(store: Store, monitors: Monitors, monitor: Monitor) -> dict[str, Any]:
    """The profile of the reference in force with its windows, and the history of those that were.

    `windows` is null where rows are taken as independent or are not stored, or no window has
    enough of them.
    """
    found = summary_in_force(store, monitor.name).model_dump()
    found["windows"] = _windows(store, monitors, monitor)
    found["history"] = [
        {
            "version": entry.version,
            "since": f"{entry.since:%Y-%m-%dT%H:%M:%SZ}",
            "source": read_summary(store, monitor.name, entry.version).source,
        }
        for entry in versions_in_force(store, monitor.name)
    ]
    return found


def _windows(store: Store, monitors: Monitors, monitor: Monitor) -> dict[str, Any] | None:
    """What the windows of the reference in force make of the level of a tick."""
    compared, timestamp = settings_of(monitors, monitor), monitor.columns.timestamp
    span = monitors.window_of(monitor)
    if span is None or timestamp is None or monitor.in_place:
        return None
    times = reference_column(
        load_reference(store, monitor.name, summary_in_force(store, monitor.name)), timestamp
    )
    found = overview(of_reference(times, compared, span), compared)
    if found is None:
        return None
    return {
        "number": found.windows,
        "seconds": span.total_seconds(),
        "begin": f"{found.begin:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{found.end:%Y-%m-%dT%H:%M:%SZ}",
        "method": found.calibration.method,
        "level": found.level,
        "level_attained": found.level_attained,
        "reason": found.calibration.reason,
    }


def _windows_words(found: dict[str, Any] | None) -> str:
    if found is None:
        return "no windows: rows are taken as independent"
    span = timedelta(seconds=found["seconds"])
    said = f"{found['number']} windows of {span}, {found['begin']} to {found['end']}"
    if found["level_attained"] is None:
        return f"{said}: {found['reason']}"
    attained, level = natural_frequency(found["level_attained"]), natural_frequency(found["level"])
    return f"{said}; level {level}, ranks alone attain {attained}: {found['method']}"


@baseline.command()
@click.option("--monitor", "name", required=True, help="Name of the monitor.")
@click.option(
    "--logical-date",
    "dates",
    type=moment,
    metavar="ISO8601",
    multiple=True,
    help="A tick whose batch is normal; may be given several times.",
)
@click.option("--last", type=click.IntRange(1), help="As many of the latest valid scheduled ticks.")
@_format
@click.pass_context
def accept(
    ctx: click.Context, name: str, dates: tuple[datetime, ...], last: int | None, form: str
) -> None:
    """Make stored batches the reference in force, as a new version; older versions stay.

    Without --logical-date and --last, the batches are those of the open episode, or the latest that
    were ok, up to 5,000 rows.
    """
    if dates and last:
        raise UsageError("allowed: either --logical-date or --last")
    settings, monitors = _loaded(ctx)
    store, monitor = Store(settings), monitors.get(name)
    schedule = monitors.schedule_of(monitor)
    if dates:
        ticks = list(dates)
    elif last:
        ticks = last_valid_ticks(store, monitor, schedule, last)
    else:
        ticks = latest_normal_ticks(store, monitor, schedule)
    _tell(accept_ticks(store, monitor, ticks), form)


@baseline.command()
@click.argument("version")
@click.option("--monitor", "name", required=True, help="Name of the monitor.")
@_format
@click.pass_context
def use(ctx: click.Context, version: str, name: str, form: str) -> None:
    """Put a VERSION that is stored already in force again."""
    settings, monitors = _loaded(ctx)
    _tell(use_version(Store(settings), monitors.get(name).name, version), form)


def _tell(accepted: Acceptance, form: str) -> None:
    if form == "json":
        click.echo(accepted.model_dump_json())
        return
    name, rows = accepted.monitor, f"{accepted.rows} rows from {accepted.source}"
    if accepted.changed:
        click.echo(f"{name}: {accepted.version} in force instead of {accepted.before}: {rows}")
    else:
        click.echo(f"{name}: {accepted.version} stays in force: {rows}")


def _chosen(
    ctx: click.Context, name: str | None, *, every: bool
) -> tuple[Settings, Monitors, list[Monitor]]:
    if every == (name is not None):
        raise UsageError("allowed: either --monitor NAME or --all")
    settings, monitors = _loaded(ctx)
    return settings, monitors, monitors.monitors if name is None else [monitors.get(name)]


def _loaded(ctx: click.Context) -> tuple[Settings, Monitors]:
    configure_logs(ctx.obj["log_level"])
    settings = load_settings(ctx.obj["settings_file"])
    return settings, load_monitors(settings.monitors_file)
