"""uvicorn with the configuration of the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from streamer.server.capacity import Capacity
from streamer.server.connection import protocol
from streamer.server.limits import ConnectionLimits
from streamer.server.supported import check

GRACE = 3.0
"""Seconds that responses have to complete after the server stopped accepting connections."""


class HttpServer(uvicorn.Server):
    """uvicorn without its signal handlers: its own shutdown would wait for open streams."""

    @classmethod
    def of(
        cls, app: ASGIApp, *, limits: ConnectionLimits | None = None, handed_over: Callable[[], int] | None = None
    ) -> HttpServer:
        """Returns a server for `app`. `handed_over` returns the number of connections that streams have; without it
        streams are written by ASGI `send`.

        Raises StreamerError if the installed uvicorn version is not supported.
        """
        check()
        return cls(
            uvicorn.Config(
                app,
                http=cast(
                    "Any", protocol(Capacity(limits or ConnectionLimits(), handed_over))
                ),  # uvicorn only calls it
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,  # it would contain the whole URL, with tickets
                proxy_headers=False,  # else any client could pretend to be 127.0.0.1 by X-Forwarded-For
                server_header=False,
                timeout_graceful_shutdown=round(GRACE),
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Installs no handlers: `streamer.serve` handles the signals."""
        yield
