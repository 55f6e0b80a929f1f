"""Board and chart of the page, and how they point at the feed."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.dashboard import SECOND, board, chosen, count, frozen, opened, rows
from tests.browser.scripted import ScriptedServer, begin, bucket, iso, update

pytestmark = pytest.mark.browser
QUERY = "?tickers=AMD,NVDA,TSLA"


def series() -> dict[str, list[dict[str, Any]]]:
    """Of this minute."""
    return {
        "AMD": [bucket(items=5, mean=-0.5, positive=0, negative=5, least=-0.6, greatest=-0.4)],
        "NVDA": [bucket(items=9, mean=0.75, positive=9, negative=0, least=0.6, greatest=0.9)],
        "TSLA": [bucket(items=1, mean=0.1, positive=1, negative=0, least=0.1, greatest=0.1)],
    }


def filled(page: Page, server: ScriptedServer, query: str = QUERY) -> None:
    server.series = series()
    opened(page, server, query=query)
    expect(page.locator("#board .count").first).not_to_have_text("0")


def test_a_row_has_the_scores_and_counts_of_its_ticker(page: Page, server: ScriptedServer) -> None:
    filled(page, server)
    row = page.locator("#board tbody tr").nth(1)
    for name, text in (("mean15", "+0.75"), ("mean60", "+0.75"), ("mean24", "+0.75"), ("count", "9"), ("last", "–")):
        expect(row.locator(f".{name}")).to_have_text(text)
    expect(row.locator(".split")).to_have_attribute("aria-label", "100 % positive, 0 % neutral, 0 % negative")
    expect(row.locator(".spark path")).to_have_attribute("d", re.compile("^M"))


@pytest.mark.parametrize("column", ["ticker", "mean15", "change60", "last"])
@SECOND
def test_each_column_sorts(page: Page, server: ScriptedServer, column: str) -> None:
    sorts(page, server, column)


def sorts(page: Page, server: ScriptedServer, column: str) -> None:
    """Three clicks on a column: both directions, and back to how the tickers came."""
    server.series = {
        ticker: [
            bucket(items=items, mean=mean),
            bucket(timedelta(minutes=20), items=items, mean=before),
            bucket(timedelta(minutes=70), items=items, mean=before),
        ]
        for ticker, items, mean, before in (("NVDA", 9, 0.75, 0.85), ("AMD", 5, -0.5, -0.9), ("TSLA", 1, 0.1, 0.3))
    }
    page.set_viewport_size({"width": 1900, "height": 900})
    stream = opened(page, server, query="?tickers=NVDA,AMD,TSLA")
    for ticker in ("TSLA", "AMD", "NVDA"):
        stream.send("sentiment_update", **update(f"wire:{ticker}", ticker, score=0.0, timestamp=iso(timedelta(days=2))))
        expect(page.get_by_role("row", name=ticker).locator(".last")).not_to_have_text("–")
    least_first = {
        "ticker": ["AMD", "NVDA", "TSLA"],
        "change15": ["TSLA", "NVDA", "AMD"],
        "change60": ["TSLA", "NVDA", "AMD"],
        "count": ["TSLA", "AMD", "NVDA"],
        "last": ["TSLA", "AMD", "NVDA"],
    }.get(column, ["AMD", "TSLA", "NVDA"])
    button = page.locator(f"[data-sort={column}]")
    head = page.locator("th", has=button)
    first = ("ascending", least_first) if column == "ticker" else ("descending", least_first[::-1])
    second = ("descending", least_first[::-1]) if column == "ticker" else ("ascending", least_first)
    for direction, order in (first, second, ("none", ["NVDA", "AMD", "TSLA"])):
        button.click()
        expect(board(page)).to_have_text(order)
        expect(head).to_have_attribute("aria-sort", direction)
        assert page.locator("th[aria-sort]:not([aria-sort=none])").count() == (direction != "none")
        mark = {"ascending": column, "descending": f"-{column}", "none": None}[direction]
        expect(page).to_have_url(re.compile(rf"sort={mark}$" if mark else r"TSLA$"))


def test_rows_keep_their_place_and_links_their_ticker_while_counts_change(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    count(stream, {"AAPL": 9, "TSLA": 5})
    expect(board(page)).to_have_text(["AAPL", "TSLA"])
    link = board(page).nth(0).get_by_role("link").element_handle()
    count(stream, {"AAPL": 9, "TSLA": 50, "NVDA": 70})
    expect(board(page)).to_have_text(["AAPL", "TSLA", "NVDA"])
    assert link is not None
    assert link.get_attribute("href") == "?tickers=AAPL"
    link.click()
    assert server.accept().query["tickers"] == "AAPL"


@SECOND
def test_a_change_counts_at_once(page: Page, server: ScriptedServer) -> None:
    page.clock.install()
    server.series = series()
    stream = opened(page, server, query=QUERY)
    with page.expect_response(lambda answer: "bucket=3600" in answer.url):
        page.clock.fast_forward(6_000)  # the history is read again soon after the start, and then once a minute
    row = page.locator("#board tbody tr").nth(2)
    expect(row.locator(".count")).to_have_text("1")
    stream.send("sentiment_update", **update("wire:1", "TSLA", label="negative", score=-0.3, timestamp=iso()))
    expect(row.locator(".count")).to_have_text("2")
    expect(row.locator(".mean24")).to_have_text("−0.10")
    expect(row.locator(".last")).to_have_text(re.compile("now|s ago"))


@SECOND
@pytest.mark.parametrize(("name", "range_"), [("1 h", "1h"), ("24 h", "24h")])
def test_the_chart_shows_the_range_that_is_chosen(page: Page, server: ScriptedServer, name: str, range_: str) -> None:
    filled(page, server)
    expect(page.locator("#chart canvas")).to_be_visible()
    page.locator("#range").get_by_text(name, exact=True).click()
    expect(page).to_have_url(re.compile(f"range={range_}$"))
    expect(page.locator("#range").get_by_label(name, exact=True)).to_be_checked()
    panel = chosen(page, "Share")
    with page.expect_download() as download:
        panel.get_by_role("button", name="Chart").click()
    path = Path(str(download.value.path()))
    found = list(csv.DictReader(io.StringIO(path.read_text())))
    assert len(found) == {"1h": 60, "24h": 96}[range_]
    page.reload()
    begin(server.accept())
    expect(page.locator("#range").get_by_label(name, exact=True)).to_be_checked()


@SECOND
def test_the_chart_says_in_words_what_it_shows(page: Page, server: ScriptedServer) -> None:
    filled(page, server, "?tickers=NVDA")
    expect(page.get_by_role("heading", name="Mean score of NVDA")).to_be_visible()
    words = re.compile(r"\d\d:\d\d: mean \+0\.75, from \+0\.60 to \+0\.90, 9 items")
    expect(page.locator("#readout")).to_have_text(words)
    expect(page.locator("#chart canvas")).to_be_visible()
    box = page.locator("#chart .u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    expect(page.locator("#readout")).to_have_text(re.compile(r"\d\d:\d\d: no items"))
    page.mouse.move(0, 0)
    expect(page.locator("#readout")).to_have_text(words)


@SECOND
def test_pointing_at_the_chart_marks_the_rows_of_that_time_and_the_other_way_round(
    page: Page, server: ScriptedServer
) -> None:
    now = datetime.now(UTC).replace(minute=37)  # no bucket of the chart begins while the test runs
    frozen(page, now)
    server.series = series()
    opened(
        page,
        server,
        update("wire:then", "NVDA", timestamp=(now - timedelta(hours=3)).isoformat()),
        update("wire:now", "NVDA", timestamp=now.isoformat()),
        query="?tickers=NVDA&range=24h",
    )
    expect(page.locator("#chart canvas")).to_be_visible()
    over = page.locator("#chart .u-over")
    box = over.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)
    marked = page.locator("#feed > li[data-marked] .source")
    expect(marked).to_have_count(1)
    expect(marked).to_have_attribute("title", "wire:now")
    page.mouse.move(0, 0)
    expect(marked).to_have_count(0)
    rows(page).nth(1).hover()
    cursor = page.locator("#chart .u-cursor-x")
    expect(cursor).to_be_visible()
    at = cursor.bounding_box()
    assert at is not None
    assert (at["x"] - box["x"]) / box["width"] == pytest.approx(21 / 24, abs=0.03)


@SECOND
def test_a_history_that_cannot_be_read_is_said_and_the_feed_goes_on(
    page: Page, server: ScriptedServer, complaints: list[str]
) -> None:
    complaints.append("503")
    server.series_refused = True
    stream = opened(page, server, query="?tickers=NVDA")
    expect(page.locator("#readout")).to_have_text("The history could not be read: status 503")
    stream.send("sentiment_update", **update(ticker="NVDA"))
    expect(rows(page)).to_have_count(1)


@SECOND
def test_what_is_known_of_the_history_stays_when_it_cannot_be_read_again(
    page: Page, server: ScriptedServer, complaints: list[str]
) -> None:
    complaints.append("503")
    filled(page, server, "?tickers=NVDA")
    readout = page.locator("#readout")
    expect(readout).to_contain_text("9 items")
    server.series_refused = True
    page.locator("#range").get_by_text("24 h", exact=True).click()
    expect(readout).to_have_text("The history could not be read: status 503")
    page.locator("#range").get_by_text("15 min", exact=True).click()
    expect(readout).to_have_text(re.compile(r"9 items\. The history could not be read: status 503$"))
