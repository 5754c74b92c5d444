"""A result in words: which columns, how they changed, since when, and how sure that is."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from drift_checker.result import ColumnResult, Explanation, Fault, Result, Severity, Verdict
from drift_checker.wording.phrases import correlation_change, lasting_change, one_of, p_words, short
from drift_checker.wording.summary import named, sentence, target_first

MAX_CHANGES = 20
"""Changes that are told; the others are counted."""


def explained(result: Result) -> Result:
    """The result with its explanation, which says what all its other fields do."""
    changes = list(_changes(result))
    if (more := len(changes) - MAX_CHANGES) > 0:
        changes[MAX_CHANGES:] = [f"and {more} more"]
    explanation = Explanation(
        summary=sentence(result),
        changes=changes,
        since=_since(result),
        certainty=_certainty(result),
    )
    return result.model_copy(update={"explanation": explanation})


def _changes(result: Result) -> Iterator[str]:
    """A line for each thing that changed: what cannot be trusted, columns, segments, pairs."""
    for fault in result.faults:
        if fault.severity is Severity.STRUCTURAL:
            yield _fault(fault)
    for column in target_first(result.columns):
        yield from _change(column)
        yield from _counted(column, result.faults)
    for segment in result.segments:
        for column in target_first(segment.columns):
            yield from (f"in segment {segment.name}: {change}" for change in _change(column))
    if result.joint and result.joint.verdict is Verdict.DRIFT:
        for pair in result.joint.pairs:
            yield f"{correlation_change(pair)} ({p_words(pair.p_value)})"
    if result.sequential and result.sequential.verdict is Verdict.DRIFT:
        yield from map(lasting_change, result.sequential.columns)
    if result.anchor and result.anchor.verdict is Verdict.DRIFT:
        yield from (f"against the fixed reference: {change}" for change in _changes(result.anchor))


def _counted(column: ColumnResult, faults: list[Fault]) -> Iterator[str]:
    for fault in faults:
        if fault.severity is Severity.STATISTICAL and fault.column == column.name:
            yield f"{named(column)}: {fault.fault}, {fault.detail}"


def _change(column: ColumnResult) -> Iterator[str]:
    if column.change is not None and column.p_value is not None:
        yield f"{named(column)}: {column.change} ({p_words(column.p_value)})"


def _fault(fault: Fault) -> str:
    place = "" if fault.column is None else f" in {short(fault.column)!r}"
    return f"{fault.fault}{place}: {fault.detail}"


def _since(result: Result) -> str | None:
    alarm = result.alarm
    if alarm.since is None:
        return None
    return f"{alarm.since:%Y-%m-%d %H:%M:%SZ} (alarm {alarm.id}, {alarm.state})"


def _certainty(result: Result) -> str:
    """What the level and the smallest p-value mean."""
    budget, calibration = result.alarm_budget, result.calibration
    meaning = f"a false alarm in at most {one_of(budget.level)} checks"
    if budget.per_week is not None:
        meaning += f" ({budget.per_week:g} a week over all monitors)"
    if calibration.reason is not None:
        meaning += f" ({calibration.reason})"
    if result.rolling and result.rolling.reason is not None:
        meaning += f" ({result.rolling.reason})"
    found = [*_p_values(result), *(_p_values(result.anchor) if result.anchor else ())]
    if not found:
        return f"without drift there is {meaning}"
    clearest = one_of(min(found))
    return f"without drift a change as clear as this comes in {clearest} batches, and {meaning}"


def _p_values(result: Result) -> Iterator[float]:
    """The p-values of what drifted."""
    columns = [*result.columns, *(c for segment in result.segments for c in segment.columns)]
    yield from (c.p_value for c in columns if c.change and c.p_value is not None)
    if result.joint and result.joint.verdict is Verdict.DRIFT:
        yield result.joint.p_value
    if result.sequential and result.sequential.verdict is Verdict.DRIFT:
        yield from (lasting.p_value for lasting in result.sequential.columns)


def as_text(explanation: Explanation) -> str:
    """The explanation below its summary, as lines for a terminal."""
    lines = [f"- {change}" for change in explanation.changes]
    return "\n".join([*lines, *_rest(explanation)])


def as_markdown(explanation: Explanation) -> str:
    """The explanation as Markdown, whatever the names of columns hold."""
    changes = [f"- {_escaped(change)}" for change in explanation.changes]
    blocks = [f"**{_escaped(explanation.summary)}**", "\n".join(changes)]
    return "\n\n".join(filter(None, [*blocks, *map(_escaped, _rest(explanation))]))


def as_html(explanation: Explanation) -> str:
    """The explanation as a piece of a page."""
    changes = "".join(f"<li>{html.escape(change)}</li>" for change in explanation.changes)
    rest = "".join(f"<p>{html.escape(line)}</p>" for line in _rest(explanation))
    style = "font: 16px sans-serif; padding: 12px 24px; background: #eee"
    summary = html.escape(explanation.summary)
    return f'<section style="{style}"><h2>{summary}</h2><ul>{changes}</ul>{rest}</section>'


def _rest(explanation: Explanation) -> list[str]:
    since = [f"since {explanation.since}"] if explanation.since else []
    return [*since, f"how sure: {explanation.certainty}"]


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<#|~!])", r"\\\1", text).replace("\n", " ")
