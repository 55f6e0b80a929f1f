"""How the feed follows what comes: it stands while somebody reads, and shows no more than can be read."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.dashboard import SECOND, opened, rows, sources
from tests.browser.scripted import ScriptedServer, Stream, update

pytestmark = pytest.mark.browser

MORE = """() => [...document.querySelectorAll("#feed .mark a")]
  .reduce((sum, { textContent }) => sum + Number(textContent.match(/^\\+([\\d,]+) more for/)[1].replace(",", "")), 0)"""


def filled(page: Page, server: ScriptedServer, count: int = 3) -> Stream:
    server.rows = [update(f"wire:{n}") for n in reversed(range(count))]
    stream = opened(page, server)
    expect(rows(page)).to_have_count(min(count, 60))
    return stream


def stands(page: Page, stream: Stream, first: str = "wire:2") -> None:
    """Two items, of which one has two tickers and is corrected, are counted and not shown."""
    stream.send("sentiment_update", **update("wire:new"))
    expect(page.locator("#news")).to_have_text("1 new")
    stream.send("sentiment_update", **update("wire:new", "NVDA"))
    stream.send("sentiment_update", **update("wire:new", version="v2", score=0.5))
    stream.send("sentiment_update", **update("wire:newer"))
    stream.send("sentiment_update", **update("wire:1", version="v2", label="negative", score=-0.5))
    known = page.locator("#feed > li", has=page.locator("[title='wire:1']"))
    expect(known.locator(".label")).to_have_text("▼ negative")
    expect(page.locator("#news")).to_have_text("2 new")
    expect(sources(page).first).to_have_attribute("title", first)


def follows(page: Page) -> None:
    expect(sources(page).nth(0)).to_have_attribute("title", "wire:newer")
    expect(sources(page).nth(1)).to_have_attribute("title", "wire:new")
    expect(rows(page).nth(1).locator(".chip")).to_have_text(["TSLA", "NVDA"])
    expect(page.locator("#news")).to_be_hidden()


@SECOND
def test_it_stands_under_the_pointer_and_goes_on_when_that_leaves(page: Page, server: ScriptedServer) -> None:
    stream = filled(page, server)
    rows(page).nth(1).hover()
    stands(page, stream)
    page.mouse.move(0, 0)
    follows(page)


@SECOND
def test_it_stands_while_it_is_scrolled_and_goes_on_at_the_top(page: Page, server: ScriptedServer) -> None:
    stream = filled(page, server, 60)
    page.locator("#scroller").evaluate("it => { it.scrollTop = 200; }")
    stands(page, stream, "wire:59")
    page.locator("#scroller").evaluate("it => { it.scrollTop = 0; }")
    follows(page)


@SECOND
def test_the_button_goes_to_the_top_and_on(page: Page, server: ScriptedServer) -> None:
    stream = filled(page, server, 60)
    page.locator("#scroller").evaluate("it => { it.scrollTop = 200; }")
    stands(page, stream, "wire:59")
    page.get_by_role("button", name="2 new").click()
    follows(page)
    assert page.locator("#scroller").evaluate("it => it.scrollTop") == 0


@SECOND
def test_it_stands_while_a_row_has_the_focus(page: Page, server: ScriptedServer) -> None:
    stream = filled(page, server)
    page.keyboard.press("j")
    expect(rows(page).first.locator(".time")).to_be_focused()
    stands(page, stream)
    page.locator("#pause").focus()
    follows(page)


@SECOND
def test_it_stands_while_it_is_told_not_to_follow(page: Page, server: ScriptedServer) -> None:
    stream = filled(page, server)
    page.get_by_label("Follow").uncheck()
    stands(page, stream)
    page.get_by_label("Follow").check()
    follows(page)


@SECOND
def test_what_it_shows_is_kept_right_while_it_stands(page: Page, server: ScriptedServer) -> None:
    stream = filled(page, server)
    page.get_by_label("Follow").uncheck()
    stream.send("sentiment_update", **update("wire:1", version="v2", label="negative", score=-0.5))
    expect(rows(page).nth(1).locator(".label")).to_have_text("▼ negative")
    expect(page.locator("#news")).to_be_hidden()


def test_where_more_comes_than_can_be_read_the_strongest_are_shown_and_the_others_counted(
    page: Page, server: ScriptedServer
) -> None:
    stream = opened(page, server)
    tickers = ("AAPL", "MSFT", "NVDA", "TSLA")
    for n in range(200):
        stream.send("sentiment_update", **update(f"wire:{n}", tickers[n % 4], score=n / 250))
    stream.send("sentiment_update", **update("wire:last", "TSLA", score=-0.99))
    page.wait_for_function(f"() => document.querySelectorAll('#feed > li').length + ({MORE})() === 201")
    expect(page.locator("#news")).to_be_hidden()
    assert rows(page).count() < 60
    assert "wire:last" in [it.get_attribute("title") for it in sources(page).all()]
    link = rows(page).locator(".mark a", has_text="more for TSLA").first
    expect(link).to_have_text(re.compile(r"^\+\d+ more for TSLA$"))
    link.click()
    assert server.accept().query["tickers"] == "TSLA"


@SECOND
def test_that_not_all_is_shown_is_said(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    for n in range(400):
        stream.send("sentiment_update", **update(f"wire:{n}", f"T{n % 40}"))
    expect(page.locator("#sampling")).to_have_text(
        re.compile(r"^\d+ of \d+ a second are shown, the strongest of each ticker$")
    )


def test_the_drawer_shows_each_version_and_how_it_came(page: Page, server: ScriptedServer) -> None:
    server.rows = [update("wire:1", "TSLA"), update("wire:0", "NVDA")]
    stream = opened(page, server)
    stream.send("sentiment_update", **update("wire:1", version="v2", label="negative", score=-0.5, confidence=0.4))
    expect(rows(page).first).to_contain_text("was ▲")
    rows(page).first.locator(".label").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("TSLA")
    expect(dialog).to_contain_text("The 2 versions that this page has seen, the last first")
    cells = dialog.locator("tbody tr")
    expect(cells).to_have_count(2)
    for index, words in ((0, ("negative −0.50", "40 %", "live")), (1, ("positive +0.37", "82 %", "from the snapshot"))):
        for text in words:
            expect(cells.nth(index)).to_contain_text(text)
    stream.send("sentiment_update", **update("wire:1", version="v3", score=0.1))
    expect(cells).to_have_count(3)
    page.keyboard.press("j")
    expect(dialog.get_by_role("heading")).to_have_text("NVDA")
    page.keyboard.press("k")
    expect(dialog.get_by_role("heading")).to_have_text("TSLA")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@SECOND
def test_rows_are_reached_and_opened_by_key(page: Page, server: ScriptedServer) -> None:
    filled(page, server)
    for key, index in (("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        expect(rows(page).nth(index).locator(".time")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("wire:1")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(rows(page).nth(1).locator(".time")).to_be_focused()


@SECOND
def test_one_row_is_in_the_order_of_the_tab_key_and_says_what_it_is(page: Page, server: ScriptedServer) -> None:
    filled(page, server)
    expect(page.locator("#feed [tabindex='0']")).to_have_count(1)
    page.locator("#scroller").focus()
    page.keyboard.press("Tab")
    expect(rows(page).first.locator(".time")).to_be_focused()
    expect(rows(page).first.locator(".time")).to_have_attribute(
        "aria-label", re.compile(r"^\d\d:\d\d:\d\d, TSLA, positive \+0\.37: details$")
    )


@SECOND
def test_the_keys_of_the_page(page: Page, server: ScriptedServer) -> None:
    filled(page, server)
    page.keyboard.press("/")
    expect(page.get_by_label("Tickers, separated")).to_be_focused()
    page.keyboard.type("p?f")
    expect(page.get_by_label("Tickers, separated")).to_have_value("p?f")
    page.get_by_label("Tickers, separated").fill("")
    page.get_by_role("heading", name="Feed").focus()
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_label("Follow")).not_to_be_checked()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Help")).to_be_hidden()
