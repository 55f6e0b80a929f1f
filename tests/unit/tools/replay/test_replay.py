"""A replay from files to a target: what is sent, what is said, and how it ends."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from streamer import tools
from streamer.tools.record.recording import header, record_line
from streamer.tools.relay import RelayResult
from streamer.tools.replay.faults import Faults
from streamer.tools.replay.replay import Replay, ReplayOptions
from streamer.tools.terminal.interrupt import Interrupt, Interrupted
from tests.unit.tools.records import change
from tests.unit.tools.stand_ins import Taken

EVENTS = Path(__file__).parents[3] / "events"


def order(
    *files: object, factor: float | None = None, faults: Faults | None = None, fresh: bool = False
) -> ReplayOptions:
    return ReplayOptions(
        files=[str(file) for file in files],
        topic=None,
        table=None,
        queue_url=None,
        tables={"sentiment": "sentiment", "users": "users"},
        yes=False,
        dry_run=False,
        factor=factor,
        new_keys=fresh,
        faults=faults or Faults(),
        delay=0.0,
    )


def replay(given: ReplayOptions, taken: Taken, interrupt: Interrupt | None = None, stdin: bytes = b"") -> Replay:
    made = Replay(
        given,
        taken.target,
        interrupt or Interrupt(),
        new_keys=bool(given.new_keys),
        now_ms=lambda: 1_800_000_000_000,
        stdin=io.BytesIO(stdin),
    )
    made.run()
    return made


def recording(tmp_path: Path, *seqs: int, name: str = "a.jsonl", end: str = "") -> Path:
    path = tmp_path / name
    lines = [header("table", "sentiment", now_ms=0), *(record_line(seq, change(seq, at=seq)) for seq in seqs)]
    path.write_text("\n".join(lines) + "\n" + end)
    return path


def numbers(taken: Taken) -> list[int]:
    return [int(record["dynamodb"]["SequenceNumber"]) for record in taken.records]


def test_files_come_one_after_the_other_in_batches_of_a_hundred(tmp_path: Path) -> None:
    taken = Taken()
    files = recording(tmp_path, *range(150)), EVENTS / "modify-correct-label.json"
    made = replay(order(*files), taken)
    assert [len(batch) for batch in taken.batches] == [100, 52]
    assert made.totals.code == 0
    assert made.summary(1.5) == [
        "replayed 2 files into the test in 1.5 s",
        "  read       152 records",
        "  published  152 changes in 2 messages",
        "  failed     0",
    ]


def test_records_are_addressed_to_the_targets_table(tmp_path: Path) -> None:
    taken = Taken()
    replay(order(recording(tmp_path, 1)), taken)
    assert ":table/target/stream/" in taken.records[0]["eventSourceARN"]
    assert taken.records[0]["dynamodb"] == change(1, at=1)["dynamodb"], "as it is"


def test_fresh_keys_are_new_and_named_in_the_summary(tmp_path: Path) -> None:
    taken = Taken()
    made = replay(order(recording(tmp_path, 1, 2), fresh=True), taken)
    assert {record["dynamodb"]["Keys"]["source_id"]["S"].partition("-")[0] for record in taken.records} == {"replay"}
    assert made.summary(1)[-1] == "  keys       new, with the prefix replay-1a3185c5000"


def test_good_lines_before_a_bad_one_are_replayed_and_the_exit_code_says_failure(tmp_path: Path) -> None:
    taken = Taken()
    bad, after = recording(tmp_path, 1, 2, end='{"at":5,"rec'), recording(tmp_path, 3, name="b.jsonl")
    made = replay(order(bad, after), taken)
    assert numbers(taken) == [1, 2]
    assert made.totals.code == 1
    [error] = made.totals.input_errors
    assert str(error).startswith(f"{bad}, line 4: the line is truncated")


def test_standard_input_is_read_and_unpacked(tmp_path: Path) -> None:
    taken = Taken()
    replay(order("-"), taken, stdin=gzip.compress(recording(tmp_path, 1, 2).read_bytes()))
    assert numbers(taken) == [1, 2]


def test_failures_make_the_exit_code_unless_they_were_wanted(tmp_path: Path) -> None:
    path = recording(tmp_path, 1, 2)
    made = replay(order(path), Taken(RelayResult(2, 1, 1, failures=1)))
    assert made.totals.code == 1
    assert "  failed     1, kept in the test" in made.summary(1)
    wanted = replay(order(path, faults=Faults(1, poison=1.0)), Taken(RelayResult(2, 0, 0, failures=2)))
    assert wanted.totals.code == 0
    assert "  faults     seed 1: 2 poisoned" in wanted.summary(1)


def test_a_target_that_takes_no_more_ends_it_with_the_place(tmp_path: Path) -> None:
    path = recording(tmp_path, *range(250))
    made = replay(order(path), Taken(RelayResult(100, 100, 1), RelayResult(30, 30, 1, error="no topic")))
    assert made.totals.code == 1
    assert (made.totals.published, made.totals.refused) == (130, "no topic")
    said = made.summary(1)
    assert said[0].startswith("stopped replaying")
    assert said[-1] == f"  stopped    at line 202 of {path}: no topic"


def test_ctrl_c_while_it_waits_ends_it_with_what_is_due_later_unsent(tmp_path: Path) -> None:
    taken = Taken()

    def nap(_: float) -> None:
        if len(taken.batches) == 3:
            interrupt._ask(2, None)

    interrupt = Interrupt(nap)
    path = recording(tmp_path, *range(10))
    made = replay(
        order(path, factor=0.001), taken, interrupt
    )  # a quarter of an hour between two: no nap is passed over
    assert numbers(taken) == [0, 1, 2]
    assert made.totals.code == 130
    assert made.summary(1)[-1] == f"  stopped    at line 5 of {path} by Ctrl-C"


def test_ctrl_c_while_a_batch_is_sent_lets_it_be_sent(tmp_path: Path) -> None:
    interrupt = Interrupt()
    taken = Taken()
    send = taken.target.send

    def send_and_ask(records: Any) -> RelayResult:
        interrupt._ask(2, None)
        return send(records)

    object.__setattr__(taken.target, "send", send_and_ask)
    made = replay(order(recording(tmp_path, *range(250))), taken, interrupt)
    assert len(taken.records) == 100
    assert (made.totals.published, made.totals.code) == (100, 130)
    with pytest.raises(KeyboardInterrupt):
        interrupt._ask(2, None)


def test_who_asks_before_a_wait_is_heard() -> None:
    interrupt = Interrupt()
    interrupt._ask(2, None)
    with pytest.raises(Interrupted):
        interrupt.sleep(1_000)


def test_a_seed_repeats_a_replay_exactly(tmp_path: Path) -> None:
    path = recording(tmp_path, *range(300))
    faults = Faults(9, duplicate=0.1, drop=0.1, poison=0.1, reorder_ms=5_000)
    one, other = Taken(), Taken()
    replay(order(path, faults=faults, fresh=True), one)
    replay(order(path, faults=faults, fresh=True), other)
    assert json.dumps(one.batches) == json.dumps(other.batches)


def test_however_long_a_recording_is_its_memory_is_the_same(tmp_path: Path) -> None:
    class Counting(Taken):
        sent = 0

        def _send(self, records: Any) -> RelayResult:
            self.sent += len(records)
            return RelayResult(len(records), len(records), 1)

    def peak(count: int) -> int:
        path = tmp_path / f"{count}.jsonl"
        with path.open("w") as file:
            file.writelines(f"{record_line(seq, change(seq, at=seq / 10))}\n" for seq in range(count))
        tracemalloc.start()
        try:
            taken = Counting()
            replay(order(path, fresh=True, faults=Faults(1, duplicate=0.01, drop=0.01)), taken)
            assert taken.sent > count * 0.95
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(200)  # what is loaded once
    short, long = peak(500), peak(5_000)
    assert long < short * 1.2, f"{short:,} and {long:,} bytes"


def test_messages_that_were_passed_over_count_once_though_a_file_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "canaries.jsonl"
    path.write_text('{"at":1,"message":"no change"}\n' * 3)
    made = replay(order(path, tmp_path / "missing.jsonl"), Taken())
    assert made.totals.skipped == 3
    [bad] = made.totals.input_errors
    assert str(bad).startswith(str(tmp_path / "missing.jsonl"))
    assert f"  empty      {path}: no recorded change" in made.summary(1.0)


def test_a_foreign_file_gives_a_terminal_no_orders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "foreign.jsonl"
    path.write_text(json.dumps({"\x1b[2J\x9b": 1}, ensure_ascii=False) + "\n")
    assert tools.run(["replay", "--dry-run", str(path)]) == 1
    err = capsys.readouterr().err
    assert "\\x1b[2J\\x9b" in err
    assert err.replace("\n", "").isprintable()
