from __future__ import annotations

import unicodedata
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markers import MARKERS

from drift_checker.escape import LONGEST_LABEL, for_markdown, labels, lines, one_line

STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Categories of Unicode: control, format, surrogate, line and paragraph separator."""
any_text = (
    st.text() | st.text("_*~`[]()!a1 .:/-+#<>&|\\\n") | st.sampled_from(list(MARKERS.values()))
)


@given(any_text)
def test_one_line_is_one_line_and_steers_nothing(text: str) -> None:
    shown = one_line(text)

    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(char) for char in shown} & STEERING
    assert one_line(shown) == shown


def test_what_is_seen_stays_as_it_is() -> None:
    assert one_line("größe <b> 中文 😀") == "größe <b> 中文 😀"
    assert one_line("a\x1b[31m\u202e\r\nb") == "a\\x1b[31m\\u202e\\r\\nb"
    assert lines("a\x1b\nb\r") == "a\\x1b\nb\\r"


@given(any_text)
@pytest.mark.parametrize("frame", ["{}", "- {}", "**a {}**"])
def test_markdown_says_what_the_text_is_and_marks_nothing(frame: str, text: str) -> None:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    plain = MarkdownIt("commonmark").parse(frame.format("a"))
    escaped = for_markdown(text)

    tokens = parser.parse(frame.format(escaped or "a"))

    assert [token.type for token in tokens] == [token.type for token in plain]
    inside = [child for token in tokens for child in token.children or []]
    assert {token.type for token in inside} <= {"text", "strong_open", "strong_close"}
    said = "".join(token.content for token in inside)
    words = frame.removeprefix("- ").strip("*")
    assert said == words.format(" ".join(one_line(text).split()) or "a")


LINKS = ["http://x.y", "HTTPS://x.y", "www.x.y", "WWW.x.y", "a@b.c", ":x:"]


@pytest.mark.parametrize("text", LINKS)
def test_markdown_makes_no_link_of_what_looks_like_one(text: str) -> None:
    """What GitHub's flavour links, or turns into a picture, without any mark."""
    escaped = for_markdown(text)

    assert not any(sign in escaped.lower() for sign in ("://", "www.", "@", ":x"))
    assert unescape(escaped) == text


@given(st.lists(any_text))
def test_labels_are_short_different_and_never_markup(texts: list[str]) -> None:
    found = labels(texts)

    assert set(found) == set(texts)
    assert len(set(found.values())) == len(found)
    for label in found.values():
        assert not set("<>") & set(label)
        assert one_line(label) == label
        assert len(label) < LONGEST_LABEL + 10
