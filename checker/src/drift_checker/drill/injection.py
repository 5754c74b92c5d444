"""Batches with a known drift for a drill: requested of the Drifter, or made of stored batches."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from drift_checker.config import Monitor, Settings, date_of_key
from drift_checker.drill.perturbation import PERTURBATIONS, perturb
from drift_checker.errors import UsageError
from drift_checker.references import StoredReference
from drift_checker.result import Verdict
from drift_checker.sources import (
    RejectedResponseError,
    load_batch,
    request_batch,
    truth_of,
)
from drift_checker.state import Store, read_result
from drift_checker.tables import (
    Batch,
    ColumnKind,
    ColumnReading,
    MismatchError,
    ReadColumns,
    infer_readings,
    is_text,
)

SCENARIOS = tuple(PERTURBATIONS)
NO_DRIFT = "none"
"""What the Drifter calls a batch without drift."""
DEPENDENT_CORRELATION = 0.3
"""Rank correlation from which on two columns are taken to depend on each other."""
MAX_STORED_BATCHES = 100
"""Stored batches of a monitor that a drill looks at, the latest."""


@dataclass(frozen=True)
class BatchRequest:
    """One batch of a drill; `trial` and `tick` distinguish it from others of the same drift."""

    scenario: str
    strength: float
    trial: int
    tick: int = 0

    def seed(self, drill: str) -> int:
        """Return a seed below 2**31 that the drill and the batch alone decide."""
        name = f"{drill}/{self.scenario}/{self.strength}/{self.trial}/{self.tick}"
        return int.from_bytes(sha256(name.encode()).digest()[:4]) & 0x7FFF_FFFF


def drift_source(
    store: Store, monitor: Monitor, settings: Settings, reference: StoredReference, drill: str
) -> DriftSource:
    """Return the source of a monitor's drill: its stored batches say what its own source is.

    Raises:
        BadReferenceError: the rows of the reference are not there.
        UsageError: no batch of the monitor is stored that was `ok`; or, where they are perturbed,
            none that was so against the reference in force.
    """
    dates = map(date_of_key, store.folders(f"batches/{monitor.name}")[-MAX_STORED_BATCHES:])
    read = [(date, read_result(store, monitor.name, date)) for date in dates]
    ok = [(date, result) for date, result in read if result and result.verdict is Verdict.OK]
    latest = load_batch(store, monitor.name, ok[-1][0]) if ok else None
    if latest and latest.truth is not None:
        return DrifterSource(monitor, settings, drill)
    version = reference.version.version
    stored = [
        batch.batch
        for date, result in ok
        if result.reference.version == version and (batch := load_batch(store, monitor.name, date))
    ]
    if not stored:
        raise UsageError(
            f"{monitor.name} has no batch among its last {MAX_STORED_BATCHES} that was ok against "
            f"the reference in force ({version}); run a check first"
        )
    return StoredBatchSource(stored, reference.rows, monitor, drill)


class DrifterSource:
    """Asks the monitor's own Drifter, by the parameters of a request."""

    kind = "drifter"
    stored_batches = None
    """It makes as many as are asked for."""

    def __init__(self, monitor: Monitor, settings: Settings, drill: str) -> None:
        self._monitor = monitor
        self._settings = settings
        self._drill = drill

    def scenarios(self) -> tuple[str, ...]:
        """Return all of them."""
        return SCENARIOS

    def drift_free_ticks(self, wanted: int) -> int:
        """Return how many ticks without drift there are, of so many that are wanted: all."""
        return wanted

    def batch(self, request: BatchRequest) -> Batch:
        """Request a batch.

        Raises:
            NoBatchError: the Drifter answered with none.
            ServiceAwayError: it stayed away.
            UsageError: it takes no scenario from a request, or does not say what it did.
        """
        params = {"scenario": request.scenario, "seed": str(request.seed(self._drill))}
        if request.scenario != NO_DRIFT:
            params["strength"] = str(request.strength)
        current = self._monitor.current
        source = current.model_copy(update={"params": {**current.params, **params}})
        monitor = self._monitor.model_copy(update={"current": source})
        try:
            response = request_batch(monitor, datetime.now(UTC), self._settings)
        except RejectedResponseError as error:
            if b"DRIFT_ALLOW_OVERRIDE" not in error.evidence:
                raise
            raise UsageError(
                f"{monitor.name}: the Drifter takes no drift from a request; set "
                "DRIFT_ALLOW_OVERRIDE=true for it (with Ansible drifter_allow_override: true)"
            ) from error
        truth = truth_of(response.headers)
        if truth is None or (truth.scenario or NO_DRIFT) != request.scenario:
            raise UsageError(
                f"{monitor.name}: asked for {request.scenario}, the source says it sent {truth}"
            )
        return response.batch()


class StoredBatchSource:
    """Perturbs one column of stored batches; without a drift they stay as they are."""

    kind = "stored batches"

    def __init__(
        self, batches: list[Batch], reference: Batch, monitor: Monitor, drill: str
    ) -> None:
        self._batches = batches
        self._reference = reference
        self._roles = monitor.columns.roles
        self._drill = drill
        self._candidates_of: dict[str, list[str]] = {}

    @cached_property
    def _readings(self) -> dict[str, ColumnReading]:
        """How the columns are read that are tested."""
        roles = self._roles
        untested = {roles.timestamp, roles.id, *roles.ignore}
        return {
            name: reading
            for name, reading in infer_readings(self._reference, roles.reading).items()
            if name not in untested and not (reading.untested or reading.feature)
        }

    def _names(self, kind: ColumnKind) -> list[str]:
        return [name for name, reading in self._readings.items() if reading.kind == kind]

    def _with_numbers(self, batch: Batch) -> pa.Table:
        """Return the table with those numbers as such that are stored as text."""
        table, read = batch.table, ReadColumns.of(batch)
        for name in self._names("numeric"):
            # What does not fit the reference any more is left as it is.
            with suppress(KeyError, MismatchError):
                if is_text(table[name].type):
                    numbers = read.read(self._readings[name])
                    index = table.schema.get_field_index(name)
                    table = table.set_column(index, name, pa.chunked_array([numbers]))
        return table

    @cached_property
    def _tables(self) -> list[pa.Table]:
        return [self._with_numbers(batch) for batch in self._batches]

    @cached_property
    def _correlated(self) -> list[str]:
        """The numeric columns that depend on another: to shuffle any other changes nothing."""
        names = self._names("numeric")
        table = self._with_numbers(self._reference).select(names).drop_null()
        if len(names) <= 1 or not table.num_rows:
            return []
        values = [np.asarray(table[name].cast(pa.float64()).to_numpy()) for name in names]
        ranks = [column.argsort().argsort() for column in values]
        correlations = np.abs(np.corrcoef(ranks)) - np.eye(len(names))
        return [
            name
            for name, strongest in zip(names, correlations.max(axis=0), strict=True)
            if strongest >= DEPENDENT_CORRELATION
        ]

    def _candidates(self, scenario: str) -> list[str]:
        if scenario not in self._candidates_of:
            kinds, _ = PERTURBATIONS[scenario]
            names = [name for kind in kinds for name in self._names(kind)]
            if scenario == "correlation_change":
                names = self._correlated
            changed = [name for name in names if self._is_changed(name, scenario)]
            self._candidates_of[scenario] = changed
        return self._candidates_of[scenario]

    def _is_changed(self, column: str, scenario: str) -> bool:
        """Whether a scenario changes the values of a column at all.

        It does not where they are mostly one value, and cannot where it does not know their type.
        """
        rng = np.random.default_rng(0)
        tables = {str(table[column].type): table for table in self._tables}
        try:
            return all(
                perturb(table, column, scenario, 1, rng)[column] != table[column]
                for table in tables.values()
            )
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return False

    def scenarios(self) -> tuple[str, ...]:
        """Return those for which there is a column."""
        return tuple(name for name in SCENARIOS if self._candidates(name))

    @property
    def stored_batches(self) -> int:
        """How many batches there are."""
        return len(self._batches)

    def drift_free_ticks(self, wanted: int) -> int:
        """Return how many ticks without drift there are, of so many that are wanted.

        Each batch is one: the same again tells nothing more of chance.
        """
        return min(wanted, len(self._batches))

    def batch(self, request: BatchRequest) -> Batch:
        """Return one of the batches, in turn; the same column drifts in all ticks of a trial."""
        number = (request.trial + request.tick) % len(self._batches)
        stored = self._batches[number]
        if request.scenario == NO_DRIFT:
            return stored
        trial = np.random.default_rng(replace(request, tick=0).seed(self._drill))
        tick = np.random.default_rng(request.seed(self._drill))
        column = trial.choice(self._candidates(request.scenario))
        before = self._tables[number]
        table = perturb(before, str(column), request.scenario, request.strength, tick)
        return replace(stored, table=table)


DriftSource: TypeAlias = DrifterSource | StoredBatchSource
"""Where the batches of a drill come from.

Either says which scenarios its data can carry, and makes a batch with a drift, or without one where
the scenario is `NO_DRIFT`.
"""
