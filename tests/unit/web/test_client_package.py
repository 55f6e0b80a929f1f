"""streamer/web/client is a package for npm: what it exports is there, and goes into the tarball."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from streamer import __version__
from tests.browser.tools import tool

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "streamer" / "web" / "client"
MANIFEST = json.loads((FOLDER / "package.json").read_text())
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.js"))
TYPES = sorted(path.name for path in FOLDER.glob("*.d.ts"))


def node(*command: str) -> str:
    """What a command of Node.js prints, run in the folder of the package. See `tool`."""
    path = tool(command[0], shutil.which(command[0]), "apt install nodejs npm")
    done = subprocess.run(
        [path, *command[1:]],
        cwd=FOLDER,
        env=os.environ | {"npm_config_update_notifier": "false", "npm_config_offline": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_has_the_version_and_the_licence_of_the_streamer() -> None:
    assert MANIFEST["version"] == __version__
    assert MANIFEST["license"] == "MIT"
    assert (FOLDER / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_each_export_has_a_script_and_its_types_and_nothing_is_needed_but_react_by_choice() -> None:
    exports = {name: target for name, target in MANIFEST["exports"].items() if name != "./package.json"}
    assert list(exports) == [".", "./shared", "./react"]
    for target in exports.values():
        assert list(target) == ["types", "default"], "the first that fits is taken"
        assert target["types"].removeprefix("./") in TYPES
        assert target["default"].removeprefix("./") in SCRIPTS
        assert target["types"].removesuffix(".d.ts") == target["default"].removesuffix(".js")
    assert not {"dependencies", "devDependencies", "scripts"} & set(MANIFEST)
    assert MANIFEST["peerDependenciesMeta"] == {name: {"optional": True} for name in MANIFEST["peerDependencies"]}
    outside = {
        name: set(re.findall(r'(?:from|import\() ?"([^."][^"]*)"', (FOLDER / name).read_text()))
        for name in (*SCRIPTS, *TYPES)
    }
    assert {name: found for name, found in outside.items() if found} == {"react.js": {"react"}}


def test_the_docs_name_each_export_and_the_tarball() -> None:
    doc = (ROOT / "docs" / "client.md").read_text()
    for name in MANIFEST["exports"]:
        imported = f"{MANIFEST['name']}{name.removeprefix('.')}"
        for text in (doc, (FOLDER / "README.md").read_text()):
            assert f"| `{imported}` |" in text or name == "./package.json", imported
    assert f"npm install ./{MANIFEST['name']}-{__version__}.tgz" in doc


def test_node_finds_each_export_and_loads_it_on_a_server_where_there_is_no_browser() -> None:
    code = """
        const names = ["sentiment-streamer", "sentiment-streamer/shared"];
        const found = names.map(async (name) => [import.meta.resolve(name), ...Object.keys(await import(name))]);
        found.push([import.meta.resolve("sentiment-streamer/react")]);
        console.log(JSON.stringify(await Promise.all(found)));
    """
    client, shared, react = json.loads(node("node", "--input-type=module", "--eval", code))
    assert client[0] == (FOLDER / "client.js").as_uri()
    assert "SentimentStream" in client
    assert shared == [(FOLDER / "shared.js").as_uri(), "SharedSentimentStream"]
    assert react == [(FOLDER / "react.js").as_uri()]


def test_npm_packs_every_file() -> None:
    (packed,) = json.loads(node("npm", "pack", "--dry-run", "--json"))
    assert packed["filename"] == f"sentiment-streamer-{__version__}.tgz"
    expected = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*")}
    assert {file["path"] for file in packed["files"]} == expected
