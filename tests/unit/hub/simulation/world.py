"""A world that follows a plan, settles, and is checked on the way and at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from streamer.change import Key, iso_time
from tests.unit.hub.simulation.checks import Checks, Gap, Violation
from tests.unit.hub.simulation.client import TICKERS, Client, Follower
from tests.unit.hub.simulation.clock import START_MS, Clock
from tests.unit.hub.simulation.container import Container
from tests.unit.hub.simulation.plan import LATENESS_MS, Edit, Fault, Plan, Story
from tests.unit.hub.simulation.relay import SHARDS, Relay
from tests.unit.hub.simulation.table import Table
from tests.unit.hub.simulation.users import Users
from tests.virtual_loop import VirtualLoop

_SETTLES_MS = 50_000
_ABORTED_MS = 5_000  # until what an aborted receive took is visible again


class World:
    """One history. `live` runs it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._loop = VirtualLoop()
        self.clock = Clock(plan.seed, self._loop)
        self.table = Table()
        self.users = Users(self.clock, skew_ms=round(plan.skew_ms * (2 * self.clock.noise("skew", "users") - 1)))
        self._violated: asyncio.Future[None] = self._loop.create_future()
        self.checks = Checks(self.clock, self.table, self.users, self._fail)
        self._ends_ms = START_MS + plan.ends_ms
        self._followers: list[Follower] = []
        self.clients: list[Client] = []
        self.containers: list[Container] = []

    def live(self) -> None:
        """Raises Gap."""
        self._loop.set_exception_handler(lambda _, context: self._fail(context.get("exception") or Failed(context)))
        try:
            self._loop.run_until_complete(self._live())
        except Violation as violation:
            raise Gap(violation) from None
        finally:
            self._loop.end()

    def _fail(self, error: BaseException) -> None:
        if not self._violated.done():
            self._violated.set_exception(error)

    def _begin(self) -> None:
        clock, plan = self.clock, self._plan
        self.containers += [
            Container(
                clock,
                self.table,
                self.users,
                plan,
                index,
                began=lambda run: self._followers.append(Follower(run, self.checks)),
                fails=lambda kind, index=index: self._during(kind, index),  # type: ignore[misc]
                delay=lambda name, index=index: self._delay(index, name),  # type: ignore[misc]
            )
            for index in range(plan.containers)
        ]
        skew_ms = round(plan.skew_ms * (2 * clock.noise("skew", "relay") - 1))
        self._relay = Relay(clock, self._publish, skew_ms=skew_ms, held_until=self._held_until)
        for number, story in enumerate(plan.stories):
            self._tell(f"item:{number}", story)
        for edit in plan.edits:
            self.clock.at(START_MS + edit.at_ms, lambda edit=edit: self._edit(edit))  # type: ignore[misc]
        for fault in plan.faults:
            self._break(fault)
        self.clients += [
            Client(clock, self.table, self.checks, self.containers, wanderer, f"client {number}")
            for number, wanderer in enumerate(plan.wanderers)
        ]

    async def _live(self) -> None:
        self._begin()
        await self._pass_until(self._ends_ms)
        for container in self.containers:
            container.start()
        for number, client in enumerate(self.clients):
            client.end(number)
        await self._pass_until(self._ends_ms + _SETTLES_MS)
        self._check_end()
        for number, client in enumerate(self.clients):
            client.end(number + 1)
        await self._pass_until(self.clock.now + 12_000)
        self._check_end()

    async def _pass_until(self, time_ms: int) -> None:
        """Raises what anything that happens until then raises."""
        reached = self._loop.create_future()
        self.clock.at(time_ms, lambda: reached.set_result(None))
        await asyncio.wait((reached, self._violated), return_when=asyncio.FIRST_COMPLETED)
        if self._violated.done():
            self._violated.result()

    def _check_end(self) -> None:
        for client in self.clients:
            assert client.settled, client.log
            self.checks.ended(client)

    def _tell(self, source_id: str, story: Story) -> None:
        at_ms = START_MS + story.at_ms
        timestamp_ms = at_ms - story.lateness_ms
        key = Key(source_id, iso_time(timestamp_ms))
        expires_ms = at_ms + sum(step.gap_ms for step in story.steps) + (story.ttl_ms or 0)
        for number, step in enumerate(story.steps):
            at_ms += step.gap_ms
            if at_ms > self._ends_ms or (not story.late and at_ms > timestamp_ms + LATENESS_MS):
                break
            image: dict[str, Any] | None = None
            if step.what != "deleted":
                image = {"matched_tickers": list(TICKERS[step.tickers]), "source": "wire"}
                if step.what != "pending":
                    image |= {"sentiment": step.what, "score": 0}
                if story.stamped:
                    image["updated_at"] = iso_time(at_ms + number)
                if story.ttl_ms is not None:
                    image["ttl_timestamp"] = expires_ms // 1000
            self.clock.at(at_ms, lambda image=image: self._write(key, image))  # type: ignore[misc]

        if story.ttl_ms is not None:
            swept_ms = expires_ms + 1_000 + round(20_000 * self.clock.noise("ttl", source_id))
            if swept_ms <= self._ends_ms:
                self.clock.at(swept_ms, lambda: self._expire(key))

    def _expire(self, key: Key) -> None:
        written = self.table.written.get(key)
        if written is not None and written.images[-1] is not None:
            before = self.table.write(key, None, self.clock.now, expired=True)
            self._relay.committed(key, before, None, expired=True)

    def _write(self, key: Key, image: dict[str, Any] | None) -> None:
        before = self.table.write(key, image, self.clock.now)
        if image != before:  # a stream has no record of a write that changes nothing
            self._relay.committed(key, before, image)

    def _break(self, fault: Fault) -> None:
        begins = START_MS + fault.at_ms
        ends = min(begins + fault.lasts_ms, self._ends_ms)
        container = self.containers[fault.target % len(self.containers)]
        if fault.kind == "restart":
            self.clock.at(begins, lambda: self._stop(container))
            self.clock.at(ends, container.start)
        elif fault.kind in ("queue", "silent"):
            silently = fault.kind == "silent"
            self.clock.at(begins, lambda: container.lose_queue(silently=silently))
            self.clock.at(ends, lambda: container.take_queue(silently=silently))

    def _stop(self, container: Container) -> None:
        run = container.run
        container.stop()
        if run is not None:
            for client in self.clients:
                client.restarted(run)

    def _active(self, kind: str, target: int, among: int) -> Iterator[Fault]:
        since = self.clock.now - START_MS
        for fault in self._plan.faults:
            hit = fault.kind == kind and (target < 0 or fault.target % among == target)
            if hit and fault.at_ms <= since < min(fault.at_ms + fault.lasts_ms, self._plan.ends_ms):
                yield fault

    def _edit(self, edit: Edit) -> None:
        self._relay.edited(self.users.write(TICKERS[edit.tickers]))

    def _during(self, kind: str, index: int) -> bool:
        return any(self._active(kind, index, len(self.containers)))

    def _held_until(self, shard: int) -> int | None:
        faults = [*self._active("relay", -1, 1)]
        if shard >= 0:
            faults += self._active("stuck", shard, SHARDS)
        ends = [min(fault.at_ms + fault.lasts_ms, self._plan.ends_ms) for fault in faults]
        return START_MS + max(ends) if ends else None

    def _publish(self, name: str, body: str) -> None:
        for container in self.containers:
            container.send(name, body)

    def _delay(self, index: int, name: str) -> Sequence[float]:
        """SQS keeps no order, and delivers more than once: a copy, or what an aborted receive had taken."""
        noise = self.clock.noise
        wait = 20 + 600 * noise("queue", index, name) ** 3
        for fault in self._active("slow", index, len(self.containers)):
            wait += fault.lasts_ms * noise("slow", index, name)
        fate = noise("fate", index, name)
        if fate < 0.08:
            return (wait + _ABORTED_MS * (1 + int(fate * 50)),)
        if fate < 0.16:
            return (wait, wait + _ABORTED_MS * noise("copy", index, name) * 4)
        return (wait,)


class Failed(Exception):
    """Something that the loop reports without an exception."""
