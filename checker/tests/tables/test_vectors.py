"""Vectors as a few columns of numbers: the same for rows that were fitted to and for others."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from calibration import assert_calibrated

from drift_checker import Floors
from drift_checker.decision import Floats, kolmogorov
from drift_checker.tables.vectors import (
    COMPONENTS,
    LEAST_ROWS,
    PROJECTIONS,
    VectorFeatures,
    fit_vectors,
    is_vector,
)

SIZE = 64
LEVEL = 1 / 168


def vectors(values: Floats, type_: pa.DataType | None = None) -> pa.Array[Any]:
    flat = pa.array(values.ravel())
    column: pa.Array[Any] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return column if type_ is None else column.cast(type_, safe=False)


def views(values: Floats, view: Any, places: pa.DataType) -> pa.Array[Any]:
    rows, size = values.shape
    offsets = pa.array(np.arange(rows) * size, places)
    column: pa.Array[Any] = view.from_arrays(
        offsets, pa.array(np.full(rows, size), places), values.ravel()
    )
    return column


def fitted(column: pa.Array[Any]) -> VectorFeatures:
    features = fit_vectors(column)
    assert isinstance(features, VectorFeatures)
    return features


def normal(rows: int, size: int = SIZE, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal((rows, size))


def same(left: dict[str, Floats], right: dict[str, Floats]) -> bool:
    return left.keys() == right.keys() and all(
        np.array_equal(left[name], right[name], equal_nan=True) for name in left
    )


@pytest.mark.parametrize(
    "type_",
    [
        pa.list_(pa.float64()),
        pa.list_(pa.float32()),
        pa.list_(pa.float16()),
        pa.list_(pa.int8(), 3),
        pa.large_list(pa.uint64()),
        pa.list_view(pa.float32()),
        pa.large_list_view(pa.float64()),
        pa.list_(pa.decimal128(9, 2)),
        pa.fixed_shape_tensor(pa.float32(), (3,)),
    ],
)
def test_lists_of_numbers_are_vectors(type_: pa.DataType) -> None:
    assert is_vector(type_)


@pytest.mark.parametrize(
    "type_",
    [
        pa.float64(),
        pa.string(),
        pa.list_(pa.string()),
        pa.list_(pa.list_(pa.float32())),
        pa.list_(pa.bool_()),
        pa.struct([("a", pa.float32())]),
        pa.map_(pa.string(), pa.float32()),
    ],
)
def test_all_else_is_not(type_: pa.DataType) -> None:
    assert not is_vector(type_)
    assert isinstance(fit_vectors(pa.array([None] * 100, type_)), str)


def test_the_same_numbers_are_the_same_however_they_are_stored() -> None:
    values = np.float64(np.float32(normal(300)))
    column = vectors(values)
    features = fitted(column)
    derived = features.compute(column)
    tensors: Any = pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.float64(), (SIZE,)), column
    )
    for other in (
        vectors(values, pa.list_(pa.float64())),
        vectors(values, pa.list_(pa.float32())),
        vectors(values, pa.large_list(pa.float32())),
        views(values, pa.ListViewArray, pa.int32()),
        views(values, pa.LargeListViewArray, pa.int64()),
        tensors,
    ):
        assert same(features.compute(other), derived)
        assert same(fitted(other).compute(other), derived)


def test_rows_are_derived_by_themselves_in_any_chunk() -> None:
    column = vectors(normal(300))
    features = fitted(column)
    whole = features.compute(column)
    for first in (0, 1, 150, 299):
        part = features.compute(column.slice(first, 7))
        assert same(part, {name: values[first : first + 7] for name, values in whole.items()})
    assert all(len(values) == 0 for values in features.compute(column.slice(0, 0)).values())


def test_large_columns_are_derived_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    column = vectors(normal(300))
    features = fitted(column)
    whole = features.compute(column)
    monkeypatch.setattr("drift_checker.tables.vectors._BLOCK_VALUES", 1000)
    assert same(features.compute(column), whole)


def test_pandas_stays_where_it_is() -> None:
    command = """
import sys
import numpy as np
import pyarrow as pa
from drift_checker.tables.vectors import fit_vectors
numbers = pa.Array.from_buffers(pa.float64(), 400, [None, pa.py_buffer(np.arange(400.0))])
column = pa.FixedSizeListArray.from_arrays(numbers, 4)
fit_vectors(column).compute(column)
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", command], check=True)


@pytest.mark.filterwarnings("error")
def test_rows_without_a_whole_vector_are_missing() -> None:
    features = fitted(vectors(normal(100, 2)))
    column = pa.array(
        [[1, 2], None, [3], [1, 2, 3], [], [1, None], [float("nan"), 1], [1e300, 1], [3, 4]],
        pa.list_(pa.float64()),
    )
    derived = features.compute(column)
    assert set(derived) == {"norm", "projection 1", "projection 2"}
    for values in derived.values():
        assert np.isfinite(values).tolist() == [True, *[False] * 7, True]
    assert derived["norm"][[0, 8]] == pytest.approx([5**0.5, 5])
    assert features.count_other_lengths(column) == 3


def test_nulls_of_a_fixed_size_hold_no_values() -> None:
    column = pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float32(), 2))
    features = fitted(vectors(normal(100, 2)))
    assert np.isnan(features.compute(column)["norm"]).tolist() == [False, True, False]
    assert features.count_other_lengths(column) == 0
    assert features.count_other_lengths(column.slice(2)) == 0


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (vectors(normal(LEAST_ROWS - 1)), f"{LEAST_ROWS - 1} vectors are fewer than {LEAST_ROWS}"),
        (pa.array([[1.0] * (row % 7) for row in range(100)]), "the lists have 0 to 6 numbers"),
        (pa.array([[]] * 100, pa.list_(pa.float32())), "the lists have 0 to 0 numbers"),
        (pa.array([["a"]] * 100), "list<item: string> is no list of numbers"),
        (
            pa.array([[float("nan")]] * 90 + [[1.0]] * 10),
            "10 vectors without a missing number are fewer than 50",
        ),
    ],
)
def test_why_nothing_can_be_derived(column: pa.Array[Any], reason: str) -> None:
    assert fit_vectors(column) == reason


def test_a_few_rows_of_another_length_are_left_out() -> None:
    column = pa.concat_arrays([vectors(normal(95), pa.list_(pa.float64())), pa.array([[1.0]] * 5)])
    features = fitted(column)
    assert features.size == SIZE
    assert features.count_other_lengths(column) == 5


@pytest.mark.parametrize("size", [1, 2, 8, 9, 64, 400])
def test_there_are_at_most_eight_projections_and_three_components(size: int) -> None:
    names = fitted(vectors(normal(200, size))).names
    projections = [name for name in names if name.startswith("projection")]
    assert names[0] == "norm"
    assert len(projections) == min(size, PROJECTIONS)
    assert len(names) <= 1 + PROJECTIONS + COMPONENTS


def test_what_is_fitted_can_be_kept() -> None:
    column = vectors(normal(300))
    features = fitted(column)
    derived = features.compute(column)
    assert same(pickle.loads(pickle.dumps(features)).compute(column), derived)  # noqa: S301
    assert same(VectorFeatures.from_arrays(features.to_arrays()).compute(column), derived)


def test_a_leading_component_that_stands_out_is_whitened_and_derived() -> None:
    rng = np.random.default_rng(1)
    values = normal(1000) * 0.3 + rng.standard_normal((1000, 1))
    features = fitted(vectors(values))
    assert features.components == 1
    derived = features.compute(vectors(values))
    projections = [values for name, values in derived.items() if name != "norm"]
    assert np.abs(np.corrcoef(projections) - np.eye(len(projections))).max() < 0.4
    assert np.std(projections, axis=1) == pytest.approx(1, abs=0.15)


def test_the_norms_of_normalised_vectors_are_one_in_every_precision() -> None:
    values = normal(500)
    values /= np.linalg.norm(values, axis=1)[:, None]
    reference = vectors(values)
    features = fitted(reference)
    for type_ in (pa.float64(), pa.float32(), pa.float16()):
        norms = features.compute(vectors(values, pa.list_(type_)))["norm"]
        assert set(norms) == {features.norm}
    assert features.compute(vectors(2 * values))["norm"] == pytest.approx(2, abs=1e-6)


def test_a_dimension_that_is_constant_in_the_reference_shows_when_it_moves() -> None:
    values = normal(500)
    values[:, 3] = 7
    features = fitted(vectors(values))
    reference = features.compute(vectors(values))
    values[:, 3] = 12
    moved = features.compute(vectors(values))
    shifts = [np.mean(moved[name] - reference[name]) for name in features.names[1:]]
    assert max(map(abs, shifts)) > 1


def test_one_vector_everywhere_is_the_same_everywhere() -> None:
    values = np.tile(normal(1), (100, 1))
    features = fitted(vectors(values))
    derived = features.compute(vectors(values, pa.list_(pa.float32())))
    assert all(len(set(column)) == 1 for column in derived.values())


def test_rounding_is_no_noise_of_vectors_in_fewer_dimensions() -> None:
    rng = np.random.default_rng(5)
    mixing = rng.standard_normal((2, SIZE))
    reference = rng.standard_normal((500, 2)) @ mixing
    features = fitted(vectors(reference))
    halves = features.compute(vectors(reference, pa.list_(pa.float16())))
    for name, values in features.compute(vectors(reference)).items():
        distance = kolmogorov.distance(np.sort(halves[name]), np.sort(values))
        assert distance.value < Floors().distance


def spread_over_ten(rng: np.random.Generator, rows: int) -> Floats:
    mixing = np.random.default_rng(2).standard_normal((10, SIZE))
    return np.asarray(rng.standard_normal((rows, 10)) @ mixing + rng.standard_normal((rows, SIZE)))


def independent(rng: np.random.Generator, rows: int) -> Floats:
    return rng.standard_normal((rows, SIZE))


def autoregressive(rng: np.random.Generator, rows: int) -> Floats:
    places = np.arange(SIZE)
    root = np.linalg.cholesky(0.9 ** np.abs(places[:, None] - places))
    return np.asarray(rng.standard_normal((rows, SIZE)) @ root.T)


def heavy_tailed(rng: np.random.Generator, rows: int) -> Floats:
    return rng.standard_t(3, (rows, SIZE))


DRAWS = [independent, spread_over_ten, autoregressive, heavy_tailed]


def p_values(
    features: VectorFeatures, current: Floats, reference: dict[str, Floats]
) -> list[float]:
    derived = features.compute(vectors(current))
    distances = (
        kolmogorov.distance(np.sort(derived[name]), np.sort(reference[name]))
        for name in features.names
    )
    return [kolmogorov.p_value(distance, level=LEVEL) for distance in distances]


@pytest.mark.parametrize("draw", DRAWS)
def test_rows_that_were_fitted_to_are_like_others(draw: Any) -> None:
    rng = np.random.default_rng(3)
    found: list[float] = []
    for _ in range(40):
        reference = vectors(draw(rng, 200))
        features = fitted(reference)
        found += p_values(features, draw(rng, 500), features.compute(reference))
    assert_calibrated(found)


@pytest.mark.parametrize(("rows", "shift"), [(200, 3.0), (1000, 1.0)])
@pytest.mark.parametrize("draw", DRAWS)
def test_one_dimension_that_moves_is_found(draw: Any, rows: int, shift: float) -> None:
    rng = np.random.default_rng(4)
    reference = draw(rng, 5000)
    features = fitted(vectors(reference))
    spread, derived = reference.std(axis=0), features.compute(vectors(reference))
    found = 0
    for _ in range(10):
        current, moved = draw(rng, rows), rng.integers(SIZE)
        current[:, moved] += shift * spread[moved]
        values = p_values(features, current, derived)
        found += min(values) <= LEVEL / len(values)
    assert found >= 9
