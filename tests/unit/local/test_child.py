"""What a child process sees of the user's machine."""

from __future__ import annotations

from streamer.local.child import clean_environment
from streamer.local.resources import Resources
from tests.unit.local.test_discovery import RESOURCES


def test_nothing_leads_to_a_real_account() -> None:
    given = {"AWS_PROFILE": "production", "AWS_SECRET_ACCESS_KEY": "real", "HOME": "/home/ada", "LANG": "C"}
    seen = clean_environment(given)
    assert "real" not in seen.values()
    assert "AWS_PROFILE" not in seen
    assert seen["AWS_CONFIG_FILE"] == seen["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert seen["HOME"] == "/home/ada"


def test_loopback_is_not_asked_through_a_proxy() -> None:
    assert clean_environment({})["NO_PROXY"] == "127.0.0.1,localhost"
    assert clean_environment({"no_proxy": "intranet"})["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_resources_name_what_relay_and_service_need() -> None:
    environment = RESOURCES.environment()
    assert environment["AWS_ENDPOINT_URL"] == RESOURCES.endpoint_url
    assert environment["SENTIMENT_TABLE"] == "sentiment"
    assert environment["USERS_TABLE"] == "users"
    assert environment["CHANGES_TOPIC_ARN"] == "arn:topic"
    assert environment["FAILURE_QUEUE_URL"] == RESOURCES.failure_queue_url
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"} <= set(environment)


def test_resources_cross_a_border_as_json() -> None:
    assert Resources.from_json(RESOURCES.to_json()) == RESOURCES
