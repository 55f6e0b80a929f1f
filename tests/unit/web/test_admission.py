from __future__ import annotations

import asyncio

from streamer.web.admission import Admission
from tests.steps import steps


async def test_slots_are_bounded_and_waiting_for_the_last_ends_when_it_is_given_back() -> None:
    admission = Admission(2)
    await asyncio.wait_for(admission.wait_empty(), 5)
    assert [admission.take() for _ in range(3)] == [True, True, False]
    waiting = asyncio.create_task(admission.wait_empty())
    admission.give_back()
    await steps(3)
    assert not waiting.done()
    assert admission.available == 1
    admission.give_back()
    await asyncio.wait_for(waiting, 5)
