"""uvicorn, as the service runs it."""

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
"""Seconds that responses have to end once the server stops accepting."""


class HttpServer(uvicorn.Server):
    """uvicorn without its signal handlers: it would wait for ever for streams that nobody ends."""

    @classmethod
    def of(
        cls, app: ASGIApp, *, limits: ConnectionLimits | None = None, taken: Callable[[], int] | None = None
    ) -> HttpServer:
        """A server for an application, as the service runs it. `taken` says how many streams have taken their
        connection over; without it streams go out by plain ASGI.

        StreamerError if the installed uvicorn is not supported.
        """
        check()
        return cls(
            uvicorn.Config(
                app,
                http=cast("Any", protocol(Capacity(limits or ConnectionLimits(), taken))),  # called, and nothing else
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,  # it would hold the whole URL
                proxy_headers=False,  # one X-Forwarded-For would make anybody loopback
                server_header=False,
                timeout_graceful_shutdown=round(GRACE),
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to whoever runs the server."""
        yield
