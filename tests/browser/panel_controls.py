"""How each control inside of the page's panels is used."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.controls import Use, button, shown
from tests.browser.dashboard import board, chosen, rows

DISABLE = """async () => (await fetch("api/v2/configurations/old", {
  method: "PATCH", body: '{"status": "disabled"}', headers: { "Content-Type": "application/json", "If-Match": "*" },
})).status"""


def panel(page: Page) -> Locator:
    """The watchlists."""
    page.locator("#watchlists").click()
    return page.locator("#watchlists-panel")


def signed_in(page: Page, user: str = "ada") -> Locator:
    lists = panel(page)
    button(page, user).click()
    expect(lists).to_contain_text(f"Signed in as {user}")
    return lists


def made(page: Page) -> Locator:
    """A watchlist of this browser → the panel."""
    lists = panel(page)
    button(page, "New watchlist").click()
    lists.get_by_label("Name").fill("Mine")
    lists.get_by_label("Tickers", exact=True).fill("MSFT")
    button(page, "Create").click()
    expect(lists.get_by_role("button", name="Mine", exact=True)).to_be_visible()
    return lists


def made_(page: Page) -> None:
    made(page)


def save(part: str) -> Use:
    def use(page: Page) -> None:
        share = chosen(page, "Share")
        with page.expect_download() as download:
            share.get_by_role("button", name=part, exact=True).click()
        assert download.value.suggested_filename == f"sentiment-{part.lower()}.csv"

    return use


def copy(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    chosen(page, "Share").get_by_role("button", name="Copy link").click()
    expect(page.locator("#shared")).to_contain_text("copied")


def print_(page: Page) -> None:
    page.evaluate("window.print = () => { window.printed = true; }")
    chosen(page, "Share").get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed")


def prefer(label: str, other: str, name: str) -> Use:
    def use(page: Page) -> None:
        view = chosen(page, "View")
        for each in (other, label):
            view.get_by_text(each, exact=True).click()
        kept = page.evaluate("JSON.parse(localStorage['sentiment.preferences'])")
        assert kept[name] == label.lower()

    return use


def rule(page: Page) -> None:
    """Each field of a rule."""
    alerts = chosen(page, "Alerts")
    for label, value in (("Ticker", "AAPL"), ("Least |score|", "0.5"), ("Least confidence", "0.8")):
        alerts.get_by_label(label).fill(value)
    alerts.locator("[name=label]").select_option("positive")
    button(page, "Add rule").click()
    expect(alerts.get_by_role("button", name="Delete the rule")).to_have_count(1)


def no_rule(page: Page) -> None:
    rule(page)
    page.locator("#alerts-panel").get_by_role("button", name="Delete the rule").click()
    expect(page.locator("#alerts-panel").get_by_role("button", name="Delete the rule")).to_have_count(0)


def tell(name: str) -> Use:
    def use(page: Page) -> None:
        page.evaluate("Notification.requestPermission = async () => 'granted'")
        alerts = chosen(page, "Alerts")
        alerts.get_by_label(name).check()
        expect(alerts.get_by_label(name)).to_be_checked()

    return use


def all_tickers(page: Page) -> None:
    board(page).get_by_role("link", name="MSFT").click()
    shown(page, "MSFT")
    panel(page).get_by_role("button", name="All tickers").click()
    expect(rows(page)).to_have_count(3)


def cancel(page: Page) -> None:
    lists = panel(page)
    button(page, "New watchlist").click()
    button(page, "Cancel").click()
    expect(lists.get_by_label("Name")).to_have_count(0)


def show_list(page: Page) -> None:
    made(page)
    shown(page, "MSFT")
    button(page, "All tickers").click()
    panel(page).get_by_role("button", name="Mine", exact=True).click()
    shown(page, "MSFT")


def remove_ticker(page: Page) -> None:
    """The chip of a ticker that is shown."""
    made(page)
    page.keyboard.press("Escape")
    button(page, "Remove the filter MSFT").click()
    expect(rows(page)).to_have_count(3)


def edit_list(page: Page) -> None:
    lists = made(page)
    button(page, "Edit Mine").click()
    lists.get_by_label("Name").fill("Ours")
    button(page, "Save").click()
    expect(lists.get_by_role("button", name="Ours", exact=True)).to_be_visible()


def delete_list(page: Page) -> None:
    made(page)
    button(page, "Delete Mine").click()
    expect(button(page, "Mine")).to_have_count(0)


def sign_in(page: Page) -> None:
    signed_in(page)
    expect(button(page, "Chip makers")).to_be_visible()


def other_signs_in(page: Page) -> None:
    signed_in(page, "linus")
    expect(button(page, "Banks and an index")).to_be_visible()


def sign_out(page: Page) -> None:
    lists = signed_in(page)
    button(page, "Sign out").click()
    expect(lists).to_contain_text("Kept in this browser.")


def enable(page: Page) -> None:
    signed_in(page, "linus")
    button(page, "Enable What I used to watch").click()
    expect(button(page, "What I used to watch")).to_be_enabled()
    assert page.evaluate(DISABLE) == 200  # as it was


def clear(page: Page) -> None:
    rule(page)
    page.evaluate("""() => {
      const kept = JSON.parse(localStorage["sentiment.alerts"]);
      kept.fired = [{ ticker: "AAPL", label: "positive", score: 0.5, version: "v", id: "wire:1", at: Date.now() }];
      localStorage["sentiment.alerts"] = JSON.stringify(kept);
    }""")
    page.reload()
    alerts = chosen(page, "Alerts")
    expect(alerts.get_by_role("link", name="AAPL")).to_be_visible()
    button(page, "Clear the list").click()
    expect(alerts).to_contain_text("Nothing has fired.")


PANEL_USES: dict[str, Use] = {
    "button Remove the filter MSFT": remove_ticker,
    "watchlists-panel: button All tickers": all_tickers,
    "watchlists-panel: button New watchlist": made_,
    "watchlists-panel: input Name": edit_list,
    "watchlists-panel: input Tickers": made_,
    "watchlists-panel: button Create": made_,
    "watchlists-panel: button Cancel": cancel,
    "watchlists-panel: button Mine": show_list,
    "watchlists-panel: button Edit Mine": edit_list,
    "watchlists-panel: button Save": edit_list,
    "watchlists-panel: button Delete Mine": delete_list,
    "watchlists-panel: button linus": other_signs_in,
    "watchlists-panel: button ada": sign_in,
    "watchlists-panel: button grace": sign_in,
    "watchlists-panel: button Sign out": sign_out,
    "watchlists-panel: button Enable What I used to watch": enable,
    "alerts-panel: input Ticker": rule,
    "alerts-panel: select Label": rule,
    "alerts-panel: input Least |score|": rule,
    "alerts-panel: input Least confidence": rule,
    "alerts-panel: button Add rule": rule,
    "alerts-panel: button Delete the rule": no_rule,
    "alerts-panel: input Notification": tell("Notification"),
    "alerts-panel: input Sound": tell("Sound"),
    "alerts-panel: button #forget-alerts": clear,
    "share-panel: button #copy": copy,
    "share-panel: button #print": print_,
    "share-panel: button Board": save("Board"),
    "share-panel: button Chart": save("Chart"),
    "share-panel: button Feed": save("Feed"),
    "preferences-panel: input System": prefer("System", "Dark", "theme"),
    "preferences-panel: input Light": prefer("Light", "Dark", "theme"),
    "preferences-panel: input Dark": prefer("Dark", "Light", "theme"),
    "preferences-panel: input Comfortable": prefer("Comfortable", "Compact", "density"),
    "preferences-panel: input Compact": prefer("Compact", "Comfortable", "density"),
    "preferences-panel: input Local": prefer("Local", "UTC", "clock"),
    "preferences-panel: input UTC": prefer("UTC", "Local", "clock"),
}
"""Of the lists of a user, those of one browser stand for those of the service; a conflict of two is in
test_page_identity.py."""
