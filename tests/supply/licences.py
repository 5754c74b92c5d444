"""Fails where something is installed whose licence nobody has allowed, or is not known.

    python licences.py .cache/sbom

Reads the lists that `sbom.py` writes, and `licences.toml`, which says what is allowed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, Licensing, get_spdx_licensing

POLICY = Path(__file__).with_name("licences.toml")


@dataclass(frozen=True)
class Policy:
    """What may be installed; see `licences.toml`."""

    allowed: frozenset[str]
    programs: Mapping[str, str]
    names: Mapping[str, str]
    packages: Mapping[str, str]

    @classmethod
    def read(cls, path: Path = POLICY) -> Policy:
        """Read it from its file."""
        content = tomllib.loads(path.read_text())
        return cls(**{**content, "allowed": frozenset(content["allowed"])})

    def refusal(self, component: Mapping[str, Any]) -> str | None:
        """Return why a component must not be there, or None if it may."""
        said = self.packages.get(component["name"]) or self._said(component)
        if not said:
            return "its licence is not known: read it, and add it to [packages]"
        if self.programs.get(component["name"]) == said:
            return None
        try:
            allowed = self._allows(_spdx().parse(said, validate=True))
        except ExpressionError:
            return f"{said!r} is no SPDX name: add what it means to [names]"
        return None if allowed else f"{said} is not among those allowed"

    def _said(self, component: Mapping[str, Any]) -> str:
        """Return one expression; of licences that are said beside each other, each has to hold."""
        said = {_name(each) for each in component.get("licenses", [])}
        names = sorted({self.names.get(each, each) for each in said})
        return " AND ".join(f"({name})" for name in names) if len(names) > 1 else "".join(names)

    def _allows(self, expression: Any) -> bool:
        inner = [self._allows(each) for each in expression.args]
        if not inner:
            return str(expression) in self.allowed
        return any(inner) if isinstance(expression, _spdx().OR) else all(inner)


@cache
def _spdx() -> Licensing:
    return get_spdx_licensing()


def _name(said: Mapping[str, Any]) -> str:
    """Return what a list says of a licence: an expression, an SPDX name, or some text."""
    licence = said.get("license", {})
    return str(said.get("expression") or licence.get("id") or licence.get("name"))


def refusals(lists: Iterable[Path], policy: Policy) -> Iterator[str]:
    """Yield a line for each component that must not be there, and for what names none of them.

    A base image is left out: what it has inside, those say who build it.
    """
    names: set[str] = set()
    for path in lists:
        for component in json.loads(path.read_text())["components"]:
            names.add(component["name"])
            why = None if component["type"] == "container" else policy.refusal(component)
            if why:
                yield f"{path.name}: {component['name']} {component.get('version', '')}: {why}"
    for name in sorted({*policy.programs, *policy.packages} - names):
        yield f"{POLICY.name}: {name} is in no list any more: remove it"


def main() -> None:
    """Say what must not be there, of the lists in a folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    lists = sorted(parser.parse_args().folder.glob("*.cdx.json"))
    found = list(refusals(lists, Policy.read()))
    if not lists or found:
        sys.exit("\n".join(found) or "no list is there: run make sbom")
    print(f"{len(lists)} lists, every licence allowed")  # noqa: T201  the output of a command


if __name__ == "__main__":
    main()
