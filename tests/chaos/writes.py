"""What was written, when: the truth that everything else is held against."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamer.change import Key, State, version


@dataclass(frozen=True, slots=True)
class Write:
    """One write to the table; times in Unix seconds."""

    key: Key
    state: State | None
    """What it shows; None: pending, unscored or deleted."""
    began: float
    """Before the call."""
    ended: float
    """After the answer: from now on everybody who reads consistently sees it."""
    deleted: bool = False

    def version(self, ticker: str) -> str | None:
        """The version shown under one ticker, or None."""
        return version(self.key, ticker, self.state) if self.state and ticker in self.state.tickers else None


@dataclass(slots=True)
class Log:
    """Every write of one run, in order. One thread writes, any may read."""

    writes: list[Write] = field(default_factory=list)
    _by_key: dict[Key, list[Write]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, write: Write) -> None:
        """Takes in one write that has been answered."""
        with self._lock:
            self.writes.append(write)
            self._by_key.setdefault(write.key, []).append(write)

    def items(self) -> dict[Key, tuple[Write, ...]]:
        """The writes of each item."""
        with self._lock:
            return {key: tuple(writes) for key, writes in self._by_key.items()}


def attributes(key: Key, state: State | None) -> dict[str, Any]:
    """An item as DynamoDB holds it; without a state it is pending."""
    item: dict[str, Any] = {
        "source_id": {"S": key.source_id},
        "timestamp": {"S": key.timestamp},
        "article_text": {"S": "never to be seen " * 10},
    }
    if state is None:
        return item
    item |= {
        "matched_tickers": {"L": [{"S": ticker} for ticker in state.tickers]},
        "sentiment": {"S": state.label},
        "score": {"N": str(state.score)},
    }
    if state.source is not None:
        item["source"] = {"S": state.source}
    if state.updated_at is not None:
        item["updated_at"] = {"S": state.updated_at}
    return item


def visible(item: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The attributes of these names."""
    return {name: item[name] for name in names if name in item}
