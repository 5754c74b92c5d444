"""Acceptances that people asked for, carried out by the tick after."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from drift_checker.config import Monitor
from drift_checker.errors import DamagedObjectError, UsageError
from drift_checker.references import accept_ticks, use_version, version_in_force
from drift_checker.references.acceptance import gather_ticks
from drift_checker.references.versions import load_reference, read_summary
from drift_checker.state import (
    AcceptanceOutcome,
    AcceptanceRequest,
    Store,
    read_acceptance_requests,
    settle_acceptance,
)

log = structlog.get_logger()


def carry_out_acceptances(store: Store, monitor: Monitor) -> None:
    """Do what people asked for since the tick before, the oldest first, and say what became of it.

    What cannot be done is refused with the reason, and keeps no tick from being judged.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    for asked in read_acceptance_requests(store, monitor.name, open_only=True):
        try:
            version = _carry_out(store, monitor, asked.request)
        except (UsageError, DamagedObjectError) as error:
            outcome = AcceptanceOutcome(at=datetime.now(UTC), state="refused", reason=str(error))
        else:
            outcome = AcceptanceOutcome(at=datetime.now(UTC), state="done", version=version)
        settle_acceptance(store, monitor.name, asked.id, outcome)
        log.info(
            "acceptance",
            monitor=monitor.name,
            request=asked.id,
            by=asked.request.by,
            state=outcome.state,
            version=outcome.version,
            reason=outcome.reason,
        )


def _carry_out(store: Store, monitor: Monitor, request: AcceptanceRequest) -> str:
    """Put in force what was asked for; returns its version.

    Raises:
        UsageError: It cannot be, or another version came into force meanwhile.
    """
    entry = version_in_force(store, monitor.name)
    if request.version is not None:
        if entry and entry.version == request.version:
            return entry.version
        return use_version(store, monitor.name, request.version, request.instead_of).version
    ticks = request.ticks or []
    if entry and entry.version != request.instead_of:
        # Whoever carried it out may have been killed before it could say so.
        before = read_summary(store, monitor.name, request.instead_of)
        reference = load_reference(store, monitor.name, before)
        if gather_ticks(store, monitor, ticks, reference)[0].version == entry.version:
            return entry.version
    return accept_ticks(store, monitor, ticks, request.instead_of).version
