"""Every type of Arrow in every format: what docs/formats.md says is what a comparison does."""

from __future__ import annotations

import formats
import pytest

from drift_checker import Verdict, compare
from drift_checker.tables import from_frame

TESTED = {"numeric", "categorical", "vector"}
"""Kinds in which a shift is drift; times move on, and what is not compared cannot drift."""
QUICK = ("Parquet", "Arrow table", "CSV, TSV")
"""Formats that are tried in seconds."""
NEITHER_NUMBER_NOR_SHIFTED = {"uuid", "null", "string, of sentences"}


@pytest.fixture(scope="module")
def page() -> str:
    return formats.PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", formats.TYPES)
@pytest.mark.parametrize(
    "few", [QUICK, pytest.param(tuple(formats.FORMATS), marks=pytest.mark.long)], ids=["few", "all"]
)
def test_a_type_in_every_format(name: str, few: tuple[str, ...], page: str) -> None:
    found = formats.cells(name, few)
    for format_, outcomes in found.items():
        assert len({one.kind for one in outcomes}) == 1, f"ways of {format_} differ: {outcomes}"
        for one in outcomes - {formats.Cell("-"), formats.Cell("refused")}:
            assert one.same is Verdict.OK, format_
            if one.kind in TESTED and name not in NEITHER_NUMBER_NOR_SHIFTED:
                assert one.shifted is Verdict.DRIFT, format_
    row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
    said = dict(zip(formats.FORMATS, formats.words_of(row)[1:], strict=True))
    assert {format_: said[format_] for format_ in few} == {
        format_: min(one.words for one in outcomes) for format_, outcomes in found.items()
    }, "docs/formats.md is not up to date: python checker/tests/formats.py"


@pytest.mark.parametrize("name", formats.NUMBERS)
def test_numbers_as_text(name: str, page: str) -> None:
    found = formats.text_cells(formats.NUMBERS[name])
    for format_, one in found.items():
        assert one.same is Verdict.OK, format_
        assert one.kind != "numeric" or one.shifted is Verdict.DRIFT, format_
    assert formats.text_line(name, found) in page, "python checker/tests/formats.py"


@pytest.mark.parametrize("name", formats.TIMES)
def test_times_as_text(name: str, page: str) -> None:
    found = formats.text_cells(formats.TIMES[name])
    assert {one.same for one in found.values()} == {Verdict.OK}
    assert formats.text_line(name, found) in page, "python checker/tests/formats.py"


def test_the_page_has_no_other_lines(page: str) -> None:
    for name, lines in formats.sizes().items():
        assert len(formats.table_of(page, name).splitlines()) == lines


NOT_COMPARED = ["struct", "map", "list of string", "binary", "month_day_nano_interval", "null"]


@pytest.mark.parametrize("name", NOT_COMPARED)
def test_nothing_compared_is_invalid(name: str) -> None:
    alone = from_frame(formats.column_of(formats.TYPES[name], seed=1).select(["value"]))
    result = compare(alone, alone)
    assert result.verdict is Verdict.INVALID
    assert "nothing_compared" in [fault.fault for fault in result.faults]


def test_types_of_one_kind_are_one() -> None:
    """A column may arrive in another type of its kind: that is no drift, and no fault."""
    made = {
        name: from_frame(formats.column_of(make, seed=1)) for name, make in formats.TYPES.items()
    }
    wholes = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
    texts = ["string", "large_string", "string_view", "dictionary of string"]
    for alike in (
        [*wholes, "halffloat", "float", "double", "run_end_encoded of double"],
        [*texts, "run_end_encoded of string"],
        [f"duration[{unit}]" for unit in ("s", "ms", "us", "ns")],
        [f"decimal{bits}" for bits in ("32(9, 2)", "64(18, 2)", "128(20, 2)", "256(50, 2)")],
        ["bool", "bool8"],
        [
            "list of double",
            "large_list of float",
            "fixed_size_list of float",
            "list_view of double",
        ],
        ["date32", "date64"],
        [f"timestamp[{unit}]" for unit in ("s", "ms", "us", "ns", "us, tz=UTC")],
    ):
        for other in alike[1:]:
            for before, after in ((alike[0], other), (other, alike[0])):
                result = compare(made[before], made[after])
                assert result.verdict is Verdict.OK, (before, after, result.faults)
                assert not result.faults, (before, after)
