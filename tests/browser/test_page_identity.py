"""Watchlists of somebody who is signed in: the page, the real service, and the demo's sign-in in front of it."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from streamer.local.resources import Resources
from tests.browser.chromium import page_of
from tests.browser.dashboard import SECOND, board, settled
from tests.browser.served import process
from tests.integration.service import SERVE_WITH_SIGN_IN, ServiceProcess
from tests.watchdog import WATCHDOG

pytestmark = [pytest.mark.browser, SECOND]

BELIEVED = {"TRUSTED_PROXIES": "127.0.0.0/8", "TICKET_SECRET": "a-secret-that-seals-tickets"}
LISTS = "/api/v2/configurations"


@pytest.fixture(scope="module")
def service(resources: Resources) -> Iterator[ServiceProcess]:
    with process(resources.environment() | BELIEVED, command=SERVE_WITH_SIGN_IN) as running:
        yield running


@pytest.fixture
def page(browser: Browser, service: ServiceProcess, complaints: list[str]) -> Iterator[Page]:
    with page_of(browser, service.base, known=complaints) as page:
        page.goto(service.base)
        live_or_delayed(page)
        yield page


def live_or_delayed(page: Page) -> None:
    """Push proves itself by a message, which no test here needs."""
    expect(page.locator("#status")).to_have_text(re.compile("^(Live|Delayed)"))
    settled(page)


def panel(page: Page) -> Locator:
    lists = page.locator("#watchlists-panel")
    if not lists.is_visible():
        page.locator("#watchlists").click()
    return lists


def signed_in(page: Page, user: str) -> Locator:
    """Signs in → the panel."""
    lists = panel(page)
    lists.get_by_role("button", name=user, exact=True).click()
    expect(lists).to_contain_text(f"Signed in as {user}")
    return lists


def elsewhere(service: ServiceProcess, user: str, method: str, path: str = "", **options: Any) -> Any:
    """What another device of the user asks for."""
    headers = {"X-User-ID": user} | ({"If-Match": "*"} if method in ("PATCH", "DELETE") else {})
    with httpx.Client(trust_env=False, timeout=WATCHDOG, headers=headers) as http:
        answer = http.request(method, f"{service.base}{LISTS}{path}", **options)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def count(service: ServiceProcess) -> int:
    """How many streams were opened."""
    return sum(line["message"] == "stream opened" for line in service.log)


def made(service: ServiceProcess, user: str, name: str, *tickers: str) -> str:
    """A list of the user's → its id."""
    return str(elsewhere(service, user, "POST", json={"name": name, "tickers": tickers})["config_id"])


def test_who_signs_in_has_their_lists_and_the_stream_follows_a_change_without_a_reconnect(
    page: Page, service: ServiceProcess
) -> None:
    config_id = made(service, "grace", "Followed", "NVDA", "AMD")
    signed_in(page, "grace").get_by_role("button", name="Followed", exact=True).click()
    expect(page).to_have_url(re.compile(f"watchlist={config_id}$"))
    expect(page.locator("#watchlists")).to_have_text("grace: Followed")
    expect(board(page)).to_have_text(["AMD", "NVDA"])
    live_or_delayed(page)
    opened = count(service)
    elsewhere(service, "grace", "PATCH", f"/{config_id}", json={"tickers": ["TSLA"]})
    expect(board(page)).to_have_text(["TSLA"])
    live_or_delayed(page)
    assert count(service) == opened

    page.reload()
    expect(page.locator("#watchlists")).to_have_text("grace: Followed")
    expect(board(page)).to_have_text(["TSLA"])

    lists = panel(page)
    lists.get_by_role("button", name="Sign out").click()
    expect(page.locator("#watchlists")).to_have_text("All tickers")
    expect(lists).to_contain_text("Kept in this browser.")
    assert "watchlist" not in page.url


def test_a_list_is_made_changed_and_deleted(page: Page, service: ServiceProcess) -> None:
    lists = signed_in(page, "ada")
    lists.get_by_role("button", name="New watchlist").click()
    lists.get_by_label("Name").fill("Banks")
    lists.get_by_label("Tickers", exact=True).fill("JPM, ^GSPC")
    lists.get_by_role("button", name="Create").click()
    expect(page.locator("#watchlists")).to_have_text("ada: Banks")
    expect(board(page)).to_have_text(["JPM", "^GSPC"])
    lists.get_by_role("button", name="Edit Banks").click()
    lists.get_by_label("Name").fill("Bank")
    lists.get_by_label("Tickers", exact=True).fill("JPM")
    lists.get_by_role("button", name="Save").click()
    expect(page.locator("#watchlists")).to_have_text("ada: Bank")
    expect(board(page)).to_have_text(["JPM"])
    found = {it["name"]: it["tickers"] for it in elsewhere(service, "ada", "GET")["configurations"]}
    assert found["Bank"] == ["JPM"]
    lists.get_by_role("button", name="Delete Bank").click()
    expect(page.locator("#watchlists")).to_have_text("ada: All tickers")
    expect(lists.get_by_role("button", name="Bank", exact=True)).to_have_count(0)


@pytest.mark.parametrize("way", ["Overwrite with mine", "Take that"])
def test_a_list_that_was_changed_meanwhile_is_shown_with_both_versions(
    page: Page, service: ServiceProcess, complaints: list[str], way: str
) -> None:
    complaints.append("412")
    config_id = made(service, "linus", f"Mine {way}", "F")
    lists = signed_in(page, "linus")
    lists.get_by_role("button", name=f"Edit Mine {way}").click()
    lists.get_by_label("Tickers", exact=True).fill("F, GM")
    elsewhere(service, "linus", "PATCH", f"/{config_id}", json={"name": f"Theirs {way}", "tickers": ["TSLA"]})
    lists.get_by_role("button", name="Save").click()
    expect(lists.get_by_role("alert")).to_have_text(f"It was changed meanwhile. It is now “Theirs {way}”: TSLA.")
    expect(lists.get_by_label("Tickers", exact=True)).to_have_value("F, GM")
    lists.get_by_role("button", name=way, exact=True).click()
    if way == "Take that":
        expect(lists.get_by_label("Tickers", exact=True)).to_have_value("TSLA")
        lists.get_by_role("button", name="Save").click()
    expect(lists.get_by_label("Name")).to_have_count(0)
    name, tickers = (f"Theirs {way}", ["TSLA"]) if way == "Take that" else (f"Mine {way}", ["F", "GM"])
    expect(lists.get_by_role("button", name=name, exact=True)).to_be_visible()
    assert elsewhere(service, "linus", "GET", f"/{config_id}")["tickers"] == tickers


def test_a_list_that_was_changed_meanwhile_is_not_deleted(
    page: Page, service: ServiceProcess, complaints: list[str]
) -> None:
    complaints.append("412")
    config_id = made(service, "linus", "Nearly gone", "F")
    lists = signed_in(page, "linus")
    expect(lists.get_by_role("button", name="Delete Nearly gone")).to_be_visible()
    elsewhere(service, "linus", "PATCH", f"/{config_id}", json={"tickers": ["GM"]})
    lists.get_by_role("button", name="Delete Nearly gone").click()
    expect(lists.get_by_role("alert")).to_contain_text("“Nearly gone” was changed meanwhile, so it was not deleted")
    lists.get_by_role("button", name="Delete Nearly gone").click()
    expect(lists.get_by_role("button", name="Delete Nearly gone")).to_have_count(0)


def test_a_name_that_is_taken_is_said(page: Page, service: ServiceProcess, complaints: list[str]) -> None:
    complaints.append("409")
    lists = signed_in(page, "ada")
    lists.get_by_role("button", name="New watchlist").click()
    lists.get_by_label("Name").fill("Chip makers")
    lists.get_by_label("Tickers", exact=True).fill("NVDA")
    lists.get_by_role("button", name="Create").click()
    expect(lists.get_by_role("alert")).to_contain_text(re.compile("name", re.IGNORECASE))
    expect(lists.get_by_label("Name")).to_have_value("Chip makers")


def test_a_disabled_list_is_shown_as_one_and_is_enabled(page: Page, service: ServiceProcess) -> None:
    lists = signed_in(page, "linus")
    show = lists.get_by_role("button", name="What I used to watch", exact=True)
    expect(show).to_be_disabled()
    expect(lists).to_contain_text("IBM (disabled)")
    lists.get_by_role("button", name="Enable What I used to watch").click()
    expect(show).to_be_enabled()
    show.click()
    expect(board(page)).to_have_text(["IBM"])


def test_a_list_of_somebody_else_is_refused_and_said(
    page: Page, service: ServiceProcess, complaints: list[str]
) -> None:
    complaints.append("404")
    signed_in(page, "ada")
    page.goto(f"{service.base}/?watchlist={made(service, 'grace', 'Private', 'F')}")
    expect(page.locator("#connection")).to_have_text("Not connected")
    expect(page.locator("#why")).to_contain_text("404")
    page.keyboard.press("Escape")
    panel(page).get_by_role("button", name="All tickers").click()
    live_or_delayed(page)


def test_a_list_that_is_deleted_elsewhere_ends_its_stream_and_is_said(
    page: Page, service: ServiceProcess, complaints: list[str]
) -> None:
    complaints.append("404")
    config_id = made(service, "grace", "Short lived", "NVDA")
    signed_in(page, "grace").get_by_role("button", name="Short lived", exact=True).click()
    expect(board(page)).to_have_text(["NVDA"])
    live_or_delayed(page)
    elsewhere(service, "grace", "DELETE", f"/{config_id}")
    expect(page.locator("#connection")).to_have_text("Not connected")
