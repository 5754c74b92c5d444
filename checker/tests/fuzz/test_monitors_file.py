"""Any monitors file is read, or refused in lines that name it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzz.damage import bounded, damaged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift_checker.config import Monitors, load_monitors
from drift_checker.errors import UsageError

CORPUS = Path(__file__).parent / "corpus/monitors"
VALID = b"""\
check_schedule: "*/5 * * * *"
alarms_per_week: 0.5
watch_schedule: "0 7 * * *"
monitors:
  - &orders
    name: orders
    current:
      url: "http://127.0.0.1:8000/api/v1/data"
      params: {seed: "{seed}", day: "{logical_date:%Y-%m-%d}", rows: 300}
    reference: {path: reference.parquet, sha256: null}
    columns:
      target: paid
      timestamp: sold_at
      ignore: [comment]
      kinds: {code: categorical}
      missing: [n/a, -1]
      segments: [shop]
    floors: {distance: 0.05, columns: {failed: {category: 0.005, ratio: 2}}}
    freshness: 1h
    row_count: {least: 10, most: 1000}
    sampling: windows
    baseline: {kind: rolling, ticks: 40, anchor: off}
  - name: sales
    current:
      database: duckdb:///data/sales.duckdb
      query: "SELECT * FROM sales WHERE sold_at >= :window_start AND sold_at < :window_end"
      window: 1d
    reference: {url: "s3://lake/sales/", columns: [price, kind], credentials: lake}
    schedule: "0 * * * *"
"""


def loaded(path: Path, content: bytes) -> Monitors | str:
    """Return what a file says, or why it is refused."""
    path.write_bytes(content)
    with bounded():
        try:
            return load_monitors(path)
        except UsageError as error:
            lines = str(error).splitlines()
            assert lines
            assert lines[0].startswith(f"{path}: ")
            return str(error)


def test_the_file_is_valid(tmp_path: Path) -> None:
    assert isinstance(loaded(tmp_path / "monitors.yml", VALID), Monitors)


@pytest.mark.parametrize("found", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_was_found_once(found: Path, tmp_path: Path) -> None:
    assert isinstance(loaded(tmp_path / "monitors.yml", found.read_bytes()), str)


_fuzzed = settings(
    max_examples=1500,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.long
@given(damaged(VALID, [VALID]))
@_fuzzed
def test_damaged_files(tmp_path: Path, content: bytes) -> None:
    loaded(tmp_path / "monitors.yml", content)


_scalars = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.dates()),
    st.sampled_from(
        ("{seed}", "{logical_date:%Y}", "{", "{x[0]}", "1h", "-1h", "* * * * *", "s3://b/k/")
    ),
)


def _places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where values are in a document."""
    inner = content.items() if isinstance(content, dict) else enumerate(content)
    within = [
        place
        for key, value in inner
        if isinstance(value, dict | list)
        for place in _places(value, (*path, key))
    ]
    keys = content if isinstance(content, dict) else range(len(content))
    return [*((*path, key) for key in keys), *within]


DOCUMENT = yaml.safe_load(VALID)
_anything = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_scalars.map(str), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.long
@given(st.lists(st.tuples(st.sampled_from(_places(DOCUMENT)), _anything), min_size=1, max_size=3))
@_fuzzed
def test_any_values_in_the_places_of_valid_ones(
    tmp_path: Path, changes: list[tuple[tuple[Any, ...], Any]]
) -> None:
    content = json.loads(json.dumps(DOCUMENT))
    for (*path, last), value in changes:
        place = content
        for key in path:
            try:
                place = place[key]
            except (LookupError, TypeError):  # replaced by a change before
                break
        else:
            if isinstance(place, dict) or (isinstance(place, list) and last in range(len(place))):
                place[last] = value
    loaded(tmp_path / "monitors.yml", yaml.safe_dump(content, allow_unicode=True).encode())
