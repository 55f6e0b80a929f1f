"""Several tabs of one browser that share a stream: pages in chromium; frames of one page in firefox, which has no
driver that opens a second tab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import BrowserContext, Page

from tests.browser.scripted import ScriptedServer
from tests.browser.tab import Tab

PAGE = Path(__file__).with_name("shared_tab.html").read_text()
VANISHES = "tab.vanishes = true;"
"""Makes a tab go without a word, as one that has crashed."""
KEEPS_THE_WORKER = """const Worker = SharedWorker; window.kept = [];
    window.SharedWorker = function (url, options) {
      window.kept.push(new Worker(url, options), new Worker(url, options));
      return window.kept[0];
    };"""
"""Keeps the worker alive after the tab has left it, with a second port that says nothing."""
_NO_WORKER = "delete window.SharedWorker;"
_LOCKS = 'Object.defineProperty(navigator, "locks", { value: '
_REFUSE = '{ request: async () => { throw new DOMException("", "SecurityError"); } }'
WAYS = {
    "worker": "",
    "locks": _NO_WORKER,
    "alone": f"{_NO_WORKER} {_LOCKS} undefined }});",
    "refused": f"{_NO_WORKER} {_LOCKS} {_REFUSE} }});",  # as in a sandboxed frame
}
"""What a browser lacks, as a program."""


class SharedTab(Protocol):
    """`tab` in a program is the object of shared_tab.html."""

    def run(self, program: str) -> Any:
        """The value that an async function with this body returns."""

    def until(self, condition: str) -> Any:
        """The expression's value once it is true."""

    def open(self, server: ScriptedServer, options: str = "", query: str = "") -> None:
        """Opens a shared stream."""

    def close(self) -> None:
        """Closes the tab."""


class _Opening:
    def run(self, program: str) -> Any:
        raise NotImplementedError

    def until(self, condition: str) -> Any:
        return self.run(f"return await tab.until(() => {condition});")

    def open(self, server: ScriptedServer, options: str = "", query: str = "") -> None:
        given = f"{{longestWait: 0.05, {options}}}"
        self.run(f"tab.open({json.dumps(f'{server.url}api/v2/stream{query}')}, {given});")


class PageTab(_Opening):
    """A page of chromium."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def run(self, program: str) -> Any:
        return self.page.evaluate("(text) => window.run(text)", program)

    def close(self) -> None:
        self.page.close()


class FrameTab(_Opening):
    """A frame in the one tab of any browser."""

    def __init__(self, tab: Tab, number: int) -> None:
        self._tab = tab
        self._number = number

    def run(self, program: str) -> Any:
        return self._tab.run(f"""
            const {{ port1, port2 }} = new MessageChannel();
            const answered = new Promise((resolve) => {{ port1.onmessage = ({{ data }}) => resolve(data); }});
            tab.frames.get({self._number}).contentWindow.postMessage({json.dumps(program)}, "*", [port2]);
            const answer = await answered;
            if ("error" in answer) throw new Error(answer.error);
            return answer.value;
        """)

    def close(self) -> None:
        self._tab.run(f"tab.frames.get({self._number}).remove();")


class Browser(Protocol):
    """Opens tabs of the scripted server."""

    def tab(self, way: str = "worker") -> SharedTab:
        """A new tab that lacks what the way says (see WAYS)."""


class Chromium:
    """Pages of one context."""

    def __init__(self, context: BrowserContext, server: ScriptedServer) -> None:
        self._context = context
        self._server = server

    def tab(self, way: str = "worker") -> PageTab:
        page = self._context.new_page()
        page.goto(f"{self._server.url}tab")
        tab = PageTab(page)
        tab.run(WAYS[way])
        return tab


class Frames:
    """Frames of one tab."""

    def __init__(self, tab: Tab, server: ScriptedServer) -> None:
        self._tab = tab
        self._server = server
        self._count = 0
        tab.run("for (const frame of tab.frames?.values() ?? []) frame.remove(); tab.frames = new Map();")

    def tab(self, way: str = "worker") -> FrameTab:
        self._count += 1
        self._tab.run(f"""
            const frame = document.createElement("iframe");
            frame.src = "{self._server.url}tab";
            tab.frames.set({self._count}, frame);
            await new Promise((resolve) => {{ frame.onload = resolve; document.body.append(frame); }});
        """)
        tab = FrameTab(self._tab, self._count)
        tab.run(WAYS[way])
        return tab
