"""What the page says of its connection, and how it goes on."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.dashboard import REPLAY, SECOND, board, count, frozen, later, live, opened, rows, settled
from tests.browser.scripted import ScriptedServer, begin, heartbeat, iso, update
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.browser


def test_the_state_is_told_in_plain_words(page: Page, server: ScriptedServer) -> None:
    page.goto(server.url)
    badge, status = page.locator("#connection"), page.locator("#status")
    expect(badge).to_have_text("Connecting")
    stream = server.accept()
    begin(stream)
    live(page)
    for mode, word, meaning in (
        ("poll", "Delayed", "asked every few seconds"),
        ("both", "Delayed", "proving itself"),
        ("down", "Disconnected", "out of date"),
        ("push", "Live", "as they are written"),
    ):
        heartbeat(stream, mode)
        expect(status).to_have_text(re.compile(rf"^{word}\. .*{meaning}"))
        expect(badge).to_have_text(word)
        expect(badge).to_have_attribute("data-mode", mode)
    badge.click()
    expect(page.locator("#why")).to_have_text("Changes arrive as they are written.")
    expect(page.locator("footer")).to_contain_text("open streams 3")
    expect(page.locator("footer")).to_contain_text("1 h 11 min")


@SECOND
def test_the_summary_shows_the_counts(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    count(stream, {"AAPL": 500, "TSLA": 900, "other": 7}, since=iso(timedelta(hours=2)))
    expect(page.locator("#total")).to_have_text("1,200")
    for label, share in (("positive", 50), ("neutral", 25), ("negative", 25)):
        expect(page.locator(f"#{label}")).to_have_text(f"{share} %")
    expect(page.locator("#shares")).to_have_attribute("aria-label", "50 % positive")
    expect(page.locator("#rate")).to_have_text("4.50")
    expect(page.locator("#total-unit")).to_have_text(re.compile(r"items since \d\d:\d\d"))
    expect(board(page)).to_have_text(["TSLA", "AAPL"])


def test_a_cut_stream_is_resumed_from_its_last_place(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    assert stream.query == REPLAY
    place = stream.send("sentiment_update", **update())
    expect(rows(page)).to_have_count(1)
    stream.cut()
    second = server.accept()
    assert second.query == {"last_event_id": place, "on_full": "wait"}
    expect(page.locator("#status")).to_contain_text("Disconnected. The connection was lost.")
    begin(second, update("wire:0902"))
    live(page)
    expect(rows(page)).to_have_count(2)


@SECOND
def test_a_stream_cut_after_connected_is_resumed_from_the_same_place(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    place = stream.send("sentiment_update", **update())
    expect(rows(page)).to_have_count(1)
    stream.cut()
    second = server.accept()
    second.send("connected", with_id=False, mode="push", retry_ms=20, heartbeat_seconds=30)
    second.cut()
    assert server.accept().query == {"last_event_id": place, "on_full": "wait"}


@SECOND
def test_a_stream_cut_before_its_replay_is_asked_for_anew(page: Page, server: ScriptedServer) -> None:
    page.goto(server.url)
    server.accept().cut()
    assert server.accept().query == REPLAY


@SECOND
def test_a_planned_end_says_why_and_goes_on(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    place = stream.send("sentiment_update", **update())
    stream.send("closing", with_id=False, reason="drain", retry_ms=20)
    assert server.accept().query == {"last_event_id": place, "on_full": "wait"}
    expect(page.locator("#status")).to_contain_text("This server is being replaced. The page shows what it had.")


@SECOND
def test_a_silent_stream_is_given_up(page: Page, server: ScriptedServer) -> None:
    page.goto(server.url)
    begin(server.accept(), beat=0.3)
    server.accept()
    expect(page.locator("#status")).to_contain_text("fell silent")


@SECOND
def test_a_refusal_is_explained_and_tried_again(page: Page, server: ScriptedServer, complaints: list[str]) -> None:
    complaints.append("503")
    server.refusal = (503, {"detail": "Connection limit reached. Try again later.", "max_connections": 100})
    page.goto(server.url)
    expect(page.locator("#status")).to_contain_text("answered 503. Connection limit reached")
    server.refusal = None
    begin(server.accept())
    live(page)
    settled(page)


@SECOND
def test_a_wait_counts_down_and_what_was_shown_is_shown_as_old(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server, update())
    expect(page.locator("body")).not_to_have_attribute("data-stale", "")
    stream.send("closing", with_id=False, reason="lifetime", retry_ms=60_000)
    expect(page.locator("#countdown")).to_have_text(re.compile(r"next try in \d+ s"))
    expect(page.locator("body")).to_have_attribute("data-stale", "")
    expect(rows(page)).to_have_count(1)


@SECOND
def test_how_long_nothing_has_come_is_shown(page: Page, server: ScriptedServer) -> None:
    frozen(page)
    stream = opened(page, server)
    expect(page.locator("#age")).to_have_text("no change yet")
    stream.send("sentiment_update", **update())
    expect(rows(page)).to_have_count(1)
    later(page, 21)
    expect(page.locator("#age")).to_have_text("last change 21 s ago")


def test_what_cannot_be_asked_for_is_said_and_not_tried_again(page: Page, server: ScriptedServer) -> None:
    page.goto(f"{server.url}?tickers=%3Cb%3E")
    expect(page.locator("#connection")).to_have_text("Not connected")
    expect(page.locator("#tickers-problem")).to_have_text(re.compile("“<B>” is no ticker"))
    assert server.opened.empty()
    assert server.asked == []
    page.get_by_label("Tickers, separated").fill("nvda")
    page.keyboard.press("Enter")
    begin(server.accept())
    live(page)
    expect(page.locator("#tickers-problem")).to_be_hidden()


@SECOND
def test_what_the_service_refuses_for_good_is_said_and_not_tried_again(
    page: Page, server: ScriptedServer, complaints: list[str]
) -> None:
    complaints.append("422")
    server.refusal = 422, {"detail": "tickers: at most 50"}
    page.goto(f"{server.url}?tickers=NVDA")
    expect(page.locator("#tickers-problem")).to_have_text("The server answered 422. tickers: at most 50")
    expect(page.locator("#connection")).to_have_text("Not connected")
    server.refused.get(timeout=WATCHDOG)
    server.refused.get(timeout=WATCHDOG)  # the stream, and the question why
    expect(page.locator("#connection")).to_have_text("Not connected")
