"""Options that several commands have."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

import click

from drift_checker.result import Verdict

FAIL_EXIT_CODE = 10

format_option = click.option(
    "--format", "output_format", type=click.Choice(["table", "json"]), default="table"
)
by_option = click.option(
    "--by",
    default=getpass.getuser,
    show_default="the user of this machine",
    help="Who says so.",
)
fail_on_option = click.option(
    "--fail-on",
    type=click.Choice([Verdict.DRIFT.value, Verdict.INVALID.value]),
    multiple=True,
    help=f"Exit with {FAIL_EXIT_CODE} on this verdict; may be given twice.",
)


def exit_on_verdict(ctx: click.Context, verdict: Verdict, fail_on: tuple[str, ...]) -> None:
    """End the command with the exit code for failing verdicts if `verdict` is one of them."""
    if verdict.value in fail_on:
        ctx.exit(FAIL_EXIT_CODE)


def parse_logical_date(value: str) -> datetime:
    """Read ISO 8601, in UTC without an offset, to the whole second; the type of an option.

    Raises:
        click.BadParameter: It is not ISO 8601.
    """
    try:
        date = datetime.fromisoformat(value)
    except ValueError:
        allowed = "allowed: ISO 8601 such as 2026-11-23T08:50:00Z"
        raise click.BadParameter(f"{value!r}: {allowed}") from None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return date.astimezone(UTC).replace(microsecond=0)
