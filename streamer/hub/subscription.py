"""One configuration that streams show: which tickers it has, since when, and what of all that comes may change it.

Two sources tell of it. A notice is one write: those of one configuration have an order, their sequence numbers. A
consistent read is the truth at its start. Which of the two is newer the clocks say where they can: a notice that was
committed after a read began, by more than clocks differ, is newer than that read. What they cannot decide, or what a
read contradicts that began before the last notice came, is read again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from streamer.configuration import Configuration, Notice
from streamer.hub.resume import FilterSince

Subscriber = TypeVar("Subscriber")

ConfigurationKey = tuple[str, str]
"""The user's id and the configuration's."""
CLOCKS_MS = 1_000
"""By how much clocks differ, at most."""


class Consequence(Enum):
    """What is to be done after something was told."""

    NOTHING = "nothing"
    CHANGED = "changed"
    """The streams show something else from here on."""
    READ = "read"
    """Only a consistent read that begins now can decide."""


@dataclass(frozen=True, slots=True)
class SubscriptionMemory:
    """What is remembered of a configuration that no stream shows any more."""

    shows: frozenset[str] | None
    since: FilterSince


@dataclass(slots=True, eq=False)
class ConfigurationSubscription(Generic[Subscriber]):
    """Mutable state of one configuration; times are Unix milliseconds, frames the hub's numbers."""

    key: ConfigurationKey
    shows: frozenset[str] | None
    """Its tickers; None: it is gone, or disabled."""
    since: FilterSince
    read_ms: int
    """When the newest read that counts began: up to then this is the truth."""
    notified_ms: int = -1
    """When the newest notice came."""
    seq: int = -1
    """Its sequence number."""
    claims: int = 0
    """How many requests hold it."""
    streams: set[Subscriber] = field(default_factory=set)

    @classmethod
    def begin(
        cls,
        key: ConfigurationKey,
        configuration: Configuration,
        *,
        began_ms: int,
        now_ms: int,
        newest: int,
        before: SubscriptionMemory | None,
    ) -> ConfigurationSubscription[Subscriber]:
        """From a read that began then. `before`: what this run remembers of an earlier watch.

        While nobody watched, the tickers may have changed and changed back: this run's own clients lose nothing by
        that, and for those of other runs the time says so.
        """
        changed_ms = now_ms if configuration.changed_ms is None else configuration.changed_ms
        since = FilterSince(changed_ms, newest, other_before=before is not None)
        if before is not None and before.shows == configuration.shows:
            since = FilterSince(max(changed_ms, before.since.changed_ms), before.since.frame, before.since.other_before)
        return cls(key, configuration.shows, since, began_ms)

    def received(self, notice: Notice, *, now_ms: int, newest: int) -> Consequence:
        """A notice came, when the hub's newest frame was `newest`."""
        if notice.seq <= self.seq:
            return Consequence.NOTHING
        self.seq, self.notified_ms = notice.seq, now_ms
        if notice.shows == self.shows:
            return Consequence.NOTHING
        if notice.committed_at * 1000 > self.read_ms + CLOCKS_MS:
            return self._change(notice.shows, (notice.committed_at + 1) * 1000, newest)
        older = (notice.committed_at + 1) * 1000 + CLOCKS_MS < self.read_ms
        return Consequence.NOTHING if older else Consequence.READ

    def found(
        self, configuration: Configuration | None, *, began_ms: int, overtaken: bool, now_ms: int, newest: int
    ) -> Consequence:
        """A consistent read found it so (None: not at all) that began then. `overtaken`: a notice came since,
        perhaps."""
        if began_ms < self.read_ms:
            return Consequence.NOTHING
        shows = None if configuration is None else configuration.shows
        changed_ms = None if configuration is None else configuration.changed_ms
        if shows != self.shows:
            if overtaken:
                return Consequence.READ
            self.read_ms = began_ms
            return self._change(shows, now_ms if changed_ms is None else changed_ms, newest)
        self.read_ms = began_ms
        if changed_ms is not None and changed_ms > self.since.changed_ms:
            # There and back between two looks: no stream of this run noticed, one of another may have.
            self.since = FilterSince(changed_ms, self.since.frame, self.since.other_before)
        return Consequence.NOTHING

    def memory(self) -> SubscriptionMemory:
        """What to remember when the last one leaves."""
        return SubscriptionMemory(self.shows, self.since)

    def _change(self, shows: frozenset[str] | None, changed_ms: int, newest: int) -> Consequence:
        self.shows = shows
        self.since = FilterSince(changed_ms, newest, other_before=True)
        return Consequence.CHANGED
