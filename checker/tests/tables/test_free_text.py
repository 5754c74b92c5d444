"""Free text as a few columns of numbers: told from categories, and the same for new rows."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from calibration import bound

from drift_checker.decision import Floats, kolmogorov
from drift_checker.tables.free_text import (
    FREQUENT_WORDS,
    LEAST_ROWS,
    PROJECTIONS,
    TextFeatures,
    fit_text,
    looks_like_free_text,
)

LEVEL = 1 / 168
ENGLISH = "the of and to a in is it that was for on with as his they at be this from have or by one"
GERMAN = "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es"

Random = np.random.Generator


@dataclass(frozen=True)
class Language:
    """Words, of which those of the grammar are nearly half of a text, by Zipf's law."""

    grammar: str
    topic: int
    vocabulary: int = 2000
    law: float = 1.0

    @cached_property
    def words(self) -> tuple[list[str], Floats]:
        rng, grammar = np.random.default_rng(self.topic), self.grammar.split()
        letters = list("etaoinshrdlucmfwypvbgk")
        own = ["".join(rng.choice(letters, rng.integers(4, 10))) for _ in range(self.vocabulary)]
        weights = [
            0.45 / np.arange(1, len(grammar) + 1) / np.log(len(grammar) + 1),
            0.55 / np.arange(1, len(own) + 1) ** self.law,
        ]
        weights[1] *= 0.55 / weights[1].sum()
        share = np.concatenate(weights)
        return [*grammar, *own], share / share.sum()

    def draw(self, rng: Random, texts: int) -> list[str]:
        words, share = self.words
        lengths = rng.integers(5, 40, texts)
        drawn = iter(rng.choice(words, lengths.sum(), p=share).tolist())
        made = [" ".join(next(drawn) for _ in range(length)) for length in lengths]
        numbers = rng.integers(1, 1000, texts)
        return [
            f"{text.capitalize()}." + (f" {number}" if number < 300 else "")
            for text, number in zip(made, numbers, strict=True)
        ]


HERE = Language(ENGLISH, topic=1)
RNG = np.random.default_rng(0)
TEXTS = HERE.draw(RNG, 400)


def array(values: list[Any], type_: pa.DataType | None = None) -> pa.Array[Any]:
    column: pa.Array[Any] = pa.array(values, type_ or pa.string())
    return column


def fitted(texts: list[str]) -> TextFeatures:
    features = fit_text(array(texts))
    assert isinstance(features, TextFeatures)
    return features


def same(left: dict[str, Floats], right: dict[str, Floats]) -> bool:
    return left.keys() == right.keys() and all(
        np.array_equal(left[name], right[name], equal_nan=True) for name in left
    )


def numbered(form: str, rows: int = 200) -> list[str]:
    return [form.format(row, row * 7919 % 10007) for row in range(rows)]


@pytest.mark.parametrize(
    "values",
    [
        TEXTS,
        [*TEXTS, *([None] * 1000)],
        HERE.draw(RNG, LEAST_ROWS),
        [f"{text}, said number {row}" for row, text in enumerate(TEXTS)],
        Language(GERMAN, topic=2).draw(RNG, 100),
        [f"第{row}条评论说这个产品非常好，我会再买一次" for row in range(100)],  # noqa: RUF001
        [f"Отзыв номер {row} об этом товаре" for row in range(100)],  # noqa: RUF001
        [*TEXTS[:150], *(["good"] * 100)],
        [f"{last}, {first}" for last in ENGLISH.split() for first in GERMAN.split()],
        [f"{name}ville Airport" for name in HERE.words[0][:80]],
        [f"19{row % 90 + 10}.0{row % 9 + 1}.17 - 20{row}.06.30 (Retirement)" for row in range(90)],
        [f"2026-11-{row % 30 + 1} 10:00:{row} 200 12{row}ms upload" for row in range(90)],
    ],
)
def test_texts_of_words_are_free_text(values: list[Any]) -> None:
    for type_ in (pa.string(), pa.large_string(), pa.string_view()):
        assert looks_like_free_text(array(values, type_))


@pytest.mark.parametrize(
    "values",
    [
        numbered("{0:08d}"),
        numbered("{0:08x}-{1:04x}-4000-8000-{0:012x}"),
        numbered("ORD-{0}-{1}"),
        numbered("AB {0} CD {1} 77 X"),
        numbered("https://example.org/pages/{0}/{1}"),
        numbered("user{0}@example.org"),
        numbered("1 {0} 567 {1}"),
        numbered("12 Jan 2020 10:{0}:{1}"),
        numbered("2020.01.{0} - 2021.02.{1}"),
        numbered("Sensor {0:08d}"),
        numbered("Item {0}"),
        numbered("+49 30 {0} {1}"),
        ["a long name of a category", "another long name of it"] * 100,
        [f"the long name of category {row % 80}" for row in range(400)],
        ["good"] * 200,
        TEXTS[: LEAST_ROWS - 1],
        [None] * 200,
        [""] * 200,
        [],
    ],
)
def test_ids_codes_and_categories_are_not(values: list[Any]) -> None:
    assert not looks_like_free_text(array(values))


def test_names_of_categories_in_many_rows_are_none_although_few_of_them_meet() -> None:
    names = [f"the long name of category {row % 5000}" for row in range(50_000)]
    assert not looks_like_free_text(array(names))
    assert looks_like_free_text(array(names[:5000]))


def test_only_text_is_text() -> None:
    assert not looks_like_free_text(array(list(range(100)), pa.int64()))
    assert fit_text(array(list(range(100)), pa.int64())) == "int64 is no text"
    assert fit_text(array(TEXTS[:10] + [None] * 90)) == "10 texts are fewer than 50"


def test_what_is_derived() -> None:
    features = TextFeatures(("the", "dog"), spaceless=False)
    derived = features.compute(array(["The dog,  the DOG!", "", " \n", None, "Äpfel 12 ü", "42"]))
    expected: dict[str, list[float]] = {
        "length": [18, 0, 2, np.nan, 10, 2],
        "words": [4, 0, 0, np.nan, 3, 1],
        "empty": [0, 1, 1, np.nan, 0, 0],
        "share of digits": [0, 0, 0, np.nan, 0.2, 1],
        "share of upper case": [4 / 18, 0, 0, np.nan, 0.1, 0],
        "share of punctuation": [2 / 18, 0, 0, np.nan, 0, 0],
        "share of non-ASCII": [0, 0, 0, np.nan, 0.2, 0],
        "share of frequent words": [1, 0, 0, np.nan, 0, 0],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(derived[name], values, err_msg=name)
    assert list(derived) == [*expected, *(f"word projection {k + 1}" for k in range(PROJECTIONS))]


def test_projections_are_means_of_numbers_that_go_with_words() -> None:
    features = TextFeatures((), spaceless=False)
    derived = features.compute(array(["dog", "cat", "dog cat", "DOG. -- 'cat'", "--"]))
    for number in range(PROJECTIONS):
        dog, cat, both, among, none = derived[f"word projection {number + 1}"]
        assert -1 < dog < 1
        assert dog != cat
        assert both == pytest.approx((dog + cat) / 2)
        assert among == pytest.approx((dog + cat) / 3)
        assert none == 0


def test_letters_without_spaces_are_words() -> None:
    texts = [f"第{row}条评论说这个产品非常好" for row in range(100)]
    features = fitted(texts)
    assert features.spaceless
    assert "这" in features.frequent
    assert features.compute(array(["这个产品 ok"]))["words"].tolist() == [5]
    assert not fitted(TEXTS).spaceless


def test_rows_are_derived_by_themselves_however_they_are_stored() -> None:
    column = array([*TEXTS, None, ""])
    features = fitted(TEXTS)
    whole = features.compute(column)
    for type_ in (pa.large_string(), pa.string_view()):
        assert same(features.compute(column.cast(type_)), whole)
    for first in (0, 399, 400, 401):
        part = {name: values[first : first + 3] for name, values in whole.items()}
        assert same(features.compute(column.slice(first, 3)), part)
    assert all(len(values) == 0 for values in features.compute(column.slice(0, 0)).values())
    nothing = features.compute(array([None, None]))
    assert all(np.isnan(values).all() for values in nothing.values())


def test_what_is_fitted_can_be_kept() -> None:
    features = fitted(TEXTS)
    assert pickle.loads(pickle.dumps(features)) == features  # noqa: S301
    assert TextFeatures.from_dict(json.loads(json.dumps(features.to_dict()))) == features


def test_frequent_words_are_those_of_the_language() -> None:
    frequent = fitted(HERE.draw(RNG, 4000)).frequent
    assert 10 < len(frequent) <= FREQUENT_WORDS
    assert frequent[0] == "the"
    assert len(set(frequent[:10]) & set(ENGLISH.split())) >= 6


def test_no_word_is_frequent_by_chance() -> None:
    words = [f"word{number}" for number in range(200)]
    texts = [" ".join(RNG.choice(words, 10)) for _ in range(200)]
    assert len(fitted(texts).frequent) <= 1


def test_pandas_stays_where_it_is() -> None:
    command = """
import sys
import numpy as np
import pyarrow as pa
from drift_checker.tables.free_text import fit_text, looks_like_free_text
text = b"The good dog is good and big. " * 100
ends = np.arange(0, len(text) + 1, 30, dtype=np.int32)
buffers = [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(text)]
column = pa.Array.from_buffers(pa.string(), 100, buffers)
looks_like_free_text(column)
fit_text(column).compute(column)
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", command], check=True)


def p_values(
    features: TextFeatures, current: dict[str, Floats], reference: dict[str, Floats]
) -> list[float]:
    distances = (
        kolmogorov.distance(np.sort(current[name]), np.sort(reference[name]))
        for name in features.names
    )
    return [kolmogorov.p_value(distance, level=LEVEL) for distance in distances]


@pytest.mark.parametrize("language", [HERE, Language("a the", 3, vocabulary=200, law=0)])
def test_rows_that_were_fitted_to_are_like_others(language: Language) -> None:
    rng = np.random.default_rng(1)
    found: list[float] = []
    for _ in range(20):
        reference, current = (language.draw(rng, 300) for _ in range(2))
        features = fitted(reference)
        derived = (features.compute(array(texts)) for texts in (current, reference))
        found += p_values(features, *derived)
    for level in (0.05, 0.01):
        assert sum(p <= level for p in found) <= bound(len(found), level, 0.999)


CHANGES: dict[str, Callable[[Random, int], list[str]]] = {
    "language": lambda rng, rows: Language(GERMAN, topic=2).draw(rng, rows),
    "topic": lambda rng, rows: Language(ENGLISH, topic=2).draw(rng, rows),
    "shorter": lambda rng, rows: [text[: len(text) * 4 // 5] for text in HERE.draw(rng, rows)],
    "masked": lambda rng, rows: [re.sub(r"\d", "#", text) for text in HERE.draw(rng, rows)],
    "lower": lambda rng, rows: [text.lower() for text in HERE.draw(rng, rows)],
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_a_text_is_found(change: str) -> None:
    rng = np.random.default_rng(2)
    reference = HERE.draw(rng, 2000)
    features = fitted(reference)
    derived = features.compute(array(reference))
    for _ in range(3):
        values = p_values(features, features.compute(array(CHANGES[change](rng, 200))), derived)
        assert min(values) <= LEVEL / len(values)
