"""What others wrote, made harmless for the place where it is shown; one function for each place.

Names and values of a batch are whatever its source sends. They are kept as they are, and escaped
where they leave: whoever writes a note, a message, a line of a log or of a terminal does so by one
of these, and a page by a template that escapes what `one_line` leaves. JSON needs none: its own
escapes, with `ensure_ascii`, hold everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

LONGEST_LABEL = 60
"""Characters of a name or a value on a plot."""
_LOOKALIKES = str.maketrans("<>", "‹›")  # noqa: RUF001  that is the point
_MARKDOWN = re.compile(
    r"""
    [\\`*{}\[\]<>#|~!&@$]    # what marks anything, in CommonMark and in GitHub's flavour of it
    | (?<![^\W_])_ | _(?![^\W_])  # so does this, but for one within a word
    | :(?=\S)                # of a URL, which becomes a link by itself, or of an emoji
    | (?<=www)\.             # so does this
    | ^[-+=]                 # a list or a heading, at the start
    | (?<=^\d)[.)] | (?<=^\d\d)[.)]
    """,
    re.VERBOSE | re.IGNORECASE,
)


def one_line(text: str) -> str:
    r"""Return text as one line of a terminal, a log or a message.

    What is not seen, or steers who shows it, is written as Python writes it, such as `\n`, `\x1b`
    and `\u202e`: line ends, control characters, marks of direction, blanks of no width.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def lines(text: str) -> str:
    """Return text of several lines, each for itself as `one_line` has it."""
    return "\n".join(map(one_line, text.split("\n")))


def for_message(text: str) -> str:
    """Return the lines of a message as text that calls nobody and hides no address.

    Services read mentions and links of Markdown in plain text too, and not each has escapes for
    these: a blank within them says the same, and is neither.
    """
    return lines(text).replace("@", "@ ").replace("](", "] (")


def for_markdown(text: str) -> str:
    """Return text for a paragraph or the item of a list of a Markdown document.

    It has references to characters: nothing marks what is written so, neither in CommonMark nor in
    what else MLflow reads as Markdown, and a backslash is not taken by each of them.
    """
    plain = " ".join(one_line(text).split())
    return _MARKDOWN.sub(lambda match: f"&#{ord(match[0])};", plain)


def labels(texts: Iterable[str]) -> dict[str, str]:
    """Return how each of several texts stands on a plot: short, different, and never markup.

    A label goes through a script's data, a page's elements, and plots that read some HTML of their
    own, each of which has other escapes. So it has look-alikes of what begins and ends an element,
    which are nothing to any of them.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for text in texts:
        if text not in found:
            found[text] = next(label for label in _candidates(text) if label not in taken)
            taken.add(found[text])
    return found


def _candidates(text: str) -> Iterator[str]:
    """Yield the label of a text, and others where another text has it."""
    label = one_line(text).translate(_LOOKALIKES)
    short = label if len(label) <= LONGEST_LABEL else f"{label[:LONGEST_LABEL]}…"
    yield short
    number = 2
    while True:
        yield f"{short} ({number})"
        number += 1
