"""The tables of docs/trust.md."""

from pathlib import Path

import pytest
from benchmarks.trust import page

ROOT = Path(__file__).parents[3]
TABLES = page.read(ROOT / "benchmarks/trust/results")


def test_the_page_says_what_was_counted() -> None:
    written = (ROOT / "docs/trust.md").read_text(encoding="utf-8")
    assert page.written(written, TABLES) == written, "make trust-page"


def test_a_table_is_replaced_and_all_else_stays() -> None:
    heads = [f"{begin} ... |\n| --- |\n| old |\n\nText.\n" for begin in page.TABLES]
    said = {
        "what": "ticks",
        "columns": "3",
        "dependence": "independent",
        "one_of": "100",
        "trials": "20000",
        "times": "0.96",
        "low": "0.9",
        "high": "1.02",
    }
    written = page.written("Begin.\n" + "".join(heads), TABLES | {"certainty": [said]})
    assert "| old |" not in written
    assert written.count("\n\nText.\n") == len(heads)
    assert written.startswith("Begin.\n")
    assert "| 3 | independent | 20,000 | 0.96 (0.90 to 1.02) |" in written


def test_a_page_without_a_table_is_refused() -> None:
    with pytest.raises(KeyError, match="feed"):
        page.written("Text.", TABLES)
