"""The pages that a person opens, in the browser of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from e2e.stack import Stack

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_SECONDS = 60


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
def page(browser: Browser) -> Iterator[Page]:
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with browser.new_page(viewport={"width": 1400, "height": 1000}) as page:
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        yield page


def test_mlflow_shows_the_run_of_a_tick(stack: Stack, page: Page) -> None:
    run = stack.airflow.wait(stack.airflow.trigger())
    tracked = stack.assert_one_result(run)["info"]

    page.goto(
        stack.url("mlflow", f"/#/experiments/{tracked['experiment_id']}/runs/{tracked['run_id']}")
    )

    expect(page.get_by_role("heading", name=tracked["run_name"])).to_be_visible()
    expect(page.get_by_text("p_value.arr_delay").first).to_be_visible()
    expect(page.get_by_text("drift.share").first).to_be_visible()
    expect(page.get_by_text(f"{stack.result(run)['verdict']}: ").first).to_be_visible()


def test_airflow_lets_the_admin_in_and_shows_the_dag(stack: Stack, page: Page) -> None:
    page.goto(stack.url("airflow"))
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("admin")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Dags", exact=True)).to_be_visible()

    page.goto(stack.url("airflow", "/dags/drift_detection"))

    expect(page.get_by_role("heading", name="drift_detection")).to_be_visible()
    expect(page.get_by_text(stack.airflow.dag()["timetable_summary"]).first).to_be_visible()
