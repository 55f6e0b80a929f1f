"""What a reader does with the page besides reading it: files, print, preferences, other tabs, parts of it elsewhere."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.dashboard import SECOND, chosen, count, frozen, later, live, opened, rows, settled
from tests.browser.scripted import ScriptedServer, bucket, iso, update, withdrawn

pytestmark = pytest.mark.browser

PARTS = {"board": "#board", "chart": "#chart", "feed": "#scroller"}


def saved(page: Page, part: str) -> list[dict[str, str]]:
    """The rows of the file that the button hands out."""
    panel = page.locator("#share-panel")
    if not panel.is_visible():
        chosen(page, "Share")
    with page.expect_download() as download:
        panel.get_by_role("button", name=part, exact=True).click()
    assert download.value.suggested_filename == f"sentiment-{part.lower()}.csv"
    text = Path(str(download.value.path())).read_bytes().decode()
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text)))


@SECOND
def test_what_is_shown_is_saved_as_csv(page: Page, server: ScriptedServer) -> None:
    server.series = {"TSLA": [bucket(items=9, mean=0.75, positive=9, negative=0, least=0.6, greatest=0.9)]}
    stream = opened(page, server, query="?tickers=TSLA,NVDA&sort=-count")
    expect(page.locator("#board .count").first).to_have_text("9")
    stream.send("sentiment_update", **update("wire:1", source='=HYPERLINK("http://x"), "y"\n'))
    stream.send("sentiment_update", **update("wire:1", "NVDA", source='=HYPERLINK("http://x"), "y"\n'))
    stream.send("sentiment_update", **update("wire:2", label="negative", score=-0.5))
    expect(rows(page)).to_have_count(2)
    stream.send("sentiment_withdrawn", **withdrawn("wire:2"))
    expect(rows(page).first).to_contain_text("withdrawn")

    newest, item = saved(page, "Feed")
    assert (newest["source_id"], newest["withdrawn"], newest["score"]) == ("wire:2", "deleted", "-0.5")
    assert (item["source_id"], item["tickers"], item["label"], item["score"]) == (
        "wire:1",
        "TSLA NVDA",
        "positive",
        "0.37",
    )
    assert item["source"] == '\'=HYPERLINK("http://x"), "y"\n'

    tesla, nvidia = saved(page, "Board")
    assert tesla["ticker"] == "TSLA"
    assert (tesla["items_24h"], tesla["mean_24h"], tesla["positive"]) == ("9", "0.75", "9")
    assert (nvidia["ticker"], nvidia["items_24h"], nvidia["mean_24h"]) == ("NVDA", "0", "")

    points = saved(page, "Chart")
    assert len(points) == 15
    (point,) = [it for it in points if it["items"] != "0"]
    assert point == {"time": point["time"], "items": "9", "mean": "0.75", "least": "0.6", "greatest": "0.9"}


@SECOND
def test_the_link_to_the_view_is_copied(page: Page, server: ScriptedServer) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(page, server, query="?tickers=NVDA&label=negative&range=1h&sort=-count")
    chosen(page, "Share").get_by_role("button", name="Copy link").click()
    expect(page.locator("#shared")).to_have_text("The link to this view is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


@SECOND
def test_a_link_that_cannot_be_copied_is_shown(page: Page, server: ScriptedServer) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined });")
    opened(page, server)
    chosen(page, "Share").get_by_role("button", name="Copy link").click()
    expect(page.locator("#shared")).to_contain_text(f"The link: {server.url}")


@SECOND
def test_the_page_is_printed_whole_and_without_its_controls(page: Page, server: ScriptedServer) -> None:
    page.add_init_script("window.print = () => { window.printed = true; };")
    server.rows = [update(f"wire:{n}") for n in range(60)]
    opened(page, server)
    chosen(page, "Share").get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed")
    page.emulate_media(media="print")
    for hidden in (".tools", "#filters", "footer", "#share-panel"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(rows(page).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollHeight") > 60 * 20
    last = rows(page).last.bounding_box()
    assert last is not None
    assert last["y"] + last["height"] <= page.evaluate("document.documentElement.scrollHeight")


@SECOND
def test_preferences_are_kept_and_told_to_other_tabs(page: Page, server: ScriptedServer) -> None:
    server.rows = [update(timestamp="2026-11-22T14:18:46.484Z")]
    page.emulate_media(color_scheme="light")
    opened(page, server)
    second = page.context.new_page()
    second.goto(server.url)
    settled(second)
    colours = (
        "() => [getComputedStyle(document.body).backgroundColor, document.querySelector('#feed > li').offsetHeight]"
    )
    before = second.evaluate(colours)
    panel = chosen(page, "View")
    for label in ("Dark", "Compact", "UTC"):
        panel.get_by_text(label, exact=True).click()
    for tab in (page, second):
        root = tab.locator("html")
        expect(root).to_have_attribute("data-theme", "dark")
        expect(root).to_have_attribute("data-density", "compact")
        expect(rows(tab).locator(".time")).to_have_text("14:18:46")
    after = second.evaluate(colours)
    assert after[0] != before[0]
    assert after[1] < before[1]
    second.reload()
    settled(second)
    assert second.evaluate(colours) == after
    panel = chosen(second, "View")
    for label in ("Dark", "Compact", "UTC"):
        expect(panel.get_by_label(label, exact=True)).to_be_checked()


@SECOND
def test_times_are_the_readers_unless_they_want_utc(page: Page, server: ScriptedServer) -> None:
    server.rows = [update(timestamp="2026-11-22T14:18:46.484Z")]
    opened(page, server)
    with page.context.browser.new_context(timezone_id="Asia/Tokyo", reduced_motion="reduce") as there:  # type: ignore[union-attr]
        tab = there.new_page()
        tab.goto(server.url)
        expect(rows(tab).locator(".time")).to_have_text("23:18:46")
        chosen(tab, "View").get_by_text("UTC", exact=True).click()
        expect(rows(tab).locator(".time")).to_have_text("14:18:46")


@SECOND
def test_a_browser_that_keeps_nothing_shows_the_page_all_the_same(page: Page, server: ScriptedServer) -> None:
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no') } });")
    opened(page, server, update())
    expect(rows(page)).to_have_count(1)
    chosen(page, "View").get_by_text("Dark", exact=True).click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@SECOND
@pytest.mark.parametrize("part", PARTS)
def test_one_part_is_embedded(page: Page, server: ScriptedServer, part: str) -> None:
    server.series = {"NVDA": [bucket()]}
    opened(page, server, update(ticker="NVDA"), query=f"?embed={part}&tickers=NVDA")
    for name, content in PARTS.items():
        assert page.locator(content).is_visible() == (name == part)
    for left in (".tools", "footer", ".summary"):
        expect(page.locator(left)).to_be_hidden()
    expect(page.locator("#connection")).to_be_visible()


def test_two_tabs_show_one_stream(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server, update("wire:1"))
    second = page.context.new_page()
    second.goto(server.url)
    live(second)
    expect(rows(second)).to_have_count(1)
    stream.send("sentiment_update", **update("wire:2"))
    for tab in (page, second):
        expect(rows(tab)).to_have_count(2)
    assert server.opened.empty()
    assert len(server.asked) == 2  # both by the first tab


@SECOND
def test_what_comes_right_after_a_sleep_is_not_called_live(page: Page, server: ScriptedServer) -> None:
    frozen(page)
    stream = opened(page, server)
    later(page, 3600)
    stream.send("sentiment_update", **update("wire:1"))
    expect(rows(page)).to_have_count(1)
    expect(rows(page).locator(".lateness")).to_have_text("while asleep")
    expect(page.locator("#median")).to_have_text("–")
    for ago in (4, 8, 12):
        later(page, 4)
        expect(page.locator("#age")).to_have_text(f"last change {ago} s ago")
    stream.send("sentiment_update", **update("wire:2", updated_at=None))
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first.locator(".lateness")).to_have_text("–")  # live, and measured from nothing


@SECOND
def test_the_minute_is_announced_once(page: Page, server: ScriptedServer) -> None:
    frozen(page)
    stream = opened(page, server)
    said = page.locator("#announcements")
    for n in range(3):
        stream.send("sentiment_update", **update(f"wire:{n}", "NVDA" if n else "TSLA", score=0.1 * n))
    expect(rows(page)).to_have_count(3)
    expect(said).to_have_text("")
    later(page, 60)
    expect(said).to_have_text("3 changes in the last minute, mean +0.10. Most of NVDA 2, TSLA 1.")
    stream.send("sentiment_update", **update("wire:3"))
    expect(rows(page)).to_have_count(4)
    later(page, 60)
    expect(said).to_have_text("1 change in the last minute, mean +0.37. Most of TSLA 1.")


@pytest.mark.parametrize("width", [320, *(pytest.param(width, marks=SECOND) for width in (390, 820, 1024, 1360, 1440))])
def test_nothing_sticks_out_of_the_window(page: Page, server: ScriptedServer, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    tickers = ("TSLA", "NVDA", "GOOGL", "BRK.B", "123456789012")
    stream = opened(page, server, query=f"?tickers={','.join(tickers)}&label=negative&min_score=0.25&source=a-source")
    for ticker in tickers:
        stream.send("sentiment_update", **update(ticker=ticker, source="a-source-with-quite-a-long-name"))
    stream.send("sentiment_update", **update(version="v2", label="negative", score=-1, source="a-source"))
    count(stream, dict.fromkeys(tickers, 123_456), since=iso(timedelta(hours=2)))
    expect(rows(page)).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for opener in page.locator("nav [popovertarget]").all():
        opener.click()
        box = page.locator(f"#{opener.get_attribute('popovertarget')}").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        page.keyboard.press("Escape")


@SECOND
def test_forced_colours_leave_everything_readable(page: Page, server: ScriptedServer) -> None:
    page.emulate_media(forced_colors="active")
    opened(page, server, update())
    expect(rows(page)).to_contain_text("▲ positive")
    parts = rows(page).locator(".gauge i")
    assert parts.evaluate("it => getComputedStyle(it).backgroundColor") not in (
        "rgba(0, 0, 0, 0)",
        "rgb(255, 255, 255)",
    )


@SECOND
def test_who_wants_no_motion_gets_none(page: Page, server: ScriptedServer) -> None:
    opened(page, server, update())
    durations = "() => [...document.querySelectorAll('*')].map((it) => getComputedStyle(it).transitionDuration)"
    assert set(page.evaluate(durations)) == {"0s"}
    assert page.evaluate("document.getAnimations().length") == 0
