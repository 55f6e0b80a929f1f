"""A message becomes changes; what is broken is dropped alone, what makes no sense is poison, and neither is quoted."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.change import Item, Key, State
from streamer.errors import PoisonMessage
from streamer.intake.decode import Batch, Canary, decode

TABLE = "sentiment"
RELAYED_AT = 1_732_280_000_123
SECRET = "quarterly outlook"
SCORED = {
    "matched_tickers": ["tsla", "AAPL"],
    "sentiment": "positive",
    "score": 0.37,
    "source": "wire",
    "updated_at": "2026-11-22T14:18:46.484Z",
}


def record(**members: object) -> dict[str, Any]:
    """One change as the relay writes it, with some members replaced."""
    return {
        "op": "INSERT",
        "table": TABLE,
        "keys": {"source_id": "wire:0901", "timestamp": "2026-11-22T14:18:46.484Z"},
        "new": SCORED,
        "seq": "111700000000000000000000001",
        "committed_at": 1_732_280_000,
    } | members


def body(*records: object, **members: object) -> str:
    return json.dumps({"v": 1, "relayed_at": RELAYED_AT, "trace": "Root=1-2-3", "changes": records} | members)


def batch(*records: object, **members: object) -> Batch:
    decoded = decode(body(*records, **members), TABLE)
    assert isinstance(decoded, Batch)
    return decoded


def test_an_insert_is_a_change_with_its_state_and_order() -> None:
    decoded = batch(record())
    assert (decoded.relayed_at, decoded.trace, decoded.faults, decoded.elsewhere) == (RELAYED_AT, "Root=1-2-3", (), 0)
    (change,) = decoded.changes
    assert change.key == Key("wire:0901", "2026-11-22T14:18:46.484Z")
    assert change.after.state == State(
        ("AAPL", "TSLA"), "positive", Decimal("0.37"), None, "wire", "2026-11-22T14:18:46.484Z"
    )
    assert (change.before, change.seq, change.committed_at) == (None, 111700000000000000000000001, 1_732_280_000)


def test_a_modification_brings_the_state_before() -> None:
    (change,) = batch(record(op="MODIFY", old=SCORED | {"sentiment": "negative", "score": -1})).changes
    assert change.before is not None
    assert (change.before.label, change.before.score) == ("negative", Decimal(-1))


def test_an_item_that_was_pending_had_no_state_before() -> None:
    assert batch(record(op="MODIFY", old={"source": "wire"})).changes[0].before is None


@pytest.mark.parametrize(
    ("members", "after"),
    [({}, "deleted"), ({"ttl": False}, "deleted"), ({"ttl": True}, "expired")],
)
def test_a_removal_says_whether_somebody_or_the_ttl_deleted(members: dict[str, object], after: Any) -> None:
    removal = record(op="REMOVE", old=SCORED) | members
    del removal["new"]
    (change,) = batch(removal).changes
    assert change.after == Item(None, after)
    assert change.before is not None


def test_an_item_that_breaks_a_rule_is_a_change_that_says_which() -> None:
    (change,) = batch(record(new=SCORED | {"score": 7})).changes
    assert change.after == Item(None, "unscored", "score")


@pytest.mark.parametrize(
    "digits",
    ["0.1000000000000000055511151231257827", "-0.12345678901234567890123456789012345678", "1", "1.0", "1E-130"],
)
def test_no_digit_of_a_number_is_lost(digits: str) -> None:
    (change,) = decode(body(record(new=SCORED | {"score": "?"})).replace('"?"', digits), TABLE).changes  # type: ignore[union-attr] # a Batch
    assert change.after.state is not None
    assert change.after.state.score == Decimal(digits)
    assert change.after.state.score.as_tuple().digits == Decimal(digits).as_tuple().digits


@pytest.mark.parametrize("digits", ["1e99999999999999999999", "-1e-99999999999999999999", "9" * 5000, "1e400", "-7"])
def test_a_number_no_table_can_hold_spoils_its_own_item_alone(digits: str) -> None:
    text = body(record(), record(new=SCORED | {"score": "?"}), record()).replace('"?"', digits)
    decoded = decode(text, TABLE)
    assert isinstance(decoded, Batch)
    assert [change.after.fault for change in decoded.changes] == [None, "score", None]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"])
def test_a_time_that_utc_cannot_express_is_no_time(moment: str) -> None:
    decoded = batch(
        record(new=SCORED | {"updated_at": moment}), record(keys={"source_id": "wire:2", "timestamp": moment})
    )
    (change,) = decoded.changes
    assert change.after.state is not None
    assert change.after.state.updated_at is None
    assert len(decoded.faults) == 1


def test_changes_keep_the_order_of_the_message() -> None:
    seqs = [17, 5, 99, 98]
    assert [change.seq for change in batch(*(record(seq=str(seq)) for seq in seqs)).changes] == seqs


def test_other_tables_are_counted_and_not_judged() -> None:
    decoded = batch(record(table="users", keys=None, new=3), record(), record(table="users"))
    assert (len(decoded.changes), decoded.faults, decoded.elsewhere) == (1, (), 2)


def test_a_canary_says_when_it_was_sent() -> None:
    assert decode('{"v":1,"canary":{"sent_at":1732280000123}}', TABLE) == Canary(RELAYED_AT)
    assert decode('{"v":1,"trace":"Root=1","canary":{"sent_at":5}}', TABLE) == Canary(5, "Root=1")


@pytest.mark.parametrize("trace", [None, 7, ["Root=1"], "\ud800", "x" * 1001])
def test_a_bad_trace_costs_no_change(trace: object) -> None:
    decoded = batch(record(), trace=trace)
    assert (decoded.trace, len(decoded.changes)) == (None, 1)
    decoded = batch(record(), traceparent=trace)
    assert (decoded.trace, decoded.traceparent, len(decoded.changes)) == ("Root=1-2-3", None, 1)


def message(**members: object) -> str:
    return json.dumps({"v": 1, "relayed_at": RELAYED_AT, "changes": []} | members)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "json"),
        ("{", "json"),
        (body(record())[:-20], "json"),
        ("\ufeff{}", "json"),
        ('{"v":1} {}', "json"),
        (message(relayed_at=float("nan")), "json"),
        ('{"v":1,"relayed_at":-Infinity,"changes":[]}', "json"),
        ("[" * 100_000, "json"),
        ("[" + "9" * 5000 + "," + "[" * 100_000, "json"),
        ('{"a":' * 50_000, "json"),
        ("[" + "9" * 5000 + ", NaN]", "json"),
        ("[]", "shape"),
        ("null", "shape"),
        ('"text"', "shape"),
        ("1e99999999999999999999", "shape"),
        ("{}", "version"),
        (message(v=2), "version"),
        (message(v="1"), "version"),
        (message(v=True), "version"),
        (message(v=1.0), "version"),
        (message(v=10**2000), "version"),
        (message(changes=None), "shape"),
        (message(changes={"0": record()}), "shape"),
        (message(relayed_at=None), "shape"),
        (message(relayed_at="2026"), "shape"),
        (message(relayed_at=True), "shape"),
        (message(relayed_at=-1), "shape"),
        (message(relayed_at=1.5), "shape"),
        (message(relayed_at=10**30), "shape"),
        (message(canary={"sent_at": 5}), "shape"),
        ('{"v":1,"canary":null}', "shape"),
        ('{"v":1,"canary":{}}', "shape"),
        ('{"v":1,"canary":{"sent_at":true}}', "shape"),
    ],
)
def test_nonsense_is_poison_and_says_why(text: str, reason: str) -> None:
    with pytest.raises(PoisonMessage) as poison:
        decode(text, TABLE)
    assert poison.value.reason == reason
    assert poison.value.detail


@pytest.mark.parametrize("letter", ["a", "é", "\ud800"])
def test_a_message_is_measured_in_bytes(letter: str) -> None:
    width = len(letter.encode("utf-8", "surrogatepass"))
    around = len(message(pad=""))
    most = letter * ((262_144 - around) // width)
    fits = message(pad="?").replace("?", most)
    assert isinstance(decode(fits, TABLE), Batch)
    with pytest.raises(PoisonMessage) as poison:
        decode(fits + " " * width, TABLE)
    assert poison.value.reason == "too_large"


WITHOUT = object()


@pytest.mark.parametrize(
    ("member", "value", "named"),
    [
        ("op", "UPSERT", "op"),
        ("op", ["INSERT"], "op"),
        ("table", WITHOUT, "table"),
        ("table", 7, "table"),
        ("keys", WITHOUT, "keys"),
        ("keys", [], "keys"),
        ("keys", {"timestamp": "2026-11-22T14:18:46.484Z"}, "source_id"),
        ("keys", {"source_id": "", "timestamp": "2026-11-22T14:18:46.484Z"}, "source_id"),
        ("keys", {"source_id": 7, "timestamp": "2026-11-22T14:18:46.484Z"}, "source_id"),
        ("keys", {"source_id": "\ud800", "timestamp": "2026-11-22T14:18:46.484Z"}, "source_id"),
        ("keys", {"source_id": "wire:1"}, "timestamp"),
        ("keys", {"source_id": "wire:1", "timestamp": "yesterday"}, "timestamp"),
        ("keys", {"source_id": "wire:1", "timestamp": 1732280000}, "timestamp"),
        ("keys", {"source_id": "wire:1", "timestamp": "2026-11-22\ud80014:18:46"}, "timestamp"),
        ("new", WITHOUT, "new"),
        ("new", [], "new"),
        ("old", [], "old"),
        ("old", "text", "old"),
        ("seq", WITHOUT, "seq"),
        ("seq", 111, "seq"),
        ("seq", "", "seq"),
        ("seq", "-1", "seq"),
        ("seq", "1١", "seq"),
        ("seq", "²", "seq"),
        ("seq", "1" * 5000, "seq"),
        ("committed_at", WITHOUT, "committed_at"),
        ("committed_at", 1.5, "committed_at"),
        ("committed_at", True, "committed_at"),
        ("committed_at", -1, "committed_at"),
        ("committed_at", 10**12, "committed_at"),
    ],
)
def test_a_broken_change_is_dropped_alone_and_named(member: str, value: object, named: str) -> None:
    broken = record(**{member: value})
    if value is WITHOUT:
        del broken[member]
    decoded = batch(record(seq="1"), broken, record(seq="3"))
    assert [change.seq for change in decoded.changes] == [1, 3]
    (fault,) = decoded.faults
    assert fault.startswith("change 1: ")
    assert named in fault


@pytest.mark.parametrize("broken", [None, 7, "text", [], True])
def test_a_change_that_is_no_object_is_dropped_alone(broken: object) -> None:
    decoded = batch(broken, record())
    assert len(decoded.changes) == 1
    assert decoded.faults[0].startswith("change 0: ")


def test_a_removal_with_a_strange_ttl_mark_is_a_fault() -> None:
    assert "ttl" in batch(record(op="REMOVE", ttl="yes")).faults[0]


NUMERALS = {'"HUGE"': "9" * 4400, '"FAR"': "1e99999999999999999999"}
"""Numbers that Python itself cannot write; a mark stands in for each until the text is there."""
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["HUGE", "FAR"])
    | st.sampled_from([SECRET, "\ud800", "positive", "INSERT", "REMOVE", TABLE, "2026-11-22T14:18:46.484Z", "1" * 200])
    | st.text(st.characters(exclude_categories=()), max_size=8)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["v", "changes", "sent_at", "sentiment", "\udfff", SECRET]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def mutated(draw: st.DrawFn, whole: Any) -> Any:
    """The same structure with one member, somewhere in it, replaced, taken away, or added to."""
    target = whole
    while isinstance(target, dict | list) and target:
        key = draw(st.sampled_from(sorted(target) if isinstance(target, dict) else range(len(target))))
        if isinstance(target[key], dict | list) and target[key] and draw(st.integers(0, 3)):
            target = target[key]
            continue
        match draw(st.integers(0, 3)):
            case 0:
                del target[key]
            case _:
                target[key] = draw(VALUES)
        break
    return whole


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Messages that were good before something happened to them."""
    good: dict[str, Any] = json.loads(
        body(record(), record(op="MODIFY", old=SCORED), record(op="REMOVE", ttl=True), record(table="users"))
    )
    for _ in range(draw(st.integers(1, 3))):
        good = mutated(draw, copy.deepcopy(good))
    return written(good)


def written(value: object) -> str:
    text = json.dumps(value)
    for mark, numeral in NUMERALS.items():
        text = text.replace(mark, numeral)
    return text


def decodes_or_is_poison(text: str) -> None:
    decoded: Batch | Canary | PoisonMessage
    try:
        decoded = decode(text, TABLE)
    except PoisonMessage as poison:
        decoded = poison
    if isinstance(decoded, PoisonMessage):
        assert decoded.reason in {"too_large", "json", "version", "shape"}
        assert SECRET not in decoded.detail
    elif isinstance(decoded, Batch):
        assert not any(SECRET in fault for fault in decoded.faults)
        assert all(change.key.source_id for change in decoded.changes)
        repr(decoded).encode("ascii", "backslashreplace")


@given(bodies())
def test_a_mutated_message_decodes_or_is_poison(text: str) -> None:
    decodes_or_is_poison(text)


@given(VALUES.map(written))
def test_any_json_decodes_or_is_poison(text: str) -> None:
    decodes_or_is_poison(text)


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_any_text_decodes_or_is_poison(text: str) -> None:
    decodes_or_is_poison(text)


def notice(**members: object) -> dict[str, object]:
    return {
        "op": "MODIFY",
        "table": "users",
        "keys": {"PK": "USER#ada", "SK": "CONFIG#chips"},
        "new": {"tickers": ["nvda", "AMD"], "status": "active"},
        "seq": "0007",
        "committed_at": 1_795_359_400,
    } | members


def noticed(*records: object) -> Batch:
    batch = decode(json.dumps({"v": 1, "relayed_at": 1_795_359_400_000, "changes": records}), "sentiment", "users")
    assert isinstance(batch, Batch)
    return batch


def test_a_configuration_s_changes_are_what_its_stream_shows() -> None:
    disabled = notice(new={"tickers": ["AMD"], "status": "disabled"}, seq="8")
    batch = noticed(notice(), disabled, notice(op="REMOVE", seq="9"))
    shown = [(each.user_id, each.config_id, each.shows, each.seq, each.committed_at) for each in batch.notices]
    assert shown == [
        ("ada", "chips", {"NVDA", "AMD"}, 7, 1_795_359_400),
        ("ada", "chips", None, 8, 1_795_359_400),
        ("ada", "chips", None, 9, 1_795_359_400),
    ]
    assert (batch.changes, batch.faults, batch.elsewhere) == ((), (), 0)


def test_a_name_s_guard_is_no_configuration() -> None:
    batch = noticed(notice(keys={"PK": "USER#ada", "SK": "NAME#x"}), notice(keys={"PK": "X", "SK": "CONFIG#x"}))
    assert (batch.notices, batch.faults, batch.elsewhere) == ((), (), 2)


@pytest.mark.parametrize(
    "members",
    [
        {"keys": None},
        {"keys": {"PK": 7, "SK": "CONFIG#x"}},
        {"new": None},
        {"op": "X"},
        {"seq": 7},
        {"committed_at": -1},
    ],
)
def test_a_broken_change_of_a_configuration_is_dropped_alone(members: dict[str, object]) -> None:
    batch = noticed(notice(**members), notice())
    assert len(batch.notices) == len(batch.faults) == 1
    assert "ada" not in batch.faults[0]
