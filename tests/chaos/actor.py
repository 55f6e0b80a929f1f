"""Does what a plan says: begins each fault at its time and ends it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.aws import Aws
from tests.chaos.clients import Conduct
from tests.chaos.containers import Container
from tests.chaos.injector import Disturbance, Injector
from tests.chaos.plan import Fault
from tests.chaos.shards import SHARDS

logger = logging.getLogger(__name__)

_TRIES: Final = 40


@dataclass(slots=True)
class Done:
    """What was done of one fault."""

    fault: Fault
    felt: int = 0
    """How many calls met it."""
    problems: list[str] = field(default_factory=list)
    """Why it was not what the plan wanted: then the gate has shown nothing."""


class Actor:
    """Has the system in its hands."""

    def __init__(self, aws: Aws, injector: Injector, containers: Sequence[Container], conduct: Conduct) -> None:
        self._aws = aws
        self._injector = injector
        self._containers = containers
        self._conduct = conduct

    async def perform(self, faults: Sequence[Fault], start: float) -> list[Done]:
        """All faults, each at its time after `start` (Unix seconds); returns when the last has ended."""
        done = [Done(fault) for fault in faults]
        await asyncio.gather(*(self._perform(one, start) for one in done))
        return done

    async def _perform(self, done: Done, start: float) -> None:
        fault = done.fault
        await asyncio.sleep(max(0.0, start + fault.starts - time.time()))
        logger.info("begins", extra={"fault": fault.kind.name, "container": fault.container})
        met = []
        for service, how in fault.kind.calls:
            assert fault.container is not None  # calls are a container's
            listener, disturbance = self._injector.listeners[fault.container, service], Disturbance(how, fault.seed)
            listener.disturb(disturbance)
            met.append((listener, disturbance))
        try:
            await self._begin(done)
            await asyncio.sleep(max(0.0, start + fault.ends - time.time()))
        except Exception as error:
            logger.exception("a fault could not be done")
            done.problems.append(f"{type(error).__name__}: {error}")
        finally:
            for listener, disturbance in met:
                listener.leave_alone(disturbance)
                done.felt += disturbance.felt
                done.problems += disturbance.problems
        try:
            await self._end(fault)
        except Exception as error:
            logger.exception("a fault could not be ended")
            done.problems.append(f"{type(error).__name__}: {error}")
        logger.info("ends", extra={"fault": fault.kind.name, "container": fault.container})

    async def _begin(self, done: Done) -> None:
        fault = done.fault
        match fault.kind.act:
            case "delete_queue" | "remove_subscription" as act:
                name = await self._queue_of(fault)
                if name is None:
                    done.problems.append("the container had no queue")
                elif act == "delete_queue":
                    await asyncio.to_thread(self._aws.delete_queue, name)
                elif not await asyncio.to_thread(self._aws.remove_subscription, name):
                    done.problems.append("the queue had no subscription")
            case "terminate":
                code = await self._target(fault).terminate()
                if code != 0:
                    done.problems.append(f"the container ended with {code} on SIGTERM")
            case "kill":
                await self._target(fault).kill()
            case "stop_relay":
                self._aws.shards.stop()
            case "stick_shard":
                self._aws.shards.stick(fault.seed % SHARDS)
            case "cut_replays":
                self._conduct.cutting = True

    async def _end(self, fault: Fault) -> None:
        match fault.kind.act:
            case "terminate" | "kill":
                await self._target(fault).start()
            case "stop_relay":
                self._aws.shards.go()
            case "stick_shard":
                self._aws.shards.release()
            case "cut_replays":
                self._conduct.cutting = False

    def _target(self, fault: Fault) -> Container:
        assert fault.container is not None
        return self._containers[fault.container]

    async def _queue_of(self, fault: Fault) -> str | None:
        """The name of the container's queue; waits a little for one, should it just be making another."""
        assert fault.container is not None
        for _ in range(_TRIES):
            name = self._injector.listeners[fault.container, "sqs"].queue
            if name is not None and name in await asyncio.to_thread(self._aws.queues):
                return name
            await asyncio.sleep(0.25)
        return None
