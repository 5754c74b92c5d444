"""`drift-checker publish`: what MLflow has missed or lost."""

from __future__ import annotations

from datetime import datetime

import click

from drift_checker.cli.configuration import settings_for
from drift_checker.cli.options import parse_logical_date
from drift_checker.errors import UsageError
from drift_checker.outputs import MlflowClient, publish_all, publish_pending
from drift_checker.state import Store


@click.command()
@click.option("--pending", is_flag=True, help="All results not yet published.")
@click.option("--all", "every", is_flag=True, help="All results and drills that have no run.")
@click.option(
    "--since",
    type=parse_logical_date,
    metavar="ISO8601",
    help="With --all: not those of ticks and drills before.",
)
@click.pass_context
def publish(ctx: click.Context, since: datetime | None, *, pending: bool, every: bool) -> None:
    """Publish stored results to MLflow, oldest first.

    --all makes a lost MLflow anew from the store. Whatever has its run there is left as it is, so
    that it can be repeated, and goes on where it was interrupted.
    """
    if pending == every:
        raise UsageError("allowed: either --pending or --all")
    if since and pending:
        raise UsageError("--since: allowed with --all")
    settings = settings_for(ctx)
    store = Store(settings)
    with MlflowClient(settings) as mlflow:
        if pending:
            click.echo(f"{publish_pending(store, mlflow)} published")
            return
        from drift_checker.drill import publish_drills  # noqa: PLC0415  # what few need

        published, there = publish_all(store, mlflow, since)
        drills, drills_there = publish_drills(store, mlflow, since)
    click.echo(f"{published} published, {there} had their runs")
    if drills or drills_there:
        click.echo(f"{drills} drills published, {drills_there} had their runs")
