"""From the table's stream to the containers' queues: per shard in order, as late as faults make it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from streamer.change import Key
from tests.unit.hub.simulation.clock import Clock
from tests.unit.hub.simulation.users import KEY

SHARDS = 3
_CANARY_MS = 60_000


class Relay:
    """Relays what was committed, and a canary each minute. `publish` takes a message's name and body."""

    def __init__(
        self,
        clock: Clock,
        publish: Callable[[str, str], None],
        *,
        skew_ms: int,
        held_until: Callable[[int], int | None],
    ) -> None:
        """`held_until`: until when a shard, or all of them (-1), is not relayed now; None: it is."""
        self._clock = clock
        self._publish = publish
        self._skew_ms = skew_ms
        self._held_until = held_until
        self._waiting: list[list[dict[str, Any]]] = [[] for _ in range(SHARDS)]
        self._sequence = 1000
        self._messages = 0
        clock.after(1_000, self._canary)

    def committed(
        self, key: Key, before: dict[str, Any] | None, after: dict[str, Any] | None, *, expired: bool = False
    ) -> None:
        record: dict[str, Any] = {
            "op": "REMOVE" if after is None else "INSERT" if before is None else "MODIFY",
            "table": "sentiment",
            "keys": {"source_id": key.source_id, "timestamp": key.timestamp},
        }
        record |= {} if before is None else {"old": _allowed(before)}
        record |= {} if after is None else {"new": _allowed(after)}
        record |= {"ttl": True} if expired else {}
        self._add(key.source_id, record)

    def edited(self, after: dict[str, Any]) -> None:
        user_id, config_id = KEY
        keys = {"PK": f"USER#{user_id}", "SK": f"CONFIG#{config_id}"}
        self._add(config_id, {"op": "MODIFY", "table": "users", "keys": keys, "new": after})

    def _add(self, name: str, record: dict[str, Any]) -> None:
        self._sequence += 1
        record |= {"seq": str(self._sequence), "committed_at": self._clock.now // 1000}
        shard = round(self._clock.noise("shard", name) * 1e6) % SHARDS
        self._waiting[shard].append(record)
        self._clock.after(80 + 900 * self._clock.noise("relay", shard, self._sequence) ** 2, lambda: self._relay(shard))

    def _relay(self, shard: int) -> None:
        held = self._held_until(shard)
        if held is not None:
            self._clock.at(held, lambda: self._relay(shard))
        elif self._waiting[shard]:
            changes, self._waiting[shard] = self._waiting[shard], []
            self._say({"changes": changes})
            if self._clock.noise("again", self._messages) < 0.05:  # an answer that was lost: the batch comes again
                self._say({"changes": changes})

    def _canary(self) -> None:
        self._clock.after(_CANARY_MS, self._canary)
        if self._held_until(-1) is None:
            self._say({"canary": {"sent_at": self._clock.now + self._skew_ms}})

    def _say(self, content: dict[str, Any]) -> None:
        self._messages += 1
        if "changes" in content:
            content = {"relayed_at": self._clock.now + self._skew_ms} | content
        self._publish(f"m{self._messages}", json.dumps({"v": 1} | content))


def _allowed(image: dict[str, Any]) -> dict[str, Any]:
    """The expiry does not leave the table."""
    return {name: value for name, value in image.items() if name != "ttl_timestamp"}
