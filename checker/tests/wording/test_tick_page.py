"""The page of a tick says what the verdict says, whatever decided it, and so does Evidently."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib.util import find_spec

import numpy as np
import pyarrow as pa
import pytest

from drift_checker.comparison import (
    CompareSettings,
    InMemoryPair,
    judge,
    prepare,
    read_tables,
    result_of,
)
from drift_checker.comparison.pictures import MAX_COLUMNS, MAX_POINTS, draw
from drift_checker.comparison.profiled_pairs import profile_pair
from drift_checker.profiles import TickCounts
from drift_checker.result import Alarm, Result, Verdict
from drift_checker.tables import Batch
from drift_checker.tables.chunks import chunked_reference, chunked_table
from drift_checker.wording import (
    STYLE,
    Pictures,
    TickLinks,
    standalone_page,
    tick_fragment,
    with_explanation,
)

ROWS, BATCH_ROWS = 4000, 400
MAX_PICTURES = 200_000
"""Bytes of the pictures of a tick."""
MAX_COLUMNS_OF_EVIDENTLY = 6
VOID = {"meta", "path", "br"}


def columns(rows: int, seed: int) -> dict[str, np.ndarray]:
    """Twelve columns: two that depend on each other, one that depends on a category, others."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["a", "b"], rows)
    x = rng.normal(size=rows)
    return {
        "x": x,
        "y": 0.9 * x + 0.4 * rng.normal(size=rows),
        "by_kind": rng.normal(np.where(kind == "a", 1.5, -1.5), 1),
        "kind": kind,
        **{f"n{number}": rng.normal(size=rows) for number in range(8)},
    }


@dataclass(frozen=True)
class Case:
    """A way to drift, or not to."""

    verdict: Verdict
    drifted: list[str]
    change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]] = lambda batch: batch
    rows: int = BATCH_ROWS
    segments: tuple[str, ...] = ()
    ticks: int = 1
    parts: set[str] = field(default_factory=set)


def swapped(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return batch | {"by_kind": -batch["by_kind"]}


CASES = {
    "ok": Case(Verdict.OK, []),
    "small but significant": Case(
        Verdict.OK, [], lambda batch: batch | {"n1": batch["n1"] + 0.06}, rows=40_000
    ),
    "one column of twelve": Case(
        Verdict.DRIFT, ["n1"], lambda batch: batch | {"n1": batch["n1"] + 1}
    ),
    "joint only": Case(
        Verdict.DRIFT,
        [],
        lambda batch: batch | {"y": np.random.default_rng(9).permutation(batch["y"])},
        parts={"joint"},
    ),
    "segment only": Case(
        Verdict.DRIFT, ["by_kind"], swapped, segments=("kind",), parts={"segments"}
    ),
    "sequential only": Case(
        Verdict.DRIFT,
        ["n1"],
        lambda batch: batch | {"n1": batch["n1"] + 0.13},
        ticks=12,
        parts={"sequential"},
    ),
    "invalid": Case(
        Verdict.INVALID,
        ["n1"],
        lambda batch: (
            {name: batch[name] for name in batch if name != "n2"} | {"n1": batch["n1"] + 1}
        ),
    ),
}


@dataclass(frozen=True)
class Judged:
    """A result, its pictures, and the tables of both."""

    result: Result
    pictures: Pictures
    reference: Batch
    current: Batch


def judged(case: Case) -> Judged:
    settings = CompareSettings(segments=case.segments)
    reference = Batch(pa.table(columns(max(case.rows, ROWS), 1)), "r")
    batches = [
        Batch(pa.table(case.change(columns(case.rows, 2 + tick))), f"{tick}")
        for tick in range(case.ticks)
    ]
    prepared = [prepare(InMemoryPair(reference, batch), settings) for batch in batches]
    past: list[TickCounts] | None = [each.tick_counts for each in prepared[1:]] or None
    result = with_explanation(result_of(judge(prepared[0], past=past)))
    return Judged(result, draw(prepared[0].tables, result), reference, batches[0])


class Page(HTMLParser):
    """What is seen of a page: texts, badges of verdicts by the heading that they stand in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.stack: list[tuple[str, str]] = []
        self.badges: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.heading = ""
        self.feed(page)
        self.close()
        assert self.stack == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag in VOID:
            return
        self.stack.append((tag, attributes.get("class") or ""))
        if tag in {"h1", "h2", "h3", "summary", "section"}:
            self.heading = ""

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.stack.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if not self.stack or self.stack[-1][0] in {"style", "script"}:
            return
        if self.stack[-1][1].startswith("verdict verdict-"):
            assert self.stack[-1][1] == f"verdict verdict-{data}"
            self.badges.append((self.heading, data))
        elif self.stack[-1][0] in {"h2", "h3", "summary"}:
            self.heading += data.strip()
        self.text.append(data)


@pytest.mark.parametrize("name", CASES)
def test_no_word_contradicts_the_verdict(name: str) -> None:
    case = CASES[name]
    shown = judged(case)
    result = shown.result
    assert (result.verdict, result.drifted_columns) == (case.verdict, case.drifted)
    parts = {
        "joint": result.joint and result.joint.verdict is Verdict.DRIFT,
        "segments": any(each.verdict is Verdict.DRIFT for each in result.segments),
        "sequential": result.sequential and result.sequential.verdict is Verdict.DRIFT,
    }
    assert {part for part, drifted in parts.items() if drifted} == case.parts

    page = Page(standalone_page(result, shown.pictures))

    assert page.badges[0] == ("", result.verdict)
    badges = dict(page.badges[1:])
    for column in result.columns:
        if column.test is not None:
            assert badges.pop(column.name) == column.verdict
    if result.joint:
        assert badges.pop("Columns together") == result.joint.verdict
    if result.sequential and result.sequential.verdict:
        assert badges.pop("Over the last ticks") == result.sequential.verdict
    assert badges == {}
    text = " ".join(page.text)
    assert ("Columns that drifted" in text) == bool(case.drifted)
    if case.verdict is Verdict.OK:
        said = text.replace("no drift and no fault", "").replace("Columns that did not drift", "")
        assert not re.search(r"\bdrift(ed|s)? |\binvalid\b", said.replace("without drift", ""))


@pytest.mark.skipif(find_spec("evidently") is None, reason="the extra is not installed")
@pytest.mark.parametrize("name", CASES)
def test_evidently_says_the_same(name: str) -> None:
    from drift_checker.wording.evidently_details import evidently_details  # noqa: PLC0415

    shown = judged(CASES[name])
    found = evidently_details(shown.reference, shown.current, shown.result)
    assert found is not None
    details, summary = found

    content = json.loads(
        re.findall(r"var metric_\w+ = (\{.*\});?\s*$", details.script, re.MULTILINE)[0]
    )
    (group,) = content["widgets"]
    (tables,) = group["widgets"]
    widgets = tables["widgets"] or [tables]
    assert [each["type"] for each in widgets] == ["big_table"]
    (widget,) = widgets
    assert not re.search("(?i)drift|detect", content["name"] + group["title"] + widget["title"])
    rows = {row["column_name"]: row for row in widget["params"]["data"]}
    for column in shown.result.columns:
        if column.name in rows:
            said = "Detected" if column.verdict is Verdict.DRIFT else "Not Detected"
            assert rows[column.name]["data_drift"] == said
            assert rows[column.name]["drift_score"] == pytest.approx(column.p_value, abs=1e-6)
            titles = [part["title"] for part in rows[column.name]["details"]["parts"]]
            assert not any("DRIFT" in title for title in titles)
    tested = sum(each.test is not None for each in shown.result.columns)
    assert len(rows) == summary.columns == min(MAX_COLUMNS_OF_EVIDENTLY, tested)
    assert set(CASES[name].drifted) <= rows.keys()
    assert summary.dataset_drift == (shown.result.verdict is Verdict.DRIFT)


@pytest.fixture(scope="module")
def drifted() -> Judged:
    return judged(CASES["one column of twelve"])


def test_every_picture_has_a_title_a_text_and_its_numbers(drifted: Judged) -> None:
    page = Page(tick_fragment(drifted.result, drifted.pictures))
    pictures = [attributes for tag, attributes in page.elements if tag == "svg"]
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert len(ids) == sum("id" in attributes for _, attributes in page.elements)
    # Two of each numeric column, one of the categorical one, two of the pair.
    assert len(pictures) == 2 * 11 + 1 + 2
    for attributes in pictures:
        assert attributes["role"] == "img"
        assert set((attributes["aria-labelledby"] or "").split()) <= ids
    tags = [tag for tag, _ in page.elements]
    assert tags.count("figcaption") == tags.count("desc") == len(pictures)
    assert sum("Numbers of" in text for text in page.text) == len(pictures)


def test_the_page_runs_nothing_and_loads_nothing(drifted: Judged) -> None:
    page = Page(standalone_page(drifted.result, drifted.pictures))
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "img", "iframe"}
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert not {"href", "src"} & attributes.keys()
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_links_are_those_that_there_are(drifted: Judged) -> None:
    links = TickLinks(mlflow='http://localhost/?a="b"&c', result="result.json")
    page = Page(tick_fragment(drifted.result, drifted.pictures, links=links))
    addresses = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert addresses == ['http://localhost/?a="b"&c', "result.json"]


def test_an_open_alarm_is_said(drifted: Judged) -> None:
    since = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)
    alarm = Alarm(state="ongoing", id="m-1", since=since)
    result = drifted.result.model_copy(update={"alarm": alarm})
    assert "alarm ongoing, since 2026-11-23 09:05:00Z" in " ".join(
        Page(tick_fragment(result, drifted.pictures)).text
    )


def test_a_tick_without_pictures_has_its_words(drifted: Judged) -> None:
    page = Page(tick_fragment(drifted.result, None))
    assert page.badges[0] == ("", "drift")
    assert not any(tag == "svg" for tag, _ in page.elements)


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "{{ 7 * 7 }}", "a\u202eb"]
)
def test_names_and_categories_are_text(hostile: str) -> None:
    rng = np.random.default_rng(3)

    def named(rows: int) -> pa.Table:
        return pa.table(
            {
                hostile: rng.normal(size=rows),
                f"{hostile} 2": rng.normal(size=rows),
                "kind": rng.choice([hostile, "b"], rows),
            }
        )

    settings = CompareSettings(segments=("kind",))
    tables = read_tables(named(2000), named(200), settings)
    result = with_explanation(result_of(judge(prepare(tables, settings))))
    page = Page(standalone_page(result, draw(tables, result)))

    assert not any(tag in {"script", "img"} for tag, _ in page.elements)
    shown = hostile.replace("\u202e", "\\u202e")
    assert shown in " ".join(page.text)
    assert "49" not in {text.strip() for text in page.text}


def test_pictures_are_bounded() -> None:
    rng = np.random.default_rng(4)

    def wide(rows: int) -> pa.Table:
        numbers = {f"{'n' * 300}{i}": rng.normal(size=rows) * 1e9 for i in range(40)}
        names = np.array([f"{'c' * 300}{i}" for i in range(500)])
        return pa.table(numbers | {f"k{i}": rng.choice(names, rows) for i in range(10)})

    settings = CompareSettings()
    tables = read_tables(wide(3000), wide(3000), settings)
    result = with_explanation(result_of(judge(prepare(tables, settings))))
    pictures = draw(tables, result)

    assert len(pictures.model_dump_json()) <= MAX_PICTURES
    assert len(pictures.numeric) + len(pictures.categorical) == MAX_COLUMNS
    assert pictures.more == 50 - MAX_COLUMNS
    assert all(len(each.reference[0]) <= MAX_POINTS for each in pictures.pairs)
    assert Pictures.model_validate_json(pictures.model_dump_json()) == pictures


def test_a_profile_is_drawn_as_its_rows_are() -> None:
    settings = CompareSettings()
    reference, batch = (Batch(pa.table(columns(rows, rows)), f"{rows}") for rows in (400, 300))
    in_memory = InMemoryPair(reference, batch)
    profiled = profile_pair(chunked_reference(reference), chunked_table(batch), settings)
    result = result_of(judge(prepare(in_memory, settings)))

    of_rows, of_profiles = draw(in_memory, result), draw(profiled, result)

    assert of_rows.categorical == of_profiles.categorical
    for one, other in zip(of_rows.numeric, of_profiles.numeric, strict=True):
        assert (one.edges, one.reference, one.current) == (
            other.edges,
            other.reference,
            other.current,
        )
        spread = one.edges[-1] - one.edges[0]
        # Between two edges a profile knows nothing, and in the tails these are far apart.
        known = slice(4, -4)
        assert one.current_quantiles[known] == pytest.approx(
            other.current_quantiles[known], abs=0.02 * spread
        )


def test_counts_are_of_all_rows(drifted: Judged) -> None:
    for picture in [*drifted.pictures.numeric, *drifted.pictures.categorical]:
        assert sum(picture.reference) == ROWS
        assert sum(picture.current) == BATCH_ROWS
    moved = next(each for each in drifted.pictures.numeric if each.name == "n1")
    values = drifted.current.table["n1"].to_numpy()
    assert moved.current[-1] == np.count_nonzero(
        values > drifted.reference.table["n1"].to_numpy().max()
    )
    assert len(moved.edges) + 1 == len(moved.current)
