"""An explanation as text, Markdown and HTML."""

from __future__ import annotations

import html
import re

from drift_checker.result import Explanation


def explanation_text(explanation: Explanation) -> str:
    """Return the explanation below its summary, as lines for a terminal."""
    changes = [f"- {change}" for change in explanation.changes]
    return "\n".join([*changes, *_closing_lines(explanation)])


def explanation_markdown(explanation: Explanation) -> str:
    """Return the explanation as Markdown, whatever the names of columns hold."""
    changes = [f"- {_escaped(change)}" for change in explanation.changes]
    blocks = [f"**{_escaped(explanation.summary)}**", "\n".join(changes)]
    return "\n\n".join(filter(None, [*blocks, *map(_escaped, _closing_lines(explanation))]))


def explanation_html(explanation: Explanation) -> str:
    """Return the explanation as an element of a page, whatever the names of columns hold."""
    changes = "".join(f"<li>{html.escape(change)}</li>" for change in explanation.changes)
    closing = "".join(f"<p>{html.escape(line)}</p>" for line in _closing_lines(explanation))
    style = "font: 16px sans-serif; padding: 12px 24px; background: #eee"
    summary = html.escape(explanation.summary)
    return f'<section style="{style}"><h2>{summary}</h2><ul>{changes}</ul>{closing}</section>'


def _closing_lines(explanation: Explanation) -> list[str]:
    since = [f"since {explanation.since}"] if explanation.since else []
    return [*since, f"how sure: {explanation.certainty}"]


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<#|~!])", r"\\\1", text).replace("\n", " ")
