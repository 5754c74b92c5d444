"""Scheduled ticks, one after the other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from deployment import DATE, Deployment
from samples import parquet, table
from web import Web

from drift_checker.result import Result
from drift_checker.ticks import Trigger


def date(number: int) -> datetime:
    """The logical date of a tick every five minutes."""
    return DATE + number * timedelta(minutes=5)


class Ticks:
    """Ticks of a deployment whose source is told what to answer."""

    def __init__(self, deployment: Deployment, web: Web) -> None:
        self.deployment, self.web = deployment, web

    def tick(
        self,
        number: int,
        shift: float = 0,
        rows: int = 300,
        trigger: Trigger = "scheduled",
        **options: Any,
    ) -> Result:
        self.web.answer("/data", parquet(table(rows, seed=number + 10, shift=shift)))
        return self.deployment.run(date(number), trigger, **options)
