"""An explanation as text, Markdown and HTML."""

from __future__ import annotations

from drift_checker.escape import for_html, for_markdown, one_line
from drift_checker.result import Explanation


def explanation_text(explanation: Explanation) -> str:
    """Return the explanation below its summary, as lines for a terminal or a message."""
    changes = [f"- {change}" for change in explanation.changes]
    return "\n".join(map(one_line, [*changes, *_closing_lines(explanation)]))


def explanation_markdown(explanation: Explanation) -> str:
    """Return the explanation as Markdown, whatever the names of columns hold."""
    changes = [f"- {for_markdown(change)}" for change in explanation.changes]
    blocks = [f"**{for_markdown(explanation.summary)}**", "\n".join(changes)]
    return "\n\n".join(filter(None, [*blocks, *map(for_markdown, _closing_lines(explanation))]))


def explanation_html(explanation: Explanation) -> str:
    """Return the explanation as an element of a page, whatever the names of columns hold."""
    changes = "".join(f"<li>{for_html(change)}</li>" for change in explanation.changes)
    closing = "".join(f"<p>{for_html(line)}</p>" for line in _closing_lines(explanation))
    style = "font: 16px sans-serif; padding: 12px 24px; background: #eee"
    summary = for_html(explanation.summary)
    return f'<section style="{style}"><h2>{summary}</h2><ul>{changes}</ul>{closing}</section>'


def _closing_lines(explanation: Explanation) -> list[str]:
    since = [f"since {explanation.since}"] if explanation.since else []
    return [*since, f"how sure: {explanation.certainty}"]
