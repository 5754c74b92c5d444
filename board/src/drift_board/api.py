"""The API: what the pages show and do, for machines."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer

from drift_board import models
from drift_board.actions import MEDIA_TYPES, check_push
from drift_board.drawing import series
from drift_board.errors import PROBLEM_TYPE, Problem, ProblemBody
from drift_board.pages import Services
from drift_board.view import Episode, MonitorView, State, episodes
from drift_checker.config import Limits, date_key
from drift_checker.result import Result
from drift_checker.state import keys

T = TypeVar("T")

PUSHER = "api"
"""Who pushes, where the request does not say."""
_MIB = 1 << 20

Name = Annotated[str, Path(description="Name of the monitor.", max_length=200)]
Date = Annotated[
    str,
    Path(
        description="Logical date: `20261123T085000Z` or ISO 8601.",
        max_length=60,
        examples=["20261123T085000Z"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=models.MOST_PER_PAGE, description="Most items of a page.")]
Cursor = Annotated[
    str | None, Query(max_length=100, description="`next` of the page before this one.")
]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how the document of the API names refusals of these statuses."""
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    texts = {
        400: "The body cannot be read.",
        401: "The token is missing or wrong.",
        403: "A page of another origin asks.",
        404: "There is none; `did_you_mean` has the nearest names.",
        409: "The monitor takes none.",
        413: "The body is too large.",
        415: "The body is of no known format.",
        422: "A value is none that is allowed.",
        500: "What is stored is damaged.",
        503: "The store or Airflow is away, or a setting is missing.",
    }
    return {status: {"description": texts[status], "content": content} for status in statuses}


READ = problems(404, 422, 503)
WRITE = problems(400, 401, 403, 404, 422, 503)


def api_router(of: Services, limits: Limits) -> APIRouter:
    """Return the routes of the API."""
    router = APIRouter(prefix="/api/v1", responses={503: {"model": ProblemBody}})
    bearer = HTTPBearer(auto_error=False, description="The board's token.")

    def check(request: Request) -> None:
        of.guard.check_bearer(request)

    acting = APIRouter(dependencies=[Depends(bearer), Depends(check)], responses=WRITE)
    _monitors(router, of)
    _ticks(router, of)
    _changes(acting, of)
    _batches(acting, of, int(limits.max_body_mb * _MIB))
    router.include_router(acting)
    return router


def _monitors(router: APIRouter, of: Services) -> None:
    """What is known of monitors."""

    @router.get("/overview", tags=["monitors"], responses=problems(503))
    def overview() -> models.Overview:
        """Answer whether anything is drifting."""
        return models.Overview.model_validate(of.lookup.snapshot())

    @router.get("/monitors", tags=["monitors"], responses=problems(422, 503))
    def monitors(
        state: Annotated[State | None, Query(description="Those in this state alone.")] = None,
        owner: Annotated[str | None, Query(max_length=200)] = None,
        tag: Annotated[str | None, Query(max_length=200)] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> models.Page[models.Monitor]:
        """Answer the monitors, by name."""
        found = {
            view.name: view
            for view in of.lookup.snapshot().monitors
            if (state is None or view.state is state)
            and (owner is None or view.owner == owner)
            and (tag is None or tag in view.tags)
        }
        some, following = _by_name(found, limit, cursor)
        return models.Page(items=[models.Monitor.of(view) for _, view in some], next=following)

    @router.get("/monitors/{name}", tags=["monitors"], responses=READ)
    def monitor(name: Name) -> models.MonitorDetail:
        """Answer one monitor with its strongest columns."""
        return models.MonitorDetail.of(of.lookup.view(name))

    @router.get("/monitors/{name}/columns", tags=["columns"], responses=READ)
    def columns(name: Name, limit: Limit = 50, cursor: Cursor = None) -> models.Page[models.Column]:
        """Answer the columns over time, by name, in those ticks of which they are kept."""
        found = series(of.lookup.recent(of.lookup.view(name)))
        some, following = _by_name(found, limit, cursor)
        items = [
            models.Column(
                name=column,
                points=[
                    models.Point(
                        logical_date=date, p_value=p_value, effect_size=effect, floor=floor
                    )
                    for date, p_value, effect, floor in points
                ],
            )
            for column, points in some
        ]
        return models.Page(items=items, next=following)


def _by_name(
    found: Mapping[str, T], limit: int, cursor: str | None
) -> tuple[list[tuple[str, T]], str | None]:
    """Return those of a page by name, and the cursor of what follows: the name of its last."""
    names = sorted(name for name in found if cursor is None or name > cursor)
    some = [(name, found[name]) for name in names[:limit]]
    return some, some[-1][0] if len(names) > limit else None


def _ticks(router: APIRouter, of: Services) -> None:
    """What is known of their ticks and episodes."""

    @router.get("/monitors/{name}/ticks", tags=["ticks"], responses=READ)
    def ticks(name: Name, limit: Limit = 100, cursor: Cursor = None) -> models.Page[models.Tick]:
        """Answer the last ticks that are kept in short form, the latest first."""
        kept = list(of.lookup.recent(of.lookup.view(name)).ticks)
        if cursor is not None:
            kept = kept[: bisect_left(kept, cursor, key=lambda tick: date_key(tick.logical_date))]
        some = kept[: -limit - 1 : -1]
        return models.Page(
            items=[models.Tick.of(tick) for tick in some],
            next=date_key(some[-1].logical_date) if len(kept) > limit else None,
        )

    @router.get(
        "/monitors/{name}/ticks/{date}",
        tags=["ticks"],
        response_model=Result,
        responses=READ | problems(500),
    )
    def result(name: Name, date: Date) -> Response:
        """Answer the whole result of a tick, as it is stored."""
        view = of.lookup.view(name)
        found = of.lookup.date(view, date)
        of.lookup.result(view, found)  # refuses what is missing or damaged
        data = of.lookup.file(view, keys.result(view.name, found))
        return Response(data, media_type="application/json")

    @router.get("/monitors/{name}/episodes", tags=["episodes"], responses=READ)
    def all_episodes(name: Name) -> models.Page[Episode]:
        """Answer the episodes of the ticks that are kept, the latest first."""
        return models.Page(items=episodes(of.lookup.recent(of.lookup.view(name))))

    @router.get("/monitors/{name}/episodes/{episode}/notes", tags=["episodes"], responses=READ)
    def notes(name: Name, episode: str) -> models.Page[models.Note]:
        """Answer the notes of an episode, the oldest first."""
        view = of.lookup.view(name)
        _check_episode(of, view, episode)
        found = of.lookup.notes(view, episode)
        return models.Page(items=[models.Note.model_validate(each) for each in found])

    @router.get("/monitors/{name}/acceptances", tags=["actions"], responses=READ)
    def acceptances(name: Name) -> models.Page[models.Acceptance]:
        """Answer what was asked to become the reference, the latest first."""
        found = of.lookup.acceptances(of.lookup.view(name))
        return models.Page(items=[models.Acceptance.of(each) for each in reversed(found)])


def _changes(router: APIRouter, of: Services) -> None:
    """What people ask for."""

    @router.post("/monitors/{name}/acceptances", tags=["actions"], status_code=202)
    def accept(name: Name, asked: models.AskTicks | models.AskVersion) -> models.AskedFor:
        """Ask the next tick to accept batches, or an older version, as the reference."""
        made = of.actions.accept(
            of.lookup.view(name),
            by=asked.by,
            instead_of=asked.instead_of,
            ticks=asked.ticks if isinstance(asked, models.AskTicks) else None,
            version=asked.version if isinstance(asked, models.AskVersion) else None,
        )
        return models.AskedFor(id=made)

    @router.post("/monitors/{name}/acceptances/preview", tags=["actions"])
    async def preview(name: Name) -> dict[str, Any]:
        """Answer what `make rebaseline` shows: what would change. Takes some seconds."""
        return await of.actions.preview(await run_in_threadpool(of.lookup.view, name))

    @router.post("/monitors/{name}/mutes", tags=["actions"], status_code=201)
    def mute(name: Name, asked: models.AskMute) -> models.Mute:
        """Tell nobody of drift until a time; an open alarm stays visible."""
        made = of.actions.mute(of.lookup.view(name), asked.until, asked.reason, asked.by)
        return models.Mute.model_validate(made)

    @router.post("/monitors/{name}/episodes/{episode}/notes", tags=["episodes"], status_code=201)
    def note(name: Name, episode: str, asked: models.AskNote) -> models.Note:
        """Leave a note beside an episode."""
        view = of.lookup.view(name)
        _check_episode(of, view, episode)
        made = of.actions.note(view, episode, asked.text, asked.by)
        return models.Note.model_validate(made)

    @router.post(
        "/monitors/{name}/checks",
        tags=["actions"],
        status_code=202,
        responses=problems(409),
    )
    def check_now(name: Name, asked: models.AskCheck) -> models.Started:
        """Start a check by hand, as a run of Airflow."""
        return models.Started(
            run=of.actions.check(of.lookup.view(name), asked.by, asked.logical_date)
        )


def _batches(router: APIRouter, of: Services, most_bytes: int) -> None:
    """What pipelines push."""

    @router.post(
        "/monitors/{name}/batches",
        tags=["batches"],
        status_code=202,
        responses=problems(409, 413, 415),
        openapi_extra={
            "requestBody": {
                "required": True,
                "description": "The rows, as they come: the tick reads them, and judges.",
                "content": {media_type: {"schema": {}} for media_type in sorted(MEDIA_TYPES)},
            }
        },
    )
    async def push(
        request: Request,
        name: Name,
        logical_date: Annotated[models.Moment, Query(description="The batch's, with an offset.")],
        by: Annotated[str, Query(max_length=80, pattern=r"\S")] = PUSHER,
    ) -> models.PushedBatch:
        """Take a batch that a pipeline pushes; the same one again changes nothing."""
        view = await run_in_threadpool(of.lookup.view, name)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        check_push(view, media_type)
        body = await _body(request, most_bytes)
        pushed, run = await run_in_threadpool(
            of.actions.push, view, logical_date, body, media_type, by
        )
        return models.PushedBatch(
            key=pushed.key,
            known=pushed.known,
            slot=pushed.slot,
            logical_date=pushed.logical_date,
            trigger=pushed.trigger,
            run=run,
        )


async def _body(request: Request, most: int) -> bytes:
    """Return a body that is not too large, and read no more of one that is.

    Raises:
        Problem: 413, or 422 where there is none.
    """
    refused = Problem(
        413,
        f"a batch has at most {most:,} bytes (DRIFT_MAX_BODY_MB): push it in parts, or raise that",
    )
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > most:
        raise refused
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise refused
    if not body:
        raise Problem(422, "the body is empty: it has to be the batch")
    return bytes(body)


def _check_episode(of: Services, view: MonitorView, episode: str) -> None:
    known = [each.id for each in episodes(of.lookup.recent(view))]
    if episode not in known:
        raise Problem(404, f"{view.name} has no episode {episode[:80]!r} that is kept", known[:3])
