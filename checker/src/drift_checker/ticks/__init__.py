"""One tick of one monitor, step by step."""

from drift_checker.ticks.alarms import alarm_of
from drift_checker.ticks.tick import Tick, Trigger, run

__all__ = ["Tick", "Trigger", "alarm_of", "run"]
