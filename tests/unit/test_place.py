from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.place import FRAME_BITS, RUN_BITS, Place, new_run

places = st.builds(
    Place,
    st.integers(0, 2**48 - 1),
    st.integers(0, 2**RUN_BITS - 1),
    st.integers(0, 2**FRAME_BITS - 1),
)


@given(places)
def test_a_place_survives_the_way_to_a_browser_and_back(place: Place) -> None:
    text = str(place)
    assert Place.parse(text) == place
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text), "a browser would send a CORS preflight for another id"
    assert uuid.UUID(text.removeprefix("evt_")).version == 8
    assert uuid.UUID(text.removeprefix("evt_")).variant == uuid.RFC_4122


@given(places, places)
def test_places_of_one_run_and_time_sort_as_text_in_the_order_of_their_frames(one: Place, other: Place) -> None:
    other = Place(one.time_ms, one.run, other.frame)
    assert (str(one) < str(other)) == (one.frame < other.frame)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "evt_",
        "17",
        "evt_00000000-0000-4000-8000-000000000000",
        "evt_00000000-0000-8000-c000-000000000000",
        "EVT_00000000-0000-8000-8000-000000000000",
        "evt_00000000-0000-8000-8000-000000000000\n",
        "evt_" + "0" * 100_000,
    ],
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a place"):
        Place.parse(text)


def test_runs_have_names_of_their_own_and_never_zero() -> None:
    runs = {new_run() for _ in range(100)}
    assert len(runs) == 100
    assert all(0 < run < 2**RUN_BITS for run in runs)
