"""`drift-checker baseline`: the references that batches are compared with."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from drift_checker.cli.configuration import settings_and_monitors
from drift_checker.cli.options import format_option, parse_logical_date
from drift_checker.comparison.windows import overview, reference_windows
from drift_checker.config import Monitor, Monitors, Settings, settings_of
from drift_checker.errors import BadReferenceError, UsageError
from drift_checker.escape import lines, one_line
from drift_checker.references import (
    Acceptance,
    ColumnDependence,
    Dependence,
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
from drift_checker.state import Store, read_latest_result, read_result
from drift_checker.tables import ReadColumns, infer_readings
from drift_checker.wording import (
    aligned,
    dependence_phrase,
    natural_frequency,
    percent,
    shortened,
)

if TYPE_CHECKING:
    from drift_checker.references.preview import AcceptancePreview, ColumnShift, PreviewedTick

SHOWN = 3
"""Columns that are named in a line."""
USUAL_ROWS = 1000
"""Rows of a batch, as long as there is none."""

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Change nothing, and say what would become the reference."
)
instead_of_option = click.option(
    "--instead-of",
    metavar="VERSION",
    help="Refuse where another version than this one is in force by now.",
)


@click.group()
def baseline() -> None:
    """Store references, and show which one is in force."""


@baseline.command()
@click.option("--monitor", "name", help="Name of the monitor.")
@click.option("--all", "all_monitors", is_flag=True, help="All monitors.")
@format_option
@click.pass_context
def fit(ctx: click.Context, name: str | None, output_format: str, *, all_monitors: bool) -> None:
    """Check a monitor's reference, store it and put it in force; changes nothing twice."""
    settings, monitors, selected = _selected(ctx, name, all_monitors=all_monitors)
    store = Store(settings)
    fits = [fit_reference(store, monitor, settings) for monitor in selected]
    if output_format == "json":
        changed = any(fit.changed for fit in fits)
        click.echo(json.dumps({"changed": changed, "monitors": [fit.model_dump() for fit in fits]}))
        return
    for fit in fits:
        state = "stored" if fit.changed else "unchanged"
        click.echo(f"{fit.monitor}: {fit.version} {state}, {fit.rows} rows, {fit.columns} columns")
        click.echo(f"  {_dependence_words(fit.dependence)}")
        for column, reason in fit.untested.items():
            click.echo(one_line(f"  {shortened(column)}: {reason}"))
        if monitors.get(fit.monitor).windowed:
            windows = _windows(store, monitors, monitors.get(fit.monitor))
            click.echo(f"  {_windows_line(windows)}")


@baseline.command()
@click.option("--monitor", "name", help="Name of the monitor.")
@click.option("--all", "all_monitors", is_flag=True, help="All monitors.")
@format_option
@click.pass_context
def show(ctx: click.Context, name: str | None, output_format: str, *, all_monitors: bool) -> None:
    """Show the reference in force, its windows, and the versions before it."""
    settings, monitors, selected = _selected(ctx, name, all_monitors=all_monitors)
    store = Store(settings)
    references = {monitor.name: _reference(store, monitors, monitor) for monitor in selected}
    if output_format == "json":
        click.echo(json.dumps(references))
        return
    for monitor, shown in references.items():
        head = f"{monitor}: {shown['version']}, {shown['rows']} rows, from {shown['source']}"
        click.echo(one_line(head))
        readings = shown["readings"]
        for column, type_ in shown["columns"].items():
            click.echo(
                one_line(f"  {shortened(column)}: {type_}{_reading_words(readings.get(column))}")
            )
        for column in readings.keys() - shown["columns"].keys():
            click.echo(one_line(f"  {shortened(column)}: derived"))
        click.echo(f"  {shown['rows_together']}")
        if monitors.get(monitor).windowed:
            click.echo(f"  {_windows_line(shown['windows'])}")
        for entry in reversed(shown["history"]):
            line = f"  since {entry['since']}: {entry['version']}, from {entry['source']}"
            click.echo(one_line(line))


def _reference(store: Store, monitors: Monitors, monitor: Monitor) -> dict[str, Any]:
    """The summary of the reference in force with its windows, and the versions before it.

    `readings` says how each column is read; of what is read where it lies, nothing. `windows` is
    null where rows are taken as independent or are not stored, or no window has
    enough of them.
    """
    summary = summary_in_force(store, monitor.name)
    reference = summary.model_dump()
    reference["rows_together"] = _dependence_words(summary.dependence)
    if summary.dependence and not monitor.windowed:
        expected = _expected_alarms(store, monitors, monitor, summary.dependence)
        reference["rows_together"] += expected
    reference["readings"] = {} if monitor.in_place else _readings(store, monitor)
    reference["windows"] = _windows(store, monitors, monitor)
    reference["history"] = [
        {
            "version": entry.version,
            "since": f"{entry.since:%Y-%m-%dT%H:%M:%SZ}",
            "source": _source(store, monitor.name, entry.version),
        }
        for entry in versions_in_force(store, monitor.name)
    ]
    return reference


def _source(store: Store, monitor: str, version: str) -> str:
    """Where a version came from; of one that is lost, what is wrong with it."""
    try:
        return read_summary(store, monitor, version).source
    except BadReferenceError as error:
        return f"nowhere: {error}"


def _dependence_words(dependence: Dependence | None) -> str:
    """Say whether rows of a reference hang together, and what was looked at."""
    if dependence is None:
        return "whether rows hang together is not known: `baseline fit` tests what is stored"
    looked_at = "their order in time" if dependence.order == "time" else "their order alone"
    if dependence.period:
        looked_at += f" and each {dependence.period}"
    rows = f"{dependence.rows} rows of {dependence.tested} columns, by {looked_at}"
    if not dependence.columns:
        return f"rows do not hang together, as far as {rows} tell"
    worst = sorted(dependence.columns.items(), key=lambda one: -_strength(one[1]))
    names = ", ".join(f"{shortened(name)} {_strength(one):.2f}" for name, one in worst[:SHOWN])
    more = f" and {len(worst) - SHOWN} more" if len(worst) > SHOWN else ""
    return f"rows hang together in {names}{more} (correlation; {rows})"


def _strength(column: ColumnDependence) -> float:
    return max(column.neighbours, column.period or 0.0)


def _expected_alarms(
    store: Store, monitors: Monitors, monitor: Monitor, dependence: Dependence
) -> str:
    """Say what that does to the rate of false alarms where rows are taken as independent.

    It is what the latest result says; as long as there is none, that of rows next to each other.
    """
    latest = read_latest_result(store, monitor.name)
    level = settings_of(monitors, monitor).alarm_budget().level
    if latest:
        result = read_result(store, monitor.name, latest.logical_date)
        known = result.calibration.dependence if result else None
        return f"; {dependence_phrase(known, level)}" if known else ""
    expected = dependence.expected(USUAL_ROWS, dependence.tested, level)
    if expected is None:
        return ""
    lying = f"of batches of {USUAL_ROWS} rows that lie next to each other"
    return f"; {lying}: {dependence_phrase(expected, level)}"


def _readings(store: Store, monitor: Monitor) -> dict[str, dict[str, str]]:
    """How the columns of the reference in force are read, and those derived from them."""
    reference = load_reference(store, monitor.name, summary_in_force(store, monitor.name))
    return {
        name: {
            "kind": reading.kind,
            "parse": reading.form_words,
            "why": reading.why,
            "untested": reading.untested,
        }
        for name, reading in infer_readings(reference, monitor.columns.roles.reading).items()
    }


def _reading_words(reading: dict[str, str] | None) -> str:
    if reading is None:
        return ""
    words = f", {reading['kind']}: {reading['why']}"
    return f"{words}; {reading['untested']}" if reading["untested"] else words


def _windows(store: Store, monitors: Monitors, monitor: Monitor) -> dict[str, Any] | None:
    """What the windows of the reference in force make of the level of a tick."""
    settings, timestamp = settings_of(monitors, monitor), monitor.columns.timestamp
    span = monitors.window_of(monitor)
    if span is None or timestamp is None or monitor.in_place:
        return None
    reference = load_reference(store, monitor.name, summary_in_force(store, monitor.name))
    reading = infer_readings(reference, settings.columns.reading)[timestamp]
    times = ReadColumns.of(reference).read(reading)
    windows = overview(reference_windows(times, settings, span), settings)
    if windows is None:
        return None
    return {
        "number": windows.calibration.windows,
        "seconds": span.total_seconds(),
        "begin": f"{windows.begin:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{windows.end:%Y-%m-%dT%H:%M:%SZ}",
        "method": windows.calibration.method,
        "level": windows.level,
        "level_attained": windows.level_attained,
        "reason": windows.calibration.reason,
    }


def _windows_line(windows: dict[str, Any] | None) -> str:
    if windows is None:
        return "no windows: rows are taken as independent"
    span = timedelta(seconds=windows["seconds"])
    line = f"{windows['number']} windows of {span}, {windows['begin']} to {windows['end']}"
    if windows["level_attained"] is None:
        return f"{line}: {windows['reason']}"
    attained = natural_frequency(windows["level_attained"])
    level = natural_frequency(windows["level"])
    line += f"; level {level}, ranks alone attain {attained}: {windows['method']}"
    return f"{line}; {windows['reason']}" if windows["reason"] else line


@baseline.command()
@click.option("--monitor", "name", required=True, help="Name of the monitor.")
@click.option(
    "--logical-date",
    "dates",
    type=parse_logical_date,
    metavar="ISO8601",
    multiple=True,
    help="A tick whose batch is normal; may be given several times.",
)
@click.option("--last", type=click.IntRange(1), help="As many of the latest valid scheduled ticks.")
@dry_run_option
@instead_of_option
@format_option
@click.pass_context
def accept(  # noqa: PLR0917  click passes every option by name
    ctx: click.Context,
    name: str,
    dates: tuple[datetime, ...],
    last: int | None,
    instead_of: str | None,
    output_format: str,
    *,
    dry_run: bool,
) -> None:
    """Make stored batches the reference in force, as a new version; older versions stay.

    Without --logical-date and --last, the batches are those of the open episode, or the latest that
    were ok, up to 5,000 rows. `baseline use` goes back to the version before.
    """
    if dates and last:
        raise UsageError("allowed: either --logical-date or --last")
    settings, monitors = settings_and_monitors(ctx)
    store, monitor = Store(settings), monitors.get(name)
    schedule = monitors.schedule_of(monitor)
    if dates:
        ticks = list(dates)
    elif last:
        ticks = last_valid_ticks(store, monitor, schedule, last)
    else:
        ticks = latest_normal_ticks(store, monitor, schedule)
    if dry_run:
        from drift_checker.references.preview import preview_ticks  # noqa: PLC0415  # of previews alone

        _print_preview(preview_ticks(store, monitor, ticks), output_format)
    else:
        _print(accept_ticks(store, monitor, ticks, instead_of), output_format)


@baseline.command()
@click.argument("version")
@click.option("--monitor", "name", required=True, help="Name of the monitor.")
@dry_run_option
@instead_of_option
@format_option
@click.pass_context
def use(
    ctx: click.Context,
    version: str,
    name: str,
    instead_of: str | None,
    output_format: str,
    *,
    dry_run: bool,
) -> None:
    """Put a VERSION that is stored already in force again."""
    settings, monitors = settings_and_monitors(ctx)
    store, monitor = Store(settings), monitors.get(name)
    if dry_run:
        from drift_checker.references.preview import preview_version  # noqa: PLC0415  # of previews alone

        _print_preview(preview_version(store, monitor, version), output_format)
    else:
        _print(use_version(store, monitor.name, version, instead_of), output_format)


def _print(accepted: Acceptance, output_format: str) -> None:
    if output_format == "json":
        click.echo(accepted.model_dump_json(ensure_ascii=True))
        return
    name, rows = accepted.monitor, one_line(f"{accepted.rows} rows from {accepted.source}")
    if accepted.changed:
        click.echo(f"{name}: {accepted.version} in force instead of {accepted.before}: {rows}")
        click.echo(f"to go back: {_way_back(name, accepted.before)}")
    else:
        click.echo(f"{name}: {accepted.version} stays in force: {rows}")


def _print_preview(preview: AcceptancePreview, output_format: str) -> None:
    text = lines(_preview_text(preview))
    if output_format == "json":
        click.echo(json.dumps(preview.model_dump(mode="json") | {"text": text}))
    else:
        click.echo(text)


def _preview_text(preview: AcceptancePreview) -> str:
    """Say what would become the reference, which of its ticks drifted, and what would differ."""
    name, before, after = preview.monitor, preview.before, preview.after
    if not preview.changed:
        why = "its ticks are the reference already" if preview.ticks else "there is nothing newer"
        return f"{name}: {before.version} stays in force, {before.rows} rows: {why}"
    blocks = [
        f"{name}: {after.version} would become the reference instead of {before.version}",
        aligned(
            [
                ("", "VERSION", "ROWS", "FROM"),
                ("in force", before.version, str(before.rows), before.source),
                ("then", after.version, str(after.rows), after.source),
            ]
        ),
    ]
    if preview.ticks:
        drifted = f"{len(preview.drifted)} of {len(preview.ticks)} ticks drifted"
        rows = [
            (f"{tick.logical_date:%Y-%m-%dT%H:%M:%SZ}", str(tick.rows), tick.verdict, _names(tick))
            for tick in preview.ticks
        ]
        table = aligned([("TICK", "ROWS", "VERDICT", "DRIFTED COLUMNS"), *rows])
        blocks.append(f"{drifted}:\n{table}")
    # Those that change most come first.
    shifts = sorted(preview.columns, key=lambda shift: -(shift.effect_size or 0.0))
    columns = [(shortened(shift.name), *_shift_cells(shift)) for shift in shifts]
    blocks.append(aligned([("COLUMN", "EFFECT", "MISSING", "BEFORE -> AFTER"), *columns]))
    blocks.append(f"to go back afterwards: {_way_back(name, before.version)}")
    return "\n\n".join(blocks)


def _names(tick: PreviewedTick) -> str:
    names = ", ".join(shortened(name) for name in tick.drifted_columns[:SHOWN])
    more = len(tick.drifted_columns) - SHOWN
    return f"{names} and {more} more" if more > 0 else names or "-"


def _shift_cells(shift: ColumnShift) -> tuple[str, str, str]:
    if shift.missing is None:
        return "-", "-", f"not compared: {shift.reason or shift.kind}"
    effect = "-"
    if shift.effect is not None and shift.effect_size is not None:
        effect = f"{shift.effect} {shift.effect_size:.2g}"
    before, after = (percent(share) for share in shift.missing)
    return effect, f"{before} -> {after}", shift.change or "-"


def _way_back(monitor: str, version: str) -> str:
    return f"drift-checker baseline use --monitor {monitor} {version}"


def _selected(
    ctx: click.Context, name: str | None, *, all_monitors: bool
) -> tuple[Settings, Monitors, list[Monitor]]:
    if all_monitors == (name is not None):
        raise UsageError("allowed: either --monitor NAME or --all")
    settings, monitors = settings_and_monitors(ctx)
    return settings, monitors, monitors.monitors if name is None else [monitors.get(name)]
