"""Columns of free text as a few columns of numbers that are tested like others.

What is derived of a text is its length in characters and in words, whether it is empty, shares of
classes of characters, the share of words that are frequent in the reference, and four random
projections of its words: each word has a random number, and a text the mean of its words'. That is
feature hashing: Weinberger, Dasgupta, Langford, Smola and Attenberg 2009, "Feature hashing for
large scale multitask learning". Which words a text has so changes its projections, whether or not
the reference has them, and nothing but the frequent words is fitted. That shifts of text show in
simple statistics of it, such as these, is measured by Rabanser, Günnemann and Lipton 2019, "Failing
loudly", for low-dimensional representations and univariate tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.decision import Floats, Indices, Ints
from drift_checker.tables.arrays import as_numpy, valid_mask
from drift_checker.tables.types import is_text
from drift_checker.tables.vectors import take_evenly

PROJECTIONS = 4
FREQUENT_WORDS = 50
"""At most."""
FIT_ROWS = 4000
"""Rows of the reference that its frequent words are chosen from, at most."""
LEAST_ROWS = 50
LEAST_WORDS = 2.0
"""The least mean number of words with a letter, where letters are `LEAST_LETTERS` of free text."""
LEAST_LETTERS = 0.5
LEAST_PARTS = 3.0
"""The least mean number of words and numbers, where letters are fewer and most rows have a word."""
LEAST_DISTINCT = 0.5
"""The least share of its rows that say something of their own."""
_LOOKED_AT = 500

_CLASSES = {
    "share of digits": r"\p{Nd}",
    "share of upper case": r"\p{Lu}",
    "share of punctuation": r"[\p{P}\p{S}]",
    "share of non-ASCII": r"[^\x00-\x7F]",
}
# What surrounds a word and is none of it.
_AROUND = ".,;:!?()[]{}<>\"'`*_~|/\\-–—…«»„“”‘’¡¿。、，！？（）「」"  # noqa: RUF001
# Each letter of a script without spaces is taken as a word.
_SPACELESS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
# Of the standard deviation of a row's share of frequent words: what it may be too large in the rows
# that these were chosen from.
_EXCESS = 0.01


@dataclass(frozen=True)
class TextFeatures:
    """What is derived of a column of free text, fitted with the reference.

    `frequent` are its frequent words, in lower case. `spaceless` says that its letters are words.
    """

    frequent: tuple[str, ...]
    spaceless: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The derived columns, in order."""
        frequent = ("share of frequent words",) if self.frequent else ()
        projections = (f"word projection {number + 1}" for number in range(PROJECTIONS))
        return ("length", "words", "empty", *_CLASSES, *frequent, *projections)

    def compute(self, column: pa.Array[Any]) -> dict[str, Floats]:
        """Return the derived columns, each (rows,); NaN where there is no text.

        `empty` is 1 where there is nothing but spaces. Shares are of the characters or of the
        words, and 0 where there are none.
        """
        valid = valid_mask(column)
        texts = _texts(column)
        words = _Words.of(texts, spaceless=self.spaceless)
        characters = _lengths(texts)
        columns = [
            characters,
            words.count.astype(np.float64),
            (words.count == 0).astype(np.float64),
        ]
        columns += [
            _count(texts, pattern) / np.maximum(characters, 1) for pattern in _CLASSES.values()
        ]
        if self.frequent:
            frequent = set(self.frequent)
            columns.append(words.mean(np.array([float(word in frequent) for word in words.names])))
        columns += [words.mean(numbers) for numbers in _random_numbers(words.names)]
        values = np.full((len(columns), len(column)), np.nan)
        values[:, valid] = columns
        return dict(zip(self.names, values, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, as JSON may hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> TextFeatures:
        """Return what `to_dict` gave."""
        return cls(tuple(fields["frequent"]), bool(fields["spaceless"]))


def looks_like_free_text(column: pa.Array[Any]) -> bool:
    """Return whether text is written in words, most of which are its row's own.

    That is: more than half of its values are distinct, of at least `LEAST_ROWS`, and they are in
    words: two on average, and half of their characters letters, as in names of people and places;
    or three words and numbers, with a word of four letters in half of the rows. So ids, codes,
    addresses of the web, dates and names of categories are none.
    """
    if not is_text(column.type) or len(column) - column.null_count < LEAST_ROWS:
        return False
    texts = take_evenly(_texts(column), _LOOKED_AT)
    return (
        _distinct(texts) >= LEAST_DISTINCT
        and _is_in_words(texts)
        and _distinct(_texts(column)) >= LEAST_DISTINCT
    )


def _is_in_words(texts: pa.Array[Any]) -> bool:
    """Return whether texts without nulls are neither codes nor numbers, on the whole."""
    letters, characters = _count(texts, r"[\p{L}\p{M}]").sum(), _lengths(texts).sum()
    if not letters:
        return False
    spaceless = _is_spaceless(texts)
    parts = _Words.of(texts, spaceless=spaceless).count
    words = parts if spaceless else _count(texts, r"\S*\p{L}\S*")
    if words.mean() >= LEAST_WORDS and letters >= LEAST_LETTERS * characters:
        return True
    has_word = _count(texts, r"\p{L}{4}") > 0
    return bool(parts.mean() >= LEAST_PARTS and has_word.mean() >= 0.5)  # noqa: PLR2004  most


def fit_text(column: pa.Array[Any]) -> TextFeatures | str:
    """Return what to derive of texts like those of the reference, or why nothing can be."""
    if not is_text(column.type):
        return f"{column.type} is no text"
    present = len(column) - column.null_count
    if present < LEAST_ROWS:
        return f"{present} texts are fewer than {LEAST_ROWS}"
    texts = take_evenly(_texts(column), FIT_ROWS)
    spaceless = _is_spaceless(texts)
    return TextFeatures(_frequent_words(_Words.of(texts, spaceless=spaceless)), spaceless)


@dataclass(frozen=True)
class _Words:
    """The words of some texts: the number in each (rows,), their codes, and what these stand for.

    A word that is nothing but punctuation is the empty one.
    """

    count: Ints
    codes: Indices
    names: list[str]

    @classmethod
    def of(cls, texts: pa.Array[Any], *, spaceless: bool) -> _Words:
        """Split texts without nulls."""
        if spaceless:
            texts = pc.replace_substring_regex(texts, f"({_SPACELESS})", r" \1 ")
        texts = pc.utf8_trim_whitespace(texts)
        lists = pc.utf8_split_whitespace(texts)
        encoded = pc.list_flatten(lists).dictionary_encode()
        lengths = as_numpy(pc.list_value_length(lists)).astype(np.int64)
        # A text without words is split into one, which is empty.
        some = _lengths(texts) > 0
        codes = as_numpy(encoded.indices)[np.repeat(some, lengths)]
        names = pc.utf8_trim(pc.utf8_lower(encoded.dictionary), characters=_AROUND)
        return cls(lengths * some, codes.astype(np.intp), list(map(str, names.to_pylist())))

    @property
    def rows(self) -> Indices:
        """The row of each word."""
        return np.repeat(np.arange(len(self.count)), self.count)

    def mean(self, numbers: Floats) -> Floats:
        """Return the mean of what each word of a text has (rows,), of (names,); 0 without any."""
        sums = np.bincount(self.rows, numbers[self.codes], minlength=len(self.count))
        return np.asarray(sums / np.maximum(self.count, 1))


def _random_numbers(words: list[str]) -> Floats:
    """Return numbers between -1 and 1 that go with words (projections, words); 0 with none."""
    keys = np.array([crc32(word.encode()) for word in words], np.uint64)
    numbers = np.empty((PROJECTIONS, len(words)))
    for projection in range(PROJECTIONS):
        # The finalizer of SplitMix64 (Steele, Lea and Flood 2014).
        mixed = keys + np.uint64((projection + 1) * 0x9E3779B97F4A7C15 % 2**64)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        numbers[projection] = (mixed >> np.uint64(11)) * 2.0**-52 - 1
    return np.where(np.array(words, dtype=bool) if words else False, numbers, 0)


def _frequent_words(words: _Words) -> tuple[str, ...]:
    """Return words that are as frequent in other texts as in these, the most frequent first.

    Words that are counted t times or more here are rarer elsewhere, in all by t times the number
    of those that are counted just t times (Good 1953, "The population frequencies of species and
    the estimation of population parameters"). Fewer are chosen where that is much beside what texts
    differ by.
    """
    names = list(dict.fromkeys(words.names))
    places = {name: place for place, name in enumerate(names)}
    codes = np.array([places[name] for name in words.names], np.int64)
    # The texts with a word are counted, since a word comes more than once in one of them.
    pairs = np.unique(words.rows * len(names) + codes[words.codes])
    counts = np.bincount(pairs % max(1, len(names)), minlength=len(names))
    if "" in places:
        counts[places[""]] = 0
    order = np.argsort(-counts, kind="stable")
    falling, total = counts[order], counts.sum()
    chosen = 0
    for number in range(1, min(FREQUENT_WORDS, len(names) - 1) + 1):
        least = int(falling[number - 1])
        if least == falling[number]:
            continue
        # Of a binomial count: a word that is in every text is there for certain.
        variance = least * (1 - least / len(words.count))
        reach = variance**0.5
        near = np.count_nonzero(np.abs(falling - least) <= reach) / (2 * reach + 1)
        share = falling[:number].sum() / total
        spread = (share * (1 - share) * np.mean(1 / words.count[words.count > 0])) ** 0.5
        if variance * near / total <= _EXCESS * spread:
            chosen = number
    return tuple(names[place] for place in order[:chosen])


def _is_spaceless(texts: pa.Array[Any]) -> bool:
    """Return whether most letters are of scripts that put no spaces between words."""
    texts = take_evenly(texts, _LOOKED_AT)
    letters, spaceless = (_count(texts, each).sum() for each in (r"\p{L}", _SPACELESS))
    return bool(spaceless > letters / 2)


def _distinct(column: pa.Array[Any]) -> float:
    """Return the share of values that are distinct, of values without nulls."""
    return float(pc.count_distinct(column).as_py()) / max(1, len(column))


def _texts(column: pa.Array[Any]) -> pa.Array[Any]:
    """Return the texts that there are, as a type that all functions of text know."""
    return column.cast(pa.large_string()).drop_null()


def _lengths(texts: Any) -> Floats:
    """Return the characters of each text (rows,)."""
    return as_numpy(pc.utf8_length(texts)).astype(np.float64)


def _count(texts: Any, pattern: str) -> Floats:
    """Return how many parts of each text match, such as characters (rows,)."""
    return as_numpy(pc.count_substring_regex(texts, pattern=pattern)).astype(np.float64)
