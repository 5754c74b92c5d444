"""Known drift injected into the deployed monitor, and the score of what is detected."""

from drift_checker.drill.drill import (
    SHORT_STRENGTH,
    DrillPlan,
    DrillStep,
    publish_drills,
    run_drill,
)
from drift_checker.drill.injection import NO_DRIFT
from drift_checker.drill.report import DETECTED_SHARE, DRIFT_TICKS, DrillReport, Rate

__all__ = [
    "DETECTED_SHARE",
    "DRIFT_TICKS",
    "NO_DRIFT",
    "SHORT_STRENGTH",
    "DrillPlan",
    "DrillReport",
    "DrillStep",
    "Rate",
    "publish_drills",
    "run_drill",
]
