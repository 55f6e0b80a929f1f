"""The package of streamer/web/client, installed from its tarball into a project with Vite, React, Vue and TypeScript
(npm/): types, the build, and its pages in chromium with streams of another origin. The examples are of docs/client.md.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from streamer import __version__
from tests.browser.chromium import page_of
from tests.browser.scripted import CLIENT, ScriptedServer, begin, update
from tests.browser.served import served
from tests.browser.tools import tool

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow("installs Vite, React, Vue and TypeScript"),
    pytest.mark.timeout(1_200),
    pytest.mark.skipif("NPM" not in os.environ, reason="installs 100 MB of packages from npm: set NPM=1"),
]

PROJECT = Path(__file__).with_name("npm")
DOC = (CLIENT.parents[2] / "docs" / "client.md").read_text()
IN_DOC = "http://127.0.0.1:8080/"
TARBALL = f"sentiment-streamer-{__version__}.tgz"
REFUSED = ("CORS", "Failed to load resource")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the package and all others installed, and the examples of the docs as its files."""
    npm = tool("npm", shutil.which("npm"), "apt install npm")
    folder = tmp_path_factory.mktemp("npm") / "project"
    shutil.copytree(PROJECT, folder)
    (react,) = re.findall(r"```tsx\n(.*?)```", DOC, re.DOTALL)
    vue, plain = re.findall(r"```ts\n(.*?)```", DOC, re.DOTALL)
    for name, text in {"App.tsx": react, "useSentiment.ts": vue, "plain.ts": plain}.items():
        (folder / "src" / name).write_text(text)
    says(npm, "pack", str(CLIENT), where=folder)
    install = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline", f"./{TARBALL}"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        pytest.skip(f"the packages cannot be installed: {said[-1]}")
    return folder


@pytest.fixture(scope="module")
def built(project: Path) -> Path:
    """The pages, with React as it is in development: under StrictMode it renders and mounts twice."""
    says("node_modules/.bin/vite", "build", "--mode", "development", where=project)
    return project / "dist"


def says(*command: str, where: Path) -> str:
    """What a command that succeeds prints."""
    done = subprocess.run(
        command,
        cwd=where,
        env=os.environ | {"NODE_ENV": "development"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """A test's output is its assertions."""


@contextmanager
def site(built: Path, server: str, folder: Path) -> Iterator[str]:
    """The pages at an origin of their own, with the streams of `server` in place of those that the docs name."""
    shutil.copytree(built, folder)
    for script in folder.rglob("*.js"):
        script.write_text(script.read_text().replace(IN_DOC, server))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as pages:
        thread = threading.Thread(target=pages.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{pages.server_port}/"
        finally:
            pages.shutdown()
            thread.join()


@contextmanager
def opened(browser: Browser, built: Path, server: str, folder: Path, name: str) -> Iterator[Page]:
    """A page of the project that reads streams of `server`. The browser complains of nothing."""
    with ExitStack() as stack:
        base = stack.enter_context(site(built, server, folder / "site"))
        page = stack.enter_context(page_of(browser, base, server))
        page.goto(f"{base}{name}.html")
        yield page


def test_its_types_pass_and_refuse_what_they_should_under_strict(project: Path) -> None:
    assert says("node_modules/.bin/tsc", "--project", ".", where=project) == ""
    node = ["--module", "nodenext", "--moduleResolution", "nodenext"]
    assert says("node_modules/.bin/tsc", "--project", ".", *node, where=project) == ""


def test_the_hook_renders_on_a_server(project: Path) -> None:
    code = """
        import { createElement } from "react";
        import { renderToString } from "react-dom/server";
        import { useSentiment } from "sentiment-streamer/react";
        const Page = () => useSentiment("/api/v2/stream").state.name;
        console.log(renderToString(createElement(Page)));
    """
    assert says("node", "--input-type=module", "--eval", code, where=project).strip() == "connecting"


def test_the_examples_show_live_data_of_a_service_that_allows_their_origin(
    browser: Browser, built: Path, tmp_path: Path
) -> None:
    for name, before, after in (
        ("index", "live 1", "live 2"),
        ("vue", "live 1", "live 2"),
        ("plain", "live  1 of ", "live  2 of "),
    ):
        with served(cors_origins=("*",)) as service:
            base = service.base.rstrip("/") + "/"
            service.publish("positive", first=1)
            with opened(browser, built, base, tmp_path / name, name) as page:
                expect(page.locator("body")).to_contain_text(re.compile(before.replace(" ", r"\s+")))
                service.publish("negative", first=2)
                expect(page.locator("body")).to_contain_text(re.compile(after.replace(" ", r"\s+")))


def test_the_page_says_that_the_service_does_not_allow_its_origin(
    browser: Browser, server: ScriptedServer, built: Path, tmp_path: Path
) -> None:
    server.readable = False
    with site(built, server.url, tmp_path / "site") as base, page_of(browser, base, server.url, known=REFUSED) as page:
        page.goto(f"{base}index.html")
        here = base.rstrip("/")
        expect(page.locator("p")).to_contain_text(f"not to pages of {here}: most likely its setting CORS_ORIGINS")


def test_a_component_has_one_stream_which_ends_with_it(
    browser: Browser, server: ScriptedServer, built: Path, tmp_path: Path
) -> None:
    with opened(browser, built, server.url, tmp_path, "probe") as page:
        shown = page.locator("p")
        page.evaluate("show({ query: 'AAPL', limit: 10, turn: 1 })")
        expect(shown).to_have_text("1 connecting no metrics")
        first = server.accept()
        begin(first, update(ticker="AAPL"))
        expect(shown).to_have_text("1 live neutral,positive no metrics")
        first.send("metrics", total=7)
        expect(shown).to_have_text("1 live neutral,positive 7 metrics")

        # Equal options are no other stream, and the latest function is asked.
        page.evaluate("show({ query: 'AAPL', limit: 10, turn: 2 })")
        expect(shown).to_have_text("2 live neutral,positive 7 metrics")
        first.send("reset", with_id=False, reason="too_old")
        page.wait_for_function("asked.join() === '1,2'")

        page.evaluate("show({ query: 'AAPL', limit: 11, turn: 3 })")
        expect(shown).to_have_text("3 connecting no metrics")
        first.wait_until_left()
        second = server.accept()
        page.evaluate("show({ query: 'NVDA', limit: 11, turn: 4 })")
        second.wait_until_left()
        third = server.accept()
        assert [stream.query["tickers"] for stream in (first, second, third)] == ["AAPL", "AAPL", "NVDA"]
        begin(third)
        expect(shown).to_have_text("4 live neutral no metrics")

        page.evaluate("show(null)")
        expect(shown).to_have_count(0)
        third.wait_until_left()
        assert server.opened.empty(), "StrictMode mounts twice, and opens once"


def test_a_vue_component_follows_its_url_and_ends_its_stream(
    browser: Browser, server: ScriptedServer, built: Path, tmp_path: Path
) -> None:
    with opened(browser, built, server.url, tmp_path, "vue") as page:
        first = server.accept()
        begin(first, update())
        expect(page.locator("p")).to_have_text("live 1")
        page.evaluate("change('AAPL')")
        first.wait_until_left()
        second = server.accept()
        begin(second)
        expect(page.locator("p")).to_have_text("live 0")
        page.evaluate("end()")
        second.wait_until_left()


def test_a_bundled_page_shares_its_stream_in_a_worker(
    browser: Browser, server: ScriptedServer, built: Path, tmp_path: Path
) -> None:
    with opened(browser, built, server.url, tmp_path, "shared") as page:
        begin(server.accept(), update())
        expect(page.locator("#root")).to_have_text("worker live 1")
        with page.context.expect_page() as second:
            page.evaluate("void open(location.href)")
        expect(second.value.locator("#root")).to_have_text("worker live 1")
        assert server.opened.empty()
