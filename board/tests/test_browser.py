"""The pages in the browser of this machine: what a person sees, reaches and does.

`--images docs/images` takes the pictures that the documents show.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import PATIENCE_SECONDS, TOKEN, Deployment, served
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright
from stored import NOW

from drift_checker.state import mute_in_force

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDE, PHONE = (1280, 800), (390, 844)
ACCESSIBLE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
PATHS = {
    "all monitors": "/",
    "one that drifts": "/monitors/flights",
    "one that is invalid": "/monitors/weather",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root and in many containers; it opens our own pages only.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def address(deployment: Deployment) -> Iterator[str]:
    with served(deployment) as address:
        yield address


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Open pages; afterwards none of them has complained or asked another host for anything."""
    complaints: list[str] = []
    pages: list[Page] = []

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme != "data" and f"{parts.scheme}://{parts.netloc}" != address:
            complaints.append(f"asked {request.url}")

    def open_one(
        path: str, size: tuple[int, int] = WIDE, scheme: str = "light", zone: str = "UTC"
    ) -> Page:
        page = browser.new_page(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,  # type: ignore[arg-type]
            timezone_id=zone,
            locale="en-GB",
        )
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        expect.set_options(timeout=PATIENCE_SECONDS * 1000)
        pages.append(page)
        page.on("request", asked)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        # That an answer is 404 is what some tests are about.
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text)
                if said.type in {"error", "warning"} and "status of 404" not in said.text
                else None
            ),
        )
        page.goto(f"{address}{path}")
        return page

    yield open_one
    for page in pages:
        page.close()
    assert complaints == []


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_everybody_can_read_it(open_page: Callable[..., Page], path: str) -> None:
    """Contrast, names, headings and landmarks, in the light and the dark, wide and on a phone."""
    page = open_page(path)
    for size, scheme in ((WIDE, "light"), (WIDE, "dark"), (PHONE, "light")):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(page, options=ACCESSIBLE)
        assert found.response["passes"]
        assert found.response["violations"] == [], found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_times_are_the_readers_own_beside_utc(open_page: Callable[..., Page]) -> None:
    page = open_page("/monitors/flights", zone="Asia/Kolkata")

    moment = page.locator("time[datetime='2026-11-30T17:20:00Z']").first
    expect(moment).to_contain_text("2026-11-30 17:20 UTC")
    expect(moment).to_contain_text("22:50 here")


def test_a_person_signs_in_and_mutes(
    open_page: Callable[..., Page], deployment: Deployment
) -> None:
    page = open_page("/monitors/taxi")
    page.get_by_role("link", name="Sign in").last.click()
    page.get_by_label("name").fill("Ada")
    page.get_by_label("token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Mute", exact=True).click()
    page.get_by_label("Why").fill("<b>known</b>")
    page.get_by_role("button", name="Mute taxi").click()

    expect(page.get_by_text("by Ada until 2026-11-30 19:02 UTC: <b>known</b>")).to_be_visible()
    assert mute_in_force(deployment.store, "taxi", NOW) is not None


def test_pictures_for_the_documents(
    open_page: Callable[..., Page], pytestconfig: pytest.Config
) -> None:
    folder = pytestconfig.getoption("images")
    if folder is None:
        pytest.skip("no --images FOLDER")
    for name, path in (("board", "/"), ("board-monitor", "/monitors/flights")):
        open_page(path).screenshot(path=Path(folder) / f"{name}.png")


def test_the_documents_of_the_api_need_no_internet(open_page: Callable[..., Page]) -> None:
    expect(open_page("/docs").get_by_text("/api/v1/overview")).to_be_visible()
