"""Evidently's page of a tick: when one is due, and how it is made and stored."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from drift_checker.result import Result, Verdict
from drift_checker.state import read_latest_result
from drift_checker.tables import release_memory
from drift_checker.ticks.context import Inputs, TickContext

log = structlog.get_logger()


def store_report(
    context: TickContext, inputs: Inputs, result: Result, *, requested: bool
) -> dict[str, object]:
    """Store a report where one is due or requested; returns the fields of the result that say so.

    Without one the verdict is as good, so that nothing is raised.
    """
    batch, tick = inputs.batch, context.tick
    if batch is None or not (requested or _is_due(context, result)) or batch.unreadable:
        return {}
    # What it took to read and compare a large batch is half of what a report may take.
    release_memory()
    try:
        from drift_checker.wording.page import write_report  # noqa: PLC0415  # seconds of imports

        with TemporaryDirectory() as folder:
            page = Path(folder, "report.html")
            evidently = write_report(
                inputs.reference.rows,
                batch,
                page,
                result.explanation,
                settings=context.compare_settings.columns.reading,
            )
            context.store.put(tick.key("report.html"), page)
    except Exception:  # whatever fails in a report fails nothing else
        log.exception("no report", monitor=tick.monitor.name)
        return {}
    return {"report": tick.key("report.html"), "evidently": evidently}


def _is_due(context: TickContext, result: Result) -> bool:
    if context.settings.report != "episode":
        return context.settings.report == "always"
    latest = read_latest_result(context.store, context.tick.monitor.name)
    if latest is None:
        return True
    if result.verdict is not Verdict.DRIFT:
        return False
    today = context.tick.logical_date.date()
    reported_today = latest.reported is not None and latest.reported.date() >= today
    return result.alarm.state == "opened" or not reported_today
