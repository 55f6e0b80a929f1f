"""docs/client.md, client.d.ts and client.js speak of the same options, states and events."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import httpx
from playwright.sync_api import expect

from tests.browser.chromium import launched, page_of
from tests.browser.scripted import CLIENT, ScriptedServer, begin, heartbeat, update
from tests.integration.rig import running

DOC = (Path(__file__).parents[2] / "docs" / "client.md").read_text()
TYPES = (CLIENT / "client.d.ts").read_text()
CODE = (CLIENT / "client.js").read_text()
NO_ICON = '<link rel=icon href="data:,">'


def table(section: str) -> dict[str, list[str]]:
    """The rows of the table under a heading, by what their first cell names."""
    body = DOC.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in body.splitlines() if line[:3] == "| `"]
    return {row[0].strip("| `"): row[1:] for row in rows}


def members(interface: str) -> list[str]:
    """The members that an interface of the types has."""
    body = re.search(rf"interface {interface}\b[^{{]*{{\n(.*?)\n}}", TYPES, re.DOTALL)
    assert body
    return re.findall(r"^  (?:readonly )?(\w+)\??:", body[1], re.MULTILINE)


def test_the_options_are_the_same_with_their_defaults() -> None:
    given = re.search(r"const DEFAULTS = Object\.freeze\(\{ (.*?) \}\)", CODE)
    start = re.search(r"const \{ (.*?), \.\.\.others \} = options", CODE)
    assert given
    assert start
    defaults = dict(pair.split(": ") for pair in given[1].replace("_", "").split(", "))
    documented = {name: default.strip("`") for name, (default, _) in table("Options").items()}
    assert {name: value for name, value in documented.items() if value != "none"} == defaults
    assert list(documented) == members("SentimentStreamOptions")
    used = re.findall(r"this\.#options\.(\w+)", CODE) + re.findall(r"(\w+) = ", start[1])
    assert set(used) == set(documented)
    for name, value in defaults.items():
        assert re.search(rf"Default {value}\. \*/\n  {name}\?", TYPES)


def test_the_states_are_the_same() -> None:
    declared = re.search(r"type StateName = (.*);", TYPES)
    assert declared
    names = re.findall(r'"(\w+)"', declared[1])
    assert list(table("State")) == names
    set_anywhere = r'(?:name: |name\) \?\? |\? |: |#wait\()"(\w+)"'
    modes = re.search(r"const MODES = \{ (.*) \}", CODE)
    assert modes
    used = {name for name in re.findall(set_anywhere, CODE) if name in names} | set(re.findall(r': "(\w+)"', modes[1]))
    used |= {"live"} if '?? "live"' in CODE else set()
    assert used == set(names)
    shown = re.search(r"state = Object\.freeze\(\{ (.*?) \}\)", CODE)
    assert shown
    assert re.findall(r"(\w+): ", shown[1]) == members("State")
    assert f"`{{{', '.join(members('State'))}}}`" in DOC


def test_a_snapshot_has_what_the_docs_say() -> None:
    assert f"`{{{', '.join(members('Snapshot'))}}}`" in DOC
    made = re.search(r"Object\.freeze\(\{ (items: .*?) \}\)\)", CODE)
    assert made
    assert [part.partition(":")[0] for part in made[1].split(", ")] == members("Snapshot")
    for member in ("snapshot", "subscribe"):
        assert f"stream.{member}(" in DOC
        assert f"  readonly {member}: " in TYPES
        assert f"\n  {member} = (" in CODE


def test_the_events_are_the_same() -> None:
    assert list(table("Events")) == members("SentimentStreamEvents")
    heard = re.search(r"const EVENTS = \[(.*)\]", CODE)
    assert heard
    assert set(re.findall(r'"(\w+)"', heard[1])) - {"reset"} | {"state", "replaced"} == set(table("Events"))
    for member in set(members("ItemEvent")) | set(members("Item")) | set(members("Shown")):
        assert f"`{member}`" in DOC, member


def test_the_example_runs_as_it_stands(server: ScriptedServer) -> None:
    (example,) = re.findall(r"```html\n(.*?)```", DOC, re.DOTALL)
    server.pages["/example"] = f"<!doctype html>{NO_ICON}{example}"
    with launched() as browser, ExitStack() as pages:
        page = pages.enter_context(page_of(browser, server.url))
        page.goto(f"{server.url}example")
        stream = server.accept()
        assert stream.query["tickers"] == "AAPL,MSFT"
        begin(stream, update(ticker="AAPL"))
        expect(page.locator("#list li")).to_have_text(["AAPL: positive"])
        expect(page.locator("#state")).to_have_text("live")
        stream.send("sentiment_update", **update(ticker="AAPL", version="v2", label="negative"))
        expect(page.locator("#list li")).to_have_text(["AAPL: negative"])


def test_the_examples_of_a_snapshot_and_a_ticket_run_as_they_stand(server: ScriptedServer) -> None:
    snapshot, ticket, _ = re.findall(r"```javascript\n(.*?)```", DOC, re.DOTALL)
    begins = f'import {{ SentimentStream }} from "{server.url}client.js";\n'
    both = snapshot.partition("const stream")[0] + ticket
    for path, program in (("/snapshot", snapshot), ("/ticket", both)):
        script = f"<script type=module>{begins}{program}\nwindow.stream = stream;</script>"
        server.pages[path] = f"<!doctype html>{NO_ICON}{script}"
    server.posts["/my/ticket?configuration=chips"] = {"ticket": "sealed"}
    server.rows = [update("wire:2"), update("wire:1")]
    shown = "[...stream.items.values()].map((it) => it.source_id)"
    with launched() as browser, ExitStack() as pages:
        page = pages.enter_context(page_of(browser, server.url))
        page.goto(f"{server.url}snapshot")
        begin(server.accept())
        page.wait_for_function(
            "window.stream?.state.name === 'live' && stream.items.size"
        )  # the snapshot may come later
        assert page.evaluate(shown) == ["wire:1", "wire:2"]
        page.goto(f"{server.url}ticket")
        stream = server.accept()
        assert stream.query["ticket"] == "sealed"
        begin(stream)
        page.wait_for_function("window.stream?.state.name === 'live'")
        server.rows = [update("wire:3", "NVDA")]
        stream.send("reset", with_id=False, reason="configuration_changed", tickers=["NVDA", "F"])
        heartbeat(stream)
        page.wait_for_function("stream.items.size === 1")
        assert server.asked == [
            {"limit": "500", "tickers": "AAPL,MSFT"},
            {"limit": "500"},
            {"limit": "500", "tickers": "NVDA,F"},
        ]


def test_the_example_of_a_shared_stream_runs_as_it_stands(server: ScriptedServer) -> None:
    snapshot, _, shared = re.findall(r"```javascript\n(.*?)```", DOC, re.DOTALL)
    script = f"<script type=module>{snapshot.partition('const stream')[0]}{shared}\nwindow.stream = stream;</script>"
    server.pages["/shared"] = f"<!doctype html>{NO_ICON}{script}"
    server.rows = [update("wire:1", "AAPL")]
    with launched() as browser, ExitStack() as pages:
        page = pages.enter_context(page_of(browser, server.url))
        with page.expect_console_message() as said:
            page.goto(f"{server.url}shared")
            stream = server.accept()
            assert stream.query["tickers"] == "AAPL,MSFT"
            begin(stream)
        assert said.value.text == "1 items, as worker"


def test_the_roles_and_options_of_a_shared_stream_are_the_same() -> None:
    types = (CLIENT / "shared.d.ts").read_text()
    declared = re.search(r"type Role = (.*);", types)
    assert declared
    roles = re.findall(r'"(\w+)"', declared[1])
    assert list(table("One stream for all tabs")) == roles
    code = (CLIENT / "shared.link.js").read_text()
    assert set(re.findall(r'role = "(\w+)"', code)) == set(roles)
    assert "`user`" in DOC
    assert "  user?: string;" in types
    for omitted in re.findall(r'"(\w+)"', types.split("Omit<SentimentStreamOptions, ")[1].split(">")[0]):
        assert omitted in members("SentimentStreamOptions")


async def test_any_site_may_import_it_and_asks_each_time_whether_it_has_changed() -> None:
    scripts = ("client.js", "react.js", "shared.js", "shared.hub.js", "shared.link.js", "shared.worker.js")
    kinds = dict.fromkeys(scripts, "text/javascript; charset=utf-8")
    kinds |= dict.fromkeys(("client.d.ts", "react.d.ts", "shared.d.ts"), "application/typescript; charset=utf-8")
    for origins in ((), ("https://dash.example.com",)):
        async with running(cors_origins=origins) as rig, httpx.AsyncClient(trust_env=False) as client:
            for name, kind in kinds.items():
                for origin in ("https://dash.example.com", "https://other.example.com"):
                    answer = await client.get(f"{rig.base}/{name}", headers={"Origin": origin})
                    assert answer.status_code == 200
                    assert answer.text == (CLIENT / name).read_text()
                    assert answer.headers["content-type"] == kind
                    assert answer.headers["cache-control"] == "no-cache"
                    assert answer.headers["x-content-type-options"] == "nosniff"
                    allowed = answer.headers.get_list("access-control-allow-origin")
                    assert allowed in (["*"], [origin])
                same = await client.get(f"{rig.base}/{name}", headers={"If-None-Match": answer.headers["etag"]})
                assert (same.status_code, same.content) == (304, b"")
                assert same.headers["access-control-allow-origin"] == "*"
                head = await client.head(f"{rig.base}/{name}")
                assert (head.status_code, head.headers["content-type"]) == (200, kind)
            assert (await client.get(f"{rig.base}/client.ts")).status_code == 404
