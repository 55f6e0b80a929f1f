"""The files of the page fit together."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "streamer" / "web" / "page"
CLIENT = PAGE.with_name("client")
_IMPORT = re.compile(r'^(?:import|export)\b[^"]*?from "(\.\.?/[\w./-]+)"', re.MULTILINE)


def imported(name: str, above: bool = False) -> set[str]:
    """The addresses of a script and of all that it imports statically, relative to the page's."""
    found: set[str] = set()
    waiting = [(name, above)]
    while waiting:
        name, above = waiting.pop()
        address = name if above else f"page/{name}"
        if address in found:
            continue
        found.add(address)
        for path in _IMPORT.findall(((CLIENT if above else PAGE) / name).read_text()):
            up = path.startswith("../")
            waiting.append((path.rpartition("/")[2], above or up))
    return found


def test_the_page_preloads_what_its_scripts_import_and_what_they_load_later() -> None:
    text = (PAGE / "index.html").read_text()
    listed = re.findall(r'<link rel="modulepreload" href="([^"]+)"', text)
    scripts = {"page/first.js", "page/main.js"}
    assert sorted(listed) == sorted(imported("main.js") - scripts | {"page/uplot.js"})
    for script in scripts:
        assert f'<script type="module" src="{script}">' in text


def test_what_the_first_rows_need_is_loaded_before_all_other_modules() -> None:
    text = (PAGE / "index.html").read_text()
    soon = re.findall(r'<link rel="modulepreload" href="([^"]+)">', text)
    assert sorted(soon) == sorted(imported("first.js") - {"page/first.js"})


def test_every_file_of_the_page_is_named_by_another() -> None:
    texts = {path.name: path.read_text() for path in PAGE.iterdir()}
    for name in texts:
        elsewhere = " ".join(text for other, text in texts.items() if other != name)
        assert name == "index.html" or name.endswith(".LICENSE") or name in elsewhere, name


def test_the_page_has_no_script_style_or_handler_of_its_own_that_its_policy_would_refuse() -> None:
    text = (PAGE / "index.html").read_text()
    assert not re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text)


def test_every_id_that_the_scripts_look_up_is_in_the_page() -> None:
    text = (PAGE / "index.html").read_text()
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for path in PAGE.glob("*.js"):
        for name in re.findall(r'byId\("([^"]+)"\)', path.read_text()):
            assert name in ids, f"{path.name}: {name}"
