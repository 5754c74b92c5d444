"""Options that stand before everything else, of `drift-checker` and of `drift-board`."""

from __future__ import annotations

from pathlib import Path

import click

settings_option = click.option(
    "--settings",
    "settings_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of DRIFT_*=value lines; the environment goes before it.",
)
log_level_option = click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    envvar="DRIFT_LOG_LEVEL",
    default="info",
    show_default=True,
)
