"""Each control of the page is used once, on the real application with its real policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import launched, page_of
from tests.browser.served import Served, served

pytestmark = pytest.mark.browser

CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex], [role=button], [contenteditable]"
NAME = """it => `${it.localName} ${
  it.getAttribute('aria-label') || it.getAttribute('aria-labelledby') || it.textContent.trim()}`"""
FIRST_BYTES = """async url => {
  const reader = (await fetch(url)).body.getReader();
  const {value} = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def service() -> Iterator[Served]:
    with served() as service:
        service.publish("positive", "negative", ticker="AAPL")
        service.publish("neutral", ticker="MSFT", first=10)
        yield service


@pytest.fixture
def page(browser: Browser, service: Served) -> Iterator[Page]:
    """The page, live and with three items."""
    with page_of(browser, service.base, known=["/favicon.ico"]) as page:  # asked for beside JSON
        open_page(page, service)
        yield page


def open_page(page: Page, service: Served, query: str = "") -> None:
    page.goto(f"{service.base}/{query}")
    expect(page.get_by_role("status")).to_contain_text("push")
    expect(page.locator("#tickers li")).to_have_count(2)


def shown(page: Page, *tickers: str) -> None:
    """The page shows these tickers and no others."""
    expect(page).to_have_url(re.compile(r"\?tickers="))
    chips = page.locator("#feed .chip")
    expect(chips.first).to_be_visible()
    assert set(chips.all_text_contents()) == set(tickers)
    expect(page.get_by_label("Show only these tickers")).to_have_value(",".join(tickers))


def filter_by_button(page: Page, service: Served) -> None:
    page.get_by_label("Show only these tickers").fill("aapl")
    page.get_by_role("button", name="Filter").click()
    shown(page, "AAPL")


def filter_by_enter(page: Page, service: Served) -> None:
    page.get_by_label("Show only these tickers").fill("msft")
    page.keyboard.press("Enter")
    shown(page, "MSFT")


def follow_a_ticker(page: Page, service: Served) -> None:
    page.get_by_role("link", name="MSFT").click()
    shown(page, "MSFT")


def follow_the_other(page: Page, service: Served) -> None:
    page.get_by_role("link", name="AAPL").click()
    shown(page, "AAPL")


def show_all(page: Page, service: Served) -> None:
    open_page(page, service, "?tickers=AAPL")
    shown(page, "AAPL")
    page.get_by_role("link", name="show all").click()
    expect(page.locator("#feed > li")).to_have_count(3)
    assert urlsplit(page.url).query == ""


def pause_and_resume(page: Page, service: Served) -> None:
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def scroll_by_key(page: Page, service: Served) -> None:
    page.set_viewport_size({"width": 900, "height": 300})
    region = page.locator(".scroll")
    region.focus()
    page.keyboard.press("End")
    expect(region).to_be_focused()


def raw_stream(page: Page, service: Served) -> None:
    href = page.get_by_role("link", name="raw stream").get_attribute("href")
    assert href is not None
    assert "event: connected" in page.evaluate(FIRST_BYTES, href)


def status(page: Page, service: Served) -> None:
    page.get_by_role("link", name="status").click()
    expect(page.locator("body")).to_contain_text("connections")


USES: dict[str, Callable[[Page, Served], None]] = {
    "a AAPL": follow_the_other,
    "a MSFT": follow_a_ticker,
    "a raw stream": raw_stream,
    "a show all": show_all,
    "a status": status,
    "button Filter": filter_by_button,
    "button Pause": pause_and_resume,
    "div feed-title": scroll_by_key,
    "input Show only these tickers, separated by commas": filter_by_enter,
}


def test_every_control_is_in_the_table(page: Page) -> None:
    found = page.locator(CONTROLS).all()
    assert {it.evaluate(NAME) for it in found} == set(USES)


@pytest.mark.parametrize("control", USES)
def test_a_control_does_what_it_says(page: Page, service: Served, control: str) -> None:
    USES[control](page, service)
