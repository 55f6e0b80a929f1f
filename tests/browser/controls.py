"""How each control of the page is used: its name (see test_page_controls.py), and a function that uses it and looks at
what a reader sees then. Those inside of the panels are in panel_controls.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.browser.dashboard import board, live, rows, settled

ONLY = """(tickers) => {
  const chips = [...document.querySelectorAll("#feed .chip")].map((it) => it.textContent);
  return tickers.every((it) => chips.includes(it)) && chips.every((it) => tickers.includes(it));
}"""
"""The feed has rows of these tickers and of no others."""
FIRST_BYTES = """async url => {
  const reader = (await fetch(url)).body.getReader();
  const {value} = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}"""

Use = Callable[[Page], None]


def ready(page: Page) -> None:
    live(page)
    settled(page)


def shown(page: Page, *tickers: str) -> None:
    """The page shows these tickers and no others."""
    expect(page).to_have_url(re.compile(r"\?tickers="))
    expect(board(page)).to_have_text(list(tickers))
    ready(page)
    page.wait_for_function(ONLY, arg=list(tickers))
    expect(page.locator("#filters [name=tickers]")).to_have_value(", ".join(tickers))


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def skip(page: Page) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Feed")).to_be_focused()


def panel_opens(name: str, opened: str) -> Use:
    def use(page: Page) -> None:
        button(page, name).click()
        expect(page.locator(opened)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(opened)).to_be_hidden()

    return use


def pause(page: Page) -> None:
    button(page, "Pause").click()
    button(page, "Go on (0 changed)").click()
    expect(button(page, "Pause")).to_be_visible()


def follow_ticker(name: str) -> Use:
    def use(page: Page) -> None:
        board(page).get_by_role("link", name=name).click()
        shown(page, name)

    return use


def filter_by(name: str) -> Use:
    def use(page: Page) -> None:
        field = page.locator(f"#filters [name={name}]")
        values = {"label": "neutral", "least": "0.6", "source": "nobody", "text": "MSFT:"}
        if name == "tickers":
            field.fill("msft")
            page.keyboard.press("Enter")
            return shown(page, "MSFT")
        if name == "label":
            field.select_option(values[name])
        else:
            field.fill(values[name])
        expect(rows(page)).to_have_count({"label": 1, "least": 0, "source": 0, "text": 1}[name])

    return use


def filter_by_button(page: Page) -> None:
    page.locator("#filters [name=tickers]").fill("aapl")
    button(page, "Filter").click()
    shown(page, "AAPL")


def remove_filter(name: str) -> Use:
    def use(page: Page) -> None:
        page.locator("#filters [name=label]").select_option("neutral")
        expect(rows(page)).to_have_count(1)
        button(page, f"Remove the filter {name}").click()
        expect(rows(page)).to_have_count(3)
        assert urlsplit(page.url).query == ""

    return use


def sort(column: str) -> Use:
    def use(page: Page) -> None:
        page.set_viewport_size({"width": 1900, "height": 900})
        head = page.locator("th", has=page.locator(f"[data-sort={column}]"))
        head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", "ascending" if column == "ticker" else "descending")

    return use


def choose_range(label: str, address: str) -> Use:
    def use(page: Page) -> None:
        page.locator("#range").get_by_text("1 h" if label != "1 h" else "24 h", exact=True).click()
        page.locator("#range").get_by_text(label, exact=True).click()
        expect(page.locator("#range").get_by_label(label, exact=True)).to_be_checked()
        assert urlsplit(page.url).query == address

    return use


def scroll_by_key(selector: str) -> Use:
    def use(page: Page) -> None:
        page.set_viewport_size({"width": 1200, "height": 300})
        region = page.locator(selector)
        region.focus()
        page.keyboard.press("End")
        expect(region).to_be_focused()

    return use


def follow(page: Page) -> None:
    page.get_by_label("Follow").uncheck()
    page.get_by_label("Follow").check()


def details(page: Page) -> None:
    rows(page).first.locator(".time").click()
    expect(page.locator("#item")).to_be_visible()


def close(opened: Use) -> Use:
    def use(page: Page) -> None:
        opened(page)
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Close").click()
        expect(dialog).to_be_hidden()

    return use


def details_scroll(page: Page) -> None:
    details(page)
    page.get_by_role("region", name="Versions").focus()
    expect(page.get_by_role("region", name="Versions")).to_be_focused()


def help_(page: Page) -> None:
    button(page, "Help").click()
    expect(page.locator("#help-dialog")).to_be_visible()


def raw_stream(page: Page) -> None:
    href = page.get_by_role("link", name="raw stream").get_attribute("href")
    assert href is not None
    assert "event: connected" in page.evaluate(FIRST_BYTES, href)


def leads_to(name: str, text: str) -> Use:
    def use(page: Page) -> None:
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator("body")).to_contain_text(text)

    return use


def news(page: Page) -> None:
    """Its uses with news are in test_page_following.py: without, it is not there."""
    expect(page.locator("#news")).to_be_hidden()


PAGE_USES: dict[str, Use] = {
    "a Skip to the feed": skip,
    "a AAPL": follow_ticker("AAPL"),
    "a MSFT": follow_ticker("MSFT"),
    "a #raw": raw_stream,
    "a status": leads_to("status", "connections"),
    "a API": leads_to("API", "Sentiment streamer"),
    "button #connection": panel_opens("Live", "#connection-panel"),
    "button #watchlists": panel_opens("All tickers", "#watchlists-panel"),
    "button #alerts": panel_opens("Alerts", "#alerts-panel"),
    "button Share": panel_opens("Share", "#share-panel"),
    "button View": panel_opens("View", "#preferences-panel"),
    "button #help": help_,
    "button #pause": pause,
    "button #news": news,
    "button details of a row": details,
    **{
        f"button sort {column}": sort(column)
        for column in ("ticker", "mean15", "change15", "mean60", "change60", "mean24", "count", "last")
    },
    "div board-title": scroll_by_key(".board .scroll"),
    "div #scroller": scroll_by_key("#scroller"),
    "input #follow": follow,
    "input 15 min": choose_range("15 min", ""),
    "input 1 h": choose_range("1 h", "range=1h"),
    "input 24 h": choose_range("24 h", "range=24h"),
    "filters: input Tickers, separated by commas": filter_by("tickers"),
    "filters: select Label": filter_by("label"),
    "filters: input Least absolute score, 0 to 1": filter_by("least"),
    "filters: input Source": filter_by("source"),
    "filters: input Text in id, source or ticker": filter_by("text"),
    "filters: button Filter": filter_by_button,
    "button Remove the filter neutral": remove_filter("neutral"),
    "button Remove the filter all filters": remove_filter("all filters"),
    "item: button Close": close(details),
    "item: div Versions": details_scroll,
    "help-dialog: button Close": close(help_),
}
