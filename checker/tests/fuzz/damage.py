"""Ways to damage valid bytes, as hypothesis draws them, and what a damaged input may cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from hypothesis import strategies as st

MOST_SECONDS = 5
"""Of CPU for one input of a few kB, which is read in some milliseconds."""
MOST_MEMORY = 256 << 20
"""By which one input of a few kB may let the process grow."""
MOST_EDITS = 8

_PIECES = (
    *(
        b"\x00",
        b"\xff",
        b"\x80",
        b"\x00" * 4,
        b"\xff" * 4,
        b"\xff\xff\xff\x7f",
        b"\x00\x00\x00\x80",
    ),
    *(b'"', b"'", b"\n", b"\r", b",", b"\t", b"[", b"]", b"{", b"}", b":", b"-", b"\\"),
    *(b"1e999", b"nan", b"null", b"9" * 40, b"0" * 20, b"2026-02-30", b"\\ud800", b"\xed\xa0\x80"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\xa8", b"<script>", b"\x1b[31m", b"{}", b"&a", b"*a"),
)
"""What readers of one format or another take for something: ends, lengths, signs, encodings."""

Edit: TypeAlias = Callable[[bytes], bytes]

_places = st.integers(0, 1 << 16)
_lengths = st.sampled_from((1, 1, 2, 4, 8, 64, 512))
_pieces = st.sampled_from(_PIECES) | st.binary(min_size=1, max_size=8)


def _flip(place: int, bit: int) -> Edit:
    def edit(data: bytes) -> bytes:
        if not data:
            return data
        at = place % len(data)
        return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]

    return edit


def _replace(place: int, length: int, piece: bytes) -> Edit:
    """Put a piece in the place of so many bytes, of none to insert it."""

    def edit(data: bytes) -> bytes:
        at = place % (len(data) + 1)
        return data[:at] + piece + data[at + length :]

    return edit


def _splice(place: int, length: int, other: bytes | None, begin: int) -> Edit:
    """Put a part of other bytes, or of the same, in the place of as many or of none."""

    def edit(data: bytes) -> bytes:
        source = data if other is None else other
        first = begin % (len(source) + 1)
        at = place % (len(data) + 1)
        return data[:at] + source[first : first + length] + data[at + length * (begin % 2) :]

    return edit


def _cut_off(place: int) -> Edit:
    return lambda data: data[: place % (len(data) + 1)]


def damaged(data: bytes, others: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """Return bytes that are flipped, cut, filled up, and spliced with `others`, some times over."""
    edits = st.one_of(
        st.builds(_flip, _places, st.integers(0, 7)),
        st.builds(_replace, _places, _lengths, st.just(b"")),
        st.builds(_replace, _places, st.just(0) | _lengths, _pieces),
        st.builds(_splice, _places, _lengths, st.sampled_from((None, *others)), _places),
        st.builds(_cut_off, _places),
    )

    def apply(drawn: list[Edit]) -> bytes:
        edited = data
        for edit in drawn:
            edited = edit(edited)
        return edited

    return st.lists(edits, min_size=1, max_size=MOST_EDITS).map(apply)


@contextmanager
def bounded() -> Iterator[None]:
    """Fail where what is within takes more time or memory than any input may cost."""
    Path("/proc/self/clear_refs").write_text("5")  # from here on the peak is counted
    before, begun = _peak(), time.process_time()
    yield
    seconds, memory = time.process_time() - begun, _peak() - before
    assert seconds < MOST_SECONDS, f"{seconds:.1f} s of CPU"
    assert memory < MOST_MEMORY, f"{memory >> 20} MiB"


def _peak() -> int:
    """Return the most bytes of memory that the process had."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) << 10
