"""The page in chromium, against a stream that each test speaks itself."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.chromium import launched, page_of
from tests.browser.scripted import ScriptedServer, Stream, begin, heartbeat, iso, update, withdrawn
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.browser

MEASURED = re.compile(r"[\d.]+ m?s")
"""A latency, on however busy a machine."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def complaints() -> list[str]:
    """What the browser may complain of: a test that provokes an error says so by a substring."""
    return []


@pytest.fixture
def page(browser: Browser, server: ScriptedServer, complaints: list[str]) -> Iterator[Page]:
    with page_of(browser, server.url, known=complaints) as page:
        yield page


def opened(page: Page, server: ScriptedServer, *replay: dict[str, Any], query: str = "", retry_ms: int = 20) -> Stream:
    """The page once it is live and, unless the test holds it back, has its snapshot: until then it has no place."""
    if server.snapshots_wait is not None:
        return _begun(page, server, *replay, query=query, retry_ms=retry_ms)
    with page.expect_response(lambda answer: "/api/v2/sentiment?" in answer.url) as snapshot:
        stream = _begun(page, server, *replay, query=query, retry_ms=retry_ms)
    snapshot.value.finished()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return stream


def _begun(page: Page, server: ScriptedServer, *replay: dict[str, Any], query: str, retry_ms: int) -> Stream:
    page.goto(server.url + query)
    stream = server.accept()
    begin(stream, *replay, retry_ms=retry_ms)
    expect(page.get_by_role("status")).to_contain_text("push")
    return stream


def rows(page: Page) -> Locator:
    return page.locator("#feed > li")


def test_an_update_is_one_row_with_all_its_tickers(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    stream.send("sentiment_update", **update(ticker="TSLA"))
    stream.send("sentiment_update", **update(ticker="NVDA"))
    expect(rows(page).locator(".chip")).to_have_text(["TSLA", "NVDA"])
    expect(rows(page)).to_have_count(1)
    for text in ("positive", "+0.37", "82 %", "reuters"):
        expect(rows(page)).to_contain_text(text)
    expect(rows(page)).not_to_contain_text("corrected")


def test_it_starts_with_the_newest_items_of_the_table(page: Page, server: ScriptedServer) -> None:
    server.rows = [update("wire:2", "NVDA"), update("wire:1", "NVDA")]
    opened(page, server, query="?tickers=nvda")
    expect(rows(page).locator(".source")).to_have_count(2)
    assert server.asked == [{"limit": "200", "tickers": "NVDA"}]
    assert [it.get_attribute("title") for it in rows(page).locator(".source").all()] == ["wire:2", "wire:1"]


def test_the_history_is_on_the_screen_before_the_snapshot_and_stays_as_it_is(
    page: Page, server: ScriptedServer
) -> None:
    server.rows = [update("wire:3", "NVDA"), update("wire:2", "NVDA"), update("wire:1", "NVDA")]
    server.snapshots_wait = threading.Event()
    stream = opened(page, server, update("wire:2", "NVDA"))
    expect(rows(page)).to_have_count(1)
    stream.send("sentiment_update", **update("wire:4", "NVDA"))
    expect(rows(page).nth(0).locator(".lateness")).to_contain_text(MEASURED)
    server.snapshots_wait.set()
    expect(rows(page)).to_have_count(4)
    sources = [it.get_attribute("title") for it in rows(page).locator(".source").all()]
    assert sources == ["wire:4", "wire:3", "wire:2", "wire:1"]
    expect(rows(page).nth(0).locator(".lateness")).to_contain_text(MEASURED)


def test_a_page_without_items_that_names_a_cursor_is_gone_behind(page: Page, server: ScriptedServer) -> None:
    server.rows, server.behind = [], [[update("wire:2", "NVDA")], [], [update("wire:1", "NVDA")]]
    opened(page, server, query="?tickers=NVDA")
    expect(rows(page)).to_have_count(2)
    asked = {"limit": "200", "tickers": "NVDA"}
    assert server.asked == [asked, *(asked | {"cursor": str(turn)} for turn in (1, 2, 3))]


def test_a_snapshot_takes_five_requests_at_most(page: Page, server: ScriptedServer) -> None:
    server.behind = [[], [], [], [update()], [], []]
    opened(page, server)
    expect(rows(page)).to_have_count(1)  # it is drawn when the last page has come
    assert [asked.get("cursor") for asked in server.asked] == [None, "1", "2", "3", "4"]


def test_a_table_that_cannot_be_read_leaves_it_the_history(
    page: Page, server: ScriptedServer, complaints: list[str]
) -> None:
    complaints.append("503")
    server.rows = None
    stream = opened(page, server, update())
    expect(rows(page)).to_have_count(1)
    complaints.append("ERR_")
    server.refusal = 503, {"detail": "Connection limit reached. Try again later."}
    stream.cut()
    server.refused.get(timeout=WATCHDOG)
    server.refused.get(timeout=WATCHDOG)
    expect(rows(page)).to_have_count(1)


def test_a_correction_changes_its_row(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    for ticker in ("TSLA", "NVDA"):
        stream.send("sentiment_update", **update(ticker=ticker))
    stream.send("sentiment_update", **update("wire:0902"))
    for ticker in ("TSLA", "NVDA"):
        stream.send("sentiment_update", **update(ticker=ticker, version="v2", label="negative", score=-0.5))
    expect(rows(page)).to_have_count(2)
    expect(rows(page).nth(1)).to_contain_text("corrected, was positive +0.37")
    expect(rows(page).nth(1).locator(".label b")).to_have_text("▼ negative")
    expect(rows(page).nth(0)).not_to_contain_text("corrected")


def test_there_and_back_again_is_followed(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    stream.send("sentiment_update", **update())
    stream.send("sentiment_update", **update(version="v2", label="negative"))
    stream.send("sentiment_update", **update())
    stream.send("sentiment_update", **update("wire:0902"))
    expect(rows(page).locator(".label b")).to_have_text(["▲ positive", "▲ positive"])


def test_the_version_last_applied_is_not_applied_again(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    stream.send("sentiment_update", **update())
    stream.send("sentiment_update", **update(label="negative"))
    stream.send("sentiment_update", **update("wire:0902"))
    expect(rows(page)).to_have_count(2)
    expect(rows(page).nth(1).locator(".label b")).to_have_text("▲ positive")


def test_a_lost_ticker_greys_its_chip_and_the_last_one_the_row(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    for ticker in ("TSLA", "NVDA"):
        stream.send("sentiment_update", **update(ticker=ticker))
    stream.send("sentiment_withdrawn", **withdrawn(ticker="NVDA", reason="ticker_removed"))
    expect(rows(page).locator("s.chip")).to_have_text(["NVDA withdrawn"])
    expect(rows(page).locator("span.chip")).to_have_text(["TSLA"])
    expect(rows(page)).not_to_have_attribute("data-withdrawn", "")
    colour = "element => getComputedStyle(element).color"
    grey = rows(page).locator(".time").evaluate(colour)
    assert rows(page).locator(".label b").evaluate(colour) != grey
    stream.send("sentiment_withdrawn", **withdrawn())
    expect(rows(page)).to_contain_text("withdrawn: deleted")
    assert rows(page).locator(".label b").evaluate(colour) == grey


def test_what_was_withdrawn_may_come_back_as_it_was(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    stream.send("sentiment_update", **update())
    stream.send("sentiment_withdrawn", **withdrawn(reason="unscored"))
    expect(rows(page)).to_contain_text("withdrawn: no longer scored")
    stream.send("sentiment_update", **update())
    expect(rows(page)).not_to_contain_text("withdrawn")


def test_the_badge_follows_the_mode_in_plain_words(page: Page, server: ScriptedServer) -> None:
    page.goto(server.url)
    badge = page.get_by_role("status")
    expect(badge).to_contain_text("connecting")
    stream = server.accept()
    begin(stream)
    expect(badge).to_contain_text("push Changes arrive as they are written")
    for mode, meaning in (("poll", "asked every few seconds"), ("both", "proving itself"), ("down", "out of date")):
        heartbeat(stream, mode)
        expect(badge).to_contain_text(re.compile(rf"^{mode}.*{meaning}"))
    expect(page.locator("footer")).to_contain_text("open streams 3")
    expect(page.locator("footer")).to_contain_text("1 h 11 min")


def test_the_counters_show_the_metrics(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    stream.send(
        "metrics",
        total=1200,
        positive=600,
        neutral=300,
        negative=300,
        by_tag={"AAPL": 500, "TSLA": 900, "other": 7},
        rate_last_hour=4.5,
        rate_last_24h=0.83,
        since=iso(timedelta(hours=2)),
        timestamp=iso(),
    )
    expect(page.locator("#total")).to_have_text("1,200")
    for label, number, share in (("positive", 600, 50), ("neutral", 300, 25), ("negative", 300, 25)):
        expect(page.locator(f"#{label}")).to_have_text(str(number))
        expect(page.locator(f"#{label}-share")).to_have_text(f"{share} %")
    expect(page.locator("#tickers li")).to_have_text(["TSLA900", "AAPL500", "other7"])
    expect(page.locator(".rate")).to_contain_text(re.compile("4.50.*0.83"))
    expect(page.locator("#since")).to_contain_text("since")


def test_a_cut_stream_is_resumed_from_its_last_place(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    assert stream.query == {"replay": "60", "on_full": "wait"}
    place = stream.send("sentiment_update", **update())
    expect(rows(page)).to_have_count(1)
    stream.cut()
    second = server.accept()
    assert second.query == {"last_event_id": place, "on_full": "wait"}
    expect(page.get_by_role("status")).to_contain_text("reconnecting")
    begin(second, update("wire:0902"))
    expect(page.get_by_role("status")).to_contain_text("push")
    expect(rows(page)).to_have_count(2)


def test_a_stream_cut_after_connected_is_resumed_from_the_same_place(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    place = stream.send("sentiment_update", **update())
    expect(rows(page)).to_have_count(1)
    stream.cut()
    second = server.accept()
    second.send("connected", with_id=False, mode="push", retry_ms=20, heartbeat_seconds=30)
    second.cut()
    assert server.accept().query == {"last_event_id": place, "on_full": "wait"}


def test_what_a_reconnect_repeats_is_no_news(page: Page, server: ScriptedServer) -> None:
    versions = update(), update(version="v2", label="negative")
    stream = opened(page, server)
    for data in versions:
        stream.send("sentiment_update", **data)
    expect(rows(page).locator(".lateness")).to_contain_text(MEASURED)
    stream.cut()
    begin(server.accept(), *versions, update("wire:0902"))
    expect(rows(page).nth(0).locator(".lateness")).to_have_text("replayed")
    expect(rows(page).nth(1).locator(".lateness")).to_contain_text(MEASURED)
    expect(rows(page).nth(1)).to_contain_text("corrected, was positive")


def test_a_stream_cut_before_its_replay_is_asked_for_anew(page: Page, server: ScriptedServer) -> None:
    page.goto(server.url)
    server.accept().cut()
    assert server.accept().query == {"replay": "60", "on_full": "wait"}


def test_a_planned_end_says_why_and_goes_on(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    place = stream.send("sentiment_update", **update())
    stream.send("closing", with_id=False, reason="drain", retry_ms=20)
    assert server.accept().query == {"last_event_id": place, "on_full": "wait"}
    expect(page.get_by_role("status")).to_contain_text("This server is being replaced")


def test_a_silent_stream_is_given_up(page: Page, server: ScriptedServer) -> None:
    page.goto(server.url)
    begin(server.accept(), beat=0.3)
    server.accept()
    expect(page.get_by_role("status")).to_contain_text("fell silent")


def test_a_refusal_is_explained_and_tried_again(page: Page, server: ScriptedServer, complaints: list[str]) -> None:
    complaints.append("503")
    server.refusal = (503, {"detail": "Connection limit reached. Try again later.", "max_connections": 100})
    page.goto(server.url)
    expect(page.get_by_role("status")).to_contain_text("answered 503. Connection limit reached")
    server.refusal = None
    begin(server.accept())
    expect(page.get_by_role("status")).to_contain_text("push")


def test_a_reset_begins_the_feed_anew(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    for item in ("wire:0901", "wire:0902"):
        stream.send("sentiment_update", **update(item))
    expect(rows(page)).to_have_count(2)
    stream.cut()
    begin(server.accept(), update("wire:0903"), update("wire:0902"), reset="too_old")
    sources = rows(page).locator(".source")
    expect(sources.nth(1)).to_have_attribute("title", "wire:0903")
    expect(sources.nth(0)).to_have_attribute("title", "wire:0902")
    expect(sources).to_have_count(2)


def test_markup_in_the_data_is_text(page: Page, server: ScriptedServer) -> None:
    evil = "<img src=x onerror=document.title='gotcha'>"
    stream = opened(page, server)
    stream.send("sentiment_update", **update(evil, ticker=evil, source=evil, label=evil, timestamp=evil))
    stream.send("metrics", total=1, positive=1, neutral=0, negative=0, by_tag={evil: 1})
    expect(page.locator("#tickers li")).to_contain_text(evil)
    for part in (".chips", ".source", ".label", ".time"):
        expect(rows(page).locator(part)).to_contain_text(evil)
    expect(page.locator("main img")).to_have_count(0)
    assert page.title() == "Sentiment stream"


def test_the_feed_is_bounded_and_the_newest_is_on_top(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server, *(update(f"wire:{n}", source=f"s{n}") for n in range(150)))
    for n in range(150, 260):
        stream.send("sentiment_update", **update(f"wire:{n}", source=f"s{n}"))
    expect(rows(page).first).to_contain_text("s259")
    expect(rows(page)).to_have_count(200)
    expect(rows(page).last).to_contain_text("s60")


def test_the_time_to_the_screen_says_what_it_was_measured_from(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server, update("wire:old"))
    expect(rows(page).locator(".lateness")).to_have_text("replayed")
    expect(page.locator("#median")).to_have_text("–")

    second = iso()[:19] + ".000Z"
    stream.send("sentiment_update", **update("wire:bound", updated_at=None, committed_at=second))
    expect(rows(page).nth(0).locator(".lateness b")).to_have_text(re.compile(r"^≤ [\d.]+ m?s$"))
    expect(page.locator("#median-basis")).to_have_text("median of 1, from committed_at (whole seconds)")

    stream.send("sentiment_update", **update("wire:exact"))
    expect(rows(page).nth(0).locator(".lateness b")).to_have_text(re.compile(r"^[\d.]+ m?s$"))
    expect(page.locator("#median-basis")).to_have_text("median of 1, from updated_at")

    stream.send("sentiment_update", **update("wire:ahead", updated_at=iso(-timedelta(hours=1))))
    expect(rows(page).nth(0).locator(".lateness b")).to_have_text("clocks differ")
    expect(page.locator("#median-basis")).to_have_text("median of 1, from updated_at")


def test_a_filter_of_the_page_is_passed_on(page: Page, server: ScriptedServer) -> None:
    page.add_init_script("Math.random = () => 1")  # the page that is left does not come back before it is gone
    stream = opened(page, server, query="?tickers=tsla,%20NVDA", retry_ms=30_000)
    assert stream.query == {
        "replay": "60",
        "tickers": "TSLA,NVDA",
        "events": "sentiment_update,metrics",
        "on_full": "wait",
    }
    expect(page.get_by_role("link", name="raw stream")).to_have_attribute("href", re.compile("tickers=TSLA"))
    page.get_by_role("link", name="show all").click()
    assert server.accept().query == {"replay": "60", "on_full": "wait"}


def test_a_paused_feed_stands_still_and_catches_up(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    stream.send("sentiment_update", **update("wire:1"))
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    stream.send("sentiment_update", **update("wire:2"))
    expect(page.get_by_role("button", name="Resume (1 changed)")).to_be_visible()
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Resume").click()
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first.locator(".lateness")).to_have_text("paused")


@pytest.mark.parametrize("width", [320, 390, 820, 1360])
def test_nothing_sticks_out_of_the_window(page: Page, server: ScriptedServer, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    stream = opened(page, server)
    for ticker in ("TSLA", "NVDA", "GOOGL", "BRK.B", "123456789012"):
        stream.send("sentiment_update", **update(ticker=ticker, source="a-source-with-quite-a-long-name"))
    stream.send("sentiment_update", **update(version="v2", label="negative", score=-1))
    expect(rows(page)).to_contain_text("corrected")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
