"""Watchlists of the page for somebody who has no account: they are kept in the browser."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.dashboard import SECOND, chosen, opened, settled
from tests.browser.scripted import ScriptedServer, begin

pytestmark = pytest.mark.browser


def panel(page: Page) -> Locator:
    page.locator("#watchlists").click()
    return page.locator("#watchlists-panel")


def make(lists: Locator, name: str, tickers: str) -> None:
    lists.get_by_role("button", name="New watchlist").click()
    lists.get_by_label("Name").fill(name)
    lists.get_by_label("Tickers", exact=True).fill(tickers)
    lists.get_by_role("button", name="Create").click()


def test_a_watchlist_is_made_shown_renamed_and_deleted(page: Page, server: ScriptedServer) -> None:
    opened(page, server)
    lists = panel(page)
    expect(lists).to_contain_text("Kept in this browser.")
    make(lists, "Chips", "nvda, amd")
    stream = server.accept()
    assert stream.query["tickers"] == "NVDA,AMD"
    begin(stream)
    expect(page.locator("#watchlists")).to_have_text("Chips")
    expect(page).to_have_title("Chips · Sentiment")
    assert page.url.endswith("?tickers=NVDA,AMD")

    expect(lists.get_by_role("button", name="Chips", exact=True)).to_have_attribute("aria-current", "true")
    lists.get_by_role("button", name="Edit Chips").click()
    expect(lists.get_by_label("Tickers", exact=True)).to_have_value("NVDA, AMD")
    lists.get_by_label("Name").fill("Silicon")
    lists.get_by_role("button", name="Save").click()
    expect(page.locator("#watchlists")).to_have_text("Silicon")
    page.reload()
    begin(server.accept())
    expect(page.locator("#watchlists")).to_have_text("Silicon")

    lists = panel(page)
    lists.get_by_role("button", name="All tickers").click()
    everything = server.accept()
    assert "tickers" not in everything.query
    begin(everything)
    expect(lists).to_be_hidden()
    lists = panel(page)
    lists.get_by_role("button", name="Silicon", exact=True).click()
    again = server.accept()
    assert again.query["tickers"] == "NVDA,AMD"
    begin(again)
    lists = panel(page)
    lists.get_by_role("button", name="Edit Silicon").click()
    lists.get_by_label("Tickers", exact=True).fill("NVDA")
    lists.get_by_role("button", name="Save").click()
    begin(server.accept())
    expect(page.locator("#watchlists")).to_have_text("Silicon")
    lists.get_by_role("button", name="Delete Silicon").click()
    expect(lists.get_by_role("listitem")).to_have_count(1)
    expect(page.locator("#watchlists")).to_have_text("NVDA")


@SECOND
def test_a_new_watchlist_begins_with_what_is_shown(page: Page, server: ScriptedServer) -> None:
    opened(page, server, query="?tickers=NVDA,AMD")
    lists = panel(page)
    lists.get_by_role("button", name="New watchlist").click()
    expect(lists.get_by_label("Name")).to_be_focused()
    expect(lists.get_by_label("Tickers", exact=True)).to_have_value("NVDA, AMD")
    lists.get_by_role("button", name="Cancel").click()
    expect(lists.get_by_label("Name")).to_have_count(0)


@SECOND
def test_other_tabs_have_it_at_once(page: Page, server: ScriptedServer) -> None:
    opened(page, server)
    second = page.context.new_page()
    second.goto(server.url)
    settled(second)
    other = panel(second)
    make(panel(page), "Chips", "NVDA")
    expect(other.get_by_role("button", name="Chips", exact=True)).to_be_visible()


@SECOND
@pytest.mark.parametrize(
    ("name", "tickers", "said"),
    [
        ("", "NVDA", "Give the watchlist a name."),
        ("Chips", "", "Give at least one ticker."),
        ("Chips", "NV DA no_such", "“NO_SUCH” is no ticker"),
    ],
)
def test_bad_input_is_explained(page: Page, server: ScriptedServer, name: str, tickers: str, said: str) -> None:
    opened(page, server)
    lists = panel(page)
    make(lists, name, tickers)
    expect(lists.get_by_role("alert")).to_contain_text(said)
    expect(lists.get_by_label("Name")).to_have_value(name)
    expect(lists.get_by_label("Tickers", exact=True)).to_have_value(tickers)


@SECOND
def test_a_browser_that_keeps_nothing_says_so(page: Page, server: ScriptedServer) -> None:
    page.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('full'); };")
    opened(page, server)
    lists = panel(page)
    make(lists, "Chips", "NVDA")
    expect(lists.get_by_role("alert")).to_contain_text("This browser keeps nothing for this page")
    expect(lists.get_by_role("button", name="Chips", exact=True)).to_be_visible()


@SECOND
def test_a_panel_closes_by_escape_and_the_focus_is_where_it_was(page: Page, server: ScriptedServer) -> None:
    opened(page, server)
    for name in ("Alerts", "Share", "View"):
        shown = chosen(page, name)
        page.keyboard.press("Escape")
        expect(shown).to_be_hidden()
        expect(page.get_by_role("navigation").get_by_role("button", name=name)).to_be_focused()
