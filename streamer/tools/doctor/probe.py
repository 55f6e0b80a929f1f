"""Asks everything that the checks judge, beside each other where that is possible, and fills in the evidence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

from streamer.tools.doctor.checks.places import MALFORMED, cut
from streamer.tools.doctor.checks.service import LONGEST_LIFE
from streamer.tools.doctor.evidence import Evidence
from streamer.tools.doctor.load import open_streams
from streamer.tools.doctor.network import look_up, shake_hands
from streamer.tools.doctor.seen import StreamLog
from streamer.tools.doctor.url import StreamUrl
from streamer.tools.doctor.wire import Headers, RequestFailed, ask, connect, follow

_SHORT: Final = 5.0
"""Seconds for what a service sends at once."""
_REPLAY: Final = "60"
_ENCODINGS: Final = "gzip, deflate, br, zstd"
_QUIET: Final = {"tickers": "DOCTOR.QUIET", "events": "sentiment_update"}
_FORGED: Final = "doctor-forged"
_ENOUGH: Final = 4
"""Events after which a stream is cut."""


class Probe:
    """Runs once. At most five streams are open at a time; a sixth with the lifetime, and the load."""

    def __init__(self, seen: Evidence, headers: Headers, *, any_server: bool, load: int = 0) -> None:
        self._seen = seen
        self._any = any_server
        self._load = load
        self._headers = [*headers, *([("Origin", seen.origin)] if seen.origin else [])]

    async def run(self) -> None:
        """Returns when everything was asked, or when there is no stream to ask about."""
        seen = self._seen
        seen.names = await look_up(seen.url)
        if seen.names.error or not await self._connects():
            return
        watching = asyncio.create_task(self._watch_stalls())
        try:
            if self._any:
                await self._with_main(seen.url, self._resume_any(), self._encoded(seen.url), self._preflight())
            else:
                await self._ours()
            if self._load and seen.main.is_stream:
                seen.load = await open_streams(self._filtered(), self._headers, self._load)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _connects(self) -> bool:
        try:
            if self._seen.url.secure:
                self._seen.handshake = await shake_hands(self._seen.url)
                return not self._seen.handshake.error
            _, writer = await connect(self._seen.url)
            writer.transport.abort()
        except RequestFailed as error:
            self._seen.connection_error = str(error)
            return False
        return True

    async def _ours(self) -> None:
        seen = self._seen
        replayed = seen.url.with_query(replay=_REPLAY)
        probes = [
            self._quiet(), self._resume(replayed), self._encoded(seen.url), self._malformed_then_snapshot(),
            self._identity(), self._preflight(),
        ]  # fmt: skip
        if seen.with_lifetime:
            probes.append(follow(self._filtered(), seen.lasting, self._headers, limit=LONGEST_LIFE + _SHORT))
        await self._with_main(replayed, *probes)

    async def _with_main(self, url: StreamUrl, *probes: Coroutine[Any, Any, None]) -> None:
        """Runs the probes while the main stream is open. If there is none, the resources beside it are still asked."""
        seen, answered = self._seen, asyncio.Event()
        main = asyncio.create_task(self._follow(url, seen.main, limit=3_600.0, on_head=answered.set))
        tasks: list[asyncio.Task[None]] = []
        try:
            await answered.wait()
            if seen.main.head is not None and seen.main.head.status == 422:  # the history is shorter than the replay
                await main
                seen.main, answered = StreamLog(), asyncio.Event()
                main = asyncio.create_task(self._follow(seen.url, seen.main, limit=3_600.0, on_head=answered.set))
                await answered.wait()
            if not seen.main.is_stream:
                await self._status()
                if seen.status is None or seen.status.status != 200 or seen.main.head is not None:
                    return
            tasks = [asyncio.create_task(probe) for probe in probes]
            await asyncio.gather(*tasks)
            await asyncio.sleep(seen.grace)
        finally:
            for probe in probes:
                probe.close()  # those that no task has begun
            for task in (*tasks, main):
                task.cancel()
            await asyncio.gather(*tasks, main, return_exceptions=True)

    async def _follow(
        self,
        url: StreamUrl,
        log: StreamLog,
        *,
        limit: float,
        until: Callable[[], bool] = lambda: False,
        on_head: Callable[[], None] = lambda: None,
    ) -> None:
        await follow(url, log, self._headers, limit=limit, until=until, on_head=on_head)

    def _filtered(self) -> StreamUrl:
        url = self._seen.url
        return url if self._any else url.with_query(**(_QUIET if url.has_filter else {"events": _QUIET["events"]}))

    async def _quiet(self) -> None:
        await self._follow(self._filtered(), self._seen.quiet, limit=self._seen.quiet_seconds)

    async def _resume(self, url: StreamUrl) -> None:
        seen = self._seen
        before = seen.before

        def enough() -> bool:
            return len(before.named("sentiment_update")) >= _ENOUGH

        await self._follow(url, before, limit=max(1.0, seen.quiet_seconds / 2), until=enough)
        await self._continue(cut(before), seen.url)

    async def _resume_any(self) -> None:
        """Also keeps the main stream open for the whole time."""
        seen, began = self._seen, time.monotonic()
        half, place = began + seen.quiet_seconds / 2, ""
        while time.monotonic() < half and len(seen.main.messages) < 2 * _ENOUGH:  # noqa: ASYNC110 - a log has no event
            await asyncio.sleep(0.05)
        with_id = [each.message.id for each in seen.main.messages if each.message.id]
        if with_id:
            place = with_id[(len(with_id) - 1) // 2]
        await self._continue(place, seen.url)
        await asyncio.sleep(max(0.0, began + seen.quiet_seconds - time.monotonic()))

    async def _continue(self, place: str, url: StreamUrl) -> None:
        if place:
            await asyncio.sleep(min(1.0, self._seen.grace))
            self._seen.after.place = place
            await self._follow(url, self._seen.after, limit=4 * self._seen.grace)

    async def _encoded(self, url: StreamUrl) -> None:
        log = self._seen.encoded
        headers = [*self._headers, ("Accept-Encoding", _ENCODINGS)]
        await follow(url, log, headers, limit=_SHORT, until=lambda: log.first_at is not None)

    async def _malformed_then_snapshot(self) -> None:
        seen = self._seen
        await self._status()
        seen.malformed.place = MALFORMED
        await self._opening(seen.malformed)
        beside = seen.url.beside("sentiment", limit="20")
        if beside is not None:
            seen.snapshot = await ask("GET", beside, self._headers)
            place = seen.snapshot.json().get("as_of")
            if isinstance(place, str) and place.isascii() and place.isprintable():
                seen.beside.place = place
                await self._opening(seen.beside)

    async def _opening(self, log: StreamLog) -> None:
        def opened() -> bool:
            return bool(log.named("connected")) and (
                log.first("connected").get("resume") != "reset" or "reset" in names()
            )

        def names() -> set[str]:
            return {each.message.event for each in log.messages}

        await self._follow(self._filtered(), log, limit=_SHORT, until=opened)

    async def _status(self) -> None:
        url = self._seen.url.beside("stream/status")
        if url is not None:
            self._seen.status = await ask("GET", url, self._headers)

    async def _identity(self) -> None:
        url = self._seen.url.beside("configurations")
        if url is not None and not self._seen.named_user:
            self._seen.anonymous = await ask("GET", url, self._headers)
            self._seen.forged = await ask("GET", url, [*self._headers, ("X-User-ID", _FORGED)])

    async def _preflight(self) -> None:
        if self._seen.origin:
            asked = [
                ("Origin", self._seen.origin),
                ("Access-Control-Request-Method", "GET"),
                ("Access-Control-Request-Headers", "last-event-id"),
            ]
            self._seen.preflight = await ask("OPTIONS", self._seen.url, asked)

    async def _watch_stalls(self) -> None:
        step = 0.1
        while True:
            before = time.monotonic()
            await asyncio.sleep(step)
            self._seen.stalled = max(self._seen.stalled, time.monotonic() - before - step)
