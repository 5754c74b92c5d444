"""A result in words: as phrases, a sentence, an explanation, text, and the page for a person.

The modules are one way down: `phrases`, `summary`, `explanation`, `rendering`, `terminal`, then
`pictures`, `figures`, `tick_page` and `evidently_details`; each imports only those before it. What
draws is imported when it is first asked for, since a comparison needs none of it.
`evidently_details` is imported by its own path, where a report is made: it needs the extra
`report`, and its imports take seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
from drift_checker.wording.summary import strongest_first, summarize
from drift_checker.wording.terminal import aligned, result_text

if TYPE_CHECKING:
    from drift_checker.wording.pictures import Pictures
    from drift_checker.wording.tick_page import (
        STYLE,
        Details,
        TickLinks,
        standalone_page,
        tick_fragment,
    )

__all__ = [
    "STYLE",
    "Details",
    "Pictures",
    "TickLinks",
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
    "standalone_page",
    "strongest_first",
    "summarize",
    "tick_fragment",
    "with_explanation",
]


_DRAWING = {"Pictures": "pictures"} | dict.fromkeys(
    ("STYLE", "Details", "TickLinks", "standalone_page", "tick_fragment"), "tick_page"
)


def __getattr__(name: str) -> Any:
    """Import what draws, when it is first asked for."""
    if name not in _DRAWING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_DRAWING[name]}"), name)
