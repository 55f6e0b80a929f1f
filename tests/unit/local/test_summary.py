"""What the demo prints about itself."""

from __future__ import annotations

from typing import Any

from streamer.local.summary import startup_text, status_text

FIRST = {"p50_ms": 20.0, "p99_ms": 50.0, "count": 9}


def status(connections: int = 2, received: float | None = 12.0, sent: float | None = 1.0) -> dict[str, Any]:
    return {
        "connections": connections,
        "mode": "push",
        "lag": {
            "committed_to_relayed": {"p50_ms": 400.0, "p99_ms": 900.0, "count": 9},
            "relayed_to_received": {"p50_ms": received, "p99_ms": received and received * 2, "count": 9},
            "received_to_sent": {"p50_ms": sent, "p99_ms": sent and sent * 2, "count": 0},
        },
        "counters": {"events_published": 1234},
    }


def test_the_line_adds_up_the_exact_hops() -> None:
    assert status_text(status(), FIRST) == "1,234 events · 2 streams · write to page 33 ms, p99 76 ms · mode push"


def test_a_hop_that_nobody_used_yet_adds_nothing() -> None:
    assert (
        status_text(status(1, sent=None), FIRST)
        == "1,234 events · 1 stream · write to page 32 ms, p99 74 ms · mode push"
    )


def test_no_latency_is_shown_before_there_is_one() -> None:
    assert status_text(status(0, received=None), FIRST) == "1,234 events · 0 streams · mode push"
    assert status_text(status(0), None) == "1,234 events · 0 streams · mode push"


def test_silence_is_told() -> None:
    assert status_text(None, FIRST) == "the service does not respond"


def test_the_listing_names_every_address_and_says_when_the_port_is_another() -> None:
    text = startup_text("http://127.0.0.1:8081", "http://127.0.0.1:4000", rate=5.0, seed=7, asked_port=8080)
    for part in (
        "http://127.0.0.1:8081/\n",
        "curl -N http://127.0.0.1:8081/api/v2/stream\n",
        "curl -N -H 'X-User-ID: ada' http://127.0.0.1:8081/api/v2/configurations/chips/stream\n",
        "http://127.0.0.1:8081/api/v2/stream/status\n",
        "http://127.0.0.1:4000\n",
        "5 changes a second of made-up news, seed 7\n",
        "Port 8080 is in use; this is port 8081.\n",
    ):
        assert part in text
    assert "in use" not in startup_text("http://127.0.0.1:8080", "http://x", 5.0, 7, asked_port=8080)
    assert "in use" not in startup_text("http://127.0.0.1:51234", "http://x", 5.0, 7, asked_port=0)
