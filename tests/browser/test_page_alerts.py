"""Alerts of the page: rules, what fires them, and how it is told."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.dashboard import SECOND, chosen, hide, opened, rows, settled
from tests.browser.scripted import ScriptedServer, begin, update, withdrawn

pytestmark = pytest.mark.browser

NOTIFICATIONS = """
  window.shown = [];
  window.Notification = class {
    static permission = "default";
    static async requestPermission() { return (this.permission = window.answer ?? "granted"); }
    constructor(title, options) { window.shown.push([title, options.body]); }
  };
"""
TONES = """
  window.tones = 0;
  OscillatorNode.prototype.start = () => { window.tones++; };
  OscillatorNode.prototype.stop = () => {};
"""


def rule(panel: Locator, **fields: str) -> None:
    """Adds a rule to the open panel."""
    for name, value in fields.items():
        field = panel.locator(f"[name={name}]")
        if name == "label":
            field.select_option(value)
        else:
            field.fill(value)
    panel.get_by_role("button", name="Add rule").click()


def button(page: Page, words: str) -> None:
    """The button says so."""
    expect(page.locator("#alerts")).to_have_text(words)


def other(number: int, **changes: Any) -> dict[str, Any]:
    return update(f"wire:{number}", **changes)


def test_a_rule_fires_once_for_news_and_not_for_the_first_history_or_a_repeat(
    page: Page, server: ScriptedServer
) -> None:
    server.rows = [update("wire:0", "NVDA", score=0.9)]
    stream = opened(page, server, update("wire:1", "NVDA", score=0.9))
    rule(chosen(page, "Alerts"), ticker="nvda", least="0.6")
    page.keyboard.press("Escape")
    stream.send("sentiment_update", **other(2, ticker="NVDA", score=0.5))
    stream.send("sentiment_update", **other(3, ticker="AMD", score=0.9))
    stream.send("sentiment_update", **other(4, ticker="NVDA", score=-0.9))
    button(page, "Alerts (1)")
    expect(page).to_have_title("(1 alert) Sentiment")
    stream.cut()
    again = server.accept()
    begin(again, other(4, ticker="NVDA", score=-0.9), other(5, ticker="NVDA", score=0.7))
    button(page, "Alerts (2)")
    expect(page).to_have_title("(2 alerts) Sentiment")
    panel = chosen(page, "Alerts")
    expect(panel.locator(".fired li")).to_have_text(
        [re.compile("NVDA▲ \\+0.70wire:5"), re.compile("NVDA▲ −0.90wire:4")]
    )
    button(page, "Alerts")
    expect(page).to_have_title("Sentiment")


@SECOND
def test_nothing_of_the_first_history_fires(page: Page, server: ScriptedServer) -> None:
    page.add_init_script("""localStorage.setItem("sentiment.alerts",
      '{"rules":[{"id":"1","ticker":"TSLA","label":"","least":0,"confidence":0}],"fired":[]}')""")
    server.rows = [update("wire:0")]
    stream = opened(page, server, update("wire:1"))
    stream.send("sentiment_update", **update("wire:2"))
    expect(rows(page)).to_have_count(3)
    button(page, "Alerts (1)")
    stream.send("sentiment_withdrawn", **withdrawn("wire:2"))
    expect(rows(page).first).to_contain_text("withdrawn")
    button(page, "Alerts (1)")


@SECOND
@pytest.mark.parametrize(
    ("fields", "hit", "miss"),
    [
        ({"ticker": "TSLA"}, {"ticker": "TSLA"}, {"ticker": "TSLAX"}),
        ({"label": "negative"}, {"label": "negative"}, {"label": "neutral"}),
        ({"least": "0.6"}, {"score": -0.6}, {"score": 0.59}),
        ({"confidence": "0,8"}, {"confidence": 0.8}, {"confidence": None}),
    ],
    ids=["ticker", "label", "least", "confidence"],
)
def test_each_part_of_a_rule_is_looked_at(
    page: Page, server: ScriptedServer, fields: dict[str, str], hit: dict[str, Any], miss: dict[str, Any]
) -> None:
    stream = opened(page, server)
    rule(chosen(page, "Alerts"), **fields)
    page.keyboard.press("Escape")
    stream.send("sentiment_update", **other(1, **miss))
    stream.send("sentiment_update", **other(2, **hit))
    button(page, "Alerts (1)")
    expect(chosen(page, "Alerts").locator(".fired li")).to_contain_text(["wire:2"])


@SECOND
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "this rule would fire at every change"),
        ({"ticker": "no_such"}, "“NO_SUCH” is no ticker"),
        ({"ticker": "A, B"}, "Give one ticker a rule."),
        ({"least": "2"}, "“2” is no score"),
        ({"confidence": "high"}, "“high” is no score"),
    ],
)
def test_a_rule_that_cannot_be_read_is_explained_and_stays_in_the_fields(
    page: Page, server: ScriptedServer, fields: dict[str, str], said: str
) -> None:
    opened(page, server)
    panel = chosen(page, "Alerts")
    rule(panel, **fields)
    expect(panel.get_by_role("alert")).to_contain_text(said)
    for name, value in fields.items():
        expect(panel.locator(f"[name={name}]")).to_have_value(value)
    expect(panel.get_by_role("button", name="Delete")).to_have_count(0)


@SECOND
def test_rules_are_kept_shown_to_other_tabs_and_deleted(page: Page, server: ScriptedServer) -> None:
    opened(page, server)
    rule(chosen(page, "Alerts"), ticker="TSLA", label="positive", least="0.3", confidence="0.5")
    words = "TSLA, positive, |score| ≥ 0.3, confidence ≥ 0.5"
    expect(page.locator("#alerts-panel li")).to_contain_text([words])
    expect(page.locator("#alerts-panel [name=ticker]")).to_have_value("")
    second = page.context.new_page()
    second.goto(server.url)
    settled(second)
    panel = chosen(second, "Alerts")
    panel.get_by_role("button", name=f"Delete the rule {words}").click()
    expect(page.locator("#alerts-panel li")).to_have_count(0)


@SECOND
def test_what_fired_leads_to_its_ticker_and_can_be_forgotten(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    panel = chosen(page, "Alerts")
    rule(panel, ticker="TSLA")
    stream.send("sentiment_update", **update())
    expect(panel.locator(".fired li")).to_have_count(1)
    panel.get_by_role("link", name="TSLA").click()
    assert server.accept().query["tickers"] == "TSLA"
    panel.get_by_role("button", name="Clear the list").click()
    expect(panel.locator(".fired li")).to_have_count(0)
    expect(panel).to_contain_text("Nothing has fired.")


@SECOND
def test_notification_and_sound_are_asked_for(page: Page, server: ScriptedServer) -> None:
    page.add_init_script(NOTIFICATIONS + TONES)
    stream = opened(page, server)
    panel = chosen(page, "Alerts")
    rule(panel, ticker="TSLA")
    stream.send("sentiment_update", **other(1))
    expect(panel.locator(".fired li")).to_have_count(1)
    panel.get_by_label("Notification").check()
    panel.get_by_label("Sound").check()
    page.wait_for_function("() => window.tones === 2")  # so it sounds
    stream.send("sentiment_update", **other(2, label="negative", score=-0.5))
    page.wait_for_function("() => window.tones === 4")
    assert page.evaluate("window.shown") == [["TSLA ▼ negative −0.50", "reuters"]]


@SECOND
def test_a_notification_that_is_not_allowed_is_explained(page: Page, server: ScriptedServer) -> None:
    page.add_init_script(NOTIFICATIONS + "window.answer = 'denied';")
    opened(page, server)
    panel = chosen(page, "Alerts")
    panel.get_by_label("Notification").click()
    expect(panel.get_by_role("alert")).to_contain_text("allow them in the settings of the site")
    expect(panel.get_by_label("Notification")).not_to_be_checked()


@SECOND
def test_one_of_two_tabs_notifies(page: Page, server: ScriptedServer) -> None:
    page.context.add_init_script(NOTIFICATIONS)
    stream = opened(page, server)
    panel = chosen(page, "Alerts")
    rule(panel, ticker="TSLA")
    panel.get_by_label("Notification").check()
    expect(panel.get_by_label("Notification")).to_be_checked()
    second = page.context.new_page()
    second.add_init_script("addEventListener('load', () => { Notification.permission = 'granted'; })")
    second.goto(server.url)
    settled(second)
    stream.send("sentiment_update", **update())
    button(page, "Alerts (1)")
    button(second, "Alerts (1)")
    for tab in (page, second):
        tab.evaluate("navigator.locks.request('another', () => {})")  # those asked for before are decided
    each = [tab.evaluate("window.shown.length") for tab in (page, second)]
    assert sorted(each) == [0, 1]


@SECOND
def test_the_title_and_the_icon_of_a_hidden_tab_say_what_it_missed(page: Page, server: ScriptedServer) -> None:
    stream = opened(page, server)
    icon = page.locator("link[rel=icon]")
    hide(page)
    for n in range(2):
        stream.send("sentiment_update", **other(n))
    page.wait_for_function("() => document.title === '(2) Sentiment'")
    expect(icon).to_have_attribute("href", "page/icon-new.svg")
    for n in range(2, 150):
        stream.send("sentiment_update", **other(n))
    page.wait_for_function("() => document.title === '(99+) Sentiment'")
    hide(page, False)
    page.wait_for_function("() => document.title === 'Sentiment'")
    expect(icon).to_have_attribute("href", "page/icon.svg")
    expect(page.locator("#sampling")).to_have_text("150 changes came while this tab was hidden")
    expect(rows(page).first.locator(".lateness")).to_have_text("tab hidden")
