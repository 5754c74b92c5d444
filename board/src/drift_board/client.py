"""A typed client of the board's API: `from drift_board.client import BoardClient`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from drift_board import models
from drift_board.errors import ProblemBody
from drift_board.view import Episode
from drift_checker.config import date_key
from drift_checker.result import Result

TIMEOUT_SECONDS = 30.0

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


class BoardError(Exception):
    """The board refused a request, or is away; `status` is None then."""

    def __init__(self, status: int | None, detail: str, near: list[str] | None = None) -> None:
        super().__init__(f"{status}: {detail}" if status else detail)
        self.status, self.detail, self.near = status, detail, near or []


class BoardClient:
    """Asks a board, and changes what it may; every method raises `BoardError`.

    `by` stands beside what is changed; `token` is the board's.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        by: str = "api",
        http: httpx.Client | None = None,
    ) -> None:
        self._http = http or httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._by = by

    def __enter__(self) -> Self:
        """Keep the connection until the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._http.close()

    def overview(self) -> models.Overview:
        """Return whether anything is drifting."""
        return self._get("/overview", models.Overview)

    def monitors(
        self, *, state: str | None = None, owner: str | None = None, tag: str | None = None
    ) -> Iterator[models.Monitor]:
        """Yield the monitors, by name."""
        yield from self._pages("/monitors", models.Monitor, state=state, owner=owner, tag=tag)

    def monitor(self, name: str) -> models.MonitorDetail:
        """Return one monitor with its strongest columns."""
        return self._get(f"/monitors/{name}", models.MonitorDetail)

    def ticks(self, name: str) -> Iterator[models.Tick]:
        """Yield the ticks that are kept in short form, the latest first."""
        yield from self._pages(f"/monitors/{name}/ticks", models.Tick)

    def result(self, name: str, logical_date: datetime) -> Result:
        """Return the whole result of a tick."""
        answer = self._send("GET", f"/monitors/{name}/ticks/{date_key(logical_date)}")
        return Result.model_validate_json(answer.content)

    def episodes(self, name: str) -> list[Episode]:
        """Return the episodes of the ticks that are kept, the latest first."""
        return list(self._pages(f"/monitors/{name}/episodes", Episode))

    def notes(self, name: str, episode: str) -> list[models.Note]:
        """Return the notes of an episode, the oldest first."""
        return list(self._pages(f"/monitors/{name}/episodes/{episode}/notes", models.Note))

    def columns(self, name: str) -> Iterator[models.Column]:
        """Yield the columns over time, by name."""
        yield from self._pages(f"/monitors/{name}/columns", models.Column)

    def acceptances(self, name: str) -> list[models.Acceptance]:
        """Return what was asked to become the reference, the latest first."""
        return list(self._pages(f"/monitors/{name}/acceptances", models.Acceptance))

    def accept(
        self,
        name: str,
        *,
        instead_of: str,
        ticks: list[datetime] | None = None,
        version: str | None = None,
    ) -> models.AskedFor:
        """Ask the next tick for another reference, instead of the version that was seen.

        Raises:
            ValueError: Neither or both of ticks and version are named.
        """
        if (ticks is None) == (version is None):
            raise ValueError("name either ticks or a version")
        asked = (
            models.AskVersion(by=self._by, instead_of=instead_of, version=version)
            if version is not None
            else models.AskTicks(by=self._by, instead_of=instead_of, ticks=ticks or [])
        )
        return self._post(f"/monitors/{name}/acceptances", asked, models.AskedFor)

    def preview(self, name: str) -> dict[str, Any]:
        """Return what accepting would change, as `make rebaseline` shows it."""
        preview: dict[str, Any] = self._send("POST", f"/monitors/{name}/acceptances/preview").json()
        return preview

    def mute(self, name: str, until: datetime, reason: str = "") -> models.Mute:
        """Tell nobody of drift until then; a time that is over ends a mute."""
        asked = models.AskMute(by=self._by, until=until, reason=reason)
        return self._post(f"/monitors/{name}/mutes", asked, models.Mute)

    def note(self, name: str, episode: str, text: str) -> models.Note:
        """Leave a note beside an episode."""
        asked = models.AskNote(by=self._by, text=text)
        return self._post(f"/monitors/{name}/episodes/{episode}/notes", asked, models.Note)

    def check(self, name: str, logical_date: datetime | None = None) -> models.Started:
        """Start a check by hand."""
        asked = models.AskCheck(by=self._by, logical_date=logical_date)
        return self._post(f"/monitors/{name}/checks", asked, models.Started)

    def push(
        self, name: str, logical_date: datetime, body: bytes, media_type: str
    ) -> models.PushedBatch:
        """Push a batch; the same one again changes nothing, and starts its check if need be."""
        answer = self._send(
            "POST",
            f"/monitors/{name}/batches",
            params={"logical_date": logical_date.isoformat(), "by": self._by},
            content=body,
            headers={"Content-Type": media_type},
        )
        return _parsed(answer, models.PushedBatch)

    def _pages(self, path: str, kind: type[T], **query: str | None) -> Iterator[T]:
        # A type that is made here, of what mypy takes for a value.
        page_of_kind: type[models.Page[T]] = models.Page[kind]  # type: ignore[valid-type]
        cursor: str | None = None
        while True:
            page = self._get(path, page_of_kind, **query, cursor=cursor)
            yield from page.items
            cursor = page.next
            if cursor is None:
                return

    def _get(self, path: str, kind: type[M], **query: str | None) -> M:
        params = {name: value for name, value in query.items() if value is not None}
        return _parsed(self._send("GET", path, params=params), kind)

    def _post(self, path: str, asked: BaseModel, kind: type[M]) -> M:
        answer = self._send("POST", path, json=asked.model_dump(mode="json", exclude_none=True))
        return _parsed(answer, kind)

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = self._headers | more.pop("headers", {})
        try:
            answer = self._http.request(method, f"/api/v1{path}", headers=headers, **more)
        except httpx.HTTPError as error:
            raise BoardError(None, f"{self._http.base_url}: {error}") from error
        if answer.is_success:
            return answer
        try:
            problem = ProblemBody.model_validate_json(answer.content)
        except ValidationError:
            raise BoardError(answer.status_code, answer.text[:200]) from None
        raise BoardError(answer.status_code, problem.detail, problem.did_you_mean)


def _parsed(answer: httpx.Response, kind: type[M]) -> M:
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError as error:
        raise BoardError(
            answer.status_code, f"{answer.url}: not what a board answers: {error}"
        ) from error
