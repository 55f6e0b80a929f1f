"""Filters of the page: in its fields, as chips, and in its address."""

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.dashboard import REPLAY, SECOND, board, opened, rows, settled, sources
from tests.browser.scripted import ScriptedServer, begin, bucket, update

pytestmark = pytest.mark.browser

ROWS = (
    update("wire:1", "NVDA", label="positive", score=0.9, source="reuters"),
    update("wire:2", "AMD", label="negative", score=-0.6, source="dowjones"),
    update("blog:3", "NVDA", label="neutral", score=0.05, source="a blog"),
)


def ids(page: Page, *expected: str) -> None:
    """The feed shows these and no others."""
    expect(rows(page)).to_have_count(len(expected))
    assert [it.get_attribute("title") for it in sources(page).all()] == list(expected)


def field(page: Page, name: str) -> Locator:
    return page.locator(f"#filters [name={name}]")


def chips(page: Page) -> list[str]:
    return page.get_by_role("group", name="Filters in use").get_by_role("button").all_inner_texts()


@pytest.mark.parametrize(
    ("name", "value", "address", "chip", "expected"),
    [
        pytest.param("label", "negative", "label=negative", "negative ×", ["wire:2"], marks=SECOND),
        ("least", "0.5", "min_score=0.5", "|score| ≥ 0.5 ×", ["wire:2", "wire:1"]),
        pytest.param("source", "Jones", "source=Jones", "source: Jones ×", ["wire:2"], marks=SECOND),
        pytest.param("text", "blog:", "q=blog%3A", "“blog:” ×", ["blog:3"], marks=SECOND),
    ],
)
def test_a_filter_of_the_feed_is_in_the_address_and_is_a_chip(
    page: Page, server: ScriptedServer, name: str, value: str, address: str, chip: str, expected: list[str]
) -> None:
    opened(page, server, *ROWS)
    control = field(page, name)
    if name == "label":
        control.select_option(value)
    else:
        control.fill(value)
    expect(page).to_have_url(re.compile(rf"\?{re.escape(address)}$"))
    ids(page, *expected)
    assert chips(page) == [chip, "all filters ×"]
    page.reload()
    begin(server.accept(), *ROWS)
    ids(page, *expected)
    expect(control).to_have_value(value)
    page.get_by_role("button", name=f"Remove the filter {chip[:-2]}").click()
    ids(page, "blog:3", "wire:2", "wire:1")
    expect(control).to_have_value("")
    assert chips(page) == []


def test_tickers_are_a_stream_of_their_own_and_back_goes_back(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server, *ROWS)
    field(page, "tickers").fill("nvda; amd")
    page.keyboard.press("Enter")
    filtered = server.accept()
    assert filtered.query == REPLAY | {"tickers": "NVDA,AMD"}
    stream.wait_until_left()
    begin(filtered, ROWS[0])
    settled(page)
    ids(page, "wire:1")
    assert chips(page) == ["NVDA ×", "AMD ×", "all filters ×"]
    expect(page).to_have_url(re.compile(r"\?tickers=NVDA,AMD$"))
    expect(field(page, "tickers")).to_have_value("NVDA, AMD")
    expect(page.get_by_role("link", name="raw stream")).to_have_attribute("href", re.compile("tickers=NVDA%2CAMD"))
    expect(board(page)).to_have_text(["NVDA", "AMD"])
    page.get_by_role("button", name="Remove the filter AMD").click()
    one = server.accept()
    assert one.query["tickers"] == "NVDA"
    begin(one)
    page.go_back()
    begin(server.accept())
    expect(field(page, "tickers")).to_have_value("NVDA, AMD")
    page.go_back()
    assert server.accept().query == REPLAY
    assert chips(page) == []


@SECOND
def test_a_click_on_a_ticker_shows_it_alone_without_loading_the_page_again(page: Page, server: ScriptedServer) -> None:
    opened(page, server, *ROWS)
    page.evaluate("globalThis.same = true")
    rows(page).nth(1).get_by_role("link", name="AMD").click()
    begin(server.accept(), ROWS[1])
    ids(page, "wire:2")
    expect(page).to_have_url(re.compile(r"\?tickers=AMD$"))
    assert page.evaluate("globalThis.same")
    page.get_by_role("button", name="Remove the filter all filters").click()
    assert server.accept().query == REPLAY


@SECOND
def test_filters_of_the_feed_keep_the_stream(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server, *ROWS)
    field(page, "label").select_option("negative")
    ids(page, "wire:2")
    stream.send("sentiment_update", **update("wire:4", label="positive"))
    stream.send("sentiment_update", **update("wire:5", label="negative", score=-0.4))
    ids(page, "wire:5", "wire:2")
    assert server.opened.empty()


@SECOND
def test_a_filter_that_nothing_passes_says_so(page: Page, server: ScriptedServer) -> None:
    opened(page, server, *ROWS)
    field(page, "source").fill("nobody")
    expect(page.locator("#empty")).to_have_text(re.compile("^None of the 3 items here passes the filter"))
    ids(page)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("tickers", "NVDA, NO_SUCH", "“NO_SUCH” is no ticker: use 1 to 12 of A–Z 0–9 . ^ = -"),
        pytest.param(
            "tickers", ",".join(f"T{n}" for n in range(51)), "51 tickers are too many: 50 at most.", marks=SECOND
        ),
        pytest.param("least", "2", "“2” is no score: use 0 to 1, as 0.5", marks=SECOND),
        pytest.param("least", "much", "“much” is no score: use 0 to 1, as 0.5", marks=SECOND),
    ],
)
def test_bad_input_is_said_at_its_field_and_changes_nothing(
    page: Page, server: ScriptedServer, name: str, value: str, said: str
) -> None:
    opened(page, server, *ROWS)
    control = field(page, name)
    control.fill(value)
    page.get_by_role("button", name="Filter", exact=True).click()
    problem = page.locator(f"#{control.get_attribute('aria-describedby')}")
    expect(problem).to_have_text(said)
    expect(control).to_have_attribute("aria-invalid", "true")
    expect(control).to_have_value(value)
    assert page.url == server.url
    assert server.opened.empty()
    ids(page, "blog:3", "wire:2", "wire:1")
    control.fill("")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(problem).to_be_hidden()


@SECOND
def test_bad_input_stays_with_its_problem_while_another_filter_changes(page: Page, server: ScriptedServer) -> None:
    opened(page, server, *ROWS)
    field(page, "least").fill("much")
    field(page, "label").select_option("negative")
    ids(page, "wire:2")
    expect(page.locator("#least-problem")).to_contain_text("“much” is no score")
    expect(field(page, "least")).to_have_value("much")


@SECOND
def test_bad_values_of_the_address_are_named_and_the_rest_is_shown(page: Page, server: ScriptedServer) -> None:
    opened(page, server, *ROWS, query="?tickers=NVDA,b*d&min_score=7&label=negative")
    expect(page.locator("#tickers-problem")).to_have_text(re.compile("“B\\*D” is no ticker"))
    expect(page.locator("#least-problem")).to_have_text(re.compile("“7” is no score"))
    assert server.streams[0].query["tickers"] == "NVDA"
    ids(page, "wire:2")


@SECOND
def test_a_ticker_that_nothing_is_known_of_is_named(page: Page, server: ScriptedServer) -> None:
    opened(page, server, query="?tickers=ZZZZ")
    expect(page.locator("#empty")).to_have_text("Nothing is known of ZZZZ. Changes appear here as they are written.")
    expect(board(page)).to_have_text(["ZZZZ"])
    expect(page.locator("#board .count")).to_have_text("0")


@SECOND
def test_the_counts_of_a_filtered_page_are_the_filters(page: Page, server: ScriptedServer) -> None:
    server.series = {"NVDA": [bucket()], "AMD": [bucket(items=1, positive=0, negative=1)]}
    opened(page, server, query="?tickers=NVDA")
    expect(page.locator("#total")).to_have_text("3")
    expect(page.locator("#total-unit")).to_have_text("items in 24 h")
    expect(page.locator("#positive")).to_have_text("67 %")
    field(page, "tickers").fill("NVDA AMD")
    page.keyboard.press("Enter")
    begin(server.accept())
    expect(page.locator("#total")).to_have_text("4")
    expect(page.locator("#total-unit")).to_have_text("mentions in 24 h")


@SECOND
def test_tickers_are_offered_while_one_is_typed(page: Page, server: ScriptedServer) -> None:
    opened(page, server, query="?tickers=NVDA,AMD")
    expect(page.locator("#known-tickers option")).to_have_count(2)
    offered = page.locator("#known-tickers option").evaluate_all("all => all.map(({ value }) => value)")
    assert json.dumps(offered) == '["NVDA", "AMD"]'
