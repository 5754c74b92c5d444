"""Settings, the monitors file, schedules, the alarm budget."""

from drift_checker.config.advice import advice
from drift_checker.config.budget import alarm_budget, settings_of
from drift_checker.config.monitors import (
    WINDOW_PARAMETER,
    Monitor,
    Monitors,
    ReferenceSource,
    SourceSettings,
    load_monitors,
)
from drift_checker.config.schedule import date_key, date_of_key, logical_dates_before
from drift_checker.config.settings import (
    Limits,
    S3Access,
    Settings,
    SourceAccess,
    load_limits,
    load_settings,
)
from drift_checker.config.tls import authorities

__all__ = [
    "WINDOW_PARAMETER",
    "Limits",
    "Monitor",
    "Monitors",
    "ReferenceSource",
    "S3Access",
    "Settings",
    "SourceAccess",
    "SourceSettings",
    "advice",
    "alarm_budget",
    "authorities",
    "date_key",
    "date_of_key",
    "load_limits",
    "load_monitors",
    "load_settings",
    "logical_dates_before",
    "settings_of",
]
