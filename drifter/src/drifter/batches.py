"""Drawing a batch: which rows, and with which drift."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from drifter.errors import RequestError, SettingError
from drifter.population import Population
from drifter.scenarios import ScenarioName
from drifter.settings import Settings, variable_of

CHUNK_ROWS = 8192  # a streamed answer holds one chunk at a time
DEFAULT_ROWS = 1000

Positions: TypeAlias = npt.NDArray[np.int64]


class Mode(StrEnum):
    """Where a batch comes from."""

    RESAMPLE = "resample"
    REPLAY = "replay"


class Format(StrEnum):
    """How a batch is written."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("name a time within the years 1 to 9999 of UTC") from None


class BatchRequest(BaseModel):
    """What a client may ask for; nothing is required."""

    model_config = ConfigDict(extra="forbid")

    rows: int = Field(default=DEFAULT_ROWS, ge=1, description="Number of rows.")
    seed: int = Field(
        default_factory=lambda: secrets.randbits(63),
        ge=0,
        lt=2**63,
        description="Makes the answer repeatable; drawn when left out, and told in X-Drift-Seed.",
    )
    format: Format = Field(default=Format.JSON, description="An array of records, CSV or Parquet.")
    mode: Mode = Field(
        Mode.RESAMPLE,
        description="Draw from the base at random, or replay a window of the stream.",
    )
    at: Annotated[datetime, AfterValidator(_in_utc)] = Field(
        default_factory=lambda: datetime.now(UTC),
        description="When the replayed window ends, ISO 8601, UTC unless it says otherwise; "
        "now when left out. Its year is replaced by the stream's.",
    )
    scenario: ScenarioName | Literal["none"] | None = Field(
        default=None, description="Inject this drift, or none, instead of leaving it to chance."
    )
    strength: float | None = Field(
        default=None, gt=0, le=10, description="Strength of the drift, if there is one."
    )


@dataclass(frozen=True)
class Truth:
    """Which drift a batch carries: nothing to detect, or a scenario and its columns."""

    scenario: ScenarioName | None = None
    columns: tuple[str, ...] = ()

    def headers(self) -> dict[str, str]:
        """Return the truth as HTTP headers; column names are percent-encoded."""
        if self.scenario is None:
            return {"X-Drift-Injected": "false"}
        return {
            "X-Drift-Injected": "true",
            "X-Drift-Scenario": self.scenario,
            "X-Drift-Columns": ",".join(quote(name, safe=" ") for name in self.columns),
        }


@dataclass(frozen=True)
class Batch:
    """Rows of a table by their positions, taken only when they are needed."""

    table: pa.Table
    rows: int
    positions: Callable[[Positions], Positions] = field(repr=False)
    truth: Truth

    def chunks(self) -> Iterator[pa.RecordBatch]:
        """Yield the batch, a bounded number of rows at a time."""
        for start in range(0, self.rows, CHUNK_ROWS):
            ordinals = np.arange(start, min(start + CHUNK_ROWS, self.rows))
            chunk = self.table.take(self.positions(ordinals))
            yield from chunk.combine_chunks().to_batches()


class Drifter:
    """Draws batches from the base and the stream."""

    def __init__(self, settings: Settings, base: Population, stream: Population) -> None:
        self.settings = settings
        self.base = base
        self.stream = stream
        times = stream.times()
        if times is None:
            raise _unusable("stream_path", settings.stream_path, "has no timestamp column")
        self._times = np.asarray(times.cast(pa.timestamp("us", times.type.tz)).to_numpy())
        if (self._times[1:] < self._times[:-1]).any():
            raise _unusable("stream_path", settings.stream_path, "is not in time order")
        for scenario in settings.scenarios:
            if not base.groups[scenario]:
                raise SettingError(
                    variable_of("scenarios"),
                    ",".join(settings.scenarios),
                    f"{settings.base_path} has no column in which {scenario} could show. "
                    "Leave it out.",
                )

    @classmethod
    def load(cls, settings: Settings) -> "Drifter":
        """Read the files that the settings name.

        Raises:
            SettingError: A file is not what it should be.
        """
        return cls(
            settings,
            base=Population.load(settings.base_path, variable_of("base_path")),
            stream=Population.load(settings.stream_path, variable_of("stream_path")),
        )

    def draw(self, request: BatchRequest) -> Batch:
        """Return the batch of a request: the same for the same request and settings.

        Rows, drift and its details have random generators of their own, so a batch with and one
        without drift hold the same rows where the seed is the same.

        Raises:
            RequestError: 403 if the request names a drift and the settings do not allow it,
                422 if no column could show that drift.
        """
        overridden = request.scenario is not None or request.strength is not None
        if overridden and not self.settings.allow_override:
            raise RequestError(
                403,
                "This Drifter takes no scenario or strength from a request. "
                "Leave them out, or start it with DRIFT_ALLOW_OVERRIDE=true.",
            )
        for_rows, for_choice, for_details = np.random.default_rng(request.seed).spawn(3)
        scenario = self._choose(request, for_choice)
        population = self.stream if request.mode is Mode.REPLAY else self.base
        positions = (
            self._window(request)
            if request.mode is Mode.REPLAY
            else _sample(population.table.num_rows, request.rows, for_rows)
        )
        if scenario is None:
            return Batch(population.table, request.rows, positions, Truth())
        if not population.groups[scenario]:
            raise RequestError(422, f"No column could show {scenario}. Ask for another scenario.")
        strength = request.strength or self.settings.strength
        # The whole population drifts before rows are drawn, so chunks cannot differ in it.
        drifted, columns = population.drift(scenario, strength, for_details)
        return Batch(drifted, request.rows, positions, Truth(scenario, columns))

    def _choose(self, request: BatchRequest, rng: np.random.Generator) -> ScenarioName | None:
        if request.scenario is not None:
            return None if request.scenario == "none" else request.scenario
        if request.mode is Mode.REPLAY or rng.random() >= self.settings.prob:
            return None
        return self.settings.scenarios[rng.integers(len(self.settings.scenarios))]

    def _window(self, request: BatchRequest) -> Callable[[Positions], Positions]:
        """Return the positions of the rows up to `at`; before the first comes the last again."""
        moment = np.datetime64(request.at.replace(tzinfo=None), "us")
        month = moment.astype("datetime64[M]")
        january = month.astype("datetime64[Y]").astype("datetime64[M]")
        first_january = self._times[0].astype("datetime64[Y]").astype("datetime64[M]")
        # By month and not by day of the year: leap years would be a day late from March on.
        at = first_january + (month - january) + (moment - month)
        first = int(np.searchsorted(self._times, at, side="right")) - request.rows
        return lambda ordinals: (first + ordinals) % len(self._times)


def _sample(size: int, rows: int, rng: np.random.Generator) -> Callable[[Positions], Positions]:
    """Return the positions of a random sample, in the order of the population.

    Without replacement while the population suffices, so that a batch is a simple random sample
    of it; beyond that with replacement. Only counts are kept, however many rows are drawn.
    """
    if rows <= size:
        counts = np.zeros(size, dtype=np.int64)
        counts[rng.choice(size, rows, replace=False)] = 1
    else:
        counts = rng.multinomial(rows, np.full(size, 1 / size))
    ends = np.cumsum(counts)
    return lambda ordinals: np.searchsorted(ends, ordinals, side="right")


def _unusable(name: str, value: object, reason: str) -> SettingError:
    return SettingError(
        variable_of(name),
        value,
        f"the file {reason}. Allowed: {Settings.model_fields[name].description}.",
    )
