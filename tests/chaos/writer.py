"""Writes the stories to the table, and remembers what was written when."""

from __future__ import annotations

import heapq
import random
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from streamer.change import Key, iso_time
from tests.chaos.story import STAMPED, Step, story
from tests.chaos.writes import Log, Write, attributes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STORIES_A_SECOND: Final = 3.8
"""With what follows in each life, six to eight writes."""


class Writer:
    """One thread that writes directly to the table, past the injector."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, seed: int, log: Log) -> None:
        self.log = log
        self.error: BaseException | None = None
        self._dynamodb = dynamodb
        self._table = table
        self._random = random.Random(f"writer/{seed}")
        self._due: list[tuple[float, int, Key, Step]] = []
        self._made = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the write that is under way; what was still to come of each life does not."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            next_story = time.time()
            while not self._stop.is_set():
                now = time.time()
                if now >= next_story:
                    self._tell(next_story)
                    next_story += self._random.expovariate(STORIES_A_SECOND)
                while self._due and self._due[0][0] <= now and not self._stop.is_set():
                    _, _, key, step = heapq.heappop(self._due)
                    self._write(key, step)
                wake = min([next_story, *(entry[0] for entry in self._due[:1])])
                self._stop.wait(max(0.0, wake - time.time()))
        except Exception as error:
            self.error = error

    def _tell(self, at: float) -> None:
        self._made += 1
        told = story(self._random)
        key = Key(f"chaos:{self._made}", iso_time(round((at - told.age) * 1000)))
        for number, step in enumerate(told.steps):
            heapq.heappush(self._due, (at + step.after, self._made * 10 + number, key, step))

    def _write(self, key: Key, step: Step) -> None:
        began, state = time.time(), step.state
        if state is not None and state.updated_at == STAMPED:
            state = replace(state, updated_at=iso_time(round(began * 1000)))
        if step.deleted:
            self._dynamodb.delete_item(
                TableName=self._table, Key={"source_id": {"S": key.source_id}, "timestamp": {"S": key.timestamp}}
            )
        else:
            self._dynamodb.put_item(TableName=self._table, Item=attributes(key, state))
        self.log.add(Write(key, state, began, time.time(), step.deleted))
