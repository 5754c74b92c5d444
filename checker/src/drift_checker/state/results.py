"""Results of ticks: the truth that pointers, folds and runs of MLflow are made of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from drift_checker.config import date_of_key
from drift_checker.result import Result
from drift_checker.state import keys
from drift_checker.state.documents import read_truth
from drift_checker.state.store import Store


def read_result(store: Store, monitor: str, logical_date: datetime) -> Result | None:
    """The result of a tick, or None where there is none; one that is damaged is set aside.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    parse = partial(result_of, monitor, logical_date)
    return read_truth(store, keys.result(monitor, logical_date), parse)


def result_of(monitor: str, logical_date: datetime, data: bytes) -> Result:
    """The result of a tick from its bytes.

    Raises:
        ValueError: They are none, or that of another tick.
    """
    result = Result.model_validate_json(data)
    if (result.monitor, result.logical_date) != (monitor, logical_date):
        raise ValueError(f"it is of {result.monitor} at {result.logical_date}")
    return result


def result_dates(store: Store, monitor: str) -> Iterator[datetime]:
    """The logical dates of all ticks of which something is stored, the latest first.

    Lists a history, which is for what mends it alone.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    for name in reversed(store.folders(f"results/{monitor}")):
        try:
            yield date_of_key(name)
        except ValueError:
            continue
