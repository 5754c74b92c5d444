"""`drift-checker drill`: would the deployed monitor find drift?"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click
from click.core import ParameterSource

from drift_checker.cli.configuration import settings_and_monitors
from drift_checker.cli.options import format_option
from drift_checker.drill import (
    DETECTED_SHARE,
    DRIFT_TICKS,
    NO_DRIFT,
    SHORT_STRENGTH,
    DrillPlan,
    DrillReport,
    DrillStep,
    Rate,
    run_drill,
)
from drift_checker.errors import UsageError

FAILED_EXIT_CODE = 6


def _strengths(ctx: click.Context, param: click.Parameter, value: str) -> list[float]:
    try:
        strengths = sorted({float(part) for part in value.split(",")})
    except ValueError:
        strengths = []
    if not strengths or not all(0 < strength <= 10 for strength in strengths):  # noqa: PLR2004
        allowed = "allowed: numbers above 0 and up to 10, as in 0.25,0.5,1"
        raise click.BadParameter(f"{value!r}: {allowed}", ctx, param)
    return strengths


@click.command()
@click.option("--monitor", "name", required=True, help="Name of the monitor.")
@click.option("--id", "id_", help="Name of the drill; the same again requests the same batches.")
@click.option(
    "--strengths", callback=_strengths, default="0.1,0.25,0.5,1", show_default=True, metavar="LIST"
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Of each scenario and strength.",
)
@click.option(
    "--drift-free",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="Ticks without drift.",
)
@click.option(
    "--tell/--no-tell",
    "notify",
    default=True,
    help="Whether people are sent a message, to see it arrive.",
)
@click.option(
    "--short",
    is_flag=True,
    help=f"One trial of each scenario at strength {SHORT_STRENGTH:g}, and nothing else.",
)
@format_option
@click.pass_context
def drill(  # noqa: PLR0917  click passes every option by name
    ctx: click.Context,
    name: str,
    id_: str | None,
    strengths: list[float],
    trials: int,
    drift_free: int,
    output_format: str,
    *,
    notify: bool,
    short: bool,
) -> None:
    """Inject known drift, judge it as the monitor would, and say what was detected.

    The drift is requested of the monitor's Drifter; batches of any other source are read from the
    store and perturbed. Nothing of the monitor is touched. Each step is told on standard error when
    it is done. Exit code 6: of a scenario too little was detected even at its largest strength, too
    many drift-free ticks were flagged, or a message was not taken.
    """
    settings, monitors = settings_and_monitors(ctx)
    identity = id_ or f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    if not re.fullmatch(r"[A-Za-z0-9][-A-Za-z0-9_]{0,79}", identity):
        raise UsageError(f"--id {identity!r}: allowed: up to 80 of A-Z, a-z, 0-9, - and _")
    if short:
        _refuse_beside_short(ctx)
        plan = DrillPlan.short(identity)
    else:
        plan = DrillPlan(
            drill=identity, strengths=strengths, trials=trials, drift_free=drift_free, notify=notify
        )
    report, error = run_drill(settings, monitors, monitors.get(name), plan, on_step=_tell)
    click.echo(
        report.model_dump_json(indent=2, ensure_ascii=True)
        if output_format == "json"
        else _table(report)
    )
    if error:
        raise error
    if not report.passed:
        ctx.exit(FAILED_EXIT_CODE)


def _refuse_beside_short(ctx: click.Context) -> None:
    options = {
        "strengths": "--strengths",
        "trials": "--trials",
        "drift_free": "--drift-free",
        "notify": "--tell",
    }
    given = [
        option
        for parameter, option in options.items()
        if ctx.get_parameter_source(parameter) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(f"allowed: either --short or {', '.join(given)}")


def _tell(step: DrillStep) -> None:
    """Say what came of a step, as soon as it is done."""
    rate = step.detected
    if step.scenario == NO_DRIFT:
        outcome = f"{rate.trials} drift-free ticks, {rate.hits} flagged"
    else:
        outcome = f"{step.scenario} at {step.strength:g}: {rate.hits} of {rate.trials} detected"
    click.echo(f"{step.monitor}: {step.number} of {step.steps}: {outcome}", err=True)


def _table(report: DrillReport) -> str:
    source = report.source
    if report.stored_batches is not None:
        source = f"{report.stored_batches} {source}"
    lines = [
        f"drill {report.drill} of {report.monitor}: batches from {source}",
        f"reference {report.reference}, level {report.level:.2g} a tick, {report.seconds:g} s",
        "",
        f"{'SCENARIO':<20}{'STRENGTH':>9}  {'AT ONCE':<24}{f'WITHIN {DRIFT_TICKS} TICKS':<24}DELAY",
    ]
    for detection in report.detections:
        delay = "-" if detection.delay is None else f"{detection.delay:.1f}"
        rates = f"{_rate(detection.at_once):<24}{_rate(detection.within):<24}{delay}"
        lines.append(f"{detection.scenario:<20}{detection.strength:>9g}  {rates}")
    if report.left_out:
        lines += ["", f"left out, as no column can carry it: {', '.join(report.left_out)}"]
    lines += ["", "smallest strength that was detected:"]
    for scenario, strength in report.smallest.items():
        lines.append(f"  {scenario:<20}{'none' if strength is None else f'{strength:g}'}")
    lines += ["", f"drift-free ticks: {_rate(report.false_alarms)} alarms at the monitor's level"]
    for level in report.drift_free:
        sound = "" if level.sound else ": too many for chance"
        lines.append(f"  p <= {level.level:<6g}{_rate(level.flagged)}{sound}")
    outcomes = [
        f"{name} {'sent' if sent else 'NOT SENT'}" for name, sent in report.notifications.items()
    ]
    lines += ["", f"notifications: {', '.join(outcomes) or 'none'}", "", *_outcome(report)]
    return "\n".join(lines)


def _outcome(report: DrillReport) -> list[str]:
    """Say in a line each why a drill failed, or that it was passed."""
    failures = [
        f"{each.scenario} at strength {each.strength:g} was detected in {each.within.hits} of "
        f"{each.within.trials} trials, less than {DETECTED_SHARE:.0%} by more than chance"
        for each in report.undetected
    ]
    failures += [
        f"{each.flagged.hits} of {each.flagged.trials} drift-free ticks were flagged at "
        f"p <= {each.level:g}, too many for chance"
        for each in report.unsound
    ]
    failures += [f"{address} did not take the message" for address in report.untold]
    if report.broken_off:
        failures.append(f"broken off: {report.broken_off}")
    if not failures:
        return [f"{report.monitor}: passed"]
    return [f"{report.monitor}: FAILED: {failure}" for failure in failures]


def _rate(rate: Rate) -> str:
    return f"{rate.hits}/{rate.trials} ({rate.low:.2f} to {rate.high:.2f})"
