"""The pages, and the forms on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.datastructures import FormData

from drift_board import drawing, words
from drift_board.actions import Actions
from drift_board.airflow import DAG
from drift_board.board import Board
from drift_board.errors import Problem
from drift_board.guard import COOKIE, SESSION_SECONDS, Guard
from drift_board.lookup import Lookup
from drift_board.ondemand import OnDemand
from drift_board.settings import BoardSettings
from drift_board.view import STRIP, MonitorView, Snapshot, State, episodes
from drift_checker.config import date_key
from drift_checker.errors import DriftCheckerError
from drift_checker.escape import one_line
from drift_checker.state import keys
from drift_checker.wording import TickLinks, shortened, tick_fragment

LISTED_TICKS = 50
"""Ticks that the page of a monitor lists."""
SPANS = {"1h": 1, "4h": 4, "1d": 24, "3d": 72, "1w": 168, "4w": 672}
"""For how long a monitor can be muted by a page, in hours."""
MOST_PAGES = 16
"""Pages that are kept as they were written."""
REPORT_POLICY = (
    # Its scripts are not ours: they run with no origin, and reach nothing of the board.
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)


@dataclass(frozen=True)
class Services:
    """What the routes share."""

    settings: BoardSettings
    board: Board
    lookup: Lookup
    actions: Actions
    guard: Guard


class Pages:
    """Writes pages; those that many read are written once for a snapshot."""

    def __init__(self, services: Services) -> None:
        self._of = services
        self._kept = OnDemand(services.settings.board_refresh_seconds, MOST_PAGES)
        self._shown: Snapshot | None = None
        environment = Environment(
            loader=PackageLoader("drift_board"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            # What others wrote has no line ends or marks of direction to steer by.
            finalize=lambda value: one_line(value) if type(value) is str else value,
        )
        environment.globals |= {
            "State": State,
            "age": words.age,
            "refresh_seconds": services.settings.board_refresh_seconds,
            "mlflow": services.settings.board_public_mlflow_url,
            "airflow": services.settings.board_public_airflow_url,
            "check_dag": DAG,
            "can_act": services.guard.can_act,
        }
        environment.filters |= {
            "utc": words.utc,
            "iso": lambda date: f"{date:%Y-%m-%dT%H:%M:%SZ}",
            "key": date_key,
            "number": words.number,
            "short": shortened,
            "strip": lambda view: drawing.strip_of(view.cells, STRIP),
        }
        # Compiled before somebody waits for one of them.
        for name in environment.list_templates():
            environment.get_template(name)
        self._environment = environment

    def render(
        self, request: Request, template: str, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """Return a page; `path` is its own address, to which an action comes back."""
        return HTMLResponse(self._written(request, template, **values), status_code=status)

    def _written(self, request: Request, template: str, **values: Any) -> str:
        return self._environment.get_template(template).render(
            person=self._of.guard.person(request), path=_path(request), **values
        )

    def problem(self, request: Request, problem: Problem) -> HTMLResponse:
        """Return a page that says why there is no other."""
        return self.render(
            request,
            "problem.html.j2",
            status=problem.status,
            problem=problem,
            near=[(name, _near_path(request, name)) for name in problem.near],
        )

    def overview(self, request: Request) -> HTMLResponse:
        """Return the page of all monitors, those that the query asks for."""
        snapshot = self._of.lookup.snapshot()
        query = request.query_params
        wanted = {name: query.get(name, "") for name in ("verdict", "owner", "tag")}
        person = self._of.guard.person(request)
        if snapshot is not self._shown:
            # An old one holds some megabytes for as long as a page of it is kept.
            self._kept.clear()
            self._shown = snapshot
        key = (id(snapshot), _path(request), person)

        def write() -> tuple[Snapshot, str]:
            page = self._written(
                request,
                "overview.html.j2",
                snapshot=snapshot,
                shown=[view for view in snapshot.monitors if _wanted(view, wanted)],
                wanted=wanted,
                counts=_counts(snapshot),
                owners=sorted({view.owner for view in snapshot.monitors} - {""}),
                tags=sorted({tag for view in snapshot.monitors for tag in view.tags}),
            )
            # With its snapshot: no other one has its id as long as that is kept.
            return snapshot, page

        # The text alone: what answers marks each answer as its own.
        return HTMLResponse(self._kept.get(key, write)[1])

    def monitor(self, request: Request, name: str, problem: Problem | None = None) -> HTMLResponse:
        """Return the page of a monitor; with a problem where an action on it was refused."""
        snapshot, view = self._of.lookup.monitor(name)
        recent = self._of.lookup.recent(view)
        scheduled = [tick for tick in recent.ticks if tick.trigger == "scheduled"]
        found = episodes(recent)
        open_one = next((each for each in found if each.ended is None), None)
        return self.render(
            request,
            "monitor.html.j2",
            status=problem.status if problem else 200,
            refused=problem,
            snapshot=snapshot,
            view=view,
            line=drawing.time_line(scheduled),
            heat=drawing.heat_map(scheduled),
            size=drawing,
            listed=[(tick, drawing.score(tick)) for tick in recent.ticks[: -LISTED_TICKS - 1 : -1]],
            episodes=found,
            open_one=open_one,
            runs=self._runs(view),
            notes={each.id: self._of.lookup.notes(view, each.id) for each in found[:5]},
            acceptances=self._of.lookup.acceptances(view)[::-1][:10],
            done=request.query_params.get("done"),
            run=_run(request.query_params.get("run")),
            settings=_settings(view),
            spans=SPANS,
        )

    def tick(self, request: Request, name: str, key: str) -> HTMLResponse:
        """Return the page of a tick."""
        snapshot, view = self._of.lookup.monitor(name)
        date = self._of.lookup.date(view, key)
        fragment = self._of.lookup.kept.get(
            ("tick", name, date), lambda: self._fragment(view, date)
        )
        dates = [tick.logical_date for tick in self._of.lookup.recent(view).ticks]
        return self.render(
            request,
            "tick.html.j2",
            snapshot=snapshot,
            view=view,
            date=date,
            fragment=Markup(fragment),  # noqa: S704  its templates have escaped it
            before=max((each for each in dates if each < date), default=None),
            after=min((each for each in dates if each > date), default=None),
        )

    def _fragment(self, view: MonitorView, date: datetime) -> str:
        result = self._of.lookup.result(view, date)
        own = f"/monitors/{view.name}/ticks/{date_key(date)}"
        published = self._of.lookup.publication(view, date)
        links = TickLinks(
            mlflow=self._mlflow(published.url if published else None),
            airflow=self._airflow(published.task_page if published else None),
            report=f"{own}/report.html" if result.report else None,
            result=f"{own}/result.json",
            batch=None if result.current.url else f"{own}/current.parquet",
        )
        return tick_fragment(result, self._of.lookup.pictures(view, date), links=links)

    def _runs(self, view: MonitorView) -> str | None:
        """The list of a monitor's runs in MLflow; None before one is published."""
        tick = view.tick
        published = self._of.lookup.publication(view, tick.logical_date) if tick else None
        return self._mlflow(published.runs_url if published else None)

    def _mlflow(self, url: str | None) -> str | None:
        """The address of a run as a browser reaches it."""
        public = self._of.settings.board_public_mlflow_url
        if url is None or public is None:
            return url
        parts = urlsplit(url)
        return public + parts._replace(scheme="", netloc="").geturl()

    def _airflow(self, page: str | None) -> str | None:
        """The page of a tick's task and its log; without it, of what runs the checks."""
        public = self._of.settings.board_public_airflow_url
        return public and f"{public}/{page or 'dags/drift_detection'}"


def _path(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _near_path(request: Request, name: str) -> str:
    """The address of a page whose monitor or tick has a near name."""
    parts = request.url.path.split("/")
    deep = parts[3:4] == ["ticks"] and len(parts) > 4  # noqa: PLR2004  /monitors/NAME/ticks/DATE
    return f"/monitors/{parts[2]}/ticks/{name}" if deep else f"/monitors/{name}"


def _wanted(view: MonitorView, wanted: dict[str, str]) -> bool:
    is_so = {
        "drift": view.drifts,
        "invalid": view.invalid,
        "silent": view.silent,
        "muted": view.mute is not None,
    }
    verdict, owner, tag = wanted["verdict"], wanted["owner"], wanted["tag"]
    return (
        (not verdict or is_so.get(verdict, view.state == verdict))
        and (not owner or view.owner == owner)
        and (not tag or tag in view.tags)
    )


def _counts(snapshot: Snapshot) -> list[tuple[str, int]]:
    """How many monitors each filter by verdict would leave."""
    names = ["drift", "invalid", "silent", "waiting", "muted", "ok"]
    counts = {
        name: sum(
            _wanted(view, {"verdict": name, "owner": "", "tag": ""}) for view in snapshot.monitors
        )
        for name in names
    }
    return [(name, number) for name, number in counts.items() if number]


def _run(name: str | None) -> str | None:
    """The name of a run of Airflow, of an address that anybody may have written."""
    return name if name and re.fullmatch(r"[\w.:+~-]{1,250}", name) else None


def _settings(view: MonitorView) -> list[str]:
    """The settings of a monitor that are not the default, as its file has them, by line."""
    given = view.monitor.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    text: str = yaml.safe_dump(
        {"schedule": view.schedule} | given, sort_keys=False, allow_unicode=True
    )
    return text.splitlines()


def pages_router(of: Services, pages: Pages) -> APIRouter:
    """Return the routes of the pages and of their forms."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    _reading(router, of, pages)
    _signing(router, of, pages)
    _acting(router, of, pages)
    return router


def _reading(router: APIRouter, of: Services, pages: Pages) -> None:
    """What everybody may read."""

    @router.get("/")
    def overview(request: Request) -> Response:
        return pages.overview(request)

    @router.get("/monitors/{name}")
    def monitor(request: Request, name: str) -> Response:
        return pages.monitor(request, name)

    @router.get("/monitors/{name}/ticks/{date}")
    def tick(request: Request, name: str, date: str) -> Response:
        return pages.tick(request, name, date)

    @router.get("/monitors/{name}/ticks/{date}/{file}")
    def file(name: str, date: str, file: str) -> Response:
        _, view = of.lookup.monitor(name)
        found = of.lookup.date(view, date)
        match file:
            case "report.html":
                data = of.lookup.file(view, keys.result(view.name, found, file))
                headers = {"Content-Security-Policy": REPORT_POLICY}
                return HTMLResponse(data, headers=headers)
            case "result.json":
                data = of.lookup.file(view, keys.result(view.name, found, file))
                return Response(data, media_type="application/json")
            case "current.parquet":
                data = of.lookup.file(view, keys.batch(view.name, found, file))
                name = f"{view.name}-{date_key(found)}.parquet"
                headers = {"Content-Disposition": f'attachment; filename="{name}"'}
                return Response(data, media_type="application/octet-stream", headers=headers)
        raise Problem(404, f"{file[:80]!r} is no file of a tick")


def _signing(router: APIRouter, of: Services, pages: Pages) -> None:
    """How a browser comes to prove that somebody knows the token."""

    @router.get("/sign-in")
    def ask_token(request: Request) -> Response:
        return pages.render(
            request,
            "sign_in.html.j2",
            back=_back(request.query_params.get("back")),
            wrong=None,
            name="",
        )

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        form = await request.form()
        name, back = _text(form, "name")[:80].strip(), _back(_text(form, "back"))
        try:
            of.guard.check_token(_text(form, "token"))
            _check_name(name)
        except Problem as problem:
            return pages.render(
                request,
                "sign_in.html.j2",
                status=problem.status,
                back=back,
                wrong=problem.detail,
                name=name,
            )
        answer = RedirectResponse(back, status_code=303)
        answer.set_cookie(
            COOKIE,
            of.guard.session(name),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        of.guard.check_form(request, await request.form())
        answer = RedirectResponse("/", status_code=303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer


def _acting(router: APIRouter, of: Services, pages: Pages) -> None:
    """What changes something."""

    @router.get("/monitors/{name}/accept/preview")
    async def preview(request: Request, name: str) -> Response:
        if of.guard.person(request) is None:
            # It takes the board some seconds: not for everybody who reads.
            return RedirectResponse(f"/sign-in?{urlencode({'back': request.url.path})}", 303)
        _, view = await run_in_threadpool(of.lookup.monitor, name)
        try:
            shown = await of.actions.preview(view)
        except Problem as problem:
            return await run_in_threadpool(pages.monitor, request, name, problem)
        return pages.render(request, "accept.html.j2", view=view, preview=shown)

    @router.post("/monitors/{name}/{action}")
    async def act(request: Request, name: str, action: str) -> Response:
        form = await request.form()
        person = of.guard.check_form(request, form)
        _, view = await run_in_threadpool(of.lookup.monitor, name)
        if action not in _ACTIONS:
            raise Problem(404, f"{action[:80]!r} is no action")
        try:
            said = await run_in_threadpool(_ACTIONS[action], of, view, form, person.name)
        except DriftCheckerError as error:
            return await run_in_threadpool(pages.monitor, request, name, Problem.of(error))
        except Problem as problem:
            return await run_in_threadpool(pages.monitor, request, name, problem)
        return RedirectResponse(f"/monitors/{view.name}?{urlencode(said)}", 303)


# Each returns the query by which the monitor's page says what was done; the rest of what that page
# says of it, it knows from the store: an address is written by anybody.


def _mute(of: Services, view: MonitorView, form: FormData, by: str) -> dict[str, str]:
    hours = SPANS.get(_text(form, "span"))
    if hours is None:
        raise Problem(422, f"span: allowed: {', '.join(SPANS)}")
    until = of.board.now() + timedelta(hours=hours)
    of.actions.mute(view, until, _text(form, "reason"), by)
    return {"done": "muted"}


def _unmute(of: Services, view: MonitorView, form: FormData, by: str) -> dict[str, str]:
    of.actions.mute(view, of.board.now(), _text(form, "reason"), by)
    return {"done": "unmuted"}


def _note(of: Services, view: MonitorView, form: FormData, by: str) -> dict[str, str]:
    of.actions.note(view, _text(form, "episode"), _text(form, "text"), by)
    return {"done": "noted"}


def _accept(of: Services, view: MonitorView, form: FormData, by: str) -> dict[str, str]:
    ticks = [_moment(each) for each in form.getlist("tick")]
    version = _text(form, "version") or None
    of.actions.accept(
        view, by=by, instead_of=_text(form, "instead_of"), ticks=ticks or None, version=version
    )
    return {"done": "accepted"}


def _check(of: Services, view: MonitorView, _: FormData, by: str) -> dict[str, str]:
    return {"done": "checking", "run": of.actions.check(view, by)}


_ACTIONS = {"mute": _mute, "unmute": _unmute, "note": _note, "accept": _accept, "check": _check}


def _moment(text: object) -> datetime:
    try:
        date = datetime.fromisoformat(str(text))
    except ValueError:
        raise Problem(422, f"tick {str(text)[:40]!r}: allowed: ISO 8601") from None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _check_name(name: str) -> None:
    if not name:
        raise Problem(422, "say who you are: it stands beside what you do")


def _back(path: str | None) -> str:
    """Return a path of this board, whatever was sent."""
    safe = path and path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if path and safe else "/"
