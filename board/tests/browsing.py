"""Pages of a board as a person opens them, in the browser of this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from conftest import PATIENCE_SECONDS, TOKEN, Deployment, served
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request

from drift_board.guard import COOKIE, Guard

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDE, PHONE = (1280, 800), (390, 844)
STOPS = (
    "a[href], button, input:not([type=hidden]), select, textarea, summary, "
    "[tabindex]:not([tabindex='-1'])"
)
"""What somebody without a mouse has to reach."""
MOST_STOPS = 200

Scheme = Literal["light", "dark"]


@dataclass
class Visit:
    """Opens pages of a board; notes whatever asks another host, or complains."""

    browser: Browser
    deployment: Deployment
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(
        self,
        path: str,
        *,
        size: tuple[int, int] = WIDE,
        scheme: Scheme = "light",
        zone: str = "UTC",
        person: str | None = None,
    ) -> Page:
        """Open a page, as somebody who has signed in where a person is named."""
        page = self.browser.new_page(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            timezone_id=zone,
            locale="en-GB",
        )
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        if person:
            proof = {"name": COOKIE, "value": Guard(TOKEN).session(person), "url": self.address}
            page.context.add_cookies([proof])  # type: ignore[list-item]  # of a TypedDict's fields
        page.on("request", self._asked)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)
        page.goto(f"{self.address}{path}")
        return page

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme != "data" and f"{parts.scheme}://{parts.netloc}" != self.address:
            self.complaints.append(f"asked {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        # That a page is refused by its status is what some tests are about.
        # That the machine's network changed meanwhile is nothing that a page can help.
        expected = ("with a status of ", "ERR_NETWORK_CHANGED")
        if message.type in {"error", "warning"} and not any(
            each in message.text for each in expected
        ):
            self.complaints.append(message.text)


Visits = Callable[..., Visit]


def visit(stack: ExitStack, browser: Browser, deployment: Deployment) -> Visit:
    """Serve a board until the stack ends, which asserts that no page of it has complained."""
    made = Visit(browser, deployment, stack.enter_context(served(deployment)))
    stack.callback(_assert_none, made.complaints)
    return made


def _assert_none(complaints: Sequence[str]) -> None:
    assert list(complaints) == []


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until something has the focus."""
    for _ in range(MOST_STOPS):
        if target.evaluate("each => each === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {target}")
