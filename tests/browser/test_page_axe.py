"""axe-core finds nothing to complain of, in any view of the page."""

from collections.abc import Callable
from datetime import timedelta
from importlib.resources import files

import pytest
from playwright.sync_api import Page, expect

from tests.browser.dashboard import SECOND, chosen, count, opened, rows
from tests.browser.scripted import ScriptedServer, Stream, bucket, iso, update, withdrawn

pytestmark = pytest.mark.browser

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
FINDINGS = """async () => {
  const options = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
  const { violations } = await axe.run(document, options);
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}"""


def filled(page: Page, server: ScriptedServer, query: str = "") -> Stream:
    """A page with a row of each kind."""
    server.rows = [update("wire:old", "NVDA", label="neutral", score=0.0)]
    server.series = {"TSLA": [bucket()], "NVDA": [bucket(items=1, mean=-0.5, least=-0.5, greatest=-0.5)]}
    stream = opened(page, server, query=query)
    count(stream, {"TSLA": 9, "NVDA": 2}, since=iso(timedelta(hours=2)))
    for item in ("wire:1", "wire:2", "wire:3"):
        stream.send("sentiment_update", **update(item))
    expect(rows(page)).to_have_count(4)
    stream.send("sentiment_update", **update("wire:1", version="v2", label="negative", score=-0.5))
    stream.send("sentiment_withdrawn", **withdrawn("wire:2"))
    expect(rows(page).nth(1)).to_contain_text("withdrawn")
    expect(page.locator("#board tbody tr")).to_have_count(2)
    return stream


def clean(page: Page) -> None:
    """No findings in either theme."""
    page.evaluate(AXE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(FINDINGS) == []


def plain(_: Page) -> None:
    """As it is."""


def filtered(page: Page) -> None:
    page.locator("#filters [name=label]").select_option("negative")
    page.locator("#filters [name=least]").fill("much")
    page.locator("#filters").get_by_role("button", name="Filter").click()
    expect(page.locator("#least-problem")).to_be_visible()
    expect(page.locator("#chips")).to_be_visible()


def empty(page: Page) -> None:
    page.locator("#filters [name=source]").fill("nobody")
    expect(page.locator("#empty")).to_be_visible()


def standing(page: Page) -> None:
    page.get_by_label("Follow").uncheck()


def alerts(page: Page) -> None:
    panel = chosen(page, "Alerts")
    panel.get_by_label("Ticker").fill("TSLA")
    panel.get_by_role("button", name="Add rule").click()
    panel.get_by_role("button", name="Add rule").click()
    expect(panel.get_by_role("alert")).to_be_visible()


def watchlists(page: Page) -> None:
    page.locator("#watchlists").click()
    panel = page.locator("#watchlists-panel")
    panel.get_by_role("button", name="New watchlist").click()
    panel.get_by_label("Name").fill("Chips")
    panel.get_by_label("Tickers", exact=True).fill("NVDA")
    panel.get_by_role("button", name="Create").click()
    panel.get_by_role("button", name="Edit Chips").click()


def details(page: Page) -> None:
    rows(page).nth(1).locator(".time").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def help_(page: Page) -> None:
    page.get_by_role("button", name="Help").click()


def share(page: Page) -> None:
    chosen(page, "Share")


def view(page: Page) -> None:
    chosen(page, "View")


def connection(page: Page) -> None:
    page.locator("#connection").click()


def paused(page: Page) -> None:
    page.get_by_role("button", name="Pause").click()


VIEWS = [plain, filtered, empty, standing, alerts, watchlists, details, help_, share, view, connection, paused]


@pytest.mark.parametrize("width", [pytest.param(390, marks=SECOND), 1440])
def test_the_page_has_no_findings(page: Page, server: ScriptedServer, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    filled(page, server)
    clean(page)


@SECOND
@pytest.mark.parametrize("open_view", VIEWS[1:])
def test_no_view_has_findings(page: Page, server: ScriptedServer, open_view: Callable[[Page], None]) -> None:
    filled(page, server)
    open_view(page)
    clean(page)


@SECOND
@pytest.mark.parametrize("part", ["board", "chart", "feed"])
def test_no_embedded_part_has_findings(page: Page, server: ScriptedServer, part: str) -> None:
    filled(page, server, f"?embed={part}") if part == "feed" else opened(page, server, query=f"?embed={part}")
    clean(page)


@SECOND
def test_a_page_that_is_cut_off_has_no_findings(page: Page, server: ScriptedServer) -> None:
    stream = filled(page, server)
    stream.send("closing", with_id=False, reason="lifetime", retry_ms=60_000)
    expect(page.locator("#countdown")).to_contain_text("next try")
    clean(page)


@SECOND
def test_a_page_of_a_bad_address_has_no_findings(page: Page, server: ScriptedServer) -> None:
    page.goto(f"{server.url}?tickers=%3Cb%3E")
    expect(page.locator("#connection")).to_have_text("Not connected")
    clean(page)
