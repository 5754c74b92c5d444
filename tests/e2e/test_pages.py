"""The pages that a person opens, in the browser of this machine."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from e2e.stack import ROOT, Played, Stack

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_SECONDS = 60

# The same as in the tests of the checker, whose environment is another one.
_MARKERS: dict[str, Any] = runpy.run_path(str(ROOT / "checker/tests/markers.py"))
MONITORS = """
check_schedule: "0 0 1 1 *"
monitors:
  - name: marked
    current: {path: current.parquet}
    reference: {path: reference.parquet}
"""
ELEMENTS = ".marker, [onmouseover], [href*='marker.invalid'], [src*='marker.invalid']"
"""What markers would be if they were no data; `mailto:` and mentions lead to the same host."""


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


@dataclass(frozen=True)
class MarkedRun:
    """The run of MLflow that a batch of markers came to, and its report as a file."""

    page: str
    report: Path


@pytest.fixture(scope="module")
def marked_run(
    deployment: Stack, deployed: Played, tmp_path_factory: pytest.TempPathFactory
) -> MarkedRun:
    """A tick of a monitor beside the deployed ones, in a store of its own and the same MLflow."""
    assert deployed.returncode == 0
    folder = tmp_path_factory.mktemp("marked")
    for name, seed, shift in (("reference", 1, 0), ("current", 2, 1)):
        rows = _MARKERS["marked"](2000, seed=seed, shift=shift)
        pq.write_table(rows, folder / f"{name}.parquet")
    (folder / "monitors.yml").write_text(MONITORS)
    (folder / "checker.env").write_text(
        f"DRIFT_STORE_URL=file://{folder}/store\n"
        f"DRIFT_MLFLOW_URL={deployment.url('mlflow')}\n"
        f"DRIFT_MONITORS_FILE={folder}/monitors.yml\n"
    )
    settings = folder / "checker.env"
    deployment.checker("baseline", "fit", "--all", settings_file=settings)
    tick = ["--logical-date", "2026-11-23T09:00:00Z", "--trigger", "scheduled", "--report"]
    deployment.checker("run", "--monitor", "marked", *tick, settings_file=settings)
    (run,) = deployment.mlflow.runs("marked")
    info = run["info"]
    (report,) = folder.glob("store/results/marked/*/report.html")
    page = f"/#/experiments/{info['experiment_id']}/runs/{info['run_id']}"
    return MarkedRun(deployment.url("mlflow", page), report)


def assert_data(page: Page) -> None:
    """No marker has become an element, and none has run, in the page or in a frame of it."""
    for frame in page.frames:
        assert frame.locator(ELEMENTS).count() == 0
        assert frame.evaluate("document.documentElement.dataset.marker") is None


def test_the_page_of_a_run_shows_markers_as_text(marked_run: MarkedRun, page: Page) -> None:
    page.goto(marked_run.page)

    expect(page.get_by_text(_MARKERS["MARKERS"]["element"]).first).to_be_visible()
    expect(page.get_by_text("drift.share").first).to_be_visible()
    assert_data(page)


def test_the_report_shows_markers_as_text_and_draws(marked_run: MarkedRun, page: Page) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    refused: list[str] = []
    page.on("console", lambda line: refused.append(line.text) if line.type == "error" else None)

    page.goto(marked_run.report.as_uri())
    expect(page.locator("canvas").first).to_be_visible()
    # The details of a column: plots, which have a markup of their own in what they write.
    columns = page.locator("tbody tr button").all()
    for details in columns:
        details.click()
    expect(page.locator("svg.main-svg").first).to_be_visible()

    expect(page.locator("svg.main-svg")).to_have_count(len(columns))
    assert len(columns) >= 6  # as many as a report within its bytes has room for
    assert_data(page)
    assert page.locator("svg a, svg [style*='font-weight: bold']").count() == 0
    assert refused == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
