"""The inside of a container: `python -m tests.chaos.broken NAME serve ...`.

It breaks one mechanism (`nothing` breaks none) and calls the command line. The gate has to turn red for each: a test
that cannot fail shows nothing. Its standard input is a leash: when that ends, so does it, however the gate ended.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from streamer import cli


def _setting(key: str, value: str) -> Callable[[], None]:
    def apply() -> None:
        os.environ[key] = value

    return apply


def _nothing() -> None:
    pass


def _watermark_from_relayed_at() -> None:
    """A place claims everything up to the newest message: as if no shard could be stuck and no message be late."""
    from streamer.hub.hub import Hub

    publish, proved = Hub.publish, Hub.proved

    def publish_and_claim(hub: Any, changes: Any, *, dated_ms: int, now_ms: int) -> Any:
        hub.watermark_ms = max(hub.watermark_ms, dated_ms)
        return publish(hub, changes, dated_ms=dated_ms, now_ms=now_ms)

    def proved_no_less(hub: Any, began_ms: int, since_ms: int, *, ended_ms: int) -> None:
        claimed = hub.watermark_ms
        proved(hub, began_ms, since_ms, ended_ms=ended_ms)
        hub.watermark_ms = max(hub.watermark_ms, claimed)

    _replace(Hub, "publish", publish_and_claim)
    _replace(Hub, "proved", proved_no_less)


def _no_lease_repair() -> None:
    """A queue that is gone, or gets nothing, is polled for ever."""
    from streamer.errors import LeaseLost
    from streamer.intake.keepalive import Keepalive
    from streamer.intake.receive import ReceiveError, Receiver

    mapped = Receiver._mapped

    def never_lost(receiver: Any, action: str, error: Exception) -> Any:
        found = mapped(receiver, action, error)
        return ReceiveError(str(found)) if isinstance(found, LeaseLost) else found

    _replace(Receiver, "_mapped", never_lost)

    async def unchecked(keepalive: Keepalive) -> None:
        """Nothing is checked."""

    _replace(Keepalive, "_check", unchecked)


def _index_believed() -> None:
    """What the index says is the truth, without a second look at the table."""
    from streamer.hub.ledger import Ledger

    observe = Ledger.observe_reading

    def believe(ledger: Any, reading: Any, now_ms: int) -> Any:
        return observe(ledger, replace(reading, consistent=True), now_ms)

    _replace(Ledger, "observe_reading", believe)


def _id_on_connected() -> None:
    """A client that is cut off before the replay believes that it has had it."""
    from streamer.streams.delivery import Delivery

    replay = Delivery._replay

    def with_id(delivery: Any, stream: Any, opening: bytes) -> None:
        prefix = b"id: " + str(delivery._hub.place()).encode() + b"\n" if b"event: connected" in opening else b""
        replay(delivery, stream, prefix + opening)

    _replace(Delivery, "_replay", with_id)


def _replace(owner: type, name: str, function: Callable[..., Any]) -> None:
    """Puts a function in a method's place, which has to be there: else nothing would be broken, and nobody notice."""
    if not callable(getattr(owner, name)):
        raise AttributeError(f"{owner.__name__} has no {name}")
    setattr(owner, name, function)


BROKEN: Final[dict[str, Callable[[], None]]] = {
    "nothing": _nothing,
    "no-verification": _setting("SSE_VERIFY_INTERVAL", "86400"),
    "watermark-from-relayed-at": _watermark_from_relayed_at,
    "margin-0": _setting("SSE_PROOF_MARGIN", "0"),
    "canary-ignored": _setting("SSE_CANARY_TIMEOUT", "86400"),
    "no-lease-repair": _no_lease_repair,
    "index-believed": _index_believed,
    "id-on-connected": _id_on_connected,
}


def _hold_leash() -> None:
    while os.read(0, 4096):
        pass
    os._exit(70)


def main(name: str, arguments: list[str]) -> None:
    """Breaks one thing and goes on as `streamer` does."""
    BROKEN[name]()
    threading.Thread(target=_hold_leash, name="leash", daemon=True).start()
    cli.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
