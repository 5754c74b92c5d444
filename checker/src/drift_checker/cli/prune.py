"""`drift-checker prune`: what is older than the settings promise."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import click

from drift_checker.cli.configuration import settings_and_monitors
from drift_checker.cli.options import format_option
from drift_checker.outputs import MlflowClient
from drift_checker.retention import ItemKind, Retention
from drift_checker.state import Store


@click.command()
@click.option("--dry-run", is_flag=True, help="Remove nothing, and say what would go.")
@format_option
@click.pass_context
def prune(ctx: click.Context, output_format: str, *, dry_run: bool) -> None:
    """Remove batches, results, runs and unused references older than DRIFT_RETENTION_DAYS.

    Kept whatever their age: the latest result of each monitor, the tick that opened an episode
    which is still open, and references that are in force or that kept results were compared with.
    Safe beside running checks, and after an interruption another call goes on.
    """
    settings, monitors = settings_and_monitors(ctx)
    count: Counter[ItemKind] = Counter()
    size: Counter[ItemKind] = Counter()
    with MlflowClient(settings) as mlflow:
        retention = Retention(
            Store(settings),
            mlflow,
            monitors,
            now=datetime.now(UTC),
            keep=timedelta(days=settings.retention_days),
        )
        expired = retention.expired_items()
        for item in expired if dry_run else retention.remove(expired):
            count[item.kind] += 1
            size[item.kind] += item.size
    cutoff = f"{retention.cutoff:%Y-%m-%dT%H:%M:%SZ}"
    if output_format == "json":
        kinds = [{"kind": kind, "count": count[kind], "bytes": size[kind]} for kind in ItemKind]
        click.echo(json.dumps({"dry_run": dry_run, "before": cutoff, "kinds": kinds}))
        return
    click.echo(f"{'Would go' if dry_run else 'Gone'}: what was written before {cutoff}")
    for kind in ItemKind:
        click.echo(f"{kind:<22}{count[kind]:>10}{size[kind]:>16,} bytes")
