"""The relay's settings, read from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_TOPIC_ARN: Final = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}")
_TABLE_CHARACTERS: Final = re.compile(r"[A-Za-z0-9_.-]*")
_DEPLOYMENT: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_METRICS: Final = ("none", "emf")
_TRACING: Final = ("none", "xray")
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(Exception):
    """The environment is invalid. The message has a line for each mistake: NAME=VALUE: problem; remedy."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("invalid settings of the relay:\n" + "\n".join(f"- {mistake}" for mistake in mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True)
class Settings:
    """Valid if created by `from_environment`."""

    topic_arn: str
    """`CHANGES_TOPIC_ARN`: a standard SNS topic."""
    region: str
    """The topic's region, which both clients use."""
    failure_queue_url: str
    """`FAILURE_QUEUE_URL`: a standard SQS queue in the same region."""
    sentiment_table: str
    """`SENTIMENT_TABLE`: the table's name, not its ARN."""
    users_table: str | None = None
    """`USERS_TABLE`: the table's name; None if its stream is not relayed."""
    log_level: str = "INFO"
    """`LOG_LEVEL`: one of DEBUG, INFO, WARNING, ERROR, CRITICAL."""
    metrics: str = "none"
    """`METRICS`: `emf`, or `none`."""
    deployment_name: str = "sentiment"
    """`DEPLOYMENT_NAME`: the metrics' only dimension."""
    tracing: str = "none"
    """`TRACING`: `xray`, or `none`."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Reads the settings. An empty value counts as not set. Raises SettingsError with all mistakes."""
        given = {key: value.strip() for key, value in environ.items() if value.strip()}
        mistakes: list[str] = []

        def mistake(key: str, remedy: str, problem: str = "invalid") -> None:
            mistakes.append(
                f"{key}={given[key]!r}: {problem}; {remedy}" if key in given else f"{key}: not set; {remedy}"
            )

        topic = _TOPIC_ARN.fullmatch(given.get("CHANGES_TOPIC_ARN", ""))
        if topic is None:
            mistake(
                "CHANGES_TOPIC_ARN",
                "set it to the ARN of a standard SNS topic, such as "
                "arn:aws:sns:us-east-1:123456789012:sentiment-changes",
            )
        if not _is_url(given.get("FAILURE_QUEUE_URL", "")):
            mistake(
                "FAILURE_QUEUE_URL",
                "set it to the URL of a standard SQS queue, such as "
                "https://sqs.us-east-1.amazonaws.com/123456789012/sentiment-relay-failures",
            )
        flaw = table_name_flaw(given.get("SENTIMENT_TABLE", ""))
        if flaw:
            mistake("SENTIMENT_TABLE", "set it to the name (not the ARN) of the sentiment table", flaw)
        users_table = given.get("USERS_TABLE")
        flaw = None if users_table is None else table_name_flaw(users_table)
        if flaw:
            mistake("USERS_TABLE", "set it to the name (not the ARN) of the users table, or omit it", flaw)
        elif users_table is not None and users_table == given.get("SENTIMENT_TABLE"):
            mistake("USERS_TABLE", "set it to another table, or omit it", "the same as SENTIMENT_TABLE")
        log_level = given.get("LOG_LEVEL", "INFO").upper()
        if log_level not in _LEVELS:
            mistake("LOG_LEVEL", f"set it to one of {', '.join(_LEVELS)}")

        metrics = given.get("METRICS", "none")
        if metrics not in _METRICS:
            mistake("METRICS", f"set it to one of {', '.join(_METRICS)}")
        deployment_name = given.get("DEPLOYMENT_NAME", "sentiment")
        if not _DEPLOYMENT.fullmatch(deployment_name):
            mistake("DEPLOYMENT_NAME", "use 1 to 64 letters, digits, ., - or _")
        tracing = given.get("TRACING", "none")
        if tracing not in _TRACING:
            mistake("TRACING", f"set it to one of {', '.join(_TRACING)}")

        if mistakes or topic is None:
            raise SettingsError(mistakes)
        return cls(
            topic_arn=given["CHANGES_TOPIC_ARN"],
            region=topic["region"],
            failure_queue_url=given["FAILURE_QUEUE_URL"],
            sentiment_table=given["SENTIMENT_TABLE"],
            users_table=users_table,
            log_level=log_level,
            metrics=metrics,
            deployment_name=deployment_name,
            tracing=tracing,
        )


def _is_url(text: str) -> bool:
    """Returns whether a text is an HTTP(S) URL with a host and a path, and not the URL of a FIFO queue."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # a malformed port or IPv6 address
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and port != 0
        and len(parts.path) > 1
        and not parts.path.endswith(".fifo")
    )


def table_name_flaw(name: str) -> str | None:
    """Describes why no table can have this name; None if one can.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
    """
    if name.startswith("arn:"):
        return "an ARN, not a name"
    allowed = _TABLE_CHARACTERS.match(name)
    if allowed is not None and allowed.end() < len(name):
        return f"has {name[allowed.end()]!r}, but a name has only letters, digits, -, _ and ."
    if not 3 <= len(name) <= 255:
        return f"has {len(name)} character{'' if len(name) == 1 else 's'}, but a name has 3 to 255"
    return None
