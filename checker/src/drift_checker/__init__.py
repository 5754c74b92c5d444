"""Compares the current batch of a data source with its reference."""

from drift_checker.comparison import ColumnRoles, CompareSettings, Floors, compare
from drift_checker.result import Result, Verdict
from drift_checker.tables import Batch

__all__ = ["Batch", "ColumnRoles", "CompareSettings", "Floors", "Result", "Verdict", "compare"]
