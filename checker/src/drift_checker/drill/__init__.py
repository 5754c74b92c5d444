"""Known drift injected into the deployed monitor, and the score of what is detected."""

from drift_checker.drill.drill import DrillPlan, run_drill
from drift_checker.drill.report import DRIFT_TICKS, DrillReport, Rate

__all__ = ["DRIFT_TICKS", "DrillPlan", "DrillReport", "Rate", "run_drill"]
