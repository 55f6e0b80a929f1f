"""The API's page in chromium: it works without any other host, within its policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import launched, page_of
from tests.browser.served import served

pytestmark = pytest.mark.browser


def test_the_api_is_shown_without_any_other_host() -> None:
    with served() as service, launched() as browser, page_of(browser, service.base) as page:
        page.goto(f"{service.base}/docs")
        expect(page.locator(".opblock")).to_have_count(14)
        page.get_by_text("Create a configuration").click()
        expect(page.locator(".opblock.is-open")).to_contain_text("409")
