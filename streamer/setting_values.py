"""The types of settings: each parses a text of the environment, and raises ValueError with a remedy."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from streamer.queue_tags import Tags, read_queue_tags
from streamer.table_name import table_name_flaw

_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}")
_DEPLOYMENT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,43}")  # a queue's name has 80 characters, 37 of them are `-` and a UUID
_SECRET = re.compile(r"[!-+\--~]{16,1024}")  # valid in a header as it is; commas separate entries
_SECRET_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@!-]{1,519}")
_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")


def _matching(pattern: re.Pattern[str], remedy: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(remedy)
        return value

    return AfterValidator(check)


def _table(remedy: str) -> AfterValidator:
    def check(value: str) -> str:
        flaw = table_name_flaw(value)
        if flaw:
            raise ValueError(f"{flaw}; {remedy}")
        return value

    return AfterValidator(check)


def _entries(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _queue_tags(value: object) -> object:
    return read_queue_tags(value) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _network(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        network = ip_network(value)
    except ValueError as error:
        why = "has host bits set" if "host bits" in str(error) else "is not a network"
        raise ValueError(f"{value!r} {why}; give CIDRs such as 10.0.0.0/8 or fd00::/8, separated by commas") from None
    if isinstance(network, IPv6Network) and "%" in value:
        raise ValueError(f"{value!r} has a zone; remove it")
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped:
        network = IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    if network.prefixlen == 0:
        raise ValueError(f"{value!r} would trust every peer; give the networks of the proxies")
    return network


def is_secret_arn(entry: str) -> bool:
    """Whether an entry of a secret setting is an ARN, and not the secret itself."""
    return entry.startswith("arn:")


def flaw(secret: str) -> str | None:
    """Describes why a secret is not acceptable, without its value; None if it is acceptable."""
    if len(secret) < 16:
        return "is shorter than 16 characters"
    return None if _SECRET.fullmatch(secret) else "is not 16 to 1024 printable ASCII characters without space and comma"


def _checked_secrets(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    mistakes = [] if secrets else ["has no entry"]
    for position, entry in enumerate(secrets, 1):
        value = entry.get_secret_value()
        if is_secret_arn(value):
            wrong = None if _SECRET_ARN.fullmatch(value) else "is an ARN, but not of a secret in Secrets Manager"
        else:
            wrong = flaw(value)
        if wrong:
            mistakes.append(f"entry {position} {wrong}")
    if len({entry.get_secret_value() for entry in secrets}) < len(secrets):
        mistakes.append("an entry is repeated")
    if mistakes:
        raise ValueError(f"{', '.join(mistakes)}; give secrets, or ARNs from Secrets Manager, separated by commas")
    return secrets


Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Age = Annotated[float, Field(ge=150, le=86_400)]
"""Seconds; longer than LATENESS_MS."""
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Percent = Annotated[int, Field(ge=0, le=100)]
Rate = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
"""Per second."""
_Origin = Annotated[
    str,
    BeforeValidator(_lower),
    _matching(_ORIGIN, "give origins such as https://dash.example.com, separated by commas, or *"),
]
Origins = Annotated[tuple[_Origin, ...], BeforeValidator(_entries)]
_Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Networks = Annotated[tuple[_Network, ...], BeforeValidator(_entries)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_entries), AfterValidator(_checked_secrets)]
Topic = Annotated[str, _matching(_TOPIC, "give an SNS topic's ARN, arn:aws:sns:REGION:ACCOUNT:NAME")]
SentimentTableName = Annotated[str, _table("give the name of the sentiment table")]
UsersTableName = Annotated[str, _table("give the name of the users table")]
QueuePrefix = Annotated[str, _matching(_PREFIX, "use 1 to 43 letters, digits, - or _")]
QueueTags = Annotated[Tags, BeforeValidator(_queue_tags)]
DeploymentName = Annotated[str, _matching(_DEPLOYMENT, "use 1 to 64 letters, digits, ., - or _")]
