"""Values that are stored in another type than the most common one."""

from __future__ import annotations

import datetime as dt
import io
import re
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

ROWS = 300
DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=row // 10) for row in range(ROWS)]
MOMENTS = pa.array(DAYS, pa.date32()).cast(pa.timestamp("us"))


def parquet(columns: dict[str, Any]) -> tuple[str, bytes]:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return "table.parquet", sink.getvalue()


def feather(columns: dict[str, Any]) -> tuple[str, bytes]:
    sink = io.BytesIO()
    pa.feather.write_feather(pa.table(columns), sink)
    return "table.feather", sink.getvalue()


def orc(columns: dict[str, Any]) -> tuple[str, bytes]:
    sink = io.BytesIO()
    pa.orc.write_table(pa.table(columns), sink)
    return "table.orc", sink.getvalue()


def numbers(seed: int, mean: float = 0, rows: int = ROWS) -> Any:
    return np.random.default_rng(seed).normal(mean, 1, rows)


@pytest.mark.parametrize("write", [parquet, feather, orc])
@pytest.mark.parametrize(
    "type_", [pa.date32(), pa.timestamp("ns"), pa.timestamp("us", "UTC")], ids=str
)
def test_times_of_any_type_are_the_timestamp(compared: Any, write: Any, type_: Any) -> None:
    days = MOMENTS.cast(type_)
    reference = write({"day": days, "sold": numbers(1)})
    for order, faults in ((1, []), (-1, ["timestamps_out_of_order"])):
        batch = write({"day": days.take(pa.array(range(ROWS)[::order])), "sold": numbers(2)})
        outcome = compared(reference, batch, "--timestamp", "day")
        assert (outcome.verdict, outcome.faults) == ("ok", faults)


@pytest.mark.parametrize(
    "type_",
    [
        *(pa.date64(), pa.timestamp("s"), pa.timestamp("ms", "Europe/Berlin")),
        pa.timestamp("ns", "America/New_York"),
    ],
    ids=str,
)
def test_times_of_rarer_types_are_the_timestamp(compared: Any, type_: Any) -> None:
    day = MOMENTS.cast(pa.date32()).cast(type_) if type_ == pa.date64() else MOMENTS.cast(type_)
    reference = parquet({"day": day, "sold": numbers(1)})
    for backwards, faults in ((False, []), (True, ["timestamps_out_of_order"])):
        rows = pa.array(range(ROWS)[:: -1 if backwards else 1])
        outcome = compared(
            reference, parquet({"day": day.take(rows), "sold": numbers(2)}), "--timestamp", "day"
        )
        assert (outcome.verdict, outcome.faults) == ("ok", faults)


def test_a_dictionary_of_dates_is_the_timestamp(compared: Any) -> None:
    days = MOMENTS.cast(pa.date32()).dictionary_encode()
    reference, batch = (feather({"day": days, "sold": numbers(seed)}) for seed in (1, 2))
    assert compared(reference, batch, "--timestamp", "day").verdict == "ok"


TEXT_TYPES = [
    *(pa.string_view(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())),
    *(pa.dictionary(pa.uint16(), pa.large_string()), pa.dictionary(pa.int32(), pa.string_view())),
    pa.run_end_encoded(pa.int32(), pa.string()),
]


def shares(seed: int, p: list[float]) -> Any:
    return pa.array(np.random.default_rng(seed).choice(["card", "cash", "app"], 500, p=p))


def as_type(texts: Any, type_: pa.DataType) -> Any:
    if pa.types.is_run_end_encoded(type_):
        return pc.run_end_encode(texts)
    if pa.types.is_dictionary(type_):
        coded = texts.dictionary_encode()
        return pa.DictionaryArray.from_arrays(
            coded.indices.cast(type_.index_type), coded.dictionary.cast(type_.value_type)
        )
    return texts.cast(type_)


@pytest.mark.parametrize("type_", TEXT_TYPES, ids=str)
def test_text_of_any_type_is_categories(compared: Any, type_: pa.DataType) -> None:
    seen = []
    for p in ([0.5, 0.3, 0.2], [0.2, 0.3, 0.5]):
        before = feather({"paid": as_type(shares(1, [0.5, 0.3, 0.2]), type_)})
        seen.append(compared(before, feather({"paid": as_type(shares(2, p), type_)})))
    assert [one.kind("paid") for one in seen] == ["categorical"] * 2
    assert [one.drifted for one in seen] == [[], ["paid"]]


@pytest.mark.parametrize("type_", TEXT_TYPES, ids=str)
def test_another_type_of_text_is_no_drift(compared: Any, type_: pa.DataType) -> None:
    plain = feather({"paid": shares(1, [0.5, 0.3, 0.2])})
    other = feather({"paid": as_type(shares(1, [0.5, 0.3, 0.2]), type_)})
    for before, after in ((plain, other), (other, plain)):
        outcome = compared(before, after)
        assert (outcome.verdict, outcome.faults) == ("ok", [])


def ids(repeated: int) -> list[int]:
    return [*range(100, 100 + repeated), *range(repeated, ROWS)]


IDS = {
    "uuid": lambda each: pa.ExtensionArray.from_storage(
        pa.uuid(), pa.array([UUID(int=one).bytes for one in each], pa.binary(16))
    ),
    "binary": lambda each: pa.array([UUID(int=one).bytes for one in each]),
    "fixed": lambda each: pa.array([UUID(int=one).bytes for one in each], pa.binary(16)),
    "view": lambda each: pa.array([str(UUID(int=one)) for one in each]).cast(pa.string_view()),
    "uint64": lambda each: pa.array([2**64 - 1 - one for one in each], pa.uint64()),
    "decimal": lambda each: pa.array([Decimal(10**17 + one) for one in each], pa.decimal128(38)),
    "ints": lambda each: pa.array([2**53 + one for one in each], pa.int64()),
    "dictionary": lambda each: pa.array([str(one) for one in each]).dictionary_encode(),
    "timestamp": lambda each: pa.array(each).cast(pa.timestamp("us")),
}


@pytest.mark.parametrize("name", IDS)
def test_ids_of_any_type_are_told_apart(compared: Any, name: str) -> None:
    reference = parquet({"ref": IDS[name](ids(0)), "amount": numbers(1)})
    for repeated, faults in ((0, []), (3, ["duplicate_ids"])):
        batch = parquet({"ref": IDS[name](ids(repeated)), "amount": numbers(2)})
        outcome = compared(reference, batch, "--id", "ref")
        assert outcome.faults == faults
        assert not repeated or re.search(r"\b3\b", outcome.told)


def test_ids_that_are_all_missing_end_without_a_traceback(compared: Any) -> None:
    table = parquet({"ref": pa.nulls(ROWS), "amount": numbers(1)})
    assert compared(table, table, "--id", "ref").result is not None


def as_decimals(values: Any) -> Any:
    return pa.array([Decimal(f"{x:.1f}") for x in values], pa.decimal128(10, 1))


TENTHS = np.round(np.abs(numbers(5, 3, 2000)), 1)
PAIRS = {
    "floats": (pa.array(TENTHS, pa.float32()), pa.array(TENTHS, pa.float64())),
    "half floats": (
        pa.array(TENTHS.astype("float16"), pa.float16()),
        pa.array(TENTHS, pa.float64()),
    ),
    "decimals": (as_decimals(TENTHS), pa.array(TENTHS, pa.float64())),
    "decimals and single floats": (as_decimals(TENTHS), pa.array(TENTHS, pa.float32())),
    "ints": (
        pa.array((TENTHS * 10).astype("int8"), pa.int8()),
        pa.array((TENTHS * 10).astype("int64"), pa.uint64()),
    ),
    "ints and floats": (
        pa.array((TENTHS * 10).astype("int64")),
        pa.array(np.trunc(TENTHS * 10), pa.float64()),
    ),
    "durations": (
        pa.array((TENTHS * 10).astype("int64")).cast(pa.duration("s")),
        pa.array((TENTHS * 10).astype("int64")).cast(pa.duration("s")).cast(pa.duration("ns")),
    ),
    "runs": (
        pc.run_end_encode(pa.array(TENTHS, pa.float64())),
        pa.array(TENTHS, pa.float64()),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_another_representation_of_numbers_is_no_drift(compared: Any, name: str) -> None:
    for before, after in (PAIRS[name], PAIRS[name][::-1]):
        outcome = compared(feather({"score": before}), feather({"score": after}))
        assert (outcome.verdict, outcome.faults) == ("ok", [])


@pytest.mark.parametrize("name", PAIRS)
def test_a_shift_is_found_in_any_representation(compared: Any, name: str) -> None:
    before, after = PAIRS[name]
    if pa.types.is_run_end_encoded(before.type):
        before = pc.run_end_decode(before)
    largest = int(np.argmax(TENTHS))
    moved = pc.if_else(pa.array(np.arange(len(after)) % 4 == 0), after[largest], after)
    assert compared(feather({"score": before}), feather({"score": moved})).drifted == ["score"]


def vectors(mean: float, type_: pa.DataType) -> Any:
    values = np.random.default_rng(3).normal(mean, 1, (ROWS, 8))
    return pa.array(values.tolist(), pa.list_(pa.float64())).cast(type_)


VECTORS = [
    *(pa.list_(pa.float32()), pa.list_(pa.float64(), 8), pa.large_list(pa.float64())),
    pa.list_(pa.float16(), 8),
]


@pytest.mark.parametrize("type_", VECTORS, ids=str)
def test_embeddings_are_compared(compared: Any, type_: pa.DataType) -> None:
    before, after = (parquet({"embedding": vectors(mean, type_)}) for mean in (0, 5))
    assert compared(before, before).verdict == "ok"
    assert compared(before, after).verdict == "drift"


NOT_COMPARED = {
    "struct": lambda: pa.array([{"a": x} for x in range(ROWS)]),
    "texts": lambda: pa.array([["a", "b"]] * ROWS),
    "binary": lambda: pa.array([b"\xff\x00"] * ROWS),
    "map": lambda: pa.array([[("a", 1)]] * ROWS, pa.map_(pa.string(), pa.int64())),
    "null": lambda: pa.nulls(ROWS),
    "vectors of any length": lambda: pa.array([[[1.0]]] * ROWS),
}


@pytest.mark.parametrize("name", NOT_COMPARED)
def test_nothing_compared_is_never_ok(compared: Any, name: str) -> None:
    table = parquet({"value": NOT_COMPARED[name]()})
    outcome = compared(table, table)
    assert outcome.verdict == "invalid"
    assert "nothing_compared" in outcome.faults


@pytest.mark.parametrize("name", NOT_COMPARED)
@pytest.mark.parametrize("role", ["--target", "--prediction", "--segment", "--id", "--timestamp"])
def test_what_is_not_compared_may_have_any_role(compared: Any, name: str, role: str) -> None:
    table = parquet({"value": NOT_COMPARED[name](), "amount": numbers(1)})
    outcome = compared(table, table, role, "value")
    assert outcome.result is not None or outcome.code in {2, 3}
    if role in {"--target", "--prediction"} and outcome.result is not None:
        assert re.search("not compared|not tested|nothing", outcome.summary)


CODES = {
    "int8": pa.int8(),
    "int64": pa.int64(),
    "uint32": pa.uint32(),
    "double": pa.float64(),
}


def codes(p: list[float], seed: int) -> Any:
    return np.random.default_rng(seed).choice(8, 1200, p=p)


@pytest.mark.parametrize("name", CODES)
def test_dictionaries_of_numbers_are_categories(compared: Any, name: str) -> None:
    tables = []
    for seed, p in ((1, [0.15, 0.10] * 4), (2, [0.10, 0.15] * 4)):
        values = pa.array(range(1, 9)).cast(CODES[name])
        status = pa.DictionaryArray.from_arrays(pa.array(codes(p, seed), pa.int8()), values)
        tables.append(feather({"status": status, "amount": numbers(seed, rows=1200)}))
    outcome = compared(*tables)
    assert outcome.kind("status") == "categorical"
    assert outcome.drifted == ["status"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "json", "parquet"])
def test_codes_are_declared_categories(compared: Any, kind: str) -> None:
    tables = []
    for seed, p in ((1, [0.15, 0.10] * 4), (2, [0.10, 0.15] * 4)):
        drawn = codes(p, seed)
        if kind == "parquet":
            tables.append(parquet({"status": drawn, "amount": numbers(seed, rows=1200)}))
        elif kind == "json":
            rows = ",".join(f'{{"status": {one}, "amount": {one % 2}}}' for one in drawn)
            tables.append(("table.json", f"[{rows}]".encode()))
        else:
            gap = {"csv": ",", "tsv": "\t"}[kind]
            rows = "".join(f"{one}{gap}{seed}.5\n" for one in drawn)
            tables.append((f"table.{kind}", f"status{gap}seed\n{rows}".encode()))
    more = ["--categorical", "status"]
    outcome = compared(*tables, *more)
    assert outcome.kind("status") == "categorical"
    assert "status" in outcome.drifted


NANOSECONDS = 3_600_000_000_000
WINDOW_TYPES = [
    *(pa.timestamp("ns"), pa.timestamp("ns", "UTC"), pa.timestamp("s"), pa.timestamp("ms")),
    pa.timestamp("us", "Europe/Berlin"),
]


def hours(type_: pa.DataType, begin: str, count: int, seed: int) -> tuple[str, bytes]:
    rng = np.random.default_rng(seed)
    start = int(np.datetime64(begin, "ns").astype("int64"))
    moments = [
        start + hour * NANOSECONDS + np.sort(rng.integers(0, NANOSECONDS, 60))
        for hour in range(count)
    ]
    times = pa.array(np.concatenate(moments)).cast(pa.timestamp("ns"))
    return parquet({"at": times.cast(type_, safe=False), "load": numbers(seed, rows=60 * count)})


@pytest.mark.parametrize("baseline", ["fixed", "seasonal"])
@pytest.mark.parametrize("type_", WINDOW_TYPES, ids=str)
def test_windows_by_times_of_any_type(compared: Any, type_: pa.DataType, baseline: str) -> None:
    reference = hours(type_, "2026-11-20T00", 40, 1)
    batch = hours(type_, "2026-11-23T08", 1, 2)
    more = ["--timestamp", "at", "--window", "1h", "--baseline", baseline]
    outcome = compared(reference, batch, *more)
    assert outcome.verdict == "ok"
    if baseline == "fixed":
        assert outcome.result is not None
        assert outcome.result["calibration"]["method"] in {"ranked", "extrapolated"}


@pytest.mark.parametrize("digits", [3, 6, 7, 9])
@pytest.mark.parametrize("zone", ["", "Z", "+01:00"])
def test_windows_by_text_of_any_precision(compared: Any, digits: int, zone: str) -> None:
    def text(begin: str, count: int, seed: int) -> tuple[str, bytes]:
        _, content = hours(pa.timestamp("ns"), begin, count, seed)
        table = pq.read_table(io.BytesIO(content))
        at = [
            str(one)[: 20 + digits].replace(" ", "T")
            for one in table["at"].cast(pa.string()).to_pylist()
        ]
        rows = "".join(
            f"{one}{zone},{load}\n" for one, load in zip(at, table["load"].to_pylist(), strict=True)
        )
        return "table.csv", f"at,load\n{rows}".encode()

    outcome = compared(
        text("2026-11-20T00", 40, 1),
        text("2026-11-23T08", 1, 2),
        *("--timestamp", "at", "--window", "1h"),
    )
    assert outcome.verdict == "ok"
    assert outcome.result is not None
    assert outcome.result["calibration"]["method"] in {"ranked", "extrapolated"}
