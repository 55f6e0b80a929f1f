"""Test vectors for `version`, shown in docs/events.md. Computed from the arrays there with printf, sha256sum and
base64, not with the code under test."""

from __future__ import annotations

from streamer.change import Key, State
from tests.factories import state

VECTORS: list[tuple[Key, str, State, str]] = [
    (
        Key("wire:0901", "2026-11-22T14:18:46.484Z"),
        "TSLA",
        state("positive", "TSLA", score="0.370", source="upsert"),
        "4rXQL4L_4x4mSy43-nd63w",
    ),
    (
        Key('wire:"1"', "2026-11-22T14:18:46.484Z"),
        "BRK.B",
        state(
            "negative",
            "BRK.B",
            score="-1",
            confidence="0.50",
            source="Agence é 📈",
            updated_at="2026-11-22T14:18:47.000Z",
        ),
        "WMp9oXE-AJ2o0tH774hd6A",
    ),
    (
        Key("wire:0601", "2026-11-22T14:18:21.727Z"),
        "QLFX",
        state(
            "positive",
            "QLFX",
            score="0.12345678901234567890123456789012345678",
            confidence="1E-7",
            source=None,
        ),
        "_GO_4hZ6Ys0WgFpGH5kR_w",
    ),
]
