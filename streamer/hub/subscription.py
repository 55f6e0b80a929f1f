"""One configuration that open streams show: its tickers, since when it has them, and which observations change them.

There are two sources. A notice (push) reports one write; sequence numbers order the notices of one configuration. A
consistent read is valid at the time at which it began. A notice that was committed after a read began, by more than
clocks differ, is newer than the read. If the order is unknown, or if a read that began before the last notice
contradicts it, the configuration is read again.
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
"""Upper bound of clock skew, in milliseconds."""


class Consequence(Enum):
    """What to do after an observation."""

    NOTHING = "nothing"
    CHANGED = "changed"
    """The configuration changed: its streams get the new filter, or end."""
    READ = "read"
    """The order is unknown; a consistent read that begins now is needed."""


@dataclass(frozen=True, slots=True)
class SubscriptionMemory:
    """What is kept of a configuration after its last stream has ended."""

    shows: frozenset[str] | None
    since: FilterSince


@dataclass(slots=True, eq=False)
class ConfigurationSubscription(Generic[Subscriber]):
    """Mutable state of one configuration. Times are Unix milliseconds; frames are numbers of the hub's frames."""

    key: ConfigurationKey
    shows: frozenset[str] | None
    """Its tickers; None if it was deleted or disabled."""
    since: FilterSince
    read_ms: int
    """Time at which the newest applied read began: until then the tickers are proven."""
    notified_ms: int = -1
    """Time at which the newest notice arrived."""
    seq: int = -1
    """Sequence number of the newest notice."""
    claims: int = 0
    """Number of requests that use it."""
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
        """Creates the state from a read that began at `began_ms`. `before`: the memory of an earlier subscription.

        In between, the tickers may have changed and changed back. Clients of this run miss nothing by that; for clients
        of other runs `changed_ms` decides.
        """
        changed_ms = now_ms if configuration.changed_ms is None else configuration.changed_ms
        since = FilterSince(changed_ms, newest, other_before=before is not None)
        if before is not None and before.shows == configuration.shows:
            since = FilterSince(max(changed_ms, before.since.changed_ms), before.since.frame, before.since.other_before)
        return cls(key, configuration.shows, since, began_ms)

    def received(self, notice: Notice, *, now_ms: int, newest: int) -> Consequence:
        """Applies a notice. `newest`: the number of the hub's newest frame."""
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
        """Applies the result of a consistent read (None: there is none) that began at `began_ms`. `overtaken`: a notice
        may have arrived since then."""
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
            # It changed and changed back between two reads: streams of other runs may have shown the change.
            self.since = FilterSince(changed_ms, self.since.frame, self.since.other_before)
        return Consequence.NOTHING

    def memory(self) -> SubscriptionMemory:
        """Returns what to keep after the last stream has ended."""
        return SubscriptionMemory(self.shows, self.since)

    def _change(self, shows: frozenset[str] | None, changed_ms: int, newest: int) -> Consequence:
        self.shows = shows
        self.since = FilterSince(changed_ms, newest, other_before=True)
        return Consequence.CHANGED
