from __future__ import annotations

import pytest

from ingest_relay.settings import table_name_flaw as relays_own
from streamer.table_name import table_name_flaw


@pytest.mark.parametrize(
    ("name", "flaw"),
    [
        ("sentiment", None),
        ("a.b", None),
        ("_-.", None),
        ("A1" * 127, None),
        ("", "has 0 characters, but a name has 3 to 255"),
        ("x", "has 1 character, but a name has 3 to 255"),
        ("x" * 256, "has 256 characters, but a name has 3 to 255"),
        ("my table", "has ' ', but a name has only letters, digits, -, _ and ."),
        ("é", "has 'é', but a name has only letters, digits, -, _ and ."),
        ("sentiment\n", "has '\\n', but a name has only letters, digits, -, _ and ."),
        ("arn:aws:dynamodb:us-east-1:123456789012:table/sentiment", "an ARN, not a name"),
    ],
)
def test_a_name_that_no_table_can_have_is_refused_with_the_rule(name: str, flaw: str | None) -> None:
    assert table_name_flaw(name) == flaw
    assert relays_own(name) == flaw, "the relay deploys apart, with a copy of its own"
