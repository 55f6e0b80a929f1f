from __future__ import annotations

import asyncio

from streamer.streams.admission import Admission, Full, Slot
from streamer.streams.openings import Openings
from tests.steps import steps
from tests.watchdog import WATCHDOG


def taken(slot: Slot | Full) -> Slot:
    assert isinstance(slot, Slot)
    return slot


async def test_slots_are_bounded_and_waiting_for_the_last_ends_when_it_is_released() -> None:
    admission = Admission(2)
    await asyncio.wait_for(admission.wait_empty(), WATCHDOG)
    first, second = taken(admission.acquire()), taken(admission.acquire())
    assert admission.acquire() == Full("container", 2)
    waiting = asyncio.create_task(admission.wait_empty())
    first.release()
    await steps(3)
    assert not waiting.done()
    assert admission.available == 1
    second.release()
    await asyncio.wait_for(waiting, WATCHDOG)


async def test_a_slot_is_released_once_however_often_it_is_tried() -> None:
    admission = Admission(2, per_user=1)
    slot = taken(admission.acquire("ann"))
    for _ in range(2):
        slot.release()
    assert (admission.taken, admission.available) == (0, 2)
    taken(admission.acquire("ann"))
    slot.release()
    assert admission.acquire("ann") == Full("user", 1)


async def test_one_user_and_one_address_have_their_own_limits_and_others_do_not_feel_them() -> None:
    admission = Admission(20, per_user=2, per_address=3)
    slots = [taken(admission.acquire("ann", "192.0.2.1")) for _ in range(2)]
    assert admission.acquire("ann", "192.0.2.2") == Full("user", 2)
    for _ in range(3):
        taken(admission.acquire(address="192.0.2.1"))
    assert admission.acquire(address="192.0.2.1") == Full("address", 3)
    taken(admission.acquire("192.0.2.1"))  # a user of that name is another client than the address
    taken(admission.acquire(address="192.0.2.2"))
    for _ in range(4):
        taken(admission.acquire())  # who is not known has no limit of its own
    slots[0].release()
    taken(admission.acquire("ann", "192.0.2.1"))
    assert admission.taken == 11


async def test_an_office_behind_one_address_has_as_many_streams_as_users_and_a_few_more() -> None:
    admission = Admission(100, per_user=2, per_address=3)
    for number in range(40):
        taken(admission.acquire(f"user-{number}", "192.0.2.1"))
    for _ in range(3):
        taken(admission.acquire(address="192.0.2.1"))
    assert admission.acquire(address="192.0.2.1") == Full("address", 3)


async def test_anonymous_never_get_what_is_reserved_for_users_and_users_get_all_there_is() -> None:
    admission = Admission(10, reserved=2)
    anonymous = [taken(admission.acquire(address=f"192.0.2.{number}")) for number in range(8)]
    assert (admission.available, admission.available_to_all) == (2, 0)
    assert admission.acquire(address="192.0.2.9") == Full("container", 10)
    users = [taken(admission.acquire(f"user-{number}")) for number in range(2)]
    assert admission.acquire("user-2") == Full("container", 10)
    users[0].release()
    assert admission.acquire(address="192.0.2.9") == Full("container", 10), "a user's slot is for a user again"
    anonymous[0].release()
    taken(admission.acquire(address="192.0.2.9"))
    taken(admission.acquire("user-2"))
    for slot in anonymous:
        slot.release()
    assert (admission.available, admission.available_to_all) == (7, 7)
    for number in range(7):
        taken(admission.acquire(f"more-{number}"))  # beyond their share, while there is room
    assert admission.available_to_all == 0


async def test_one_address_that_asks_for_all_streams_leaves_room_for_users_and_for_other_addresses() -> None:
    admission = Admission(100, reserved=20, per_user=10, per_address=20)
    given = [admission.acquire(address="192.0.2.1") for _ in range(100)]
    assert sum(isinstance(slot, Slot) for slot in given) == 20
    taken(admission.acquire("ann", "192.0.2.1"))
    taken(admission.acquire(address="192.0.2.2"))


async def test_an_address_opens_so_many_a_second_and_is_told_how_long_to_wait() -> None:
    now = [0.0]
    openings = Openings(2, 3, clock=lambda: now[0])
    admission = Admission(100, per_address=50, openings=openings)
    for _ in range(3):
        taken(admission.acquire(address="192.0.2.1")).release()
    for _ in range(5):  # asking in vain costs nothing, or who hammers would never get in again
        assert admission.acquire(address="192.0.2.1") == Full("openings", 2, 1)
    taken(admission.acquire(address="192.0.2.2"))
    taken(admission.acquire("ann", "192.0.2.1"))
    now[0] = 0.5
    taken(admission.acquire(address="192.0.2.1"))
    assert admission.acquire(address="192.0.2.1") == Full("openings", 2, 1)
    now[0] = 100.0
    assert sum(isinstance(admission.acquire(address="192.0.2.1"), Slot) for _ in range(9)) == 3


async def test_what_is_refused_for_another_reason_is_no_opening() -> None:
    openings = Openings(0.1, 2, clock=lambda: 0.0)
    admission = Admission(1, openings=openings)
    held = taken(admission.acquire())
    for _ in range(9):
        assert admission.acquire(address="192.0.2.1") == Full("container", 1)
    held.release()
    for _ in range(2):
        taken(admission.acquire(address="192.0.2.1")).release()
    assert admission.acquire(address="192.0.2.1") == Full("openings", 0.1, 10)


def test_openings_are_remembered_of_so_many_addresses_and_of_the_newest() -> None:
    openings = Openings(1, 1, max_addresses=100, clock=lambda: 0.0)
    for number in range(10_000):
        openings.count(f"address-{number}")
        openings.count("often")
        assert len(openings) <= 100
    assert openings.wait("often") > 0
    assert openings.wait("address-9999") > 0
    assert openings.wait("address-0") == 0


async def test_a_refused_stream_counts_for_nobody() -> None:
    admission = Admission(3, per_user=1, per_address=1)
    slot = taken(admission.acquire("ann", "192.0.2.1"))
    for _ in range(9):
        assert admission.acquire("ann", "192.0.2.1") == Full("user", 1)
    taken(admission.acquire(address="192.0.2.1"))
    taken(admission.acquire())
    assert admission.acquire("bob", "192.0.2.9") == Full("container", 3)
    assert len(admission._per_client) == 2  # nor is it remembered
    slot.release()
    taken(admission.acquire("bob", "192.0.2.9"))


async def test_no_client_is_remembered_that_has_no_stream() -> None:
    admission = Admission(2, per_user=1, per_address=1)
    for number in range(1_000):
        slots = [taken(admission.acquire(f"user-{number}")), taken(admission.acquire(address=f"192.0.2.{number}"))]
        assert len(admission._per_client) == 2
        for slot in slots:
            slot.release()
        assert not admission._per_client
