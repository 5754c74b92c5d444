"""`drift-checker publish`: what MLflow has missed."""

from __future__ import annotations

import click

from drift_checker.cli.configuration import settings_for
from drift_checker.outputs import MlflowClient, publish_pending
from drift_checker.state import Store


@click.command()
@click.option("--pending", is_flag=True, required=True, help="All results not yet published.")
@click.pass_context
def publish(ctx: click.Context, *, pending: bool) -> None:  # noqa: ARG001  # says what is published
    """Publish stored results to MLflow, oldest first."""
    settings = settings_for(ctx)
    with MlflowClient(settings) as mlflow:
        published = publish_pending(Store(settings), mlflow)
    click.echo(f"{published} published")
