"""One tick of one monitor, step by step."""

from drift_checker.ticks.alarms import alarm_of
from drift_checker.ticks.context import Tick, Trigger
from drift_checker.ticks.tick import judge_tick, run_tick

__all__ = ["Tick", "Trigger", "alarm_of", "judge_tick", "run_tick"]
