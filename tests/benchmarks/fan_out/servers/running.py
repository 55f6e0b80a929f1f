"""How the peers on uvicorn are run: one process, uvloop and httptools, no access log."""

from __future__ import annotations

import uvicorn
from starlette.types import ASGIApp


def run(app: ASGIApp, port: int) -> None:
    """Serves until the process is ended."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        log_level="error",
        access_log=False,
        timeout_keep_alive=3600,  # the publisher's connection waits until all streams are open
    )
