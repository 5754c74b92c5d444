"""What leaves the checker: MLflow runs, notifications, status.

Each module imports only those before it: `mlflow`, `publish`, `events`, `notify`, `status`.
Apprise, an extra, is imported where a notification is sent.
"""

from drift_checker.outputs.events import (
    Event,
    page_of,
    result_events,
    silence_events,
    silent_before,
    tick_events,
)
from drift_checker.outputs.mlflow import MlflowClient, Run
from drift_checker.outputs.notify import (
    NOTIFICATION_TITLE,
    Address,
    WaitingNotification,
    deliver_events,
    leave_events,
    notification_addresses,
    send_heartbeat,
    untold_events,
)
from drift_checker.outputs.publish import (
    MAX_OLDER,
    PendingMarker,
    Publication,
    mark_pending,
    publish_all,
    publish_pending,
    publish_result,
)
from drift_checker.outputs.status import MonitorStatus, SetAside, last_alarm, read_status

__all__ = [
    "MAX_OLDER",
    "NOTIFICATION_TITLE",
    "Address",
    "Event",
    "MlflowClient",
    "MonitorStatus",
    "PendingMarker",
    "Publication",
    "Run",
    "SetAside",
    "WaitingNotification",
    "deliver_events",
    "last_alarm",
    "leave_events",
    "mark_pending",
    "notification_addresses",
    "page_of",
    "publish_all",
    "publish_pending",
    "publish_result",
    "read_status",
    "result_events",
    "send_heartbeat",
    "silence_events",
    "silent_before",
    "tick_events",
    "untold_events",
]
