"""An explanation as text and Markdown."""

from __future__ import annotations

from drift_checker.escape import for_markdown, one_line
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


def _closing_lines(explanation: Explanation) -> list[str]:
    since = [f"since {explanation.since}"] if explanation.since else []
    return [*since, f"how sure: {explanation.certainty}"]
