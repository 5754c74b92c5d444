"""Settings, the monitors file, schedules, the alarm budget."""

from drift_checker.config.advice import advice
from drift_checker.config.budget import alarm_budget, settings_of
from drift_checker.config.channels import (
    DEFAULT_CHANNEL,
    EVENT_KINDS,
    Channel,
    EventKind,
)
from drift_checker.config.mistakes import (
    Mistake,
    Section,
    closest,
    find_mistakes,
    matching,
    repeated_keys,
    secret_error,
)
from drift_checker.config.monitors import (
    WINDOW_PARAMETER,
    Columns,
    DagId,
    Monitor,
    MonitorFloors,
    Monitors,
    ReferenceSource,
    SourceSettings,
    load_monitors,
)
from drift_checker.config.schedule import (
    Cron,
    date_key,
    date_of_key,
    interval,
    logical_dates_before,
    next_logical_date,
    ticks_per_week,
)
from drift_checker.config.settings import (
    HttpUrl,
    Limits,
    S3Access,
    Settings,
    SourceAccess,
    load_limits,
    load_settings,
)
from drift_checker.config.tls import authorities

__all__ = [
    "DEFAULT_CHANNEL",
    "EVENT_KINDS",
    "WINDOW_PARAMETER",
    "Channel",
    "Columns",
    "Cron",
    "DagId",
    "EventKind",
    "HttpUrl",
    "Limits",
    "Mistake",
    "Monitor",
    "MonitorFloors",
    "Monitors",
    "ReferenceSource",
    "S3Access",
    "Section",
    "Settings",
    "SourceAccess",
    "SourceSettings",
    "advice",
    "alarm_budget",
    "authorities",
    "closest",
    "date_key",
    "date_of_key",
    "find_mistakes",
    "interval",
    "load_limits",
    "load_monitors",
    "load_settings",
    "logical_dates_before",
    "matching",
    "next_logical_date",
    "repeated_keys",
    "secret_error",
    "settings_of",
    "ticks_per_week",
]
