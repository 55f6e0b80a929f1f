"""The feed of the page: what each event does to its rows."""

import threading
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.dashboard import MEASURED, SECOND, count, live, opened, rows, settled, sources
from tests.browser.scripted import ScriptedServer, begin, iso, update, withdrawn
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.browser

COLOUR = "element => getComputedStyle(element).color"


def ids(page: Page) -> list[str | None]:
    return [it.get_attribute("title") for it in sources(page).all()]


def test_an_update_is_one_row_with_all_its_tickers(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    stream.send("sentiment_update", **update(ticker="TSLA"))
    stream.send("sentiment_update", **update(ticker="NVDA"))
    expect(rows(page).locator(".chip")).to_have_text(["TSLA", "NVDA"])
    expect(rows(page)).to_have_count(1)
    for text in ("▲ positive", "+0.37", "reuters"):
        expect(rows(page)).to_contain_text(text)
    expect(rows(page).locator(".mark")).to_have_text("")


def test_it_starts_with_the_newest_items_of_the_table(page: Page, server: ScriptedServer) -> None:
    server.rows = [update("wire:2", "NVDA"), update("wire:1", "NVDA")]
    opened(page, server, query="?tickers=nvda")
    assert server.asked == [{"limit": "200", "tickers": "NVDA"}] * 2  # of the page, and of the stream
    assert ids(page) == ["wire:2", "wire:1"]
    expect(rows(page).locator(".lateness")).to_have_text(["earlier", "earlier"])


def test_the_history_is_on_the_screen_before_the_snapshot_and_stays_as_it_is(
    page: Page, server: ScriptedServer
) -> None:
    server.rows = [update("wire:3", "NVDA"), update("wire:2", "NVDA"), update("wire:1", "NVDA")]
    server.snapshots_wait = threading.Event()
    stream = opened(page, server, update("wire:2", "NVDA"))
    expect(rows(page)).to_have_count(1)
    stream.send("sentiment_update", **update("wire:4", "NVDA"))
    expect(rows(page).nth(0).locator(".lateness")).to_contain_text(MEASURED)
    expect(page.locator("#feed")).to_have_attribute("aria-busy", "true")
    server.snapshots_wait.set()
    settled(page)
    assert ids(page) == ["wire:4", "wire:3", "wire:2", "wire:1"]
    expect(rows(page).nth(0).locator(".lateness")).to_contain_text(MEASURED)


@SECOND
def test_a_page_without_items_that_names_a_cursor_is_gone_behind(page: Page, server: ScriptedServer) -> None:
    server.rows, server.behind = [], [[update("wire:2", "NVDA")], [], [update("wire:1", "NVDA")]]
    opened(page, server, query="?tickers=NVDA")
    expect(rows(page)).to_have_count(2)
    asked = {"limit": "200", "tickers": "NVDA"}
    assert server.asked == [asked, asked, *(asked | {"cursor": str(turn)} for turn in (1, 2, 3))]


@SECOND
def test_a_snapshot_takes_five_requests_at_most(page: Page, server: ScriptedServer) -> None:
    server.behind = [[], [], [], [update()], [], []]
    opened(page, server)
    expect(rows(page)).to_have_count(1)
    assert [asked.get("cursor") for asked in server.asked] == [None, None, "1", "2", "3", "4"]


@SECOND
def test_a_table_that_cannot_be_read_leaves_it_the_history(
    page: Page, server: ScriptedServer, complaints: list[str]
) -> None:
    complaints.append("503")
    server.rows = None
    stream = opened(page, server, update())
    expect(rows(page)).to_have_count(1)
    server.refusal = 503, {"detail": "Connection limit reached. Try again later."}
    stream.cut()
    server.refused.get(timeout=WATCHDOG)
    server.refused.get(timeout=WATCHDOG)
    expect(page.locator("#connection")).to_have_text("Disconnected")
    expect(rows(page)).to_have_count(1)


def test_a_correction_changes_its_row(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    for ticker in ("TSLA", "NVDA"):
        stream.send("sentiment_update", **update(ticker=ticker))
    stream.send("sentiment_update", **update("wire:0902"))
    for ticker in ("TSLA", "NVDA"):
        stream.send("sentiment_update", **update(ticker=ticker, version="v2", label="negative", score=-0.5))
    expect(rows(page).nth(1).locator(".mark")).to_have_text("was ▲ +0.37")
    expect(rows(page).nth(1).locator(".mark")).to_have_attribute("title", "corrected, was positive +0.37")
    expect(rows(page).nth(1).locator(".label")).to_have_text("▼ negative")
    expect(rows(page)).to_have_count(2)
    expect(rows(page).nth(0).locator(".mark")).to_have_text("")


@SECOND
def test_there_and_back_again_is_followed(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    stream.send("sentiment_update", **update())
    stream.send("sentiment_update", **update(version="v2", label="negative"))
    stream.send("sentiment_update", **update())
    stream.send("sentiment_update", **update("wire:0902"))
    expect(rows(page).locator(".label")).to_have_text(["▲ positive", "▲ positive"])


@SECOND
def test_the_version_last_applied_is_not_applied_again(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    stream.send("sentiment_update", **update())
    stream.send("sentiment_update", **update(label="negative"))
    stream.send("sentiment_update", **update("wire:0902"))
    expect(rows(page).locator(".label")).to_have_text(["▲ positive", "▲ positive"])


def test_a_lost_ticker_greys_its_chip_and_the_last_one_the_row(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    for ticker in ("TSLA", "NVDA"):
        stream.send("sentiment_update", **update(ticker=ticker))
    stream.send("sentiment_withdrawn", **withdrawn(ticker="NVDA", reason="ticker_removed"))
    expect(rows(page).locator(".chip[data-withdrawn]")).to_have_text(["NVDA withdrawn"])
    expect(rows(page).locator(".chip:not([data-withdrawn])")).to_have_text(["TSLA"])
    expect(rows(page)).not_to_have_attribute("data-withdrawn", "")
    grey = rows(page).locator(".time").evaluate(COLOUR)
    assert rows(page).locator(".label").evaluate(COLOUR) != grey
    stream.send("sentiment_withdrawn", **withdrawn())
    expect(rows(page).locator(".mark")).to_have_text("withdrawn: deleted")
    assert rows(page).locator(".label").evaluate(COLOUR) == grey


@pytest.mark.parametrize("width", [pytest.param(390, marks=SECOND), 900, pytest.param(1440, marks=SECOND)])
def test_a_withdrawn_row_stays_in_its_place_and_whole(page: Page, server: ScriptedServer, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    stream = opened(page, server)
    for item in ("wire:1", "wire:2"):
        stream.send("sentiment_update", **update(item))
    expect(rows(page)).to_have_count(2)
    row = rows(page).nth(1)
    before = {name: row.locator(f".{name}").bounding_box() for name in ("time", "chips", "label", "value", "lateness")}
    place = row.bounding_box()
    stream.send("sentiment_withdrawn", **withdrawn("wire:1", reason="ticker_removed"))
    expect(row).to_contain_text("withdrawn: tickers removed")
    assert row.bounding_box() == place
    after = {name: row.locator(f".{name}").bounding_box() for name in before}
    assert after == before
    for cell in row.locator("> *").all():
        box = cell.bounding_box()
        assert box is None or place is None or box["y"] + box["height"] <= place["y"] + place["height"]


@SECOND
def test_what_was_withdrawn_may_come_back_as_it_was(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    stream.send("sentiment_update", **update())
    expect(rows(page)).to_have_count(1)
    stream.send("sentiment_withdrawn", **withdrawn(reason="unscored"))
    expect(rows(page)).to_contain_text("withdrawn: no longer scored")
    stream.send("sentiment_update", **update())
    expect(rows(page)).not_to_contain_text("withdrawn")


@SECOND
def test_a_reset_begins_the_feed_anew(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    for item in ("wire:0901", "wire:0902"):
        stream.send("sentiment_update", **update(item))
    expect(rows(page)).to_have_count(2)
    stream.cut()
    begin(server.accept(), update("wire:0903"), update("wire:0902"), reset="too_old")
    expect(sources(page).nth(1)).to_have_attribute("title", "wire:0903")
    assert ids(page) == ["wire:0902", "wire:0903"]


@SECOND
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
    expect(rows(page).nth(1)).to_contain_text("was ▲")


def test_markup_in_the_data_is_text(page: Page, server: ScriptedServer) -> None:
    evil = "<img src=x onerror=document.title='gotcha'>"
    stream = opened(page, server)
    stream.send("sentiment_update", **update(evil, ticker=evil, source=evil, label=evil, timestamp=evil))
    for part in (".chips", ".source", ".label", ".time"):
        expect(rows(page).locator(part)).to_contain_text(evil)
    count(stream, {evil: 1})
    expect(page.locator("#board tbody")).to_contain_text(evil)
    rows(page).locator(".time").click()
    expect(page.get_by_role("dialog")).to_contain_text(evil)
    expect(page.locator("main img, dialog img")).to_have_count(0)
    assert page.title() == "Sentiment"


@SECOND
def test_the_feed_is_bounded_and_the_newest_is_on_top(page: Page, server: ScriptedServer) -> None:
    server.rows = [update(f"wire:{n}") for n in reversed(range(100))]
    stream = opened(page, server)
    expect(rows(page)).to_have_count(60)
    for n in range(100, 104):
        stream.send("sentiment_update", **update(f"wire:{n}"))
    expect(sources(page).first).to_have_attribute("title", "wire:103")
    expect(sources(page).last).to_have_attribute("title", "wire:44")
    expect(rows(page)).to_have_count(60)
    first, second = rows(page).nth(0).bounding_box(), rows(page).nth(1).bounding_box()
    assert first is not None
    assert second is not None
    assert first["y"] + first["height"] == pytest.approx(second["y"], abs=1)


@SECOND
def test_the_time_to_the_screen_says_what_it_was_measured_from(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server, update("wire:old"))
    median, lag = page.locator("#median"), page.locator("#lag")
    expect(rows(page).locator(".lateness")).to_have_text("replayed")
    expect(median).to_have_text("–")

    second = iso()[:19] + ".000Z"
    stream.send("sentiment_update", **update("wire:bound", updated_at=None, committed_at=second))
    expect(rows(page).nth(0).locator(".lateness")).to_have_text(MEASURED)
    expect(rows(page).nth(0).locator(".lateness")).to_contain_text("≤")
    expect(lag).to_have_attribute("title", "Median from write to screen of 1, from committed_at (whole seconds)")

    stream.send("sentiment_update", **update("wire:exact"))
    expect(sources(page).nth(0)).to_have_attribute("title", "wire:exact")
    expect(rows(page).nth(0).locator(".lateness")).not_to_contain_text("≤")
    expect(lag).to_have_attribute("title", "Median from write to screen of 1, from updated_at")

    stream.send("sentiment_update", **update("wire:ahead", updated_at=iso(-timedelta(hours=1))))
    expect(rows(page).nth(0).locator(".lateness")).to_have_text("clocks differ")
    expect(lag).to_have_attribute("title", "Median from write to screen of 1, from updated_at")


@SECOND
def test_a_paused_page_stands_still_and_catches_up(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    stream.send("sentiment_update", **update("wire:1"))
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    stream.send("sentiment_update", **update("wire:2"))
    expect(page.get_by_role("button", name="Go on (1 changed)")).to_have_attribute("aria-pressed", "true")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Go on").click()
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first.locator(".lateness")).to_have_text("paused")
    live(page)
