"""What a comparison is told: the roles of the columns, the level and the floors."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from drift_checker.result import AlarmBudget

Level = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ColumnRoles(_Options):
    """Columns that are not plain features, by name."""

    timestamp: str | None = None
    target: str | None = None
    prediction: str | None = None
    id: str | None = None
    ignore: tuple[str, ...] = ()

    def named(self) -> set[str]:
        """Return the columns that the reference must have."""
        single = (self.timestamp, self.target, self.prediction, self.id)
        return {name for name in single if name is not None} | set(self.ignore)


class Floors(_Options):
    """The smallest effects that are worth an alarm, however significant they are."""

    distance: Share = 0.03
    """Largest difference of the distribution functions, or total variation distance."""
    tail: Share = 0.01
    """Share of rows beyond the reference's 0.1 and 99.9 % quantiles, above expectation."""
    share: Share = 0.01
    """Change in the share of rows with a fault."""


class CompareSettings(_Options):
    """Settings of one comparison.

    `level` is the probability of a false alarm for the whole table. `budget` says how it came
    about and how it is split; without one, half goes to the columns and half to the faults.
    """

    level: Level = 0.01
    budget: AlarmBudget | None = None
    columns: ColumnRoles = ColumnRoles()
    min_rows: int = Field(default=50, ge=1)
    floors: Floors = Floors()

    def alarm_budget(self) -> AlarmBudget:
        """Return the budget that is given, or the one that follows from the level alone."""
        return self.budget or AlarmBudget(
            per_week=None,
            ticks_per_week=None,
            level=self.level,
            parts={"columns": self.level / 2, "faults": self.level / 2},
        )
