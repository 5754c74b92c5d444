"""`drift-checker compare`: two files, no other service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import click

from drift_checker.cli.options import exit_on_verdict, fail_on_option, format_option
from drift_checker.comparison import (
    ColumnRoles,
    CompareSettings,
    Floors,
    TablePair,
    compare_with_explanation,
    parse_span,
    read_tables,
)
from drift_checker.decision import LEAST_WINDOWS
from drift_checker.errors import BadReferenceError, NoBatchError, UsageError
from drift_checker.result import EvidentlySummary, Result
from drift_checker.tables import (
    FORMATS,
    Batch,
    DeclaredKind,
    as_reference,
    is_format,
    open_regular,
    read_batch,
    read_reference,
)
from drift_checker.wording import result_text

_DEFAULTS: dict[str, float] = asdict(Floors())
_FLOORS = ", ".join(f"{name} ({value:g})" for name, value in _DEFAULTS.items())
_OF_PAIRS = {"correlation"}
_ByColumn: TypeAlias = dict[str, Floors]

if TYPE_CHECKING:
    from drift_checker.sources import BytesResponse
    from drift_checker.wording import Details


def _span(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    try:
        return None if value is None else parse_span(value)
    except UsageError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def _formats(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    formats = dict(value.rpartition("=")[::2] for value in values)
    for name, format_ in formats.items():
        if not name or not is_format(format_):
            allowed = f"allowed: COLUMN={FORMATS}"
            raise click.BadParameter(f"{name}={format_}: {allowed}", ctx, param)
    return formats


def _floors(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> _ByColumn:
    """Read floors by column, under no name those of all others."""
    given: dict[str, dict[str, float]] = {"": {}}
    for text in values:
        where, _, value = text.rpartition("=")
        column, _, name = where.rpartition(":")
        try:
            kind = type(_DEFAULTS[name if name not in _OF_PAIRS or not column else ""])
            given.setdefault(column, {})[name] = kind(value)
        except (KeyError, ValueError):
            allowed = f"allowed: [COLUMN:]FLOOR=VALUE, FLOOR one of {', '.join(_DEFAULTS)}"
            raise click.BadParameter(f"{text}: {allowed}", ctx, param) from None
    try:
        of_all = Floors(**given.pop(""))  # type: ignore[arg-type]  # of the types of the defaults
        return {"": of_all} | {column: replace(of_all, **each) for column, each in given.items()}  # type: ignore[arg-type]
    except UsageError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def _kinds(categorical: Sequence[str], numeric: Sequence[str]) -> dict[str, DeclaredKind]:
    if both := sorted({*categorical} & {*numeric}):
        raise UsageError(f"{', '.join(both)}: either --categorical or --numeric")
    kinds: dict[str, DeclaredKind] = dict.fromkeys(categorical, "categorical")
    return kinds | dict.fromkeys(numeric, "numeric")


@click.command("compare")
@click.argument("reference")
@click.argument("current")
@format_option
@click.option(
    "--level",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="Probability of a false alarm for the whole table.",
)
@click.option("--min-rows", type=click.IntRange(1), default=50, show_default=True)
@click.option("--timestamp", metavar="COLUMN")
@click.option(
    "--window",
    metavar="SPAN",
    callback=_span,
    help="One batch's worth of time, such as 15m, 1h or 1d: rows of one window may depend on each "
    "other, and other windows of the reference tell what is normal. Needs --timestamp.",
)
@click.option(
    "--min-windows",
    type=click.IntRange(LEAST_WINDOWS),
    default=20,
    show_default=True,
    help="With fewer windows in the reference, rows are taken as independent.",
)
@click.option(
    "--baseline",
    type=click.Choice(["fixed", "seasonal"]),
    default="fixed",
    show_default=True,
    help="seasonal: only windows of the batch's hour of the day or, of a day or longer, weekday.",
)
@click.option("--target", metavar="COLUMN")
@click.option("--prediction", metavar="COLUMN")
@click.option("--id", "id_", metavar="COLUMN")
@click.option("--ignore", metavar="COLUMN", multiple=True, help="May be given several times.")
@click.option(
    "--categorical",
    metavar="COLUMN",
    multiple=True,
    help="Compare the shares of its values, such as of codes; may be given several times.",
)
@click.option(
    "--numeric",
    metavar="COLUMN",
    multiple=True,
    help="Compare it as a number, whatever it looks like; may be given several times.",
)
@click.option(
    "--missing",
    metavar="TEXT",
    multiple=True,
    help="Stands for no value, such as ? or -999; may be given several times.",
)
@click.option(
    "--column-format",
    "formats",
    metavar="COLUMN=FORMAT",
    callback=_formats,
    multiple=True,
    help=f"How its values are written: {FORMATS}; may be given several times.",
)
@click.option(
    "--floor",
    "floors",
    metavar="[COLUMN:]FLOOR=VALUE",
    callback=_floors,
    multiple=True,
    help=f"The smallest change that is worth an alarm, of all columns or of one: {_FLOORS}. A "
    "share that becomes `ratio` times as large or as small, and is `ratio_from` then or was, "
    "counts whatever its floor. May be given several times.",
)
@click.option(
    "--segment",
    "segments",
    metavar="COLUMN",
    multiple=True,
    help="Also compare the rows of each of its values; may be given several times.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Also write the verdict to this file, in words and pictures, as a page of its own.",
)
@click.option("--open", "open_page", is_flag=True, help="Open that page in a browser.")
@click.option(
    "--evidently",
    is_flag=True,
    help="Let Evidently draw on that page, too (needs drift-checker[report], seconds, and memory "
    "for both tables).",
)
@click.option("--verbose", "-v", is_flag=True, help="Also say how each column was read, and why.")
@fail_on_option
@click.pass_context
def compare_command(  # noqa: PLR0917  click passes every option by name
    ctx: click.Context,
    reference: str,
    current: str,
    output_format: str,
    level: float,
    min_rows: int,
    timestamp: str | None,
    window: timedelta | None,
    min_windows: int,
    baseline: Literal["fixed", "seasonal"],
    target: str | None,
    prediction: str | None,
    id_: str | None,
    ignore: tuple[str, ...],
    categorical: tuple[str, ...],
    numeric: tuple[str, ...],
    missing: tuple[str, ...],
    formats: dict[str, str],
    floors: _ByColumn,
    segments: tuple[str, ...],
    html: Path | None,
    fail_on: tuple[str, ...],
    *,
    open_page: bool,
    evidently: bool,
    verbose: bool,
) -> None:
    """Compare CURRENT with REFERENCE: files or http(s) URLs.

    Both may be CSV and the like, JSON, Parquet, Arrow, ORC, Avro or Excel, also compressed.
    """
    if html is None and (open_page or evidently):
        raise UsageError("--open and --evidently say what to do with the page of --html: name it")
    settings = CompareSettings(
        level=level,
        min_rows=min_rows,
        segments=segments,
        window=window,
        min_windows=min_windows,
        baseline=baseline,
        floors=floors.pop(""),
        column_floors=floors,
        columns=ColumnRoles(
            timestamp=timestamp,
            target=target,
            prediction=prediction,
            id=id_,
            ignore=ignore,
            kinds=_kinds(categorical, numeric),
            missing=missing,
            formats=formats,
        ),
    )
    before, after = _reference(ctx, reference), _current(ctx, current)
    tables = read_tables(before, after, settings)
    result = compare_with_explanation(tables, settings)
    if html is not None:
        drawn = _evidently(before, after, result, settings.columns) if evidently else None
        details, summary = drawn or (None, None)
        result = result.model_copy(update={"evidently": summary})
        _write_page(tables, result, details, html)
        if open_page:
            click.launch(html.resolve().as_uri())
    text = partial(result_text, result, readings=verbose)
    click.echo(result.model_dump_json(indent=2) if output_format == "json" else text())
    exit_on_verdict(ctx, result.verdict, fail_on)


def _reference(ctx: click.Context, location: str) -> Path | Batch:
    try:
        content = _content(ctx, location)
    except (NoBatchError, UsageError) as error:
        raise BadReferenceError(f"The reference cannot be read: {error}") from error
    return content if isinstance(content, Path) else as_reference(content.batch)


def _current(ctx: click.Context, location: str) -> Path | Batch:
    content = _content(ctx, location)
    # A file may be too large for the memory.
    return content if isinstance(content, Path) else content.batch()


def _content(ctx: click.Context, location: str) -> Path | BytesResponse:
    """Return a file that can be read, or the response of a URL."""
    if location.startswith(("http://", "https://")):
        # Network clients are imported only where one is needed.
        from drift_checker.config import load_limits  # noqa: PLC0415
        from drift_checker.sources import read_url  # noqa: PLC0415

        return read_url(location, load_limits(ctx.obj["settings_file"]))
    path = Path(location)
    try:
        open_regular(path).close()
    except OSError as error:
        raise UsageError(f"{location}: {error.strerror or error}") from error
    return path


def _write_page(tables: TablePair, result: Result, details: Details | None, path: Path) -> None:
    # Drawing costs imports that few ask for.
    from drift_checker.comparison.pictures import draw  # noqa: PLC0415
    from drift_checker.wording import standalone_page  # noqa: PLC0415

    page = standalone_page(result, draw(tables, result), details=details)
    try:
        path.write_text(page, "utf-8")
    except OSError as error:
        raise UsageError(f"--html {path}: {error.strerror or error}") from error


def _evidently(
    reference: Path | Batch, current: Path | Batch, result: Result, columns: ColumnRoles
) -> tuple[Details, EvidentlySummary] | None:
    # Evidently costs seconds to import and is an extra.
    try:
        from drift_checker.wording.evidently_details import evidently_details  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            "--evidently needs Evidently: pip install 'drift-checker[report]'"
        ) from error
    before = read_reference(reference) if isinstance(reference, Path) else reference
    after = read_batch(current) if isinstance(current, Path) else current
    return evidently_details(before, after, result, columns.reading)
