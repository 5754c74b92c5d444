"""Delimited files at random: any table, written in any of the dialects that the checker claims."""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.dialects.handmade import DialectFile, Row

_WORDS = ("north", "south", "red", "green tea", "Ann Lee", "O'Neil", "Köln", "x-1", "A", "b_2")
_TEXTS = (
    '6" pipe',
    'so-called "best"',
    "a, b and c",
    "one; two",
    "first\nsecond",
    "a|b",
    "tab\tbed",
)
_TITLES = ("Sales by region", "Printed on 2026-01-05", "Source: a database", "All amounts in EUR")


def draw(seed: int) -> DialectFile:
    """Return a file and the table that it holds."""
    rng = random.Random(seed)  # noqa: S311  # no secrets
    delimiter = rng.choice([",", ",", ";", ";", "\t", "|", "^", "~", " "])
    quote, escaped = rng.choice(['"', '"', '"', "'"]), rng.random() < 0.2  # noqa: PLR2004
    comma = delimiter != "," and rng.random() < 0.5  # noqa: PLR2004
    names, rows = _table(rng, decimal="," if comma else ".", texts=delimiter != " ")
    if quote == "'":  # an apostrophe that quotes nothing is what no rule can tell
        rows = [[cell.replace("'", "") for cell in row] for row in rows]
    end = rng.choice(["\n", "\n", "\r\n"])
    every = rng.random() < 0.3  # noqa: PLR2004
    field = _field(delimiter, quote, escaped=escaped, every=every)
    closing = delimiter if delimiter in ",;" and rng.random() < 0.1 else ""  # noqa: PLR2004
    lines = [delimiter.join(map(field, row)) + closing for row in [names, *rows]]
    text = end.join([*_above(rng, delimiter), *lines]) + rng.choice(["", end])
    data = text.encode(rng.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"]))
    wanted: list[Row] = [[cell or None for cell in row] for row in rows]
    return DialectFile(f"drawn {seed}", data, names, wanted)


def _table(rng: random.Random, decimal: str, *, texts: bool) -> tuple[list[str], list[list[str]]]:
    kinds: list[Callable[[], str]] = [
        lambda: f"{rng.gauss(50, 30):.2f}".replace(".", decimal),
        lambda: str(rng.randrange(10_000)),
        lambda: rng.choice(["", *_WORDS]),
        lambda: f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
        lambda: rng.choice(_TEXTS if texts else _WORDS),
        lambda: rng.choice(["", str(rng.randrange(100))]),
    ]
    columns = [kinds[0], *(rng.choice(kinds) for _ in range(rng.randrange(1, 7)))]
    rng.shuffle(columns)
    names = [
        f"{rng.choice(['id', 'kind', 'amount', 'note'])}_{place}" for place in range(len(columns))
    ]
    return names, [[column() for column in columns] for _ in range(rng.randrange(3, 40))]


def _field(delimiter: str, quote: str, *, escaped: bool, every: bool) -> Callable[[str], str]:
    def field(cell: str) -> str:
        needed = any(mark in cell for mark in (delimiter, quote, "\n"))
        if delimiter == " " and not cell:
            needed = True
        if not (needed or every):
            return cell
        return quote + cell.replace(quote, ("\\" if escaped else quote) + quote) + quote

    return field


def _above(rng: random.Random, delimiter: str) -> list[str]:
    match rng.randrange(8):
        case 0:
            return [*rng.sample(_TITLES, rng.randrange(1, 3)), ""]
        case 1:
            return ["# " + title for title in rng.sample(_TITLES, 2)]
        case 2 if delimiter != " ":
            return [f"sep={delimiter}"]
        case 3:
            return [""]
        case _:
            return []
