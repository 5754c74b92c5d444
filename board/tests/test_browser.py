"""The pages in the browser of this machine: what a person sees, reaches and does.

`--images docs/images` takes the pictures that the documents show.
"""

from __future__ import annotations

import io
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import BROWSERS, PHONE, STOPS, WIDE, Scheme, Visit, tab_to, visit
from conftest import PATIENCE_SECONDS, TOKEN, deploy
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from stored import NOW, MonitorFeed, feeds, write, write_drawn

from drift_checker.state import mute_in_force, read_acceptance_requests, read_notes

ACCESSIBLE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
CALM = [MonitorFeed(name) for name in ("bookings", "clicks", "currency", "exports", "invoices")]
TICK = "/monitors/flights/ticks/20261130T180000Z"
SHADES = 64
"""Colours of a picture: a page has few, and their edges the rest."""

View = tuple[tuple[int, int], Scheme]
DAY, NIGHT, ON_PHONE = (WIDE, "light"), (WIDE, "dark"), (PHONE, "light")
VIEWS: tuple[View, ...] = (DAY, NIGHT, ON_PHONE)


def one_and_others(**how: int) -> Callable[[], list[MonitorFeed]]:
    return lambda: [MonitorFeed("flights", **how), *CALM]  # type: ignore[arg-type]  # of numbers


def many() -> list[MonitorFeed]:
    """A hundred monitors: of twenty one drifts, one is invalid and one is silent."""
    ways: dict[int, dict[str, int]] = {3: {"drift": 9}, 7: {"invalid": 2}, 11: {"ended": 7}}
    return [
        MonitorFeed(f"monitor-{number:02}", ticks=48, **ways.get(number % 20, {}))  # type: ignore[arg-type]  # of numbers
        for number in range(100)
    ]


@dataclass(frozen=True)
class Shown:
    """A kind of page in a state that it can be in, and what pictures of it are named."""

    path: str = "/"
    feeds: Callable[[], list[MonitorFeed]] = feeds
    person: str | None = None
    pictures: Mapping[View, str] = field(default_factory=dict)


STATES = {
    "overview": Shown(
        pictures={DAY: "board", NIGHT: "board-dark", ON_PHONE: "board-phone"},
    ),
    "all ok": Shown(feeds=one_and_others(), pictures={DAY: "board-ok"}),
    "drift": Shown(feeds=one_and_others(drift=9), pictures={DAY: "board-drift"}),
    "invalid": Shown(feeds=one_and_others(invalid=2), pictures={DAY: "board-invalid"}),
    "silent": Shown(feeds=one_and_others(ended=7), pictures={DAY: "board-silent"}),
    "waiting": Shown(feeds=one_and_others(ticks=0)),
    "100 monitors": Shown(feeds=many, pictures={DAY: "board-100"}),
    "filtered": Shown("/?verdict=drift&owner=ops"),
    "monitor that drifts": Shown("/monitors/flights", pictures={DAY: "board-monitor"}),
    "monitor that is invalid": Shown("/monitors/weather"),
    "monitor that is silent": Shown("/monitors/sensors"),
    "monitor that waits": Shown("/monitors/flights", one_and_others(ticks=0)),
    "forms": Shown("/monitors/flights", person="Ada"),
    "what was done": Shown("/monitors/flights?done=noted", person="Ada"),
    "tick": Shown(TICK, pictures={DAY: "board-tick"}),
    "preview": Shown("/monitors/flights/accept/preview", person="Ada"),
    "sign-in": Shown("/sign-in"),
    "not found": Shown("/monitors/flihgts"),
    "no such tick": Shown("/monitors/flights/ticks/yesterday"),
}
OVER_EACH = pytest.mark.parametrize("shown", STATES.values(), ids=STATES.keys())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root and in many containers; it opens our own pages only.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visiting(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Visit]]:
    """Serve a board of monitors; at the end no page of it has complained."""
    with ExitStack() as stack:

        def serve(made: list[MonitorFeed] | None = None, **settings: str) -> Visit:
            made = feeds() if made is None else made
            deployment = deploy(tmp_path, monkeypatch, made, **settings)
            flights = next((each for each in made if each.name == "flights"), None)
            if flights and flights.ticks:
                write_drawn(deployment.store, flights.results()[-1 - flights.by_hand])
            return visit(stack, browser, deployment)

        yield serve


@pytest.fixture
def visited(visiting: Callable[..., Visit]) -> Visit:
    return visiting()


@OVER_EACH
@pytest.mark.usefixtures("preview")
def test_everybody_can_read_it(
    visiting: Callable[..., Visit], shown: Shown, pytestconfig: pytest.Config
) -> None:
    """Contrast, names, headings and landmarks, in the light and the dark, wide and on a phone."""
    page = visiting(shown.feeds()).open(shown.path, person=shown.person)
    for size, scheme in VIEWS:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=scheme)
        if name := shown.pictures.get((size, scheme)):
            _keep(page, pytestconfig.getoption("images"), name)
        _assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    _open_all(page)
    _assert_accessible(page)


def _keep(page: Page, folder: str | None, name: str) -> None:
    """Take a picture for the documents, of few colours."""
    if folder is not None:
        taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        # Small areas keep their colours: a badge is what people look for.
        few = taken.quantize(SHADES, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(Path(folder) / f"{name}.png", optimize=True)


def _assert_accessible(page: Page) -> None:
    found = Axe().run(page, options=ACCESSIBLE)
    assert found.response["passes"]
    assert found.response["violations"] == [], found.generate_report()


def _open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")


def test_the_banner_of_a_store_that_is_away_is_read_too(
    visited: Visit, asked: Counter[str]
) -> None:
    visited.open("/").close()
    asked["away"] = 1
    visited.deployment.fresh()
    for path in ("/", "/monitors/flights"):
        page = visited.open(path)
        expect(page.get_by_role("alert")).to_contain_text("The store is away")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            _assert_accessible(page)


@OVER_EACH
@pytest.mark.usefixtures("preview")
@pytest.mark.parametrize("opened", [False, True], ids=["closed", "open"])
def test_every_control_is_reached_by_the_keyboard(
    visiting: Callable[..., Visit], shown: Shown, *, opened: bool
) -> None:
    """Tab goes to each that can be seen, in order, and nowhere else; the focus can be seen."""
    page = visiting(shown.feeds()).open(shown.path, person=shown.person)
    if opened:
        _open_all(page)
    stops = page.evaluate(
        """wanted => {
            window.stops = [...document.querySelectorAll(wanted)].filter(
                each => each.checkVisibility() && !each.disabled);
            return window.stops.map(each => each.outerHTML.slice(0, 120));
        }""",
        STOPS,
    )
    reached = []
    for _ in stops:
        page.keyboard.press("Tab")
        place, is_seen = page.evaluate(
            """() => {
                const at = document.activeElement, style = getComputedStyle(at);
                const box = at.getBoundingClientRect();
                return [window.stops.indexOf(at),
                    style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
                    && box.bottom > 0 && box.top < innerHeight
                    && box.right > 0 && box.left < innerWidth];
            }"""
        )
        reached.append(place)
        assert is_seen, stops[place]
    assert reached == list(range(len(stops)))


def test_a_person_does_everything_by_the_keyboard(
    visited: Visit, preview: dict[str, Any], runs: list[Any]
) -> None:
    """Sign in, mute, note, check, accept and sign out; each page says what was done."""
    store, page = visited.deployment.store, visited.open("/monitors/taxi")
    preview["before"] = {"version": "3f2a9c4d5e6f7081"}
    status = page.get_by_role("status")

    def press(name: str, role: Any = "button") -> None:
        tab_to(page, page.get_by_role(role, name=name).last)
        page.keyboard.press("Enter")

    def unfold(text: str) -> None:
        tab_to(page, page.locator("summary", has_text=re.compile(f"^{text}$")))
        page.keyboard.press("Space")

    def write_into(label: str, text: str) -> None:
        tab_to(page, page.get_by_label(label))
        page.keyboard.type(text)

    press("Sign in", "link")
    write_into("name", "Ada")
    write_into("token", TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out Ada")).to_be_visible()

    unfold("Mute")
    tab_to(page, page.get_by_role("combobox", name="For"))
    page.keyboard.press("ArrowDown")
    write_into("Why", "<b>known</b>")
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Muted until 2026-11-30 22:02 UTC")
    expect(page.get_by_text("by Ada until 2026-11-30 22:02 UTC: <b>known</b>")).to_be_visible()
    assert mute_in_force(store, "taxi", NOW) is not None

    unfold("Add a note")
    write_into("Note", "asked the vendor")
    press("Add this note")
    expect(status).to_contain_text("Your note is kept")
    assert [each.by for each in read_notes(store, "taxi", "taxi-20261130T175000Z")] == ["Ada"]

    unfold("Check now")
    press("Start a check of taxi")
    expect(status).to_contain_text("A check was started: manual__1")
    assert runs == [({"monitor": "taxi"}, None)]

    unfold("Accept as the new normal")
    press("Show what would change", "link")
    press("Make it the reference of taxi")
    expect(status).to_contain_text("will be the reference from the next tick on")
    assert len(read_acceptance_requests(store, "taxi")) == 1
    # Else a page that is read anew would say it again.
    expect(page).to_have_url(re.compile(r"/monitors/taxi$"))

    press("Sign out Ada")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_what_drifts_since_when_and_how_much_is_one_click_away(visited: Visit) -> None:
    """From a browser that was closed: the address, and one link."""
    page = visited.open("/")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "2 of 14 monitors drift; 1 is invalid; 1 is silent."
    )
    page.get_by_role("link", name="flights").click()

    expect(page.get_by_text("Alarm open since 2026-11-30 17:20 UTC (42 min ago)")).to_be_visible()
    now = page.locator("#now")
    expect(now).to_contain_text("temp: median 11.91 -> 12.54")
    expect(now).to_be_in_viewport()


def test_a_page_that_refreshes_keeps_where_a_reader_is(visiting: Callable[..., Visit]) -> None:
    """Scroll, focus, open details, and what is chosen or typed stay; what is known is new."""
    visited = visiting(BOARD_REFRESH_SECONDS="1")
    deployment = visited.deployment
    overview = visited.open("/", size=(1000, 400))
    monitor = visited.open("/monitors/flights", size=PHONE, person="Ada")

    overview.get_by_label("Owner").select_option("ops")
    overview.locator("#link-sensors").focus()
    overview.evaluate("scrollTo(0, 500)")
    monitor.locator("summary", has_text="Mute").click()
    monitor.get_by_label("Why").fill("known, and being")
    monitor.locator("#heat-numbers summary").click()
    monitor.locator("#line .scroll").evaluate("each => { each.scrollLeft = 120; }")
    monitor.locator("#heat-numbers summary").focus()
    heading = monitor.locator("#heat")
    heading.evaluate("each => each.scrollIntoView()")
    seen_at = heading.evaluate("each => each.getBoundingClientRect().top")

    later = [each for each in feeds() if each.name != "flights"]
    deployment.clock.now += timedelta(minutes=5)
    write(
        deployment.store,
        deployment.folder,
        [*later, MonitorFeed("flights", ticks=61, ended=-1, drift=10)],
    )
    deployment.fresh()
    for page in (overview, monitor):
        expect(page.locator("#asof")).to_contain_text("18:07 UTC")
    expect(monitor.locator("#now")).to_contain_text("2026-11-30 18:05 UTC")

    assert overview.evaluate("scrollY") == 500
    assert overview.evaluate("document.activeElement.id") == "link-sensors"
    assert overview.get_by_label("Owner").input_value() == "ops"
    # What stands above it has become shorter: it is what a reader looks at that stays.
    assert heading.evaluate("each => each.getBoundingClientRect().top") == pytest.approx(
        seen_at, abs=2
    )
    assert monitor.evaluate("document.activeElement.id") == "heat-numbers-summary"
    assert monitor.get_by_label("Why").input_value() == "known, and being"
    assert monitor.locator("#line .scroll").evaluate("each => each.scrollLeft") == 120
    expect(monitor.locator("#heat-numbers table")).to_be_visible()


@OVER_EACH
@pytest.mark.usefixtures("preview")
def test_whatever_has_the_focus_keeps_it_through_a_refresh(
    visiting: Callable[..., Visit], shown: Shown
) -> None:
    """What is replaced is found again by its id."""
    page = visiting(shown.feeds()).open(shown.path, person=shown.person)
    nameless = page.evaluate(
        """wanted => [...document.querySelectorAll("[data-live]")]
            .flatMap(each => [...each.querySelectorAll(wanted)])
            .filter(each => document.getElementById(each.id) !== each)
            .map(each => each.outerHTML.slice(0, 200))""",
        STOPS,
    )
    assert nameless == []


def test_times_are_the_readers_own_beside_utc(visited: Visit) -> None:
    page = visited.open("/monitors/flights", zone="Asia/Kolkata")

    moment = page.locator("time[datetime='2026-11-30T17:20:00Z']").first
    expect(moment).to_contain_text("2026-11-30 17:20 UTC")
    expect(moment).to_contain_text("22:50 here")


def test_the_documents_of_the_api_need_no_internet(visited: Visit) -> None:
    expect(visited.open("/docs").get_by_text("/api/v1/overview")).to_be_visible()
