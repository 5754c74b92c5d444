"""Mistakes of settings: all at once, each named by its place and told in one line.

What a library says of a wrong value is put into words of our own; and a key that is misspelt is
taken for the one that is meant, so that it hides nothing of what stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, NamedTuple, TypeAlias, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from drift_checker.config.settings import redact

Keys: TypeAlias = tuple[int | str, ...]
M = TypeVar("M", bound=BaseModel)

_LIKENESS = 0.65
"""Of a key that is taken for another: `uri` for `url`, but not `colour` for `columns`."""
_UNKNOWN = "unknown_key"
_SECRET = "secret"  # noqa: S105  the type of an error
_WORDS = {
    "missing": "is missing",
    "greater_than": "allowed: more than {gt}",
    "greater_than_equal": "allowed: {ge} or more",
    "less_than": "allowed: less than {lt}",
    "less_than_equal": "allowed: {le} or less",
    "finite_number": "allowed: a finite number",
    "literal_error": "allowed: {expected}",
    "too_short": "allowed: a list of {min_length} or more",
    "bool_type": "allowed: true or false",
    "bool_parsing": "allowed: true or false",
    "float_type": "allowed: a number",
    "float_parsing": "allowed: a number",
    "int_type": "allowed: a whole number",
    "int_parsing": "allowed: a whole number",
    "int_from_float": "allowed: a whole number",
    "string_type": "allowed: a text; in quotes, a number is one",
    "list_type": "allowed: a list",
    "tuple_type": "allowed: a list",
    "dict_type": "allowed: keys with their values",
    "model_type": "allowed: keys with their values",
    "path_type": "allowed: a path",
}
"""What is said instead of Pydantic's sentences, by the type of the error."""


class Mistake(NamedTuple):
    """One thing that is wrong."""

    place: str
    """Keys from the top, as `monitors[0].current.url`; empty where it is the whole."""
    message: str
    """What is wrong, and what is allowed."""

    def __str__(self) -> str:
        """Place and message, as they are shown behind the name of the file."""
        return f"{self.place or 'the whole file'}: {self.message}"


class Section(BaseModel):
    """A part of the settings: it has no other keys than its fields, and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: object) -> object:
        known = cls.model_fields
        if isinstance(data, dict) and (unknown := [key for key in data if key not in known]):
            errors = [_unknown_key(key, data[key], known) for key in unknown]
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return data


def _unknown_key(key: object, value: object, known: Iterable[str]) -> InitErrorDetails:
    word = str(key)
    context = {"words": unknown_key(word, known), "meant": closest(word, known)}
    return InitErrorDetails(
        type=PydanticCustomError(_UNKNOWN, "{words}", context),
        loc=(key if isinstance(key, int) else word,),
        input=value,
    )


def unknown_key(word: str, known: Iterable[str]) -> str:
    """Say that a key is none of those known, and which is meant or allowed."""
    if meant := closest(word, known):
        return f"unknown key; did you mean {meant}?"
    return f"unknown key; allowed: {', '.join(known)}"


def closest(word: str, known: Iterable[str], likeness: float = _LIKENESS) -> str | None:
    """Return the known word that is most like another one, if it is as like as that, 0 to 1."""
    from difflib import get_close_matches  # noqa: PLC0415  only where something is wrong

    return next(iter(get_close_matches(word, list(known), n=1, cutoff=likeness)), None)


def secret_error(allowed: str) -> PydanticCustomError:
    """Return an error that says what is allowed, and shows nothing of what it got."""
    return PydanticCustomError(_SECRET, "{words}", {"words": f"allowed: {allowed}"})


def matching(pattern: str, allowed: str) -> AfterValidator:
    """Return what checks that a text matches, and says in words what is allowed."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(f"allowed: {allowed}")
        return text

    return AfterValidator(check)


def find_mistakes(
    model: type[M],
    content: object,
    context: Mapping[str, object] | None = None,
    *,
    unreadable: Iterable[Keys] = (),
) -> tuple[M | None, list[Mistake]]:
    """Return what is right of the content, if the model can do with that, and all that is wrong.

    What is found wrong is put right where that is clear, or left out, and the rest is looked at
    again: keys are checked against each other only where each of them is right by itself. Of what
    is `unreadable`, for the caller to tell, nothing is said but that its key is unknown.
    """
    repaired = _Repaired(deepcopy(content), set(unreadable))
    found: dict[Mistake, None] = {}
    while True:
        try:
            return model.model_validate(repaired.content, context=context), list(found)
        except ValidationError as error:
            details = error.errors()
        for each in details:
            if not repaired.explains(each):
                found[Mistake(place_of(repaired.as_written(each["loc"])), _words(each))] = None
        repairs = [repaired.repair(each) for each in details]
        if not any(repairs):
            return None, list(found)


def place_of(keys: Keys) -> str:
    """Return keys from the top as they are shown: `monitors[0].current.url`."""
    return "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in keys).lstrip(".")


def _words(error: ErrorDetails) -> str:
    words = _WORDS.get(error["type"])
    # Bounds are shown as people write them: 0, not 0.0.
    bounds = {k: f"{v:g}" if isinstance(v, float) else v for k, v in error.get("ctx", {}).items()}
    message = words.format(**bounds) if words else error["msg"]
    silent = error["type"] in {_UNKNOWN, _SECRET, "missing"} or isinstance(
        error["input"], dict | list
    )
    shown = "" if silent else f" (got {redact(error['input'])})"
    return f"{message.removeprefix('Value error, ')}{shown}"


class _Repaired:
    """Content from which what is wrong was taken, for the rest to be looked at."""

    def __init__(self, content: object, unreadable: set[Keys]) -> None:
        self.content = content
        self._unreadable = unreadable
        self._renamed: dict[Keys, str] = {}
        """Keys by the names that they were given, with those that they were written with."""
        self._left_out: set[Keys] = set()

    def as_written(self, keys: Keys) -> Keys:
        """Return keys by the names that the user wrote."""
        return tuple(self._renamed.get(keys[: n + 1], key) for n, key in enumerate(keys))

    def explains(self, error: ErrorDetails) -> bool:
        """Whether it may be a mistake only because of what was changed."""
        if error["type"] == _UNKNOWN:
            return False
        keys = error["loc"]
        if keys in self._renamed and error["type"].endswith("_type"):
            return True  # another key was meant, or none
        written = self.as_written(keys)
        if any(written in {gone, gone[:-1]} for gone in self._unreadable):
            return True
        return any(
            keys == gone[: len(keys)] and (keys == gone or str(gone[-1]) in error["msg"])
            for gone in self._left_out
        )

    def repair(self, error: ErrorDetails) -> bool:
        """Rename what is misspelt, leave out what is wrong; say whether that could be done."""
        place, holder, value = None, None, self.content
        for number, key in enumerate(error["loc"]):
            if isinstance(value, dict) and key in value:
                place, holder, value = error["loc"][: number + 1], value, value[key]
            elif isinstance(value, list) and isinstance(key, int):
                value = value[key]
            else:
                break
        if place is None or holder is None:
            return False  # the file is wrong as a whole
        if isinstance(value, dict) and value is not holder[place[-1]]:
            return False  # so is one of a list, which has others after it
        wrong = holder.pop(place[-1])
        meant = error["ctx"]["meant"] if error["type"] == _UNKNOWN else None
        if meant is None or meant in holder:
            self._left_out.add(place)
        else:
            holder[meant] = wrong
            self._renamed[*place[:-1], meant] = str(place[-1])
        return True


class _Loader(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]
    """YAML of plain values."""


def parse_yaml(text: str) -> tuple[Any, list[Mistake]]:
    """Return what YAML says, and the keys that stand twice in one map.

    Raises:
        yaml.YAMLError: It is none.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, []
        return loader.construct_document(node), list(_repeated_keys(node, ()))
    finally:
        loader.dispose()


def repeated_keys(text: str) -> list[Mistake]:
    """Return the keys that stand twice in one map of YAML, whatever its values are.

    Raises:
        yaml.YAMLError: It is none.
    """
    node = yaml.compose(text, Loader=_Loader)
    return [] if node is None else list(_repeated_keys(node, ()))


def _repeated_keys(node: yaml.Node, keys: Keys) -> Iterator[Mistake]:
    if isinstance(node, yaml.SequenceNode):
        for number, each in enumerate(node.value):
            yield from _repeated_keys(each, (*keys, number))
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                message = f"stands twice, in lines {lines[name]} and {line}: remove one of them"
                yield Mistake(place_of((*keys, name)), message)
            lines[name] = line
            yield from _repeated_keys(value, (*keys, name))
