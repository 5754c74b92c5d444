"""The pictures of a tick, and its report: when one is due, how it is made and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from drift_checker.comparison import TablePair
from drift_checker.comparison.pictures import draw
from drift_checker.errors import ServiceAwayError
from drift_checker.result import EvidentlySummary, Result, Verdict
from drift_checker.state import read_latest_result
from drift_checker.tables import release_memory
from drift_checker.ticks.context import Inputs, TickContext
from drift_checker.wording import Pictures

if TYPE_CHECKING:
    from drift_checker.wording import Details

log = structlog.get_logger()


def store_pictures(context: TickContext, tables: TablePair, result: Result) -> Pictures | None:
    """Store what is drawn of a result, and return it; without it the verdict is as good."""
    try:
        pictures = draw(tables, result)
        context.store.put(context.tick.key("pictures.json"), pictures.model_dump_json().encode())
    except ServiceAwayError as error:  # the result itself says so, if the store stays away
        log.warning("no pictures", monitor=context.tick.monitor.name, reason=str(error))
        return None
    except Exception:  # as of a report
        log.exception("no pictures", monitor=context.tick.monitor.name)
        return None
    return pictures


def store_report(
    context: TickContext,
    inputs: Inputs,
    result: Result,
    pictures: Pictures | None,
    *,
    requested: bool,
) -> dict[str, object]:
    """Store a report where one is due or requested; returns the fields of the result that say so.

    Without one the verdict is as good, so that nothing is raised.
    """
    tick = context.tick
    if not (requested or _is_due(context, result)):
        return {}
    try:
        from drift_checker.wording import standalone_page  # noqa: PLC0415  # of few ticks

        details, evidently = _details(context, inputs, result) or (None, None)
        page = standalone_page(result, pictures, details=details)
        context.store.put(tick.key("report.html"), page.encode())
    except ServiceAwayError as error:
        log.warning("no report", monitor=tick.monitor.name, reason=str(error))
        return {}
    except Exception:  # whatever fails in a report fails nothing else
        log.exception("no report", monitor=tick.monitor.name)
        return {}
    return {"report": tick.key("report.html"), "evidently": evidently}


def _details(
    context: TickContext, inputs: Inputs, result: Result
) -> tuple[Details, EvidentlySummary] | None:
    """Have Evidently draw its part, where rows are at hand; without it a report is as good."""
    if inputs.batch is None or inputs.batch.unreadable:
        return None
    # What it took to read and compare a large batch is half of what a report may take.
    release_memory()
    try:
        from drift_checker.wording.evidently_details import (  # noqa: PLC0415  # seconds of imports
            evidently_details,
        )

        reading = context.compare_settings.columns.reading
        return evidently_details(inputs.reference.rows, inputs.batch, result, reading)
    except Exception:  # Evidently's own, as those of a report
        log.exception("no drawings by Evidently", monitor=context.tick.monitor.name)
        return None


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
