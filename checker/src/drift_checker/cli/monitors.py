"""`drift-checker monitors`: the monitors file."""

from __future__ import annotations

from pathlib import Path

import click

from drift_checker.config import advice, alarm_budget, load_monitors


@click.group()
def monitors() -> None:
    """Work with the monitors file."""


@monitors.command()
@click.argument("file", type=click.Path(path_type=Path))
def validate(file: Path) -> None:
    """Check FILE; every mistake is named by its path, and so is what may not be meant."""
    loaded = load_monitors(file)
    budget = alarm_budget(loaded)
    names = ", ".join(monitor.name for monitor in loaded.monitors)
    click.echo(
        f"{file}: {len(loaded.monitors)} monitor(s): {names}; {budget.ticks_per_week:g} ticks a "
        f"week, each at level {budget.level:.2g}"
    )
    for line in advice(loaded):
        click.echo(f"{file}: {line}")
