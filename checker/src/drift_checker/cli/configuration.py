"""The settings and the monitors file that a command works with; logs are configured first."""

from __future__ import annotations

import click

from drift_checker.config import Monitors, Settings, load_monitors, load_settings
from drift_checker.logs import configure_logs


def settings_for(ctx: click.Context) -> Settings:
    """Return the settings of the environment and of `--settings`.

    Raises:
        UsageError: A setting is wrong.
    """
    configure_logs(ctx.obj["log_level"])
    return load_settings(ctx.obj["settings_file"])


def settings_and_monitors(ctx: click.Context) -> tuple[Settings, Monitors]:
    """Return the settings, and the monitors of the file that they name.

    Raises:
        UsageError: A setting or the file is wrong.
    """
    settings = settings_for(ctx)
    monitors = load_monitors(settings.monitors_file)
    monitors.check_channels(settings.notification_channels)
    return settings, monitors
