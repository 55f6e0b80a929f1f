"""The extras of this package, and how a missing one is installed.

The package is not on PyPI: anybody could register its name there. A hint therefore names the folder or the repository
from which the package was installed (PEP 610).
"""

from __future__ import annotations

import json
import shlex
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

MODULES: Final = {
    "client": ("httpx",),
    "serve": ("boto3", "fastapi", "fastapi_swagger", "h11", "mangum", "pydantic", "tenacity", "uvicorn"),
    "otlp": ("opentelemetry.exporter", "opentelemetry.sdk"),
    "local": ("boto3", "fastapi", "flask", "flask_cors", "moto", "uvicorn"),
    "tools": ("boto3", "h11", "httpx", "rich", "typer"),
}
"""What each extra installs, for the check whether it is installed."""


def missing(extra: str) -> str | None:
    """Returns what to do if the extra is not installed, or None if it is."""
    absent = [name for name in MODULES[extra] if find_spec(name) is None]
    return f"{', '.join(absent)} missing; run {command(extra, _direct_url())}" if absent else None


def command(extra: str, direct_url: str | None) -> str:
    """Returns the command that installs the extra. `direct_url`: the text of direct_url.json, if there is one."""
    try:
        origin = json.loads(direct_url or "")
        url, folder, revision = str(origin["url"]), origin.get("dir_info"), origin.get("vcs_info")
    except (ValueError, KeyError, TypeError, AttributeError):
        url, folder, revision = "", None, None
    if isinstance(folder, dict) and url.startswith("file:"):
        editable = "--editable " if folder.get("editable") else ""
        return f"pip install {editable}{shlex.quote(f'{url2pathname(urlsplit(url).path)}[{extra}]')}"
    if isinstance(revision, dict):
        where = f"{revision.get('vcs')}+{url}@{revision.get('commit_id')}"
        return f"pip install {shlex.quote(f'sentiment-streamer[{extra}] @ {where}')}"
    return f"pip install '.[{extra}]' in a copy of this project"


def _direct_url() -> str | None:
    try:
        return distribution("sentiment-streamer").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
