"""The command line of `streamer status`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from streamer.tools.terminal.errors import DONE, INTERRUPTED, check_utf8, reports_errors
from streamer.tools.terminal.headers import Headers, read_header
from streamer.tools.terminal.help import HTTP, epilog

Url = Annotated[
    str | None,
    typer.Argument(
        metavar="URL",
        help="URL of the server or of a stream of it. "
        "Default: the demo that runs on this machine, else http://127.0.0.1:8080",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print the JSON object of the server, on one line")]
DOWN: Final = 3
"""Exit code if no changes arrive."""


def register(app: typer.Typer) -> None:
    app.command(
        "status",
        epilog=epilog(
            "streamer status", "streamer status https://stream.example.com", "streamer status --json | jq .mode",
            environment=HTTP,
        ),
    )(reports_errors("status")(status))  # fmt: skip


def status(url: Url = None, header: Headers = None, as_json: AsJson = False) -> int:
    """Shows the status of one server: its mode with the reason, streams, ages, delays and memory.

    Behind a load balancer each call can reach another server.

    Exit codes:
    0    changes arrive (mode push, poll or both)
    1    the status cannot be read
    2    invalid usage
    3    no changes arrive (mode down)
    """
    import asyncio
    import json
    import sys

    import httpx

    from streamer.clock import wall_ms
    from streamer.tools.status.reader import read_status, status_url
    from streamer.tools.status.report import lines
    from streamer.tools.tail.target import target
    from streamer.tools.terminal.printable import printable_json

    check_utf8("URL", url)
    headers = httpx.Headers([read_header(each) for each in header or ()])
    try:
        members = asyncio.run(read_status(status_url(target(url)), headers))
    except KeyboardInterrupt:
        return INTERRUPTED
    if as_json:
        text = json.dumps(members, ensure_ascii=False)
        sys.stdout.write(printable_json(text, sys.stdout.encoding) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(members, wall_ms()))
    return DOWN if members["mode"] == "down" else DONE
