"""Versions of a monitor's reference: fitted, in force, accepted, rolling.

`preview`, of what an acceptance would change, and `declared`, of what is told before a reference is
fitted, are needed by no tick, and imported by their paths.
"""

from drift_checker.references.acceptance import (
    Acceptance,
    accept_ticks,
    last_valid_ticks,
    latest_normal_ticks,
    use_version,
)
from drift_checker.references.dependence import ColumnDependence, Dependence
from drift_checker.references.in_force import Profiled, StoredReference, fitted_by
from drift_checker.references.rolling import (
    rolling_references,
    with_alarm_of_anchor,
    with_anchor,
)
from drift_checker.references.versions import (
    VERSION_LENGTH,
    fit_reference,
    load_reference,
    read_summary,
    summary_in_force,
    version_in_force,
    versions_in_force,
)

__all__ = [
    "VERSION_LENGTH",
    "Acceptance",
    "ColumnDependence",
    "Dependence",
    "Profiled",
    "StoredReference",
    "accept_ticks",
    "fit_reference",
    "fitted_by",
    "last_valid_ticks",
    "latest_normal_ticks",
    "load_reference",
    "read_summary",
    "rolling_references",
    "summary_in_force",
    "use_version",
    "version_in_force",
    "versions_in_force",
    "with_alarm_of_anchor",
    "with_anchor",
]
