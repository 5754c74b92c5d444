"""`python -m benchmarks.formats.textual_numbers`: are shifts found in numbers that are text?

For each textual form of docs/formats.md, files of a column of numbers in that form are compared:
batches that have moved by half a standard deviation, which have to be found, all of them, and
batches without a shift, whose p-values have to be as small as often as they say.
"""

# ruff: noqa: T201  a command, which prints
from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import formats
import numpy as np
import pyarrow as pa

from drift_checker import CompareSettings, Verdict, compare

LEVEL = 0.01
ROWS = 1000
SHIFT = 0.5
"""In standard deviations."""
SHIFTED = 40
DRAWS = 300
EACH = 0.1
"""The level of the p-values that are counted for each form: others need more draws."""
LEAST, MOST = 0.5, 1.5
"""Times the level."""


@dataclass(frozen=True)
class Found:
    """What was found of a form: shifts, and the p-values of batches without one."""

    form: str
    kind: str
    shifts: int
    p_values: tuple[float, ...]

    def times(self, level: float) -> float:
        """Return how many p-values are at most a level, in multiples of what is expected."""
        return sum(p <= level for p in self.p_values) / (level * len(self.p_values))

    @property
    def holds(self) -> bool:
        """Whether all shifts were found, and the levels kept."""
        kept = LEAST <= self.times(EACH) <= MOST
        return self.kind == "numeric" and self.shifts == SHIFTED and kept


def measure(name: str, way: formats.Way, draws: int, seed: int) -> Found:
    """Compare files in one textual form."""
    form = formats.NUMBERS[name]
    rng = np.random.default_rng(seed)

    def table(mean: float) -> pa.Table:
        values = (100 + 10 * rng.normal(mean, 1, ROWS)).tolist()
        return pa.table({"value": pa.array([form.write(x) for x in values])})

    settings = CompareSettings(level=LEVEL)
    shifts, p_values, kind = 0, [], ""
    for draw in range(SHIFTED + draws):
        mean = SHIFT if draw < SHIFTED else 0
        reference, batch = (way.read(way.write(table(each))) for each in (0, mean))
        result = compare(reference, batch, settings=settings)
        kind = result.columns[0].kind
        if mean:
            shifts += result.verdict is Verdict.DRIFT
        else:
            p_values.append(result.columns[0].p_value or 1.0)
    return Found(name, kind, shifts, tuple(p_values))


def page(found: list[Found], all_forms: Found) -> str:
    """Return the table."""
    head = ["written as", "kind", f"found of {SHIFTED}", f"false alarms, times {EACH}"]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for one in found:
        cells = [one.form, one.kind, str(one.shifts), f"{one.times(EACH):.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    times = f"{all_forms.times(LEVEL):.2f} times {LEVEL}, {all_forms.times(0.05):.2f} times 0.05"
    return "\n".join([*lines, "", f"False alarms over all forms: {times}."]) + "\n"


def main() -> int:
    """Print the table; return whether all bounds hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.formats.textual_numbers")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--seed", type=int, default=20_261_129)
    parser.add_argument("--format", choices=list(formats.TEXT_FORMATS), default="CSV with `;`")
    asked = parser.parse_args()
    way, found = formats.TEXT_FORMATS[asked.format], []
    for number, name in enumerate(formats.NUMBERS):
        found.append(measure(name, way, asked.draws, asked.seed + number))
        print(found[-1].form, found[-1].kind, found[-1].shifts, found[-1].holds, flush=True)
    every = tuple(p for one in found for p in one.p_values)
    all_forms = Found("all", "numeric", SHIFTED, every)
    if asked.output:
        asked.output.write_text(page(found, all_forms), "utf-8")
    kept = LEAST <= all_forms.times(LEVEL) <= MOST
    return int(not (kept and all(one.holds for one in found)))


if __name__ == "__main__":
    sys.exit(main())
