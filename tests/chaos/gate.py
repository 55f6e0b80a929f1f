"""Puts everything in motion for a while, ends it, and gives what was observed to the judge."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

import httpx

from streamer.local.child import clean_environment
from tests.chaos import aws as embedded
from tests.chaos.actor import Actor, Done
from tests.chaos.aws import CANARY_EVERY, PREFIX, Aws
from tests.chaos.clients import Client, Conduct, filters
from tests.chaos.containers import SAMPLE_EVERY, Container
from tests.chaos.injector import Injector, injecting
from tests.chaos.kinds import SERVICES
from tests.chaos.plan import Fault
from tests.chaos.result import Ended, Run, Settings
from tests.chaos.writer import Writer
from tests.chaos.writes import Log

logger = logging.getLogger(__name__)

_WRITES_STOP: Final = 10.0
"""Seconds before the end from which nothing is written any more, so that the last can arrive."""
_SETTLE: Final = 8.0
"""Seconds before the end from which no client cuts itself off."""
_PUSH: Final = 25.0
_GONE: Final = 5.0
CONTAINER: Final = {
    "LOG_LEVEL": "INFO",
    "SSE_LIFETIME": "40",
    "SSE_DRAIN_WINDOW": "2",
    "SSE_CANARY_TIMEOUT": f"{4 * CANARY_EVERY:g}",
    "SSE_WINDOW_FILL": "0",
}
"""How the containers differ from the defaults: what would take minutes takes seconds."""


async def run(settings: Settings, faults: Sequence[Fault]) -> Run:
    """One run. Whatever it started has ended when it returns or raises."""
    cpu = _cpu()
    with embedded.running() as aws:
        log = Log()
        async with injecting(aws.address, settings.containers, SERVICES, log.items) as injector:
            observed = await _observe(settings, faults, aws, injector, log)
    observed.cpu = _cpu() - cpu
    return observed


async def _observe(settings: Settings, faults: Sequence[Fault], aws: Aws, injector: Injector, log: Log) -> Run:
    async with AsyncExitStack() as stack:
        containers = [
            Container(number, aws.resources.environment() | injector.environment(number) | CONTAINER, settings.broken)
            for number in range(settings.containers)
        ]
        for container in containers:
            stack.push_async_callback(container.kill)
        await asyncio.gather(*(container.start() for container in containers))
        status = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=2.0))
        watching = [asyncio.create_task(_watch(container, status)) for container in containers]
        stack.push_async_callback(_cancel, watching)
        await _until_push(containers)

        conduct = Conduct()
        clients = [
            Client(
                number,
                tickers,
                [container.base for container in containers],
                lambda: asyncio.to_thread(aws.table),
                conduct,
                settings.seed,
            )
            for number, tickers in enumerate(filters(settings.clients, settings.seed))
        ]
        following = [asyncio.create_task(client.follow()) for client in clients]
        stack.push_async_callback(_cancel, following)
        await asyncio.wait_for(asyncio.gather(*(client.open.wait() for client in clients)), 30)

        writer = Writer(aws.dynamodb, aws.resources.sentiment_table, settings.seed, log)
        stack.callback(writer.stop)
        start = time.time()
        writer.start()
        performing = asyncio.create_task(Actor(aws, injector, containers, conduct).perform(faults, start))
        stack.push_async_callback(_cancel, [performing])
        stack.callback(aws.shards.go)
        await _sleep_until(start + settings.seconds - _WRITES_STOP)
        await asyncio.to_thread(writer.stop)
        await _sleep_until(start + settings.seconds - _SETTLE)
        conduct.settled.set()
        await _sleep_until(start + settings.seconds)
        done: list[Done] = await performing
        end = time.time()

        await _cancel(following)
        broken = [str(task.exception()) for task in following if not task.cancelled() and task.exception()]
        for client in clients:
            client.record.faults += broken
        slots = await _slots_left(containers, status)
        await _cancel(watching)
        ended = [
            Ended(container.number, list(container.samples), container.lines, left, unexpected=container.unexpected)
            for container, left in zip(containers, slots, strict=True)
        ]
        codes = await asyncio.gather(*(container.terminate() for container in containers))
        for one, code in zip(ended, codes, strict=True):
            one.exit_code = code
        pruned = await _prune(aws)
        queues = len(await asyncio.to_thread(aws.queues))
    return Run(
        settings,
        start,
        end,
        done,
        log.items(),
        [client.record for client in clients],
        ended,
        writer_error=None if writer.error is None else repr(writer.error),
        queues_left=queues,
        pruned=pruned,
    )


async def _watch(container: Container, client: httpx.AsyncClient) -> None:
    while True:
        await container.sample(client)
        await asyncio.sleep(SAMPLE_EVERY)


async def _until_push(containers: Sequence[Container]) -> None:
    """Waits until every container is in push; one that does not come so far is seen in the account."""
    until = time.time() + _PUSH
    while time.time() < until:
        if all(container.samples and container.samples[-1].mode == "push" for container in containers):
            return
        await asyncio.sleep(SAMPLE_EVERY)
    logger.warning("not every container came to push")


async def _slots_left(containers: Sequence[Container], client: httpx.AsyncClient) -> list[int | None]:
    """How many streams each container still counts once the clients have gone and it had time to see that."""
    until = time.time() + _GONE
    while True:
        left: list[int | None] = []
        for container in containers:
            await container.sample(client)
            sample = container.samples[-1]
            left.append(None if sample.mode == "gone" else sample.connections)
        if not any(left) or time.time() > until:
            return left
        await asyncio.sleep(SAMPLE_EVERY)


async def _prune(aws: Aws) -> str:
    """Asks the command to take away what killed containers left; what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "streamer.cli",
        "queues",
        "prune",
        "--all",
        env={**clean_environment(os.environ), **aws.resources.environment(), "QUEUE_PREFIX": PREFIX},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 30)
    except TimeoutError:
        process.kill()
        await process.wait()
        return "it took longer than 30 s"
    text = said.decode(errors="replace").strip()
    if process.returncode == 2 and "invalid choice" in text:
        return "this checkout has no `streamer queues prune` yet"
    return text or f"exit code {process.returncode}"


async def _cancel(tasks: Sequence[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.time()))


def _cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
