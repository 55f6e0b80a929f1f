"""A wrong environment is answered once, with every mistake in it."""

from __future__ import annotations

import pytest

from ingest_relay.settings import Settings, SettingsError
from tests.unit.ingest_relay.fakes import QUEUE_URL, TOPIC_ARN

GOOD = {"CHANGES_TOPIC_ARN": TOPIC_ARN, "FAILURE_QUEUE_URL": QUEUE_URL, "SENTIMENT_TABLE": "sentiment"}


def test_a_right_environment_is_read() -> None:
    assert Settings.from_environment(GOOD | {"USERS_TABLE": "users", "LOG_LEVEL": "debug"}) == Settings(
        topic_arn=TOPIC_ARN,
        region="us-east-1",
        failure_queue_url=QUEUE_URL,
        sentiment_table="sentiment",
        users_table="users",
        log_level="DEBUG",
    )


def test_the_users_table_and_the_log_level_may_be_left_out() -> None:
    settings = Settings.from_environment(GOOD | {"USERS_TABLE": " ", "LOG_LEVEL": ""})
    assert (settings.users_table, settings.log_level) == (None, "INFO")


def test_metrics_and_traces_are_off_unless_they_are_wanted() -> None:
    settings = Settings.from_environment(GOOD)
    assert (settings.metrics, settings.deployment_name, settings.tracing) == ("none", "sentiment", "none")
    wanted = {"METRICS": "emf", "DEPLOYMENT_NAME": "prod-eu", "TRACING": "xray"}
    settings = Settings.from_environment(GOOD | wanted)
    assert (settings.metrics, settings.deployment_name, settings.tracing) == ("emf", "prod-eu", "xray")


def test_an_aws_of_ones_own_has_queues_too() -> None:
    url = "http://127.0.0.1:5000/123456789012/failures"
    assert Settings.from_environment(GOOD | {"FAILURE_QUEUE_URL": url}).failure_queue_url == url


def test_an_empty_environment_names_all_that_is_needed() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({})
    assert [mistake.split(";")[0] for mistake in caught.value.mistakes] == [
        "CHANGES_TOPIC_ARN: not set",
        "FAILURE_QUEUE_URL: not set",
        "SENTIMENT_TABLE: not set",
    ]
    assert all(mistake in str(caught.value) for mistake in caught.value.mistakes)


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("CHANGES_TOPIC_ARN", "sentiment-changes", "set it to the ARN of a standard SNS topic"),
        ("CHANGES_TOPIC_ARN", "arn:aws:sqs:us-east-1:123456789012:queue", "set it to the ARN"),
        ("CHANGES_TOPIC_ARN", TOPIC_ARN + ".fifo", "set it to the ARN of a standard SNS topic"),
        ("FAILURE_QUEUE_URL", "arn:aws:sqs:us-east-1:123456789012:failures", "set it to the URL"),
        ("FAILURE_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com", "set it to the URL"),
        ("FAILURE_QUEUE_URL", "http://host:port/queue", "set it to the URL"),
        ("FAILURE_QUEUE_URL", QUEUE_URL + ".fifo", "set it to the URL of a standard SQS queue"),
        ("SENTIMENT_TABLE", "arn:aws:dynamodb:us-east-1:123456789012:table/sentiment", "not the ARN"),
        ("SENTIMENT_TABLE", "ab", "set it to the name"),
        ("USERS_TABLE", "users table", "or omit it"),
        ("USERS_TABLE", "sentiment", "the same as SENTIMENT_TABLE; set it to another table"),
        ("LOG_LEVEL", "CHATTY", "set it to one of DEBUG, INFO"),
        ("METRICS", "statsd", "set it to one of none, emf"),
        ("DEPLOYMENT_NAME", "two words", "use 1 to 64 letters"),
        ("TRACING", "zipkin", "set it to one of none, xray"),
    ],
)
def test_a_mistake_is_told_with_key_value_and_remedy(key: str, value: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(GOOD | {key: value})
    (mistake,) = caught.value.mistakes
    assert mistake.startswith(f"{key}={value!r}: ")
    assert remedy in mistake
