"""The option by which a verdict becomes an exit code."""

from __future__ import annotations

import click

from drift_checker.result import Verdict

FAIL_EXIT_CODE = 10

fail_on_option = click.option(
    "--fail-on",
    type=click.Choice([Verdict.DRIFT.value, Verdict.INVALID.value]),
    multiple=True,
    help=f"Exit with {FAIL_EXIT_CODE} on this verdict; may be given twice.",
)


def exit_on(ctx: click.Context, verdict: Verdict, fail_on: tuple[str, ...]) -> None:
    """End the command with the exit code for failing verdicts if `verdict` is one of them."""
    if verdict.value in fail_on:
        ctx.exit(FAIL_EXIT_CODE)
