from __future__ import annotations

from dataclasses import dataclass

from streamer.streams.due import CalendarQueue


@dataclass(eq=False)
class Thing:
    due: int | None = None


def test_each_is_given_once_at_the_first_tick_after_its_moment() -> None:
    due: CalendarQueue[Thing] = CalendarQueue(0.25, 100.0)
    soon, later, past = Thing(), Thing(), Thing()
    due.schedule(100.6, soon)
    due.schedule(103.0, later)
    due.schedule(50.0, past)
    assert list(due.take(100.0)) == [past]
    assert list(due.take(100.7)) == []
    assert list(due.take(100.75)) == [soon]
    assert list(due.take(102.99)) == []
    assert list(due.take(200.0)) == [later]
    assert list(due.take(300.0)) == []


def test_the_newest_word_counts_and_what_is_never_due_is_not_held() -> None:
    due: CalendarQueue[Thing] = CalendarQueue(0.25, 0.0)
    moved, dropped = Thing(), Thing()
    due.schedule(5.0, moved)
    due.schedule(1.0, moved)
    due.schedule(1.0, dropped)
    due.cancel(dropped)
    due.cancel(dropped)
    assert list(due.take(1.0)) == [moved]
    assert list(due.take(10.0)) == []
    assert not due._buckets


def test_what_is_said_while_it_is_taken_counts() -> None:
    due: CalendarQueue[Thing] = CalendarQueue(1.0, 0.0)
    things = [Thing() for _ in range(5)]
    for thing in things:
        due.schedule(1.0, thing)
    given = []
    for thing in due.take(1.0):
        given.append(thing)
        for other in things:
            due.cancel(other)
        due.schedule(0.5, thing)
    assert len(given) == 1
    assert list(due.take(1.5)) == []
    assert list(due.take(2.0)) == given


def test_what_is_left_when_the_taking_ends_early_is_given_by_the_next() -> None:
    due: CalendarQueue[Thing] = CalendarQueue(1.0, 0.0)
    things = [Thing() for _ in range(5)]
    for thing in things:
        due.schedule(1.0, thing)
    first = next(due.take(1.0))
    due.schedule(0.5, first)
    assert set(due.take(1.5)) == set(things) - {first}
    assert list(due.take(2.0)) == [first]
    assert not due._buckets
