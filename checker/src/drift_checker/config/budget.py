"""The alarm budget: from the false alarms that a user is ready to see to the level of one tick."""

from __future__ import annotations

from drift_checker.comparison import SHARES, CompareSettings
from drift_checker.config.monitors import Monitor, Monitors
from drift_checker.config.schedule import ticks_per_week
from drift_checker.result import AlarmBudget

MAX_LEVEL = 0.05
"""However rare the ticks, a verdict that errs more often than this is none."""


def alarm_budget(monitors: Monitors) -> AlarmBudget:
    """Divide the alarms per week equally over the scheduled ticks of all monitors."""
    ticks = sum(ticks_per_week(monitors.schedule_of(monitor)) for monitor in monitors.monitors)
    level = min(MAX_LEVEL, monitors.alarms_per_week / ticks)
    return AlarmBudget(
        per_week=monitors.alarms_per_week,
        ticks_per_week=ticks,
        level=level,
        parts={name: share * level for name, share in SHARES.items()},
    )


def settings_of(monitors: Monitors, monitor: Monitor) -> CompareSettings:
    """Return what a comparison is told when a batch of the monitor is judged."""
    return CompareSettings(
        budget=alarm_budget(monitors),
        columns=monitor.columns.roles,
        segments=monitor.columns.segments,
        min_rows=monitor.min_rows,
        feed=monitor.feed,
        window=monitors.window_of(monitor),
        min_windows=monitor.min_windows,
        floors=monitor.floors.of_all,
        column_floors=monitor.floors.of_columns,
        # The windows of a rolling reference are all of it, as those of a fixed one are.
        baseline="seasonal" if monitor.baseline.kind == "seasonal" else "fixed",
    )
