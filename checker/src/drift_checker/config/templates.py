"""What URLs and parameters may say of a tick: a closed grammar, and no more of Python's formats.

`{logical_date}`, `{logical_date:FORMAT}` with directives of `strftime`, and `{seed}`; `{{` and `}}`
stand for braces. A field has no attributes, no items, no conversion and no field within its format.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

ALLOWED = (
    "allowed placeholders: {seed}, {logical_date}, {logical_date:%Y-%m-%d}; "
    "{{ and }} stand for braces"
)
_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<field>[^{}]*)\}|[{}]")
_ISO_8601 = "%Y-%m-%dT%H:%M:%SZ"
_DIRECTIVES = frozenset("aAbBdeFfGHIjmMpRSTuUVwWyYzZ%")
"""Those of `strftime` that mean the same in glibc, musl and macOS; `-` before them pads nothing."""


class _Field(NamedTuple):
    name: str
    format: str


def check_template(text: str) -> str:
    """Return a template as it is.

    Raises:
        ValueError: It is not of the grammar; the message shows the field and what is allowed.
    """
    for token in _TOKEN.finditer(text):
        _field_of(token)
    return text


def fill_template(template: str, *, logical_date: datetime, seed: int) -> str:
    """Fill in a tick's logical date, which is in UTC, and its seed.

    Raises:
        ValueError: The template is not of the grammar.
    """

    def value(token: re.Match[str]) -> str:
        field = _field_of(token)
        if field is None:
            return token[0][0]
        return str(seed) if field.name == "seed" else logical_date.strftime(field.format)

    return _TOKEN.sub(value, template)


def _field_of(token: re.Match[str]) -> _Field | None:
    """Return what a token asks for; None of a brace that stands for itself."""
    if token[0] in {"{{", "}}"}:
        return None
    inside = token["field"]
    if inside is None:
        raise ValueError(f"a single {token[0]!r}, or braces within braces; {ALLOWED}")
    name, colon, format_ = inside.partition(":")
    if name not in {"logical_date", "seed"}:
        raise ValueError(f"{token[0]} stands for nothing; {ALLOWED}")
    if colon and (name == "seed" or not format_):
        raise ValueError(f"{token[0]}: a format belongs to the logical date alone; {ALLOWED}")
    for directive in re.finditer(r"%-?(.?)", format_, re.DOTALL):
        if directive[1] not in _DIRECTIVES:
            raise ValueError(
                f"{token[0]}: {directive[0]} is no directive of strftime that is known; {ALLOWED}"
            )
    return _Field(name, format_ or _ISO_8601)
