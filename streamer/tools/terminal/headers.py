"""The option `--header`."""

from __future__ import annotations

import re
from typing import Annotated, Final

import typer

from streamer.tools.terminal.errors import UsageError

Headers = Annotated[
    list[str] | None, typer.Option("--header", "-H", metavar="NAME:VALUE", help="send this header; can be repeated")
]
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def read_header(text: str) -> tuple[str, str]:
    """Parses `NAME:VALUE`. Raises UsageError."""
    name, colon, value = text.partition(":")
    if not colon or not _NAME.fullmatch(name.strip()) or not text.isascii() or not text.isprintable():
        raise UsageError(f"--header={text!r}: invalid; give NAME:VALUE")
    return name.strip(), value.strip()
