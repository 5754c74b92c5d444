"""`drift-checker store`: what lies in the object store."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from drift_checker.cli.configuration import settings_for
from drift_checker.cli.options import format_option
from drift_checker.errors import DamagedObjectError
from drift_checker.escape import one_line
from drift_checker.integrity import StoreCheck
from drift_checker.state import Store, keys


@click.group()
def store() -> None:
    """Look after the object store."""


@store.command()
@click.option("--repair", is_flag=True, help="Do what is said of each finding.")
@format_option
@click.pass_context
def check(ctx: click.Context, output_format: str, *, repair: bool) -> None:
    """Read every object, and say what is damaged, missing, behind or orphaned.

    Of each it says what --repair does. Safe beside running checks. Exit code 0: all is sound, or
    was repaired; 7: something is not.
    """
    opened = Store(settings_for(ctx))
    checked, lines, left = StoreCheck(opened, datetime.now(UTC)), [], 0
    for finding in checked.findings():
        repaired = repair and finding.repair is not None
        if repaired and finding.repair is not None:
            finding.repair()
        left += not repaired
        line = {
            "key": finding.key,
            "problem": finding.problem,
            "detail": finding.detail,
            "remedy": finding.remedy,
            "repaired": repaired,
        }
        lines.append(line)
        if output_format == "table":
            done = "repaired: " if repaired else "repair: " if finding.repair else "no repair: "
            # A key or a library's words may hold what a batch or a stranger to the store wrote.
            click.echo(one_line(f"{finding.key}: {finding.problem}: {finding.detail}"))
            click.echo(f"  {done}{one_line(finding.remedy.removeprefix('none: '))}")
    aside = len(opened.list(keys.damaged()))
    if output_format == "json":
        report = {"objects": checked.objects, "findings": lines, "set_aside": aside}
        click.echo(json.dumps(report, indent=2))
    else:
        found = f"{len(lines)} findings" if lines else "all is sound"
        click.echo(f"{checked.objects} objects: {found}; {aside} set aside below {keys.damaged()}/")
    if left:
        ctx.exit(DamagedObjectError.exit_code)
