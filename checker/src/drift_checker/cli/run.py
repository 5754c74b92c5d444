"""`drift-checker run`: one tick of one monitor."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import cast

import click

from drift_checker.cli.configuration import settings_and_monitors
from drift_checker.cli.options import exit_on_verdict, fail_on_option, parse_logical_date
from drift_checker.outputs import page_of
from drift_checker.state import Store, keys
from drift_checker.ticks import Tick, Trigger, run_tick


@click.command()
@click.option("--monitor", "name", required=True, help="Name of the monitor.")
@click.option(
    "--logical-date",
    type=parse_logical_date,
    metavar="ISO8601",
    required=True,
    help="What the tick is known by everywhere; in UTC without an offset, to the whole second.",
)
@click.option(
    "--trigger",
    type=click.Choice(["scheduled", "manual"]),
    default="manual",
    show_default=True,
    help="A manual tick opens no alarm.",
)
@click.option("--dag-run-id", help="Airflow's name of the run; becomes a tag.")
@click.option(
    "--task-page", metavar="PATH", help="The task's page in Airflow; the board links to it."
)
@click.option(
    "--outcome",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write verdict and alarm to this file, as JSON.",
)
@click.option(
    "--tell-later",
    is_flag=True,
    help="Leave what people are told of to `notify due`, which tells it with that of others.",
)
@click.option("--force", is_flag=True, help="Make a new result, and keep the old one beside it.")
@click.option("--report", is_flag=True, help="Make a report, whatever DRIFT_REPORT says.")
@fail_on_option
@click.pass_context
def run(  # noqa: PLR0917  click passes every option by name
    ctx: click.Context,
    name: str,
    logical_date: datetime,
    trigger: str,
    dag_run_id: str | None,
    task_page: str | None,
    outcome: Path | None,
    *,
    tell_later: bool,
    force: bool,
    report: bool,
    fail_on: tuple[str, ...],
) -> None:
    """Fetch a batch, compare it with the monitor's reference, store and publish the result.

    Exit codes: 0 a verdict was reached and published, 2 wrong settings or reference, 3 the source
    answered with no batch at all, 4 a service stayed away (try again).
    """
    settings, monitors = settings_and_monitors(ctx)
    tick = Tick(monitors.get(name), logical_date, cast("Trigger", trigger), dag_run_id, task_page)
    result, _ = run_tick(
        settings, monitors, tick, force=force, report=report, tell_later=tell_later
    )
    if outcome is not None:
        content = {
            "monitor": name,
            "logical_date": logical_date,
            "verdict": result.verdict,
            # Of its columns there may be more than the last words of a pod have room for.
            "alarm": {
                "state": result.alarm.state,
                "id": result.alarm.id,
                "since": result.alarm.since,
            },
            "page": page_of(settings.board_url, result),
        }
        if tell_later:
            content["events"] = len(Store(settings).list(keys.outbox(name)))
        outcome.write_text(json.dumps(content, default=datetime.isoformat))
    exit_on_verdict(ctx, result.verdict, fail_on)
