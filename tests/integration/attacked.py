"""The rig in a process of its own, so that its memory is its own: `python -m tests.integration.attacked FILES`.

It may open so many files; it says its port, publishes ten items a second, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import resource
import sys

import uvloop

from streamer.server.limits import ConnectionLimits
from streamer.server.sockets import raise_file_limit
from tests.integration.rig import running

STREAMS = 100


async def main() -> None:
    """Serves until the input ends."""
    files = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    limits = ConnectionLimits(connections=raise_file_limit(STREAMS))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    async with running(limit=STREAMS, limits=limits) as rig:
        print(rig.port, flush=True)  # noqa: T201 - to the test
        number = 0
        while not ended.is_set():
            number += 1
            rig.publish("positive", first=number)
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
