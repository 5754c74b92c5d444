"""A result in words: as phrases, a sentence, an explanation, text, and the page for a person.

The modules are one way down: `phrases`, `summary`, `explanation`, `rendering`, then `terminal` and
`page`; each imports only those before it. `page` is imported by its own path, where a report is
made: it needs the extra `report`, and its imports take seconds.
"""

from drift_checker.wording.explanation import with_explanation
from drift_checker.wording.phrases import (
    categorical_change,
    changed_below_floor,
    dependence_phrase,
    natural_frequency,
    numeric_change,
    p_value_phrase,
    percent,
    plain_number,
    rounded_frequency,
    shortened,
    span_phrase,
)
from drift_checker.wording.rendering import explanation_markdown, explanation_text
from drift_checker.wording.summary import summarize
from drift_checker.wording.terminal import aligned, result_text

__all__ = [
    "aligned",
    "categorical_change",
    "changed_below_floor",
    "dependence_phrase",
    "explanation_markdown",
    "explanation_text",
    "natural_frequency",
    "numeric_change",
    "p_value_phrase",
    "percent",
    "plain_number",
    "result_text",
    "rounded_frequency",
    "shortened",
    "span_phrase",
    "summarize",
    "with_explanation",
]
