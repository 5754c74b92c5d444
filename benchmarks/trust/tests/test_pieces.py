"""Work that goes on where it was stopped."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from benchmarks.trust.pieces import kept_in, pieces


def tenfold(place: int) -> int:
    return place * 10


def _results(kept: Path | None, *, number: int, work: Callable[[int], int] = tenfold) -> list[int]:
    with ThreadPoolExecutor(1) as pool:
        return list(pieces(pool, work, number, kept))


def test_what_is_kept_is_not_done_again(tmp_path: Path) -> None:
    kept, done = tmp_path / "unfinished" / "work.jsonl", list[int]()

    def work(place: int) -> int:
        done.append(place)
        if place == 3 and done.count(3) == 1:
            raise OSError("stopped")
        return tenfold(place)

    with pytest.raises(OSError, match="stopped"):
        _results(kept, number=5, work=work)
    assert kept.read_text() == "0\n10\n20\n"
    assert _results(kept, number=5, work=work) == [0, 10, 20, 30, 40]
    assert [done.count(place) for place in range(3)] == [1, 1, 1]
    assert _results(kept, number=2, work=work) == [0, 10, 20, 30, 40]


def test_a_piece_that_was_not_written_to_its_end_is_done_again(tmp_path: Path) -> None:
    kept = tmp_path / "work.jsonl"
    kept.write_text("0\n1")
    assert _results(kept, number=3) == [0, 10, 20]
    assert kept.read_text() == "0\n10\n20\n"


def test_without_a_directory_nothing_is_kept(tmp_path: Path) -> None:
    assert kept_in(None, "work") is None
    assert kept_in(tmp_path, "a b, 95 %", 0.05) == tmp_path / "unfinished" / "a-b-95-0.05.jsonl"
    assert _results(None, number=2) == [0, 10]
