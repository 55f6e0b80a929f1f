"""The argument of commands that follow a stream."""

from __future__ import annotations

from typing import Annotated

import typer

Url = Annotated[
    str | None,
    typer.Argument(
        metavar="URL",
        help="URL of the stream; without a path, /api/v2/stream is added. "
        "Default: the demo that runs on this machine, else http://127.0.0.1:8080",
    ),
]
