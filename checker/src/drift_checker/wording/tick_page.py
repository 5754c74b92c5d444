"""The page of a tick: the verdict in a sentence, and what it rests on, in words and pictures.

It holds no script, and no style of an element's own: the board's pages embed it. All texts reach it
through templates that escape them.
"""

from __future__ import annotations

import gzip
from base64 import b64encode, b85encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from drift_checker.escape import one_line
from drift_checker.result import (
    ColumnResult,
    JointResult,
    Result,
    Segment,
    SequentialResult,
    Severity,
    Verdict,
)
from drift_checker.wording.figures import Figure, column_figures, pair_figures
from drift_checker.wording.phrases import (
    column_label,
    correlation_change,
    lasting_change,
    p_value_cell,
    p_value_phrase,
    plain_number,
    shortened,
    trend_phrase,
)
from drift_checker.wording.pictures import CategoricalPicture, NumericPicture, Pictures
from drift_checker.wording.summary import by_role_and_p_value, strongest_first, summarize
from drift_checker.wording.terminal import feed_rows

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_FOLDER = Path(__file__).with_name("templates")
STYLE = (_FOLDER / "style.css").read_text("utf-8")
"""The style of the page, in a light and a dark form; the colours of verdicts are its properties."""
_POLICY = (
    "default-src 'none'; {scripts}style-src {style}; font-src data:; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
DRAWN_WITH_DETAILS = 6
"""Columns that have pictures of ours where details stand below: a page has at most 1.5 MB."""
MAX_OTHERS = 200
"""Columns without drift that are listed."""


@dataclass(frozen=True, kw_only=True)
class TickLinks:
    """Where a tick can be looked at elsewhere, as URLs; None is not linked."""

    mlflow: str | None = None
    airflow: str | None = None
    report: str | None = None
    result: str | None = None
    batch: str | None = None

    @property
    def named(self) -> list[tuple[str, str]]:
        """The links that there are, with what they are called."""
        names = {
            "mlflow": "Run in MLflow",
            "airflow": "Log in Airflow",
            "report": "Report",
            "result": "result.json",
            "batch": "Batch",
        }
        return [(text, url) for name, text in names.items() if (url := getattr(self, name))]


@dataclass(frozen=True, kw_only=True)
class Details:
    """What another library draws below a page: a script, and the id of the element it draws in."""

    heading: str
    root: str
    script: str


def tick_fragment(
    result: Result, pictures: Pictures | None, *, links: TickLinks | None = None
) -> str:
    """Return what is to be seen of a tick as HTML, for the `main` of a page that has `STYLE`."""
    template = _environment().get_template("tick.html.j2")
    return template.render(tick=_View(result, pictures or Pictures(), links or TickLinks()))


def standalone_page(
    result: Result,
    pictures: Pictures | None,
    *,
    links: TickLinks | None = None,
    details: Details | None = None,
) -> str:
    """Return the page of a tick as one file that needs nothing else.

    It runs nothing, but for the script of the details.
    """
    heading = _heading(result)
    shown = _strongest(pictures, result) if pictures and details else pictures
    scripts = _scripts(details) if details else None
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=f"{result.verdict}: {heading}",
            heading=heading,
            policy=_policy(scripts),
            # What follows was escaped, or is ours.
            style=_markup(STYLE),
            fragment=_markup(tick_fragment(result, shown, links=links)),
            details=details,
            scripts=scripts,
        )
    )


def _strongest(pictures: Pictures, result: Result) -> Pictures:
    """Return the pictures of the strongest columns, and all else."""
    drawn = {each.name for each in pictures.numeric}
    drawn |= {each.name for each in pictures.categorical}
    names = [column.name for column in strongest_first(result) if column.name in drawn]
    kept = set(names[:DRAWN_WITH_DETAILS])
    return pictures.model_copy(
        update={
            "numeric": [each for each in pictures.numeric if each.name in kept],
            "categorical": [each for each in pictures.categorical if each.name in kept],
        }
    )


class _Scripts(NamedTuple):
    """A script, packed; how many bytes that is, and a script of ours that unpacks and runs it."""

    packed: Markup
    bytes: int
    loader: Markup
    digests: tuple[str, str]


def _scripts(details: Details) -> _Scripts:
    packed = gzip.compress(details.script.encode(), mtime=0)
    # Nothing in it begins an element, or ends one.
    text = b85encode(packed, pad=True).decode().replace("<", ",")
    loader = (_FOLDER / "unpack.js").read_text("utf-8")
    digests = _digest(details.script), _digest(loader)
    return _Scripts(_markup(text), len(packed), _markup(loader), digests)


def _policy(scripts: _Scripts | None) -> str:
    """Return what the page may do: style, draw, and run these scripts; nothing of the network."""
    if scripts is None:
        return _POLICY.format(scripts="", style=f"'sha256-{_digest(STYLE)}'")
    allowed = " ".join(f"'sha256-{digest}'" for digest in scripts.digests)
    # The library styles its elements one by one.
    return _POLICY.format(scripts=f"script-src {allowed}; ", style="'unsafe-inline'")


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _markup(text: str) -> Markup:
    from markupsafe import Markup  # noqa: PLC0415  # comes with Jinja

    return Markup(text)  # noqa: S704


@cache
def _environment() -> Environment:
    # Costs more than a comparison, and is needed where a page is made.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=lambda value: one_line(value) if type(value) is str else value,
    )


def _heading(result: Result) -> str:
    if result.monitor is None or result.logical_date is None:
        return "Batch and reference"
    return f"{result.monitor}, {result.logical_date:%Y-%m-%d %H:%M:%SZ}"


@dataclass(frozen=True)
class _Column:
    """A column as the page has it."""

    id: str
    label: str
    verdict: str
    change: str | None
    reason: str | None
    facts: Sequence[tuple[str, str]]
    brief: str
    figures: Sequence[Figure]


@dataclass(frozen=True)
class _Part:
    """A part of the verdict that is not of a single column."""

    verdict: str
    sentence: str
    rows: Sequence[Sequence[str]]
    pairs: Sequence[Sequence[Figure]] = ()


class _View:
    """A result in the words and figures of the page."""

    def __init__(self, result: Result, pictures: Pictures, links: TickLinks) -> None:
        self.verdict = result.verdict.value
        explanation = result.explanation
        summary = explanation.summary if explanation else summarize(result)
        # The verdict stands before it.
        self.sentence = summary.removeprefix(f"{result.verdict}: ")
        self.changes = explanation.changes if explanation else []
        self.alarm = _alarm(result)
        self.links = links.named
        self.facts = list(_facts(result))
        self.faults = [
            (each.fault, each.severity.value, shortened(each.column or "-"), each.detail)
            for each in sorted(result.faults, key=lambda each: list(Severity).index(each.severity))
        ]
        drawn: dict[str, NumericPicture | CategoricalPicture] = {
            **{each.name: each for each in pictures.numeric},
            **{each.name: each for each in pictures.categorical},
        }
        columns = [
            _column(number, column, drawn.get(column.name))
            for number, column in enumerate(by_role_and_p_value(result.columns))
        ]
        self.drifted = [each for each in columns if each.verdict == Verdict.DRIFT]
        tested = {column_label(each) for each in result.columns if each.test is not None}
        others = [
            each for each in columns if each.verdict != Verdict.DRIFT and each.label in tested
        ]
        self.others = others[:MAX_OTHERS]
        self.untested: list[tuple[str, ...]] = [
            (column_label(each), each.kind, each.role, each.reason or "-")
            for each in result.columns
            if each.test is None and each.verdict is not Verdict.DRIFT
        ]
        self.joint = _joint(result.joint, pictures)
        self.segments = list(map(_segment, result.segments))
        self.sequential = _sequential(result.sequential)
        self.anchor = list(_anchor(result))
        self.certainty = list(_certainty(result))
        if result.joint is None and result.joint_reason:
            self.untested.append(("columns together", "-", "-", result.joint_reason))


def _alarm(result: Result) -> str | None:
    alarm = result.alarm
    if alarm.since is None:
        return None
    return f"alarm {alarm.state}, since {alarm.since:%Y-%m-%d %H:%M:%SZ}"


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    yield "rows", f"{result.current.rows:,} against {result.rows_compared_with:,}"
    yield "reference", result.reference.version[:12]
    if result.compared:
        yield "compared", f"{result.compared.columns} of {result.compared.of} columns"
    if result.trigger == "manual" and result.monitor is not None:
        yield "started", "by hand"
    for name, _, said in feed_rows(result):
        yield name, said
    if result.p_value is not None:
        yield "p-value of the tick", p_value_cell(result.p_value)
        yield "level", plain_number(result.alarm_budget.level)


def _column(
    number: int, column: ColumnResult, picture: NumericPicture | CategoricalPicture | None
) -> _Column:
    facts = list(_column_facts(column))
    return _Column(
        id=f"column-{number}",
        label=column_label(column),
        verdict=column.verdict.value if column.verdict else "not judged",
        change=column.change,
        reason=column.reason,
        facts=facts,
        brief=", ".join(f"{name} {value}" for name, value in facts[:2]),
        figures=column_figures(picture) if picture else (),
    )


def _column_facts(column: ColumnResult) -> Iterator[tuple[str, str]]:
    if column.effect is not None and column.effect_size is not None:
        yield column.effect, plain_number(column.effect_size)
    if column.interval is not None:
        yield "interval", _interval(column.interval)
    if column.floor is not None:
        yield "floor", f"{column.floor:g}"
    if column.p_value is not None:
        yield "p-value", p_value_cell(column.p_value)
    if column.threshold is not None:
        yield "threshold", f"{column.threshold:.2g}"
    if column.test is not None:
        yield "test", column.test


def _interval(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.2g} to {interval[1]:.2g}"


def _joint(joint: JointResult | None, pictures: Pictures) -> _Part | None:
    if joint is None:
        return None
    change = correlation_change(joint.pairs[0])
    p_value = p_value_phrase(joint.p_value)
    threshold = plain_number(joint.threshold)
    return _Part(
        verdict=joint.verdict.value,
        sentence=f"{change} ({p_value}, threshold {threshold})",
        rows=[
            (
                " and ".join(map(shortened, pair.columns)),
                f"{pair.reference:.2f}",
                f"{pair.current:.2f}",
                _interval(pair.interval),
                p_value_cell(pair.p_value),
            )
            for pair in joint.pairs
        ],
        pairs=[pair_figures(pair) for pair in pictures.pairs],
    )


def _segment(segment: Segment) -> tuple[str, ...]:
    drifted = [each for each in segment.columns if each.verdict is Verdict.DRIFT]
    changes = (
        f"{column_label(each)}: {each.change}" if each.change else column_label(each)
        for each in by_role_and_p_value(drifted)
    )
    return (
        shortened(segment.name),
        segment.verdict.value,
        f"{segment.rows:,}",
        f"{segment.reference_rows:,}",
        "; ".join(changes) or "-",
    )


def _sequential(sequential: SequentialResult | None) -> _Part | None:
    if sequential is None or sequential.verdict is None:
        return None
    threshold = plain_number(sequential.threshold or 0.0)
    changes = "; ".join(map(lasting_change, sequential.columns))
    return _Part(
        verdict=sequential.verdict.value,
        sentence=f"{changes} (threshold {threshold})",
        rows=[
            (
                shortened(each.name),
                f"{each.ticks}",
                f"{each.rows:,}",
                each.change,
                f"{each.effect} {each.effect_size:.2g} ({_interval(each.interval)})",
                p_value_cell(each.p_value),
            )
            for each in sequential.columns
        ],
    )


def _anchor(result: Result) -> Iterator[str]:
    rolling, anchor = result.rolling, result.anchor
    if rolling is None:
        return
    if rolling.reason is not None or rolling.first is None or rolling.last is None:
        yield rolling.reason or ""
        return
    yield (
        f"Compared with {rolling.ticks} ticks, {rolling.first:%Y-%m-%d %H:%M:%SZ} to "
        f"{rolling.last:%Y-%m-%d %H:%M:%SZ}"
    )
    if anchor is not None:
        names = ", ".join(map(shortened, anchor.drifted_columns))
        yield f"Against the fixed reference: {anchor.verdict}{f' in {names}' if names else ''}"
    yield from map(trend_phrase, rolling.trend)


def _certainty(result: Result) -> Iterator[str]:
    if result.explanation:
        yield result.explanation.certainty
    shares = ", ".join(
        f"{name} {plain_number(level)}"
        for name, level in result.alarm_budget.parts.items()
        if level
    )
    if shares:
        level = plain_number(result.alarm_budget.level)
        yield f"The level of this tick, {level}, is split: {shares}"
