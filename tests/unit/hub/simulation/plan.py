"""What happens in a simulated world, as values that hypothesis draws, shrinks and prints.

Times are milliseconds since the world began; what is not said here (delays, lags, jitter) follows from `seed` by the
name of what it delays, so that a history with one write less has the same delays elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

LATENESS_MS = 120_000  # the promise, said again here: a test that took it from the code would move with it
LAG_MS = 4_500
SKEW_MS = 2_500
"""Lag and two clocks (a container's, the relay's) are together off by 9.5 s, within the margin of 10 s."""

What = Literal["positive", "neutral", "negative", "pending", "deleted"]
Ticks = Literal["A", "AB", "B"]
Kind = Literal["stuck", "relay", "queue", "silent", "restart", "query", "slow", "users"]


@dataclass(frozen=True, slots=True)
class Step:
    """One write of an item, so long after the one before it."""

    gap_ms: int
    what: What
    tickers: Ticks = "A"


@dataclass(frozen=True, slots=True)
class Story:
    """One item: its first write comes `lateness_ms` after its timestamp."""

    at_ms: int
    lateness_ms: int
    steps: tuple[Step, ...]
    stamped: bool
    """Whether each version has an `updated_at` of its own; if not, there and back again is the same version."""
    late: bool
    """Whether it is written to after two minutes as well: outside the promise. If not, such steps are left out."""
    ttl_ms: int | None = None
    """So long after its last write it expires, and the table deletes it soon; None: never."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One write of the configuration."""

    at_ms: int
    tickers: Ticks


@dataclass(frozen=True, slots=True)
class Fault:
    """Something broken for a while. `target` is a shard (stuck) or a container, modulo how many there are.

    stuck: a shard is relayed late. relay: none is relayed. queue, silent: a queue is lost with all in it and a new one
    had later; the container knows, or does not. restart: down, and back as a new run. query: the table does not answer.
    slow: what the queue brings comes up to so much later. users: the users table does not answer.
    """

    kind: Kind
    target: int
    at_ms: int
    lasts_ms: int


@dataclass(frozen=True, slots=True)
class Visit:
    """A client at a container: connects after a pause; is cut after so many frames, or so much time."""

    container: int
    pause_ms: int
    frames: int | None
    stay_ms: int


@dataclass(frozen=True, slots=True)
class Wanderer:
    """A client. `slowness_ms`: how long it lets what was written wait, at most."""

    wants: Ticks
    first_ms: int
    slowness_ms: int
    visits: tuple[Visit, ...]
    configured: bool = False
    """It shows the configuration's tickers, not those that it wants."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A history up to `ends_ms`, when every fault is over; the world then settles."""

    seed: int
    ends_ms: int
    containers: int
    lag_ms: int
    skew_ms: int
    history_ms: int
    flush_ms: int
    """How long writes wait to be joined."""
    stories: tuple[Story, ...]
    faults: tuple[Fault, ...]
    wanderers: tuple[Wanderer, ...]
    edits: tuple[Edit, ...] = ()


Weather = Literal["mixed", "wandering", "outage", "flapping", "absence", "edited", "ghosts"]
"""What a history is rich in. wandering: one container goes by queries alone, clients go to and fro, corrections there
and back. outage: a container has neither queue nor table for minutes. flapping: items change several times a second.
absence: clients away for minutes, containers that restart meanwhile, a short history. edited: a
configuration changes, and containers cannot read the users table. ghosts: items are deleted while a container, or each
of them, restarts, and clients come back soon; others expire. mixed: anything."""
WEATHERS: tuple[Weather, ...] = ("mixed", "wandering", "outage", "flapping", "absence", "edited", "ghosts")

_GAPS = st.one_of(st.integers(50, 1_500), st.integers(1_500, 9_000), st.integers(9_000, 60_000))
_WHATS: st.SearchStrategy[What] = st.sampled_from(
    ["positive", "positive", "negative", "negative", "neutral", "pending", "deleted"]
)
_TICKERS: st.SearchStrategy[Ticks] = st.sampled_from(["A", "A", "A", "AB", "B"])
_LASTS: dict[Kind, st.SearchStrategy[int]] = {
    "stuck": st.one_of(st.integers(5_000, 60_000), st.integers(130_000, 240_000)),
    "relay": st.integers(5_000, 150_000),
    "queue": st.integers(0, 60_000),
    "silent": st.integers(1_000, 100_000),
    "restart": st.integers(500, 30_000),
    "query": st.one_of(st.integers(1_000, 20_000), st.integers(50_000, 120_000)),
    "slow": st.integers(10_000, 90_000),
    "users": st.integers(20_000, 200_000),
}
_KINDS: list[Kind] = list(_LASTS)
_DEAF: list[Kind] = ["queue", "silent", "relay"]
_CHOICES = st.sampled_from(["A", "AB", "B", "AB"])


@st.composite
def plans(draw: st.DrawFn, suited: Weather | None = None) -> Plan:
    """Histories of two to five minutes, in which what happens crowds around a few moments."""
    weather: Weather = suited if suited is not None else draw(st.sampled_from(WEATHERS))
    long = weather in ("outage", "absence")
    ends_ms = 300_000 if long else draw(st.sampled_from([150_000, 220_000, 300_000]))
    hot = draw(st.lists(st.integers(20_000, ends_ms - 20_000), min_size=1, max_size=3))
    near = [st.integers(max(0, moment - 15_000), min(ends_ms, moment + 15_000)) for moment in hot]
    moments = st.one_of(*near, *near, st.integers(0, ends_ms))
    if weather == "ghosts":
        moments = st.integers(hot[0] - 20_000, hot[0])
    stories = [draw(_stories(weather, moments)) for _ in range(draw(st.integers(2, 9)))]
    faults: list[Fault] = []
    if weather == "wandering":
        faults.append(Fault("queue", 1, 0, ends_ms))
    elif weather == "outage":
        begins = draw(st.integers(10_000, 60_000))
        faults += [Fault("queue", 0, 5_000, ends_ms), Fault("query", 0, begins, draw(st.integers(60_000, 230_000)))]
    elif weather == "absence":
        faults.append(Fault("restart", 0, draw(st.integers(150_000, 250_000)), draw(st.integers(500, 20_000))))
    elif weather == "edited":
        begins = draw(st.integers(20_000, 60_000))
        faults += [Fault("users", 0, begins, 150_000), Fault(draw(st.sampled_from(_DEAF)), 0, begins, 100_000)]
    elif weather == "ghosts":
        for target in range(draw(st.integers(1, 3))):
            begins = hot[0] + draw(st.integers(0, 2_000))
            faults.append(Fault("restart", target, begins, draw(st.integers(500, 20_000))))
        if draw(st.booleans()):
            faults.append(Fault(draw(st.sampled_from(_DEAF)), 0, hot[0], 100_000))
    for _ in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(_KINDS))
        faults.append(Fault(kind, draw(st.integers(0, 2)), draw(moments), draw(_LASTS[kind])))
    edits = st.builds(Edit, st.integers(10_000, min(200_000, ends_ms)), _CHOICES)  # none while the world settles
    return Plan(
        seed=draw(st.integers(0, 2**20)),
        ends_ms=ends_ms,
        containers=draw(st.integers(2, 3)),
        lag_ms=draw(st.sampled_from([LAG_MS, LAG_MS, 1_000, 0])),
        skew_ms=draw(st.sampled_from([SKEW_MS, SKEW_MS, 0])),
        history_ms=draw(st.sampled_from([900_000, 150_000] if long else [900_000, 240_000])),
        flush_ms=draw(st.sampled_from([50, 2_000])),
        stories=tuple(stories),
        faults=tuple(faults),
        wanderers=tuple(draw(_wanderers(weather, moments)) for _ in range(draw(st.integers(1, 3)))),
        edits=tuple(sorted(draw(st.lists(edits, max_size=4)), key=lambda edit: edit.at_ms)),
    )


@st.composite
def _stories(draw: st.DrawFn, weather: Weather, moments: st.SearchStrategy[int]) -> Story:
    first: What = draw(st.sampled_from(["positive", "positive", "negative", "pending"]))
    steps = [Step(0, first, draw(_TICKERS))]
    ttl_ms = draw(st.one_of(st.none(), st.integers(1_000, 60_000))) if weather == "ghosts" else None
    if weather == "ghosts" and ttl_ms is None:
        steps.append(Step(draw(st.integers(2_000, 30_000)), "deleted"))
    elif weather == "flapping":
        pairs = st.tuples(st.integers(100, 1_500), st.sampled_from(_FLAPS))
        steps += [
            Step(gap_ms, what, steps[0].tickers) for gap_ms, what in draw(st.lists(pairs, min_size=4, max_size=16))
        ]
    else:
        steps += draw(st.lists(st.builds(Step, _GAPS, _WHATS, _TICKERS), max_size=1 if weather == "wandering" else 3))
    if weather == "wandering" or (weather != "ghosts" and draw(st.booleans())):  # there and back again
        there = draw(st.integers(20_000, 60_000) if weather == "wandering" else st.integers(200, 12_000))
        back = draw(st.integers(500, 4_500) if weather == "wandering" else st.integers(100, 8_000))
        steps += [Step(there, "neutral", steps[-1].tickers), Step(back, steps[-1].what, steps[-1].tickers)]
    return Story(
        at_ms=draw(moments),
        lateness_ms=draw(st.one_of(st.integers(0, 2_000), st.integers(0, 118_000))),
        steps=tuple(steps),
        stamped=draw(st.sampled_from([False, False, True])),
        late=draw(st.sampled_from([False, False, False, False, True])),
        ttl_ms=ttl_ms,
    )


_FLAPS: list[What] = ["positive", "negative", "neutral"]


@st.composite
def _wanderers(draw: st.DrawFn, weather: Weather, moments: st.SearchStrategy[int]) -> Wanderer:
    restless = weather in ("wandering", "flapping")
    pauses = st.one_of(st.integers(0, 500), st.integers(0, 20_000), st.integers(0, 90_000))
    stays = st.one_of(st.integers(200, 5_000), st.integers(5_000, 60_000))
    if restless:
        pauses, stays = st.integers(0, 300), st.integers(300, 4_000)
    elif weather == "ghosts":
        pauses, stays = st.integers(0, 3_000), st.integers(3_000, 30_000)
    elif weather == "absence":
        pauses = st.one_of(st.integers(0, 2_000), st.integers(100_000, 240_000))
    visits = st.builds(
        Visit,
        container=st.integers(0, 1 if restless else 2),
        pause_ms=pauses,
        frames=st.one_of(st.none(), st.none(), st.integers(0, 8))
        if restless
        else st.one_of(st.none(), st.integers(0, 8)),
        stay_ms=stays,
    )
    return Wanderer(
        wants=draw(st.sampled_from(_WANTS)),
        first_ms=draw(st.one_of(st.integers(0, 20_000), moments)),
        slowness_ms=draw(st.sampled_from([50, 50, 3_000])),
        configured=draw(st.sampled_from([True] if weather == "edited" else [False, False, True])),
        visits=tuple(draw(st.lists(visits, min_size=12 if restless else 1, max_size=30 if restless else 10))),
    )


_WANTS: list[Ticks] = ["AB", "AB", "A", "B"]
