"""Each control of the page is used once, on the real application with its real policy and the demo's sign-in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from playwright.sync_api import Browser, Page, expect

from streamer.local.sign_in import SignIn
from streamer.web.identity import Identity
from tests.browser.chromium import page_of
from tests.browser.controls import PAGE_USES, button, details, ready
from tests.browser.dashboard import board
from tests.browser.panel_controls import PANEL_USES, clear, made
from tests.browser.served import Served, served
from tests.integration.rest import tables
from tests.integration.rig import Users

pytestmark = pytest.mark.browser

CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex], [role=button], [contenteditable]"
NAMES = """(all) => [...new Set(all.filter((it) => !it.matches("[tabindex='-1']:not(a, button)")).map((it) => {
  const part = it.closest("#filters, .popup, dialog")?.id;
  const label = (it.labels?.[0]?.querySelector("span") ?? it.labels?.[0])?.textContent;
  const words = it.getAttribute("aria-label") || label || it.getAttribute("aria-labelledby") || it.textContent;
  const name = it.id ? `#${it.id}` : it.dataset.sort ? `sort ${it.dataset.sort}` : words.trim();
  return `${part ? `${part}: ` : ""}${it.localName} ${name}`
    .replace(/\\d\\d:\\d\\d:\\d\\d, .*: details$/, "details of a row").replace(/(Delete the rule) .*/, "$1");
}))]"""
"""What a control is called, after the part of the page that it is in."""
KNOWN = ["/favicon.ico", "/tickets"]
"""Asked for beside JSON; and there are none without a secret that seals them."""


@pytest.fixture(scope="module")
def service() -> Iterator[Served]:
    with tables() as aws:
        users = Users(Identity([ip_network("127.0.0.0/8")]), aws.part.configurations)
        with served(users, SignIn) as service:
            service.publish("positive", "negative", ticker="AAPL")
            service.publish("neutral", ticker="MSFT", first=10)
            yield service


@pytest.fixture
def page(browser: Browser, service: Served) -> Iterator[Page]:
    """The page, live and with three items."""
    with page_of(browser, service.base, known=KNOWN) as page:
        page.goto(service.base)
        ready(page)
        expect(board(page)).to_have_count(2)
        yield page


USES = PAGE_USES | PANEL_USES
OF_USERS = re.compile("watchlists-panel: button (Edit |Delete )?(Banks and an index|What I used to watch)$")


def test_every_control_is_in_the_table(page: Page) -> None:
    found: set[str] = set()

    def look() -> None:
        found.update(page.locator(CONTROLS).evaluate_all(NAMES))

    look()
    page.locator("#filters [name=label]").select_option("neutral")
    expect(page.locator("#chips button")).to_have_count(2)
    details(page)
    look()
    page.keyboard.press("Escape")
    clear(page)
    look()
    page.keyboard.press("Escape")
    lists = made(page)
    button(page, "New watchlist").click()
    look()
    button(page, "Cancel").click()
    button(page, "Edit Mine").click()
    look()
    lists.get_by_role("button", name="linus").click()
    expect(button(page, "Enable What I used to watch")).to_be_visible()
    look()
    assert {name for name in found if not OF_USERS.match(name)} == set(USES)


ONE_OF_EACH = {"a AAPL", "filters: button Filter", "watchlists-panel: button Save"}
SLOW = pytest.mark.slow("one control of each kind is in the first tier")


@pytest.mark.parametrize("control", sorted(ONE_OF_EACH))
def test_a_control_does_what_it_says(page: Page, control: str) -> None:
    USES[control](page)


OTHERS = sorted(set(USES) - ONE_OF_EACH)
AT_ONCE = 8
"""Controls that are used one after the other in one window: most of a test is the start of a page."""


@SLOW
@pytest.mark.parametrize("first", range(0, len(OTHERS), AT_ONCE))
def test_the_other_controls_do_what_they_say(page: Page, service: Served, first: int) -> None:
    for control in OTHERS[first : first + AT_ONCE]:
        page.evaluate("localStorage.clear()")
        page.context.clear_cookies()
        page.goto(service.base)
        ready(page)
        expect(board(page)).to_have_count(2)
        USES[control](page)
