"""What is typed into the form of a watchlist stays, whatever comes meanwhile."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.dashboard import opened
from tests.browser.scripted import ScriptedServer

pytestmark = pytest.mark.browser


def test_lists_that_come_while_somebody_types_leave_the_form_alone(page: Page, server: ScriptedServer) -> None:
    opened(page, server)
    page.click("#watchlists")
    panel = page.locator("#watchlists-panel")
    panel.get_by_role("button", name="New watchlist").click()
    panel.get_by_label("Tickers").fill("NVDA, AMD")
    panel.get_by_label("Name").fill("Chips")
    lists = '[{"config_id": "1", "name": "Cars", "tickers": ["TSLA"], "status": "active"}]'
    page.evaluate("lists => localStorage.setItem('sentiment.watchlists', lists)", lists)
    page.evaluate("dispatchEvent(new StorageEvent('storage', { key: 'sentiment.watchlists' }))")
    expect(panel.get_by_role("button", name="Cars", exact=True)).to_be_visible()
    expect(panel.get_by_label("Tickers")).to_have_value("NVDA, AMD")
    expect(panel.get_by_label("Name")).to_have_value("Chips")
    expect(panel.get_by_label("Name")).to_be_focused()
    panel.get_by_role("button", name="Create").click()
    expect(panel.get_by_role("button", name="Chips", exact=True)).to_be_visible()
