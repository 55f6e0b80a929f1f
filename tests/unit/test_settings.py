from __future__ import annotations

import pytest

from streamer import settings
from streamer.errors import SettingsError

GOOD = {"SENTIMENT_TABLE": "sentiment", "CHANGES_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:changes"}


def test_what_is_not_set_has_its_default_and_an_empty_value_counts_as_not_set() -> None:
    read = settings.read(GOOD | {"SSE_PORT": "", "PATH": "/bin"})
    assert (read.port, read.max_connections, read.heartbeat_interval) == (8080, 100, 30)
    assert read.cors_origins == ()


def test_values_are_read() -> None:
    read = settings.read(GOOD | {"SSE_PORT": "0", "CORS_ORIGINS": "https://a.example, http://localhost:3000"})
    assert read.port == 0
    assert read.cors_origins == ("https://a.example", "http://localhost:3000")


def test_every_mistake_is_named_at_once_with_key_value_and_remedy() -> None:
    with pytest.raises(SettingsError) as raised:
        settings.read(
            {
                "SENTIMENT_TABLE": "no spaces",
                "SSE_PORT": "99999",
                "SSE_HEARTBEAT_INTERVAL": "often",
                "SSE_PING_INTERVAL": "nan",
                "CORS_ORIGINS": "example.com",
                "LOG_LEVEL": "loud",
            }
        )
    mistakes = "\n".join(raised.value.mistakes)
    assert len(raised.value.mistakes) == 7
    for expected in (
        "SENTIMENT_TABLE='no spaces': give the name",
        "CHANGES_TOPIC_ARN: not set; it names the topic",
        "SSE_PORT='99999': give less than or equal to 65535",
        "SSE_HEARTBEAT_INTERVAL='often': give a valid number",
        "SSE_PING_INTERVAL='nan'",
        "CORS_ORIGINS='example.com': give origins such as https://",
        "LOG_LEVEL='loud': give 'DEBUG', 'INFO', 'WARNING' or 'ERROR'",
    ):
        assert expected in mistakes


def test_settings_are_frozen() -> None:
    read = settings.read(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        read.port = 1


def test_a_misspelt_key_is_told_with_what_was_likely_meant() -> None:
    assert settings.unknown({"SSE_HEARTBEET_INTERVAL": "5", "SSE_PORT": "1", "OTHER": "x"}) == [
        "SSE_HEARTBEET_INTERVAL: not a setting; did you mean SSE_HEARTBEAT_INTERVAL?"
    ]
