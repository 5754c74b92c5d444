"""`drift-checker baseline`: the references that batches are compared with."""

from __future__ import annotations

import json

import click

from drift_checker.baseline import fit as fit_baseline
from drift_checker.baseline import show as show_baseline
from drift_checker.errors import UsageError
from drift_checker.logs import configure_logs
from drift_checker.monitors import Monitor, load_monitors
from drift_checker.settings import Settings, load_settings
from drift_checker.store import Store

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
    settings, chosen = _chosen(ctx, name, every=every)
    store = Store(settings)
    fitted = [fit_baseline(store, monitor, settings) for monitor in chosen]
    if form == "json":
        monitors = [one.model_dump() for one in fitted]
        click.echo(json.dumps({"changed": any(f.changed for f in fitted), "monitors": monitors}))
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
    """Show the reference in force."""
    settings, chosen = _chosen(ctx, name, every=every)
    store = Store(settings)
    profiles = {monitor.name: show_baseline(store, monitor.name) for monitor in chosen}
    if form == "json":
        click.echo(json.dumps({name: p.model_dump() for name, p in profiles.items()}))
        return
    for monitor, profile in profiles.items():
        click.echo(f"{monitor}: {profile.version}, {profile.rows} rows, from {profile.source}")
        for column, type_ in profile.columns.items():
            click.echo(f"  {column}: {type_}")


def _chosen(ctx: click.Context, name: str | None, *, every: bool) -> tuple[Settings, list[Monitor]]:
    if every == (name is not None):
        raise UsageError("allowed: either --monitor NAME or --all")
    configure_logs(ctx.obj["log_level"])
    settings = load_settings(ctx.obj["settings_file"])
    monitors = load_monitors(settings.monitors_file)
    return settings, monitors.monitors if name is None else [monitors.get(name)]
