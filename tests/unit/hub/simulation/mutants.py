"""The service with one mechanism broken, each while a `with` lasts. The checks are worth what they see of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from streamer.change import Change, Key
from streamer.hub import resume
from streamer.hub.history import History
from streamer.hub.hub import Hub, Outcome
from streamer.hub.ledger import Answer, Decision, Ledger, TableReading, _Entry
from streamer.intake import poll
from streamer.streams import delivery
from tests.unit.hub.simulation import container
from tests.unit.hub.simulation.plan import Weather

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """What breaks it, the weather in which that shows soonest, and the checks that may see it."""

    patch: Patch
    weather: Weather | None
    checks: str
    seed: int
    """Of histories among which one that shows it comes soon."""


MUTANTS: dict[str, Mutant] = {}


def mutant(weather: Weather | None, checks: str, seed: int = 0) -> Callable[[Patch], Patch]:
    def keep(make: Patch) -> Patch:
        MUTANTS[make.__name__] = Mutant(make, weather, checks, seed)
        return make

    return keep


@contextmanager
def broken(name: str) -> Iterator[None]:
    """The service is broken so within."""
    with pytest.MonkeyPatch.context() as patch:
        MUTANTS[name].patch(patch)
        yield


@mutant(None, "AB", 5)
def watermark_from_the_newest_relayed_at(patch: pytest.MonkeyPatch) -> None:
    publish, proved = Hub.publish, Hub.proved

    def publishing(self: Hub[Any], changes: Any, *, dated_ms: int, now_ms: int) -> Outcome:
        if self.covered_since_ms is not None:
            self.watermark_ms = max(self.watermark_ms, dated_ms)
        return publish(self, changes, dated_ms=dated_ms, now_ms=now_ms)

    def proving(self: Hub[Any], began_ms: int, since_ms: int, *, ended_ms: int) -> None:
        before = self.watermark_ms
        proved(self, began_ms, since_ms, ended_ms=ended_ms)
        self.watermark_ms = before or self.watermark_ms

    patch.setattr(Hub, "publish", publishing)
    patch.setattr(Hub, "proved", proving)


@mutant(None, "AB", 3)
def no_margin(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(container, "MARGIN_MS", 0)
    patch.setattr(container, "LEDGER_MARGIN_MS", 1_000)


@mutant("flapping", "ABD", 6)
def the_index_is_believed_without_a_second_look(patch: pytest.MonkeyPatch) -> None:
    observe = Ledger.observe_reading

    def believing(self: Ledger, reading: TableReading, now_ms: int) -> Decision:
        return observe(self, replace(reading, consistent=True), now_ms)

    patch.setattr(Ledger, "observe_reading", believing)


@mutant(None, "E", 0)
def connected_has_an_id(patch: pytest.MonkeyPatch) -> None:
    replay = delivery.Delivery._replay

    def with_id(self: delivery.Delivery, stream: Any, opening: bytes) -> None:
        prefix = f"id: {self._hub.place()}\n".encode() if b"event: connected" in opening else b""
        replay(self, stream, prefix + opening)

    patch.setattr(delivery.Delivery, "_replay", with_id)


@mutant(None, "AB", 49)
def verification_is_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(container, "VERIFY_SECONDS", 1e6)


@mutant("wandering", "AB", 25)
def resume_from_the_places_time_exactly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resume, "LATENESS_MS", 0)


@mutant("outage", "AB", 51)
def no_longer_query_after_an_outage(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(poll, "LATENESS_MS", -(10**9))


@mutant("flapping", "ABD", 6)
def a_read_is_the_truth_although_the_hub_moved_on(patch: pytest.MonkeyPatch) -> None:
    observe = Ledger.observe_reading

    def regardless(self: Ledger, reading: TableReading, now_ms: int) -> Decision:
        return observe(self, replace(reading, as_of=10**9), now_ms)

    patch.setattr(Ledger, "observe_reading", regardless)


@mutant("absence", "AB", 18)
def a_run_claims_what_was_before_it(patch: pytest.MonkeyPatch) -> None:
    begin = resume.begin

    def claiming(request: Any, history: Any, *, viewed_ms: int | None, **others: Any) -> Any:
        return begin(request, history, viewed_ms=0, **others)

    patch.setattr(resume, "begin", claiming)


@mutant("ghosts", "B")
def a_run_claims_deletions_from_before_its_view(patch: pytest.MonkeyPatch) -> None:
    """It knows from its first query what was written in the minute before, but not what was deleted."""
    proved = Hub.proved

    def proving(self: Hub[Any], began_ms: int, since_ms: int, *, ended_ms: int) -> None:
        proved(self, began_ms, since_ms, ended_ms=ended_ms)
        self.viewed_ms = self.covered_since_ms

    patch.setattr(Hub, "proved", proving)


@mutant("ghosts", "D")
def a_deletion_by_ttl_that_a_query_finds_is_a_withdrawal(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_Entry, "is_expired_in", lambda self, reading: False)


@mutant("absence", "ABE", 1)
def evicted_entries_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    evict = History._evict

    def forgetting(self: History) -> None:
        evict(self)
        self.evicted_dated_ms = -1

    patch.setattr(History, "_evict", forgetting)


@mutant("flapping", "E", 3)
def no_flush_before_a_replay(patch: pytest.MonkeyPatch) -> None:
    flush, replay = delivery.Delivery.flush, delivery.Delivery._replay

    def replaying(self: delivery.Delivery, stream: Any, opening: bytes) -> None:
        with pytest.MonkeyPatch.context() as within:
            within.setattr(delivery.Delivery, "flush", lambda self: None)
            replay(self, stream, opening)

    assert flush is not None
    patch.setattr(delivery.Delivery, "_replay", replaying)


@mutant(None, "ABD", 1)
def records_are_taken_in_the_order_in_which_they_come(patch: pytest.MonkeyPatch) -> None:
    observe = Ledger.observe_record

    def newest(self: Ledger, change: Change, now_ms: int) -> Decision:
        entry = self._entries.get(change.key)
        if entry is not None:
            entry.seq = -1
        return observe(self, change, now_ms)

    patch.setattr(Ledger, "observe_record", newest)


@mutant(None, "B", 4)
def what_vanished_is_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    def nothing(self: Hub[Any], found: Any, *, since: str, began_ms: int) -> list[Key]:
        return []

    patch.setattr(Hub, "missing", nothing)


@mutant(None, "ABD", 9)
def what_was_learnt_is_never_news(patch: pytest.MonkeyPatch) -> None:
    """The walk back enters what the queries answer for as well."""
    backfill = Hub.backfill

    def learning(self: Hub[Any], rows: Any, since_ms: int, *, remember: tuple[str, str], now_ms: int) -> bool:
        return backfill(self, rows, since_ms, remember=(remember[0], "9"), now_ms=now_ms)

    patch.setattr(Hub, "backfill", learning)


@mutant(None, "AB", 13)
def a_late_change_claims_what_was_proved_meanwhile(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Hub, "_lower_watermark", lambda self, written_ms, now_ms: None)


@mutant("flapping", "ABD")
def a_record_that_comes_again_is_told_again(patch: pytest.MonkeyPatch) -> None:
    observe = Ledger.observe_record

    def repeating(self: Ledger, change: Change, now_ms: int) -> Decision:
        entry = self._entries.get(change.key)
        if entry is not None and change.seq == entry.seq:
            return replace(observe(self, change, now_ms), answer=Answer.PUBLISH)
        return observe(self, change, now_ms)

    patch.setattr(Ledger, "observe_record", repeating)


@mutant("edited", "AB")
def configuration_streams_claim_what_is_proven_of_items(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Hub, "_claim", lambda self, time_ms, wanted: time_ms)
