"""What columns of vectors and of free text are drawn from, and how they drift."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from benchmarks.trust.draws import Generator
from drift_checker.decision import Floats

SIZE = 64
"""The dimensions of a vector, where nothing else is said."""
_OF_CASES = 20_261_129

Vectors: TypeAlias = Callable[[Generator, int, int], Floats]
"""Draws so many vectors of a size (rows, size)."""


def _of_case(size: int) -> Generator:
    """Return what the fixed parts of a population are drawn from."""
    return np.random.default_rng([_OF_CASES, size])


def _independent(rng: Generator, rows: int, size: int) -> Floats:
    return rng.standard_normal((rows, size))


def _equicorrelated(correlation: float) -> Vectors:
    def draw(rng: Generator, rows: int, size: int) -> Floats:
        common = rng.standard_normal((rows, 1)) * correlation**0.5
        return np.asarray(common + rng.standard_normal((rows, size)) * (1 - correlation) ** 0.5)

    return draw


def _autoregressive(phi: float) -> Vectors:
    """Return what draws AR(1) from dimension to dimension."""

    def draw(rng: Generator, rows: int, size: int) -> Floats:
        places = np.arange(size)
        root = np.linalg.cholesky(phi ** np.abs(places[:, None] - places))
        return np.asarray(rng.standard_normal((rows, size)) @ root.T)

    return draw


def _factors(rng: Generator, rows: int, size: int) -> Floats:
    """Draw five factors, which are nine tenths of the variance."""
    loadings = _of_case(size).standard_normal((5, size))
    loadings *= (0.9 / (loadings**2).sum(axis=0)) ** 0.5
    return np.asarray(
        rng.standard_normal((rows, 5)) @ loadings + rng.standard_normal((rows, size)) * 0.1**0.5
    )


def _heavy_tails(rng: Generator, rows: int, size: int) -> Floats:
    return rng.standard_t(3, (rows, size))


def _heavy_rows(rng: Generator, rows: int, size: int) -> Floats:
    """Draw from a multivariate t distribution, of three degrees of freedom."""
    return np.asarray(rng.standard_normal((rows, size)) / np.sqrt(rng.chisquare(3, (rows, 1)) / 3))


def _normalised(rng: Generator, rows: int, size: int) -> Floats:
    vectors = _factors(rng, rows, size)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1)[:, None])


def _rectified(rng: Generator, rows: int, size: int) -> Floats:
    """Draw what is zero in four of five dimensions."""
    common = rng.standard_normal((rows, 1)) / 2
    return np.asarray(np.maximum(0, common + rng.standard_normal((rows, size)) - 1))


def _clusters(rng: Generator, rows: int, size: int) -> Floats:
    centres = 3 * _of_case(size).standard_normal((6, size))
    return np.asarray(centres[rng.integers(6, size=rows)] + rng.standard_normal((rows, size)))


VECTORS: dict[str, Vectors] = {
    "independent": _independent,
    "equicorrelated 0.5": _equicorrelated(0.5),
    "equicorrelated 0.9": _equicorrelated(0.9),
    "five factors": _factors,
    "AR(1) 0.5": _autoregressive(0.5),
    "AR(1) 0.9": _autoregressive(0.9),
    "t(3) dimensions": _heavy_tails,
    "t(3) rows": _heavy_rows,
    "normalised": _normalised,
    "rectified": _rectified,
    "six clusters": _clusters,
}


def vector_column(vectors: Floats) -> pa.Array[Any]:
    """Return vectors (rows, size) as a column of single floats."""
    column: pa.Array[Any] = pa.FixedSizeListArray.from_arrays(
        pa.array(vectors.astype(np.float32).ravel()), vectors.shape[1]
    )
    return column


def move_one(vectors: Floats, rng: Generator, spread: Floats, times: float) -> Floats:
    """Return vectors with one dimension moved by so many of its standard deviations (size,)."""
    moved, dimension = vectors.copy(), rng.integers(vectors.shape[1])
    moved[:, dimension] += rng.choice([-times, times]) * spread[dimension]
    return moved


_ENGLISH = """the of and to a in is it that was for on with as his they at be this from have or by
one had not but what all were when we there can an your which their said if do will each about how
up out them"""
_GERMAN = """der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch
es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum
war haben nur oder aber vor"""


@dataclass(frozen=True)
class Language:
    """Words of a grammar, which make a share of a text, and words of a topic, by Zipf's law.

    A text has from `words[0]` to less than `words[1]` words, and three of ten end with a number.
    With a law of 0, all words of the topic are as frequent.
    """

    grammar: str
    topic: int
    share: float = 0.45
    vocabulary: int = 2000
    words: tuple[int, int] = (5, 40)
    law: float = 1.0

    @cached_property
    def _words(self) -> tuple[list[str], Floats]:
        """Return all words, and the shares up to each."""
        rng, letters = np.random.default_rng(self.topic), list("etaoinshrdlucmfwypvbgk")
        own = ["".join(rng.choice(letters, rng.integers(4, 10))) for _ in range(self.vocabulary)]
        grammar = self.grammar.split()
        topic = np.arange(1, self.vocabulary + 1) ** -self.law
        common = 1 / np.arange(1, len(grammar) + 1)
        weights = [common / max(1, common.sum()) * self.share, topic / topic.sum()]
        weights[1] *= 1 - weights[0].sum()
        return [*grammar, *own], np.cumsum(np.concatenate(weights))

    def draw(self, rng: Generator, rows: int) -> list[str]:
        """Draw so many texts."""
        words, upto = self._words
        lengths = rng.integers(*self.words, rows)
        places = np.searchsorted(upto, rng.random(lengths.sum()) * upto[-1], side="right")
        drawn = [words[place] for place in places]
        ends = np.cumsum(lengths)
        numbers = rng.integers(1, 3334, rows)
        return [
            " ".join(drawn[end - length : end]).capitalize()
            + "."
            + (f" {number}" if number < 1000 else "")  # noqa: PLR2004  three of ten
            for end, length, number in zip(ends, lengths, numbers, strict=True)
        ]


ENGLISH = Language(_ENGLISH, topic=1)
TEXTS: dict[str, Language] = {
    "sentences": ENGLISH,
    "titles": Language(_ENGLISH, topic=1, share=0.2, vocabulary=5000, words=(2, 7)),
    "200 words, all as frequent": Language("", topic=1, vocabulary=200, words=(5, 15), law=0),
}

_GERMAN_TEXTS, _OTHER_TOPIC = Language(_GERMAN, topic=2), Language(_ENGLISH, topic=2)

Texts: TypeAlias = Callable[[Generator, int], list[str]]
TEXT_CHANGES: Mapping[str, Texts] = {
    "another language": _GERMAN_TEXTS.draw,
    "another topic": _OTHER_TOPIC.draw,
    "another topic in half of the texts": lambda rng, rows: [
        *_OTHER_TOPIC.draw(rng, rows // 2),
        *ENGLISH.draw(rng, rows - rows // 2),
    ],
    "the last fifth cut off": lambda rng, rows: [
        text[: len(text) * 4 // 5] for text in ENGLISH.draw(rng, rows)
    ],
    "digits masked": lambda rng, rows: [
        re.sub(r"\d", "#", text) for text in ENGLISH.draw(rng, rows)
    ],
    "in lower case": lambda rng, rows: [text.lower() for text in ENGLISH.draw(rng, rows)],
    "one of ten empty": lambda rng, rows: [
        "" if rng.random() < 0.1 else text  # noqa: PLR2004  one of ten
        for text in ENGLISH.draw(rng, rows)
    ],
}
