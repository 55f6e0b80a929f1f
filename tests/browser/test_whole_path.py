"""The page and the documented example in chromium against the real service, writes going into the real table."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from streamer.change import iso_time
from streamer.local.clients import LocalClients
from streamer.local.resources import Resources
from tests.browser.chromium import page_of
from tests.browser.dashboard import live
from tests.browser.served import process
from tests.integration.pipeline import pipeline
from tests.integration.service import ServiceProcess

pytestmark = pytest.mark.browser

DOC = Path(__file__).parents[2] / "docs" / "events.md"


@pytest.fixture
def resources() -> Iterator[Resources]:
    """A table of its own: a service that starts shows what the last minutes brought."""
    with pipeline() as made:
        yield made


@pytest.fixture
def service(resources: Resources) -> Iterator[ServiceProcess]:
    with process(resources.environment(), until="push") as running:
        yield running


@pytest.fixture
def put(resources: Resources) -> Callable[..., None]:
    """Writes one item to the table."""
    dynamodb = LocalClients(resources.endpoint_url).dynamodb()
    timestamp = iso_time(time.time_ns() // 1_000_000)

    def write(source_id: str, label: str, score: str, *tickers: str) -> None:
        dynamodb.put_item(
            TableName=resources.sentiment_table,
            Item={
                "source_id": {"S": source_id},
                "timestamp": {"S": timestamp},
                "matched_tickers": {"L": [{"S": ticker} for ticker in tickers]},
                "sentiment": {"S": label},
                "score": {"N": score},
                "source": {"S": "Wire"},
                "updated_at": {"S": iso_time(time.time_ns() // 1_000_000)},
            },
        )

    return write


def test_a_write_appears_on_the_open_page_and_its_correction_changes_that_row(
    browser: Browser, service: ServiceProcess, put: Callable[..., None]
) -> None:
    with page_of(browser, service.base) as page:
        page.goto(service.base)
        live(page)
        put("page:1", "positive", "0.8", "AAPL", "TSLA")
        row = page.locator("#feed > li", has=page.locator("[title='page:1']"))  # the table has items of other tests
        expect(row).to_have_count(1)
        expect(row).to_contain_text("positive")
        expect(row).to_contain_text("TSLA")
        put("page:1", "negative", "-0.4", "AAPL")
        expect(row).to_contain_text("negative")
        expect(row).to_have_count(1)
        expect(page.locator("#negative")).to_have_text("100 %")


def test_the_javascript_example_of_the_docs_runs_as_it_stands(
    browser: Browser, service: ServiceProcess, put: Callable[..., None]
) -> None:
    (program,) = re.findall(r"```javascript\n(.*?)```", DOC.read_text(), re.DOTALL)
    with page_of(browser, service.base, known=["/favicon.ico"]) as page:  # asked for beside JSON
        page.goto(f"{service.base}/health/live")
        page.evaluate(f"{program}\nwindow.items = items;")
        put("docs:1", "neutral", "0.1", "MSFT")
        page.wait_for_function("[...items.values()].some((it) => it.source_id === 'docs:1' && it.label === 'neutral')")
        put("docs:1", "positive", "0.6", "MSFT")
        page.wait_for_function("[...items.values()].some((it) => it.source_id === 'docs:1' && it.label === 'positive')")
