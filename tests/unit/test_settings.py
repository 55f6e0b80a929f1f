from __future__ import annotations

import json

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


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        ("", ()),
        ("*", ("*",)),
        ("https://a.example, http://localhost:3000", ("https://a.example", "http://localhost:3000")),
    ],
)
def test_who_may_embed_the_page_is_a_list_of_origins(value: str, origins: tuple[str, ...]) -> None:
    assert settings.read(GOOD | {"PAGE_FRAME_ANCESTORS": value}).frame_ancestors == origins


@pytest.mark.parametrize("value", ["example.com", "https://a.example/path", "https://a.example; script-src *"])
def test_who_may_embed_the_page_can_put_nothing_else_into_its_policy(value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings.read(GOOD | {"PAGE_FRAME_ANCESTORS": value})
    (mistake,) = raised.value.mistakes
    assert f"PAGE_FRAME_ANCESTORS='{value}': give origins such as https://" in mistake


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
        "SENTIMENT_TABLE='no spaces': has ' ', but a name has only letters, digits, -, _ and .; give the name of",
        "CHANGES_TOPIC_ARN: not set; it is the topic",
        "SSE_PORT='99999': give less than or equal to 65535",
        "SSE_HEARTBEAT_INTERVAL='often': give a valid number",
        "SSE_PING_INTERVAL='nan'",
        "CORS_ORIGINS='example.com': give origins such as https://",
        "LOG_LEVEL='loud': give 'DEBUG', 'INFO', 'WARNING' or 'ERROR'",
    ):
        assert expected in mistakes


def test_a_topic_is_needed_for_push_alone() -> None:
    with pytest.raises(SettingsError) as raised:
        settings.read({"SENTIMENT_TABLE": "sentiment"})
    (mistake,) = raised.value.mistakes
    assert mistake.startswith("CHANGES_TOPIC_ARN: not set; it is the topic that the relay publishes to; required")
    read = settings.read({"SENTIMENT_TABLE": "sentiment", "SSE_INTAKE": "poll"})
    assert (read.topic_arn, read.in_lambda, read.window_fill) == (None, False, 86_400)
    with pytest.raises(SettingsError) as raised:
        settings.read({"SENTIMENT_TABLE": "sentiment", "SSE_INTAKE": "pull"})
    (mistake,) = raised.value.mistakes
    assert mistake.startswith("SSE_INTAKE='pull': give 'push' or 'poll' (source of changes:")


def test_queue_tags_are_a_json_object_of_texts() -> None:
    given = '{"team": "news", "cost centre": "4.2 / über=alles@home"}'
    assert settings.read(GOOD | {"QUEUE_TAGS": given}).queue_tags == (
        ("team", "news"),
        ("cost centre", "4.2 / über=alles@home"),
    )
    assert settings.read(GOOD | {"QUEUE_TAGS": "{}"}).queue_tags == settings.read(GOOD).queue_tags == ()


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        ("team=news", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('["team"]', "not a JSON object"),
        ('{"team": 1}', "'team' has a value that is no text"),
        ('{"heartbeat": "x"}', "'heartbeat' is a tag of the service's own"),
        ('{"AWS:team": "x"}', "'AWS:team' begins with aws:"),
        ('{"": "x"}', "'' does not have 1 to 128 characters"),
        (json.dumps({"team": "x" * 257}), "'team' has a value of more than 256 characters"),
        ('{"a,b": "x", "c": "d;e"}', "'c' has other characters than letters"),
        (json.dumps({str(number): "" for number in range(48)}), "has 48 tags, but a queue takes 47"),
    ],
)
def test_queue_tags_that_sqs_or_the_service_would_refuse_are_named(value: str, flaw: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings.read(GOOD | {"QUEUE_TAGS": value})
    (mistake,) = raised.value.mistakes
    assert flaw in mistake
    assert 'give a JSON object of texts such as {"team": "news"}' in mistake


LAMBDA = {"SENTIMENT_TABLE": "sentiment", "AWS_LAMBDA_FUNCTION_NAME": "stream"}


def test_in_lambda_the_table_is_polled_and_nothing_is_read_or_waited_for_that_a_frozen_process_cannot_use() -> None:
    read = settings.read(LAMBDA)
    assert (read.in_lambda, read.intake, read.window_fill, read.drain_window) == (True, "poll", 0, 0)
    read = settings.read(GOOD | LAMBDA | {"SSE_INTAKE": "push", "SSE_WINDOW_FILL": "60", "SSE_DRAIN_WINDOW": "1"})
    assert (read.intake, read.window_fill, read.drain_window) == ("push", 60, 1)
    with pytest.raises(SettingsError, match="CHANGES_TOPIC_ARN: not set"):
        settings.read(LAMBDA | {"SSE_INTAKE": "push"})


def test_settings_are_frozen() -> None:
    read = settings.read(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        read.port = 1


def test_a_misspelt_key_is_told_with_what_was_likely_meant() -> None:
    assert settings.unknown({"SSE_HEARTBEET_INTERVAL": "5", "SSE_PORT": "1", "OTHER": "x"}) == [
        "SSE_HEARTBEET_INTERVAL: not a setting; did you mean SSE_HEARTBEAT_INTERVAL?"
    ]


def test_who_is_believed_is_read() -> None:
    read = settings.read(
        GOOD
        | {
            "USERS_TABLE": "users",
            "TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.1,fd00::/8 ,::ffff:192.168.0.0/112",
            "GATEWAY_SECRET": f"{SECRET},{ARN}",
            "TICKET_SECRET": SECRET,
            "TICKET_LIFETIME": "60",
            "SSE_MAX_PER_CLIENT": "3",
        }
    )
    assert [str(each) for each in read.trusted_proxies] == ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8", "192.168.0.0/16"]
    assert [each.get_secret_value() for each in read.gateway_secret] == [SECRET, ARN]
    assert (read.users_table, read.ticket_lifetime, read.max_per_client, read.per_user) == ("users", 60, 3, 3)


def test_without_settings_nobody_is_believed() -> None:
    read = settings.read(GOOD)
    assert (read.users_table, read.trusted_proxies, read.gateway_secret, read.ticket_secret) == (None, (), (), ())
    assert (read.max_per_client, read.per_user) == (None, 10)


FORWARDS = {"FORWARDING_PROXIES": "10.0.0.0/8"}
TRUSTS = {"TRUSTED_PROXIES": "10.0.0.0/8"}
GATEWAY = {"GATEWAY_SECRET": "sixteen-or-more-characters"}
ON_LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "stream"}


@pytest.mark.parametrize(
    ("given", "streams", "openings", "at_once", "reserved"),
    [
        ({}, None, None, 0, 0),
        (GATEWAY, None, None, 0, 20),
        (FORWARDS, 20, 5, 20, 0),
        (FORWARDS | GATEWAY, 20, 5, 20, 20),
        (TRUSTS, 20, 5, 20, 20),
        (TRUSTS | ON_LAMBDA, None, None, 0, 0),
        (FORWARDS | {"SSE_MAX_PER_CLIENT": "50"}, 50, 5, 50, 0),
        (FORWARDS | {"SSE_MAX_PER_CLIENT": "50", "SSE_MAX_PER_ADDRESS": "30"}, 30, 5, 30, 0),
        ({"SSE_MAX_PER_ADDRESS": "7"}, 7, None, 7, 0),
        ({"SSE_OPENINGS_PER_ADDRESS": "0.5"}, None, 0.5, 2, 0),
        (GATEWAY | {"SSE_RESERVED_FOR_USERS": "50"}, None, None, 0, 50),
        (GATEWAY | {"SSE_RESERVED_FOR_USERS": "0"}, None, None, 0, 0),
        (GATEWAY | {"SSE_MAX_CONNECTIONS": "4"}, None, None, 0, 0),
    ],
)
def test_bounds_hold_where_addresses_and_users_can_be_known(
    given: dict[str, str], streams: int | None, openings: float | None, at_once: int, reserved: int
) -> None:
    read = settings.read(GOOD | given)
    assert (read.per_address, read.openings, read.openings_at_once, read.reserved) == (
        streams, openings, at_once, reserved,
    )  # fmt: skip


@pytest.mark.parametrize("key", ["TRUSTED_PROXIES", "FORWARDING_PROXIES"])
@pytest.mark.parametrize(
    ("value", "mistake"),
    [
        ("10.0.0.1/8", "'10.0.0.1/8' has host bits set; give CIDRs"),
        ("10.0.0.0/33", "'10.0.0.0/33' is not a network"),
        ("loopback", "'loopback' is not a network"),
        ("10.0.0.0-10.0.0.9", "is not a network"),
        ("fe80::%eth0/64", "'fe80::%eth0/64' has a zone"),
        ("0.0.0.0/0", "'0.0.0.0/0' would trust every peer"),
        ("::/0", "'::/0' would trust every peer"),
        ("::ffff:0.0.0.0/96", "would trust every peer"),
    ],
)
def test_a_network_that_is_none_is_named(key: str, value: str, mistake: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings.read(GOOD | {key: f"10.0.0.0/8,{value},also-wrong"})
    assert len(raised.value.mistakes) == 2
    assert mistake in raised.value.mistakes[0]
    assert "'also-wrong' is not a network" in raised.value.mistakes[1]


SECRET = "sixteen-or-more-characters"
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/gateway-AbCdEf"


@pytest.mark.parametrize(
    ("value", "mistake"),
    [
        ("hunter2", "entry 1 is shorter than 16 characters"),
        (f"{SECRET},hunter2", "entry 2 is shorter than 16 characters"),
        (f"hunter2,{SECRET},hunter3", "entry 1 is shorter than 16 characters, entry 3 is shorter than 16 characters"),
        (f"{SECRET},{SECRET}", "an entry is repeated"),
        ("hunter2 hunter2 hunter2", "entry 1 is not 16 to 1024 printable ASCII"),
        ("hunter2hunter2hünter2", "entry 1 is not 16 to 1024 printable ASCII"),
        ("hunter2" * 200, "entry 1 is not 16 to 1024 printable ASCII"),
        (" , ", "has no entry"),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/hunter2", "entry 1 is an ARN, but not of a secret"),
    ],
)
@pytest.mark.parametrize("key", ["GATEWAY_SECRET", "TICKET_SECRET", "METRICS_TOKEN"])
def test_a_mistake_in_a_secret_names_what_is_wrong_and_never_the_value(key: str, value: str, mistake: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings.read(GOOD | {key: value})
    (named,) = raised.value.mistakes
    assert named.startswith(f"{key}: {mistake}")
    for hidden in ("hunter", "hünter", SECRET):
        assert hidden not in named + repr(raised.value)


def test_settings_show_no_secret_whatever_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    read = settings.read(GOOD | {"GATEWAY_SECRET": SECRET, "TICKET_SECRET": f"{SECRET}-2,{SECRET}-3"})
    assert SECRET not in f"{read!r}{read}{read.model_dump()}{read.model_dump_json()}"
    with pytest.raises(ValueError, match="entry 1") as raised:
        settings.Settings.model_validate(GOOD | {"GATEWAY_SECRET": "hunter2"})
    assert "hunter2" not in str(raised.value)


def test_metrics_and_traces_are_off_unless_they_are_wanted() -> None:
    read = settings.read(GOOD)
    assert (read.metrics, read.metrics_interval, read.deployment_name, read.tracing) == (
        "none",
        60,
        "sentiment",
        "none",
    )
    wanted = {"METRICS": "emf", "METRICS_INTERVAL": "10", "DEPLOYMENT_NAME": "prod-eu", "TRACING": "xray"}
    read = settings.read(GOOD | wanted)
    assert (read.metrics, read.metrics_interval, read.deployment_name, read.tracing) == ("emf", 10, "prod-eu", "xray")


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("METRICS", "statsd", "give 'none' or 'emf'"),
        ("METRICS_INTERVAL", "61", "give less than or equal to 60"),
        ("METRICS_INTERVAL", "5", "give greater than or equal to 10"),
        ("METRICS_INTERVAL", "nan", ""),
        ("DEPLOYMENT_NAME", "two words", "use 1 to 64 letters"),
        ("TRACING", "zipkin", "give 'none', 'xray' or 'otlp'"),
    ],
)
def test_a_mistake_in_what_is_told_of_the_service_is_named(key: str, value: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings.read(GOOD | {key: value})
    (mistake,) = raised.value.mistakes
    assert mistake.startswith(f"{key}={value!r}: ")
    assert remedy in mistake
