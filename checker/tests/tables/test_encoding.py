"""Text of another encoding is read where that is certain, and refused in words where it is not."""

from __future__ import annotations

import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.tables.encoding import (
    BLOCK_BYTES,
    EncodingError,
    Utf8Stream,
    decode,
    encoding_of,
    lines_in,
)

UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"]


@pytest.mark.parametrize("encoding", [*UNICODE, "utf-32-be", "cp1252"])
@pytest.mark.parametrize("text", ["name;ort\nKöln;1,5\n", "plain,text\n1,2\n", "à la carte\n"])
def test_told_by_its_mark_or_its_content(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text
    assert Utf8Stream(io.BytesIO(text.encode(encoding))).read() == text.encode()


def test_wide_text_of_few_ascii_characters() -> None:
    text = "名,前\n東京,大阪\n京都,神戸\n"
    assert decode(text.encode("utf-16-le")) == text
    assert decode(text.encode("utf-16-be")) == text


@pytest.mark.parametrize(
    "text",
    [
        "Zürich, Genève",
        "São Paulo, ações",
        "Málaga, Besançon, Malmö, Århus",
        "l\u2019été “ça” \u2013 voilà…",
        "20°C; 5 €; m²; N° 5; 10 µm; ½; «oui»",
        "cœur, œuvre",
        "perché, città, però",
        "Ærø København",
        "¿Qué? Señor Núñez",
        "5 €",
        "AT&T™, © 2026",
    ],
)
def test_windows_1252_of_western_languages(text: str) -> None:
    assert encoding_of(text.encode("cp1252")) == "cp1252"
    assert decode(text.encode("cp1252")) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Москва"),
        ("cp1251", "Ю;Ж"),
        ("koi8-r", "Москва"),
        ("cp1250", "Łódź"),
        ("cp1250", "Jičín Plzeň"),
        ("cp1250", "Győr"),
        ("cp1250", "Śląsk"),
        ("cp1250", "Škoda"),
        ("cp1253", "Αθήνα"),
        ("cp1254", "İstanbul, Şişli"),
        ("cp1257", "Žemaitė"),
        ("shift_jis", "東京"),
        ("shift_jis", "ソ"),
        ("gb18030", "北京"),
        ("gb18030", "男"),
        ("euc-kr", "서울"),
        ("big5", "台北"),
        ("mac_roman", "café, São"),
        ("cp850", "café, Zürich"),
    ],
)
def test_what_may_be_of_another_encoding_is_refused_with_its_line(encoding: str, text: str) -> None:
    data = f"name\nx\n{text}\n".encode(encoding)
    with pytest.raises(EncodingError, match=r"line 3 .* save the file as UTF-8"):
        decode(data)
    with pytest.raises(EncodingError, match="line 3 "):
        Utf8Stream(io.BytesIO(data))


@given(st.binary())
def test_bytes_are_decoded_or_refused(data: bytes) -> None:
    with suppress(EncodingError):
        assert isinstance(decode(data), str)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_utf_8_is_utf_8(text: str) -> None:
    assert decode(text.encode()) == text.removeprefix("\ufeff")


def streamed(data: bytes) -> bytes:
    stream = Utf8Stream(io.BytesIO(data))
    return b"".join(iter(lambda: stream.read(1 << 20), b""))


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_text_is_ascii_until_it_is_not(encoding: str) -> None:
    start = b"x" * (BLOCK_BYTES - 1) + b"\n"
    assert streamed(start + "é, Köln\n".encode(encoding)) == start + "é, Köln\n".encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_character_may_lie_across_two_blocks(encoding: str) -> None:
    text = "x" * (BLOCK_BYTES - 1) + "é\n"
    assert streamed(text.encode(encoding)) == text.encode()


def test_a_foreign_byte_behind_the_first_block_is_told_with_its_line() -> None:
    lines = BLOCK_BYTES // 6 + 1
    with pytest.raises(EncodingError, match=f"line {lines + 1} has the byte 0xE9"):
        streamed("café\n".encode() * lines + b"caf\xe9\n")


def test_nul_bytes_are_told_with_their_line() -> None:
    with pytest.raises(EncodingError, match="line 2 has a NUL byte"):
        Utf8Stream(io.BytesIO(b"a,b\n1," + b"x" * 50 + b"\0\n"))


@pytest.mark.parametrize(("text", "lines"), [(b"a\nb\n", 2), (b"a\r\nb\r\n", 2), (b"a\rb\n", 2)])
def test_lines_end_in_three_ways(text: bytes, lines: int) -> None:
    assert lines_in(text) == lines
