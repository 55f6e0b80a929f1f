"""Runs the service on an event loop and a socket until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable

from starlette.types import ASGIApp

from streamer import __version__
from streamer.server.limits import ConnectionLimits
from streamer.server.server import HttpServer
from streamer.server.sockets import listen, raise_file_limit
from streamer.server.supported import check
from streamer.service import Service
from streamer.settings import Settings
from streamer.telemetry.log_queue import LogQueue

logger = logging.getLogger(__name__)

_COLLECT_AFTER = 10_000  # new objects, instead of 700: events leave objects in ledger and history, and no cycles


def serve(settings: Settings, logs: LogQueue | None = None, wrap: Callable[[ASGIApp], ASGIApp] | None = None) -> None:
    """Serves until SIGTERM or SIGINT, then drains and returns. A second signal ends the process at once. `logs`: the
    handler whose dropped lines are counted. `wrap` puts a layer around the application."""
    check()
    connections = raise_file_limit(settings.max_connections)
    sock = listen(settings.host, settings.port)
    with sock, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, sock, connections, logs, wrap))


async def _serve(
    settings: Settings,
    sock: socket.socket,
    connections: int,
    logs: LogQueue | None,
    wrap: Callable[[ASGIApp], ASGIApp] | None,
) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            logger.warning("stopped at once; the reaper deletes the queue")
            if logs is not None:
                logs.flush()
            os._exit(1)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    service = Service(settings, logs)
    limits = ConnectionLimits(idle=settings.keep_alive, connections=connections)
    app = service.app if wrap is None else wrap(service.app)
    server = HttpServer.of(app, limits=limits, handed_over=lambda: service.delivery.connections)
    async with service:
        serving = loop.create_task(server.serve(sockets=[sock]))
        sparing = loop.create_task(_spare_the_collector(service))
        waiting = loop.create_task(stopping.wait())
        host, port = sock.getsockname()[:2]
        logger.info("serving", extra={"host": host, "port": port, "version": __version__})
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        sparing.cancel()
        if stopping.is_set():
            logger.info("draining", extra={"streams": len(service.delivery.streams)})
            await service.drain()
            server.should_exit = True
        await serving
    logger.info("stopped", extra={"uptime_seconds": round(service.delivery.uptime, 1)})


async def _spare_the_collector(service: Service) -> None:
    """Excludes the objects of the start from garbage collection, and makes collections rare. docs/benchmarks.md has
    the effect on the slowest events."""
    await service.intake.wait_ready()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Returns None, for asyncio's own loop, if uvloop is not installed, as on Windows."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
