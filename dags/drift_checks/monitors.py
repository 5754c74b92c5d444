"""The monitors file, as far as it concerns Airflow; the checker validates the rest."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import yaml
from croniter import croniter
from pydantic import AfterValidator, BaseModel, Field


def _cron(expression: str) -> str:
    if not croniter.is_valid(expression):
        raise ValueError(f"{expression!r} is not a cron expression, as in '*/5 * * * *'")
    return expression


Cron = Annotated[str, AfterValidator(_cron)]


class Monitor(BaseModel):
    """What Airflow needs to know of a monitor."""

    name: str
    schedule: Cron | None = None
    current: Any = None

    @property
    def pushed(self) -> bool:
        """Whether its batches are pushed: each push asks for its own check."""
        current = self.current
        return current == "push" or (isinstance(current, dict) and current.get("push") is True)


class Monitors(BaseModel):
    """The monitors, when they are checked, and what else Airflow does."""

    check_schedule: Cron
    monitors: list[Monitor] = Field(min_length=1)
    watch_schedule: Cron | None = None
    on_drift_trigger_dag: str | None = None

    @property
    def tells(self) -> bool:
        """Whether somebody is told of anything: only then is there a schedule to look for it."""
        return self.watch_schedule is not None

    @property
    def tag(self) -> str:
        """What tags the DAGs of these monitors: a digest of their names, in the file's order.

        `site.yml` waits for it (roles/airflow/vars/main.yml).
        """
        names = ",".join(monitor.name for monitor in self.monitors)
        return f"monitors-{sha256(names.encode()).hexdigest()[:12]}"

    @classmethod
    def load(cls) -> Monitors:
        """Read the file that `DRIFT_MONITORS_FILE` names.

        Raises:
            ValueError: with the path and the key that is wrong; Airflow shows it as import error.
        """
        path = Path(os.environ["DRIFT_MONITORS_FILE"])
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (yaml.YAMLError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error
