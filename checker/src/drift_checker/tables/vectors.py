"""Columns of vectors, such as embeddings, as a few columns of numbers that are tested like others.

What is derived of a vector is its norm, its leading principal components where they stand out, and
up to eight random projections. Two-sample tests of random projections have more power than those of
all dimensions, where there are about as many of these as rows: Lopes, Jacob and Wainwright 2011, "A
more powerful two-sample test in high dimensions using random projection". The projections are
sparse, as those of Achlioptas 2003, "Database-friendly random projections", and Charikar, Chen and
Farach-Colton 2002, "Finding frequent items in data streams": each dimension is in one of them, with
a random sign. So a change of a single dimension shows in one projection among eighths of the
dimensions, rather than among all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from drift_checker.decision import Floats, Indices
from drift_checker.tables.arrays import as_numpy, valid_mask

PROJECTIONS = 8
COMPONENTS = 3
"""At most."""
FIT_ROWS = 1000
FIT_VALUES = 1 << 19
"""Rows and numbers of the reference that scales and correlations are estimated from, at most."""
LEAST_ROWS = 50
SAME_LENGTH = 0.9
"""The least share of rows that have the length of the others."""
_SEED = 20_261_129
# Beyond these quantiles a value says nothing of the scale of its dimension.
_WINSORIZED = (0.05, 0.95)
# Normalised vectors have one norm, up to the rounding of half floats.
_SAME_NORM = 1e-3
# A dimension varies by more than the rounding of floats.
_CONSTANT = 1e-6
# Of projections, whose standard deviation is about one. Far above what the order of a sum changes,
# far below what would make ties.
_DECIMALS = 9
# What a projection or a component varies more in the rows that it was fitted to than in others has
# to stay small beside what tests see: about two hundredths of its variance.
_ROWS_A_SPIKE = 100
_EXCESS = 0.02
# Of vectors that fill a space of fewer dimensions, rounding is not to be taken for noise.
_LEAST_NOISE = 1e-2
_BLOCK_VALUES = 1 << 22


@dataclass(frozen=True, eq=False)
class VectorFeatures:
    """What is derived of a column of vectors, fitted with the reference.

    Args:
        weights: Of components and projections (size, components + projections).
        offset: Their means in the reference (components + projections,).
        components: How many of them are principal components; these come first.
        norm: The norm that all vectors of the reference have, or NaN where they have several.
    """

    weights: Floats
    offset: Floats
    components: int
    norm: float

    @property
    def size(self) -> int:
        """The length of a vector."""
        return len(self.weights)

    @property
    def names(self) -> tuple[str, ...]:
        """The derived columns, in order."""
        projections = len(self.offset) - self.components
        return (
            "norm",
            *(f"component {number + 1}" for number in range(self.components)),
            *(f"projection {number + 1}" for number in range(projections)),
        )

    def compute(self, column: pa.Array[Any]) -> dict[str, Floats]:
        """Return the derived columns, each (rows,).

        They are NaN in rows without a vector, with one of another length, or with one that misses
        a number. Vectors are taken as single floats, whatever they are stored as: so the same
        values are the same, beside doubles too.
        """
        column = _storage(column)
        values = np.full((len(column), len(self.names)), np.nan)
        rows = _right_rows(column, self.size)
        for first, vectors in _blocks(_take(column, rows), self.size):
            block = np.empty((len(vectors), values.shape[1]))
            vectors[~np.isfinite(vectors).all(axis=1)] = np.nan
            block[:, 0] = self._norms(vectors)
            with np.errstate(invalid="ignore"):
                block[:, 1:] = np.round(vectors @ self.weights - self.offset, _DECIMALS)
            values[rows[first : first + len(vectors)]] = block
        return dict(zip(self.names, np.ascontiguousarray(values.T), strict=True))

    def count_other_lengths(self, column: pa.Array[Any]) -> int:
        """Return how many rows have a vector of another length."""
        column = _storage(column)
        return len(column) - column.null_count - len(_right_rows(column, self.size))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the fields as arrays."""
        return {
            "weights": self.weights,
            "offset": self.offset,
            "components": np.array(self.components),
            "norm": np.array(self.norm),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> VectorFeatures:
        """Return what `to_arrays` gave."""
        return cls(
            arrays["weights"], arrays["offset"], int(arrays["components"]), float(arrays["norm"])
        )

    def _norms(self, vectors: Floats) -> Floats:
        # Single floats again, so that the order of the sum changes nothing.
        norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors)).astype(np.float32)
        return np.where(np.abs(norms / self.norm - 1) <= _SAME_NORM, self.norm, norms)


def is_vector(type_: pa.DataType) -> bool:
    """Return whether values of a type are lists of numbers."""
    if isinstance(type_, pa.BaseExtensionType):
        type_ = type_.storage_type
    t = pa.types
    lists = (t.is_fixed_size_list, t.is_list, t.is_large_list, t.is_list_view, t.is_large_list_view)
    if not any(is_list(type_) for is_list in lists):
        return False
    inner = type_.field(0).type
    return bool(t.is_floating(inner) or t.is_integer(inner) or t.is_decimal(inner))


def fit_vectors(column: pa.Array[Any]) -> VectorFeatures | str:
    """Return what to derive of vectors like those of the reference, or why nothing can be.

    Scales and correlations are those of at most `FIT_ROWS` rows, or `FIT_VALUES` numbers, at even
    distances. They are not fitted closely: only principal components that stand out are whitened,
    so that rows that took part are projected like rows that did not, and can be compared with them.
    """
    if not is_vector(column.type):
        return f"{column.type} is no list of numbers"
    column = _storage(column).drop_null()
    if len(column) < LEAST_ROWS:
        return f"{len(column)} vectors are fewer than {LEAST_ROWS}"
    lengths = pc.list_value_length(column)
    common = pc.mode(lengths)[0]
    size, share = int(common["mode"].as_py()), common["count"].as_py() / len(column)
    if share < SAME_LENGTH or not size:
        ends = pc.min_max(lengths)
        return f"the lists have {ends['min']} to {ends['max']} numbers"
    right = _right_rows(column, size)
    rows = min(FIT_ROWS, max(LEAST_ROWS, FIT_VALUES // size))
    vectors = _matrix(take_evenly(_take(column, right), rows), size)
    vectors = vectors[np.isfinite(vectors).all(axis=1)]
    if len(vectors) < LEAST_ROWS:
        return f"{len(vectors)} vectors without a missing number are fewer than {LEAST_ROWS}"
    return _fit(vectors)


def take_evenly(column: pa.Array[Any], most: int) -> pa.Array[Any]:
    """Return rows of a column at even distances, the first and the last among them."""
    rows = np.linspace(0, len(column) - 1, min(len(column), most))
    return _take(column, rows.astype(np.intp))


def _fit(vectors: Floats) -> VectorFeatures:
    """Fit to vectors (rows, size) without gaps."""
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    middle = float(np.median(norms))
    same = bool((np.abs(norms - middle) <= _SAME_NORM / 2 * middle).all()) and middle > 0
    low, high = np.quantile(vectors, _WINSORIZED, axis=0)
    clipped = np.clip(vectors, low, high)
    means = clipped.mean(axis=0)
    scales = _scales(clipped, vectors)
    principal, whitened = _decorrelate((clipped - means) / scales, _signs(len(means)))
    weights = np.concatenate((principal, whitened), axis=1) / scales[:, None]
    return VectorFeatures(
        weights, means @ weights, principal.shape[1], float(np.float32(middle)) if same else np.nan
    )


def _scales(clipped: Floats, vectors: Floats) -> Floats:
    """Return the standard deviation of each dimension without its tails (size,).

    Of a dimension that has nothing but tails, it is that with them; of one that is constant, that
    of the others, so that it shows when it is constant no more.
    """
    least = _CONSTANT * np.abs(vectors).max(axis=0)
    scales: Floats = clipped.std(axis=0)
    scales = np.where(scales > least, scales, vectors.std(axis=0))
    varies = scales > least
    if not varies.any():
        return np.full(len(scales), np.abs(vectors).max() or 1.0)
    return np.where(varies, scales, np.median(scales[varies]))


def _signs(size: int) -> Floats:
    """Return random projections (size, projections) of unit length: a dimension is in one only."""
    # Raw bits are the same in every version of numpy; what is drawn of them may not be.
    order, bits = np.random.PCG64([_SEED, size]).random_raw((2, size))
    projections = min(PROJECTIONS, size)
    signs = np.zeros((size, projections))
    places = np.arange(size) % projections
    signs[np.argsort(order), places] = np.where(bits >> np.uint64(63), 1.0, -1.0)
    return np.asarray(signs / np.sqrt(np.bincount(places)))


def _decorrelate(values: Floats, signs: Floats) -> tuple[Floats, Floats]:
    """Return leading principal components, and projections of the whitened values.

    Args:
        values: Standardised (rows, size).
        signs: Projections (size, projections).

    Returns:
        Weights of standardised values (size, at most `COMPONENTS`) and (size, projections), both
        for a variance of about one.

    Principal components are whitened as far as they stand out of noise, whose largest eigenvalue
    is known: Marchenko and Pastur 1967. No more are than there are hundreds of rows, since each
    moves about 2 / rows of the variance out of the rows that it is fitted to. They are found in
    rows that are no longer than the median, lest a single row be a component (compare the spatial
    signs of Visuri, Koivunen and Oja 2000); their variances are those of the rows as they are,
    shrunk to those of the population: Baik and Silverstein 2006, "Eigenvalues of large sample
    covariance matrices of spiked population models". The rotation back to the dimensions is that
    of zero-phase whitening, so that a dimension stays where it is: Kessy, Lewin and Strimmer 2018,
    "Optimal whitening and decorrelation".
    """
    rows, size = values.shape
    lengths = np.sqrt(np.einsum("ij,ij->i", values, values))
    median = np.median(lengths)
    shortened = values * (median / np.maximum(lengths, median or 1))[:, None]
    eigenvalues, vectors = _principal(shortened)
    spikes = _count_spikes(eigenvalues, rows, size)
    vectors = vectors[:, :spikes]
    variances = np.mean((values @ vectors) ** 2, axis=0)
    noise = max(_LEAST_NOISE, (np.mean(lengths**2) - variances.sum()) / (size - spikes))
    both = variances / noise + 1 - size / rows
    population = (both + np.sqrt(np.maximum(both**2 - 4 * variances / noise, 0))) / 2
    shrink = 1 - 1 / np.sqrt(np.maximum(population, 1))
    whitened = (signs - vectors @ (shrink[:, None] * (vectors.T @ signs))) / noise**0.5
    places = range(min(spikes, COMPONENTS))
    leading = [place for place in places if _excess(eigenvalues, place, rows) <= _EXCESS]
    return vectors[:, leading] / np.sqrt(variances[leading]), whitened


def _count_spikes(eigenvalues: Floats, rows: int, size: int) -> int:
    """Return how many eigenvalues are above all that noise of the level of the rest has."""
    most = min(rows // _ROWS_A_SPIKE, size - 1)
    total = eigenvalues.sum()
    for place in range(most):
        noise = (total - eigenvalues[:place].sum()) / (size - place)
        if eigenvalues[place] <= noise * (1 + (size / rows) ** 0.5) ** 2:
            return place
    return most


def _excess(eigenvalues: Floats, place: int, rows: int) -> float:
    """Return by which share a principal component varies more in the rows that it was fitted to.

    More than in other rows, in twice the first order of Lawley 1956, "Tests of significance for the
    latent roots of covariance and correlation matrices".
    """
    others = np.delete(eigenvalues, place)
    gaps = np.maximum(np.abs(eigenvalues[place] - others), np.finfo(float).tiny)
    return float(2 / rows * (others / gaps).sum())


def _principal(values: Floats) -> tuple[Floats, Floats]:
    """Return the eigenvalues of the covariance, largest first, and its eigenvectors (size, n)."""
    rows, size = values.shape
    if size <= rows:
        eigenvalues, vectors = np.linalg.eigh(values.T @ values / rows)
    else:
        eigenvalues, dual = np.linalg.eigh(values @ values.T / rows)
        lengths = np.sqrt(np.maximum(eigenvalues, 1e-12) * rows)
        vectors = values.T @ dual / lengths
    eigenvalues, vectors = np.maximum(eigenvalues[::-1], 0), vectors[:, ::-1]
    # An eigenvector has two signs; the same one is taken wherever it is computed.
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0)
    return eigenvalues, vectors * np.where(largest < 0, -1.0, 1.0)


def _storage(column: pa.Array[Any]) -> pa.Array[Any]:
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def _right_rows(column: pa.Array[Any], size: int) -> Indices:
    """Return the numbers of the rows that have a vector of this length."""
    lengths = pc.list_value_length(column)
    # fill_null() would import pandas, which costs more than the rest; so would pa.array() below.
    rows = np.flatnonzero(valid_mask(lengths))
    return np.asarray(rows[as_numpy(lengths.drop_null()) == size])


def _take(column: pa.Array[Any], rows: Indices) -> pa.Array[Any]:
    if len(rows) == len(column):
        return column
    buffer = pa.py_buffer(np.asarray(rows, np.int64).tobytes())
    return column.take(pa.Array.from_buffers(pa.int64(), len(rows), [None, buffer]))


def _blocks(column: pa.Array[Any], size: int) -> Iterator[tuple[int, Floats]]:
    """Yield vectors of this length, some at a time, each with the number of the first."""
    rows = max(1, _BLOCK_VALUES // size)
    for first in range(0, len(column), rows):
        yield first, _matrix(column.slice(first, rows), size)


def _matrix(column: pa.Array[Any], size: int) -> Floats:
    """Return vectors of one length (rows, size), rounded to single floats; NaN where one is null.

    Values that single floats cannot hold are infinite.
    """
    # Flattened by the function, which knows all types of lists, also where rows are sliced off.
    values = pc.list_flatten(column).cast(pa.float32(), safe=False)
    numbers = np.full(len(values), np.nan)
    numbers[valid_mask(values)] = as_numpy(values.drop_null())
    return numbers.reshape(-1, size)
