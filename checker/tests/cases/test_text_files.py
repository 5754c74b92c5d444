"""Files of text that are a little odd: another dialect, encoding, compression, or way of JSON."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 400


def table(seed: int, gap: str = ",", mean: float = 0) -> str:
    rng = np.random.default_rng(seed)
    lines = [f"{'ab'[rng.integers(2)]}{gap}{rng.normal(mean, 1):.3f}\n" for _ in range(ROWS)]
    return f"kind{gap}value\n" + "".join(lines)


CSV = ("table.csv", table(1).encode())


def assert_read_or_told(outcome: Any, words: str) -> None:
    """Either all rows are there and the verdict is right, or it says what the file is."""
    if outcome.result is not None and outcome.verdict != "invalid":
        assert (outcome.verdict, outcome.rows) == ("ok", ROWS)
    else:
        assert re.search(words, outcome.told, re.IGNORECASE)
        assert "broken" not in outcome.summary


NOTES = {
    "a backslash before quotes": ('"size 6\\" pipe\nblue, spare"', '"plain"'),
    "a backslash at the end": ('"C:\\\\"', '"D:\\\\"'),
    "a backslash before one quote": ('"say \\"yes\\", twice"', '"no"'),
    "doubled quotes": ('"size 6"" pipe\nblue, spare"', '"plain"'),
    "quotes within a field": ('6" pipe', "plain"),
    "a backslash before the delimiter": ("size 6\\, spare", "plain"),
}


@pytest.mark.parametrize("gap", [",", ";", "\t"])
@pytest.mark.parametrize("name", NOTES)
def test_quotes(compared: Any, name: str, gap: str) -> None:
    def notes(seed: int) -> tuple[str, bytes]:
        rng = np.random.default_rng(seed)
        lines = [f"{'ab'[rng.integers(2)]}{gap}{NOTES[name][row % 2]}\n" for row in range(ROWS)]
        return "table.csv", (f"kind{gap}note\n" + "".join(lines)).replace(
            "\\,", f"\\{gap}"
        ).encode()

    assert_read_or_told(compared(notes(1), notes(2)), "backslash|escape|quote")


FIRST = 1_234_567_890_123_456_789
BIG = {
    "csv": lambda one: f"{one},{one % 7}.5\n",
    "negative": lambda one: f"-{one},{one % 7}.5\n",
    "of 20 digits": lambda one: f"1{one},{one % 7}.5\n",
    "of 30 digits": lambda one: f"10000000000{one},{one % 7}.5\n",
    "quoted": lambda one: f'"{one}",{one % 7}.5\n',
    "json": lambda one: f'{{"order": {one}, "amount": {one % 7}.5}}\n',
    "json text": lambda one: f'{{"order": "{one}", "amount": {one % 7}.5}}\n',
    "json of 20 digits": lambda one: f'{{"order": 1{one}, "amount": {one % 7}.5}}\n',
}


@pytest.mark.parametrize("name", BIG)
@pytest.mark.parametrize("repeated", [0, 7])
def test_large_ids_are_told_apart(compared: Any, name: str, repeated: int) -> None:
    def file(first: int, times: int) -> tuple[str, bytes]:
        ids = list(range(first, first + ROWS))
        ids[:times] = ids[200 : 200 + times]
        lines = "".join(BIG[name](one) for one in ids)
        if "json" in name:
            return "table.jsonl", lines.encode()
        return "table.csv", ("order,amount\n" + lines).encode()

    outcome = compared(file(FIRST, 0), file(FIRST + 1000, repeated), "--id", "order")
    found = [one["detail"] for one in outcome.result["faults"] if one["fault"] == "duplicate_ids"]
    assert len(found) == (repeated > 0)
    assert not repeated or re.search(r"\b7\b", found[0])


BEFORE = {
    "a blank line": "\n",
    "two blank lines": "\n\n",
    "blanks": "  \n",
    "CR LF": "\r\n",
    "a byte order mark and a blank line": "\ufeff\n",
    "a byte order mark": "\ufeff",
    "sep=,": "sep=,\n",
    "comments": "# made by a tool\n# on a day\n",
    "a title": "Report of sales, 2026\n\n",
    "a title in quotes": '"Report of sales"\n',
}


@pytest.mark.parametrize("name", BEFORE)
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_what_stands_before_the_header(compared: Any, name: str, line: str) -> None:
    text = BEFORE[name] + table(2)
    odd = "table.csv", text.replace("\r\n", "\n").replace("\n", line).encode()
    assert_read_or_told(compared(CSV, odd), "line|header|comment|preamble|sep=")
    same = compared(odd, odd)
    assert same.result is None or same.verdict == "invalid" or same.rows == ROWS


def test_another_line_end(compared: Any) -> None:
    odd = "table.csv", table(2).replace("\n", "\r").encode()
    assert_read_or_told(compared(CSV, odd), "line")


JSON_LINES = "".join(
    json.dumps({"kind": line.split(",")[0], "value": float(line.split(",")[1])}) + "\n"
    for line in table(3).splitlines()[1:]
)
COMPRESSED: dict[str, tuple[str, bytes]] = {
    "gzip": ("table.csv.gz", gzip.compress(table(2).encode(), mtime=0)),
    "gzip by content": ("table.csv", gzip.compress(table(2).encode(), mtime=0)),
    "gzip without a name": ("table", gzip.compress(table(2).encode(), mtime=0)),
    "two gzip members": (
        "table.csv.gz",
        gzip.compress(table(2)[:999].encode()) + gzip.compress(table(2)[999:].encode()),
    ),
    "bz2": ("table.csv.bz2", bz2.compress(table(2).encode())),
    "zstd": ("table.csv.zst", pa.compress(table(2).encode(), codec="zstd", asbytes=True)),
    "zstd by content": ("table.csv", pa.compress(table(2).encode(), codec="zstd", asbytes=True)),
    "TSV": ("table.tsv.gz", gzip.compress(table(2, "\t").encode(), mtime=0)),
    "JSON lines": ("table.jsonl.gz", gzip.compress(JSON_LINES.encode(), mtime=0)),
    "JSON": (
        "table.json.gz",
        gzip.compress(f"[{','.join(JSON_LINES.splitlines())}]".encode(), mtime=0),
    ),
}


@pytest.mark.parametrize("name", COMPRESSED)
def test_compressed_files(compared: Any, name: str) -> None:
    assert_read_or_told(compared(CSV, COMPRESSED[name]), "gzip|bz2|zst|compressed")


@pytest.mark.parametrize("name", ["gzip", "bz2", "zstd"])
def test_compressed_files_that_are_cut_off(compared: Any, name: str) -> None:
    kind, content = COMPRESSED[name]
    outcome = compared(CSV, (kind, content[: len(content) // 2]))
    assert outcome.result is None or outcome.verdict == "invalid"
    assert re.search("gzip|bz2|zst|compressed|cut off|damaged", outcome.told, re.IGNORECASE)


ENCODINGS = {
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "latin-1": "latin-1",
    "cp1252": "cp1252",
    "utf-8-sig": "utf-8-sig",
    "utf-32": "utf-32",
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_other_encodings_are_read_or_named(compared: Any, name: str) -> None:
    text = table(2).replace("\na", "\nälter").replace("\nb", "\njünger")
    known = "table.csv", table(1).replace("\na", "\nälter").replace("\nb", "\njünger").encode()
    outcome = compared(known, ("table.csv", text.encode(ENCODINGS[name])))
    assert_read_or_told(outcome, "utf-?16|utf-?32|latin|encod")


SEPARATORS = ["\u2028", "\u2029", "\x85", "\x0c", "\x1c", "\x0b"]


@pytest.mark.parametrize("character", SEPARATORS, ids=ascii)
@pytest.mark.parametrize("line", ["\n", "\r\n"], ids=ascii)
def test_only_a_line_feed_ends_a_line_of_json(compared: Any, character: str, line: str) -> None:
    def file(seed: int) -> tuple[str, bytes]:
        rng = np.random.default_rng(seed)
        lines = []
        for row in range(ROWS):
            note = f"first{character}second" if row % 9 == 0 else "plain"
            record = {"note": note, "stars": int(rng.integers(1, 6))}
            lines.append(json.dumps(record, ensure_ascii=character < " ") + line)
        return "table.jsonl", "".join(lines).encode()

    outcome = compared(file(1), file(2))
    assert (outcome.verdict, outcome.rows) == ("ok", ROWS)


def test_blank_lines_of_json(compared: Any) -> None:
    odd = "table.jsonl", JSON_LINES.replace("\n", "\n \n").encode()
    outcome = compared(CSV, odd)
    assert (outcome.verdict, outcome.rows) == ("ok", ROWS)


SURROGATES = {
    "lines": '{"note": "%s", "value": 1.5}\n',
    "nested": '{"note": ["%s"], "value": 1.5}\n',
    "a name": '{"%s": "a", "value": 1.5}\n',
}


@pytest.mark.parametrize("name", SURROGATES)
def test_a_lone_surrogate_leaves_a_verdict(compared: Any, name: str) -> None:
    line = SURROGATES[name]
    text = line % "a" * 200 + line % "\\ud83d" * 3 + line % "b" * 200
    outcome = compared(("table.jsonl", text.encode()), ("table.jsonl", text.encode()))
    assert outcome.result is not None or outcome.code in {2, 3}


WRAPPED: dict[str, Callable[[str], str]] = {
    "array": lambda rows: f"[{rows}]",
    "data": lambda rows: f'{{"data": [{rows}]}}',
    "records, with more": lambda rows: f'{{"count": 400, "next": null, "results": [{rows}]}}',
}


@pytest.mark.parametrize("name", WRAPPED)
def test_records_within_json(compared: Any, name: str) -> None:
    text = WRAPPED[name](",".join(JSON_LINES.splitlines()))
    outcome = compared(CSV, ("table.json", text.encode()))
    assert_read_or_told(outcome, "JSON")


def test_columns_of_json(compared: Any) -> None:
    rows = [json.loads(line) for line in JSON_LINES.splitlines()]
    text = json.dumps({name: [row[name] for row in rows] for name in rows[0]})
    assert_read_or_told(compared(CSV, ("table.json", text.encode())), "JSON")


MIXED: dict[str, Callable[[int, Any], Any]] = {
    "text among numbers": lambda row, rng: str(int(rng.integers(1, 6))) if row % 4 == 0 else 3,
    "truth among numbers": lambda row, rng: True if row % 4 == 0 else int(rng.integers(1, 6)),
    "lists among text": lambda row, rng: ["a"] if row % 4 == 0 else "ab"[rng.integers(2)],
    "one text at the end": lambda row, rng: "x" if row == ROWS - 1 else int(rng.integers(1, 6)),
    "objects among numbers": lambda row, rng: {"a": 1} if row % 4 == 0 else int(rng.integers(1, 6)),
}


@pytest.mark.parametrize("lines", [True, False])
@pytest.mark.parametrize("name", MIXED)
def test_a_reference_of_several_types_is_refused_or_kept(
    compared: Any, name: str, *, lines: bool
) -> None:
    def file(seed: int) -> tuple[str, bytes]:
        rng = np.random.default_rng(seed)
        rows = [{"tariff": MIXED[name](row, rng), "value": rng.normal(0, 1)} for row in range(ROWS)]
        text = "".join(json.dumps(row) + "\n" for row in rows) if lines else json.dumps(rows)
        return "table.json", text.encode()

    outcome = compared(file(1), file(2))
    if outcome.result is None:
        assert outcome.code == 2
        assert "tariff" in outcome.output
    else:
        assert outcome.verdict == "ok"


PLACES = [1067, 2625, 4109, 6108, 7743, 8056, 9111, 10115, 20095, 50667, 60311, 80331]


def places(seed: int, form: str, write: str) -> tuple[str, bytes]:
    rng = np.random.default_rng(seed)
    values = [form.format(rng.choice(PLACES)) for _ in range(600)]
    amounts = [f"{rng.normal(40, 8):.2f}" for _ in values]
    pairs = list(zip(values, amounts, strict=True))
    if write == "json":
        text = form.startswith("{:0")
        rows = [{"postcode": one if text else int(one), "amount": float(two)} for one, two in pairs]
        return "table.json", json.dumps(rows).encode()
    gap = {"csv": ",", "tsv": "\t", "semicolon": ";"}[write]
    return "table.csv", (
        f"postcode{gap}amount\n" + "".join(f"{a}{gap}{b}\n" for a, b in pairs)
    ).encode()


@pytest.mark.parametrize("digits", [5, 8])
@pytest.mark.parametrize("write", ["csv", "tsv", "semicolon", "json"])
def test_lost_leading_zeros_are_told(compared: Any, write: str, digits: int) -> None:
    kept, lost = f"{{:0{digits}}}", "{}"
    assert compared(places(1, kept, write), places(2, kept, write)).verdict == "ok"
    outcome = compared(places(1, kept, write), places(2, lost, write))
    told = [one["column"] for one in outcome.result["faults"]]
    assert "postcode" in [*outcome.drifted, *told]


NUMBERS: dict[str, Callable[[float], str]] = {
    "percent": lambda x: f"{x:.2f}%",
    "percent after a space": lambda x: f"{x:.2f} %",
    "dollars": lambda x: f"${x:.2f}",
    "euros": lambda x: f"{x:.2f} €",
    "thousands": lambda x: f'"{1000 * x:,.2f}"',
    "thousands by spaces": lambda x: f"{1000 * x:,.2f}".replace(",", " "),
    "thousands by apostrophes": lambda x: f"{1000 * x:,.2f}".replace(",", "'"),
    "a space before": lambda x: f" {x:.2f}",
    "a space behind": lambda x: f"{x:.2f} ",
    "padded": lambda x: f"{x:12.2f}",
    "quoted": lambda x: f'"{x:.2f}"',
    "a plus": lambda x: f"{x:+.2f}",
    "an exponent": lambda x: f"{x:.4E}",
    "parentheses": lambda x: f"({100 - x:.2f})" if x < 100 else f"{x - 100:.2f}",
    "a minus sign": lambda x: f"{x - 100:.2f}".replace("-", "\u2212"),
}
MISSING = [
    "",
    "?",
    "NA",
    "N/A",
    "-",
    "null",
    "NULL",
    "None",
    "nan",
    "NaN",
    "#N/A",
    ".",
    "n/a",
    "nil",
]


def values(seed: int, mean: float, form: Callable[[float], str], missing: str | None = None) -> Any:
    rng = np.random.default_rng(seed)
    lines = [
        missing if missing is not None and row % 20 == 7 else form(x)
        for row, x in enumerate(rng.normal(mean, 10, 600).tolist())
    ]
    shops = rng.choice(["north", "south"], 600)
    rows = "".join(f"{one},{two}\n" for one, two in zip(lines, shops, strict=True))
    return "table.csv", ("rate,shop\n" + rows).encode()


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_in_other_forms(compared: Any, name: str) -> None:
    reference = values(1, 100, NUMBERS[name])
    seen = [compared(reference, values(2 + mean, mean, NUMBERS[name])) for mean in (100, 105, 95)]
    assert {one.kind("rate") for one in seen} == {"numeric"}
    assert [one.verdict for one in seen] == ["ok", "drift", "drift"]


@pytest.mark.parametrize("missing", MISSING)
def test_missing_numbers(compared: Any, missing: str) -> None:
    def form(x: float) -> str:
        return f"{x:.2f}"

    reference = values(1, 100, form, missing)
    seen = [compared(reference, values(2 + m, m, form, missing)) for m in (100, 105)]
    assert {one.kind("rate") for one in seen} == {"numeric"}
    assert [one.verdict for one in seen] == ["ok", "drift"]


GAPS = {"semicolon": ";", "tab": "\t", "bar": "|"}


@pytest.mark.parametrize("comma", [True, False])
@pytest.mark.parametrize("name", GAPS)
@pytest.mark.parametrize("quoted", [True, False])
def test_delimiters_of_other_countries(
    compared: Any, name: str, *, comma: bool, quoted: bool
) -> None:
    def file(seed: int, mean: float) -> tuple[str, bytes]:
        text = table(seed, GAPS[name], mean)
        text = text.replace(".", ",") if comma else text
        if quoted:
            text = re.sub("^[ab]", r'"\g<0>"', text, flags=re.MULTILINE)
        return "table.csv", text.encode()

    outcomes = [
        compared(file(1, 0), file(seed, mean)) for seed, mean in ((2, 0), (3, 0.5), (4, -1))
    ]
    assert [one.kind("value") for one in outcomes] == ["numeric"] * 3
    assert [one.kind("kind") for one in outcomes] == ["categorical"] * 3
    assert [one.verdict for one in outcomes] == ["ok", "drift", "drift"]


def counted(first: int, seed: int, name: str) -> tuple[str, bytes]:
    rng = np.random.default_rng(seed)
    rows = [(row, f"{rng.normal(40, 8):.2f}") for row in range(first, first + 600)]
    if name == "json":
        records = [{"row": one, "amount": float(two)} for one, two in rows]
        return "table.json", json.dumps(records).encode()
    if name == "parquet":
        sink = io.BytesIO()
        columns = {
            "amount": [float(two) for _, two in rows],
            "__index_level_0__": [one for one, _ in rows],
        }
        pq.write_table(pa.table(columns), sink)
        return "table.parquet", sink.getvalue()
    head, step = {
        "nameless": (",amount", 1),
        "R": ('"","amount"', 1),
        "Unnamed": ("Unnamed: 0,amount", 1),
        "row": ("row,amount", 1),
        "order_id": ("order_id,amount", 1),
        "by tens": ("number,amount", 10),
    }[name]
    lines = [f"{step * one},{two}\n" for one, two in rows]
    return "table.csv", (head + "\n" + "".join(lines)).encode()


@pytest.mark.parametrize(
    "name",
    ["nameless", "R", "Unnamed", "row", "order_id", "by tens", "json", "parquet"],
)
def test_what_counts_rows_does_not_drift(compared: Any, name: str) -> None:
    assert compared(counted(0, 1, name), counted(600, 2, name)).verdict == "ok"


DATES = {
    "31/12/2025": "%d/%m/%Y",
    "12/31/2025": "%m/%d/%Y",
    "31.12.2025": "%d.%m.%Y",
    "31-12-2025": "%d-%m-%Y",
    "20251231": "%Y%m%d",
    "2025/12/31": "%Y/%m/%d",
    "Dec 31, 2025": '"%b %d, %Y"',
    "31 Dec 2025": "%d %b %Y",
    "31-Dec-2025": "%d-%b-%Y",
    "31/12/2025 08:30": "%d/%m/%Y %H:%M",
    "12/31/2025 08:30:00 PM": "%m/%d/%Y %I:%M:%S %p",
    "2025-12-31": "%Y-%m-%d",
    "2025-12-31T08:30:00Z": "%Y-%m-%dT%H:%M:%SZ",
    "Wed, 31 Dec 2025 08:30:00 GMT": '"%a, %d %b %Y %H:%M:%S GMT"',
    "epoch": "%s",
}


def dated(month: int, seed: int, form: str) -> tuple[str, bytes]:
    rng = np.random.default_rng(seed)
    lines = []
    for row in range(600):
        day = dt.datetime(2025, month, 1 + row // 20, 8, row % 60, tzinfo=dt.UTC)
        text = str(int(day.timestamp())) if form == "%s" else day.strftime(form)
        lines.append(f"{text},{rng.normal(40, 8):.2f}\n")
    return "table.csv", ("sold,amount\n" + "".join(lines)).encode()


@pytest.mark.parametrize("name", DATES)
def test_dates_in_other_forms_are_times(compared: Any, name: str) -> None:
    outcome = compared(dated(10, 1, DATES[name]), dated(11, 2, DATES[name]))
    assert outcome.verdict == "ok"
    assert outcome.kind("sold") == "timestamp"


@pytest.mark.parametrize("name", DATES)
def test_dates_in_other_forms_may_be_the_timestamp(compared: Any, name: str) -> None:
    more = "--timestamp", "sold"
    outcome = compared(dated(10, 1, DATES[name]), dated(11, 2, DATES[name]), *more)
    assert outcome.verdict == "ok"


HEXADECIMAL = [f"0x{one:x}" for one in (31, 255, 4096, 10)]


@pytest.mark.parametrize(
    "codes", [HEXADECIMAL, ["1e5", "2e5", "A12"], ["1_000", "2_000"], ["inf", "x", "nan"]], ids=str
)
def test_codes_that_look_like_numbers(compared: Any, codes: list[str]) -> None:
    def file(seed: int) -> tuple[str, bytes]:
        rng = np.random.default_rng(seed)
        lines = [f"{rng.choice(codes)},{rng.normal(0, 1):.3f}\n" for _ in range(ROWS)]
        return "table.csv", ("code,value\n" + "".join(lines)).encode()

    assert compared(file(1), file(1)).verdict == "ok"
    assert compared(file(1), file(2)).verdict == "ok"


def test_a_space_before_numbers_against_parquet(compared: Any) -> None:
    rng = np.random.default_rng(2)
    sink = io.BytesIO()
    pq.write_table(pa.table({"value": rng.normal(size=ROWS)}), sink)
    lines = "".join(f" {x:.3f}\n" for x in rng.normal(size=ROWS))
    csv = "table.csv", f"value\n{lines}".encode()
    assert compared(("table.parquet", sink.getvalue()), csv).verdict == "ok"
