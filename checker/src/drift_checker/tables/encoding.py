"""The encoding of text: told by its first bytes or its content, and read where it is certain.

UTF-8, UTF-16 and UTF-32 are told by a byte order mark, or by where NUL bytes lie; what decodes as
UTF-8 is UTF-8. Anything else is read as Windows-1252 (a superset of what is printed of Latin-1)
only if each of its bytes beyond ASCII stands where Western European languages have it; the same
bytes are letters of other languages in other code pages, and a wrong guess would be categories
that nobody has ever seen.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import deque
from string import ascii_lowercase
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 8 << 20
"""Of text, read at a time."""
RECENT_BLOCKS = 3
"""So many are kept, of which Arrow has one ahead."""

_MARKS = (  # that of UTF-32 begins as that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE: dict[tuple[bool, ...], str] = {
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
}
"""By which of every four bytes are often NUL."""
_SAMPLE_BYTES = 4096
_NUL_SHARE = 0.2
"""Of every second byte, by delimiters and line ends also in a text of few digits and spaces."""


class EncodingError(ValueError):
    """Text of an encoding that is not certain; the message says where and what to do."""


def decode(data: bytes) -> str:
    """Return text, of the encoding that `encoding_of` tells, without a byte order mark.

    Raises:
        EncodingError: The encoding is not certain, or a byte is none of it.
    """
    encoding = encoding_of(data)
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise _foreign_byte(data, error, encoding) from None


def encoding_of(data: bytes, *, whole: bool = True) -> str:
    """Return the name of a text's encoding: of `utf-8` also where a byte order mark stands first.

    `whole` says that `data` is all of the text, and does not end within a character.

    Raises:
        EncodingError: It is none of UTF-8, UTF-16 and UTF-32, and not certainly Windows-1252.
    """
    told = unicode_encoding(data)
    if told:
        return told
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=whole)
    except UnicodeDecodeError as error:
        if _is_western(data):
            return "cp1252"
        raise _foreign_byte(data, error, "utf-8") from None
    return "utf-8"


def _foreign_byte(
    data: bytes, error: UnicodeDecodeError, encoding: str, line: int = 1
) -> Exception:
    line += lines_in(data[: error.start])
    what = f"line {line} has the byte 0x{error.object[error.start]:02X}"
    if encoding != "utf-8":
        return EncodingError(f"{what}, which is not {encoding.upper()}; save the file as UTF-8")
    return EncodingError(
        f"{what}, which is not UTF-8, and it is not certain which other encoding it is of; "
        "save the file as UTF-8"
    )


def unicode_encoding(data: bytes) -> str | None:
    """Tell an encoding by a byte order mark, UTF-16 and UTF-32 also by NUL bytes, else None.

    Text without a mark has none of these in other encodings.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    sample = data[:_SAMPLE_BYTES]
    if b"\0" not in sample:
        return None
    sample = sample[: len(sample) // 4 * 4]
    shares = [sample[place::4].count(0) / max(len(sample) // 4, 1) for place in range(4)]
    return _WIDE.get(tuple(share >= _NUL_SHARE for share in shares))


# --- Windows-1252 ------------------------------------------------------------------------------

_LETTER = rb"\xc0-\xd6\xd8-\xf6\xf8-\xff"
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
# Letters beside ASCII letters, at most two in a row; the oe of coeur; or a word of one letter.
_LETTERS = (
    rb"(?=[%b\x8c\x9c]*[A-Za-z])(?:[A-Za-z]|[%b]{1,2}(?![%b])|\x9cu|\x8cu)+|[\xe0\xc0\xe9\xc9\xf3]"
    % ((_LETTER,) * 3)
)
# Currencies, quotes, dashes, signs of degrees and of squares ... by the side that a letter may
# stand on: those of other code pages have their letters in the same places.
_BEFORE_WORD = rb"\x91\x93\xab\xbf\xa1\xb0\xb5\xa0\x96\x97\x85\x95\xa9\x84\x82"
_AFTER_WORD = rb"\x92\x94\xbb\xb0\xb2\xb3\xba\xaa\xa0\x96\x97\x85\x99\xae"
_BETWEEN_WORDS = rb"\x92\xa0\x96\x97\xb7\xad\x85"
_ALONE = (
    _BEFORE_WORD + _AFTER_WORD + rb"\x80\xa3\xa5\xa7\xb1\xb7\xbc-\xbe\xd7\xf7\x86\x87\x89\xa2\xb9"
)
_WESTERN_WORD = rb"\xa0?[%b]\xa0?|[%b]*(?:%b)(?:[%b](?:%b))*[%b]*" % (
    _ALONE,
    _BEFORE_WORD,
    _LETTERS,
    _BETWEEN_WORDS,
    _LETTERS,
    _AFTER_WORD,
)
# Letters that Central Europe, the Baltic and Turkey write by the same bytes, and the alphabets
# that have them: then all of a text's letters have to be of one of these. The o with a tilde is
# Portuguese before an e, and Hungarian anywhere.
_DOUBTFUL = frozenset("ðþýìòõûøÿ")
_ALPHABETS = tuple(
    map(
        frozenset,
        (
            "àèéìòù",  # Italian
            "àâæçèéêëîïôùûüœ",  # French
            "àáâãçéêíóôõú",  # Portuguese
            "åæøéèêóòôäöü",  # Danish, Norwegian
        ),
    )
)
_NOT_PORTUGUESE = re.compile("õ(?!e)")


def _is_western(data: bytes) -> bool:
    words = set(_WORD.findall(data))
    if not all(re.fullmatch(_WESTERN_WORD, word) for word in words):
        return False
    text = b" ".join(words).decode("cp1252").lower()
    letters = {letter for letter in text if letter.isalpha() and letter not in "ªºµß"}
    letters -= frozenset(ascii_lowercase)
    if not letters & _DOUBTFUL:
        return True
    return not _NOT_PORTUGUESE.search(text) and any(letters <= one for one in _ALPHABETS)


# --- Streams -----------------------------------------------------------------------------------


class Readable(Protocol):
    """A binary file, as far as it is read from its first byte to its last."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, and none at the end."""


def lines_in(text: bytes) -> int:
    r"""Return how many lines end in a text in UTF-8, by `\n`, `\r\n` or `\r`."""
    ends = text.count(b"\n")
    if b"\r" in text:
        ends += text.count(b"\r") - text.count(b"\r\n")
    return ends


class Utf8Stream(io.RawIOBase):
    """Text of any encoding as a stream of UTF-8, in blocks, without a byte order mark.

    The last blocks are kept, so that what is wrong with them can be found. Whether a text is UTF-8
    or Windows-1252 is told by the first block that has more than ASCII.

    Raises:
        EncodingError: While it is read: the encoding is not certain, or there is a NUL byte.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._encoding: str | None = None
        self._decoder: codecs.IncrementalDecoder | None = None
        self._ended = False
        self.lines = 0
        self.recent: deque[tuple[int, bytes]] = deque(maxlen=RECENT_BLOCKS)
        """The last blocks, each with the number of lines that end before it."""
        self._block = memoryview(b"")
        self._position = 0
        self._refill()

    def head(self, size: int, lines: int) -> tuple[bytes, bool]:
        """Return the first `size` bytes, or more for `lines` lines; and whether that is all."""
        block = bytes(self._block)
        if len(block) <= size:
            return block, self._ended
        end = 0
        for _ in range(lines):
            end = block.find(b"\n", end) + 1
            if not end:
                end = len(block)
                break
        end = max(size, end)
        return block[:end], self._ended and end >= len(block)

    def skip(self, size: int) -> None:
        """Leave out so many bytes of the first block."""
        self._block = self._block[size:]
        self._position += size

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        if not self._block and not self._ended:
            self._refill()
        return not self._block

    def readable(self) -> bool:
        """It is read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes, of one block.

        What is read ends where it would if all had been read in pieces of this size.
        """
        if not self._block and not self._ended:
            self._refill()
        end = len(self._block) if size < 0 else size - self._position % max(size, 1)
        part = bytes(self._block[:end])
        self._block = self._block[len(part) :]
        self._position += len(part)
        return part

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer as far as one block goes."""
        view = memoryview(buffer)
        part = self.read(len(view))
        view[: len(part)] = part
        return len(part)

    def _refill(self) -> None:
        raw = self._fill()
        text = self._utf8(raw)
        nul = text.find(b"\0")
        if nul >= 0:
            line = self.lines + lines_in(text[:nul]) + 1
            raise EncodingError(f"line {line} has a NUL byte, which no text has")
        self.recent.append((self.lines, text))
        self.lines += lines_in(text)
        self._block = memoryview(text)

    def _fill(self) -> bytes:
        parts, missing = [], BLOCK_BYTES
        while missing:
            part = self._file.read(missing)
            if not part:
                self._ended = True
                break
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _utf8(self, raw: bytes) -> bytes:
        """Return a block in UTF-8, which may end within a character."""
        if self._encoding in {None, "ascii"}:
            if raw.isascii() and b"\0" not in raw:
                self._encoding = "ascii"
                return raw
            self._encoding = encoding_of(raw, whole=self._ended)
            self._decoder = codecs.getincrementaldecoder(self._encoding)()
        assert self._decoder is not None and self._encoding is not None  # noqa: S101, PT018
        try:
            text = self._decoder.decode(raw, final=self._ended)
        except UnicodeDecodeError as error:
            raise _foreign_byte(raw, error, self._encoding, self.lines + 1) from None
        if self._encoding == "utf-8":
            return raw.removeprefix(codecs.BOM_UTF8) if not self.recent else raw
        return (text.removeprefix("\ufeff") if not self.recent else text).encode()
