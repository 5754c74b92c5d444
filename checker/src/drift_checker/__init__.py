"""Compares the current batch of a data source with its reference."""

from drift_checker.comparison.compare import compare
from drift_checker.comparison.options import ColumnRoles, CompareSettings, Floors
from drift_checker.result import Result, Verdict
from drift_checker.tables import Batch

__all__ = ["Batch", "ColumnRoles", "CompareSettings", "Floors", "Result", "Verdict", "compare"]
