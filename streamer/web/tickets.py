"""Tickets: bearer tokens with which a browser's EventSource, which cannot set headers, opens one configuration's
stream.

A ticket contains the user, the configuration and the expiry. It is part of a URL, and load balancers log URLs, so its
content is encrypted; only its length is visible. The cipher is a synthetic-IV construction as in RFC 5297, with
HMAC-SHA256 instead of AES: the authentication tag over the content is also the IV of the key stream. It needs no random
number, and every change is detected. The tag is compared in constant time, with every valid secret.

    base64url( version (1) | tag (32) | encrypted( deadline in ms (8) | length (1) of config_id | config_id | user_id ))
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from streamer.aws.secrets import Secrets
from streamer.clock import wall_ms
from streamer.errors import RequestError

_VERSION = b"\x01"
_TAG = 32
_FIXED = len(_VERSION) + _TAG + 9
_LONGEST_ID = 128
LONGEST = -(-(_FIXED + 2 * _LONGEST_ID) * 4 // 3)
"""Maximum length of a ticket in characters."""
_SHORTEST = -(-(_FIXED + 2) * 4 // 3)
_TEXT = re.compile(rf"[A-Za-z0-9_-]{{{_SHORTEST},{LONGEST}}}")


class Forged(Exception):
    """The ticket was not issued with a valid secret, or was changed."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The content of a ticket. `deadline_ms` is Unix milliseconds. Its `repr` contains no ids."""

    user_id: str = field(repr=False)
    config_id: str = field(repr=False)
    deadline_ms: int

    def __post_init__(self) -> None:
        for name in (self.user_id, self.config_id):
            if not (name.isascii() and 0 < len(name) <= _LONGEST_ID):
                raise ValueError("an id in a ticket is 1 to 128 ASCII characters")
        if not 0 <= self.deadline_ms < 1 << 64:
            raise ValueError("a deadline is Unix milliseconds")


def mint(grant: Grant, secret: bytes) -> str:
    """Encodes a ticket as `[A-Za-z0-9_-]`, at most `LONGEST` characters. Equal grants give equal tickets."""
    config = grant.config_id.encode("ascii")
    content = grant.deadline_ms.to_bytes(8, "big") + bytes([len(config)]) + config + grant.user_id.encode("ascii")
    tag = _tag(content, secret)
    return _encode(_VERSION + tag + _xor_key_stream(content, tag, secret))


def verify(text: str, secrets: Sequence[bytes]) -> Grant:
    """Decodes a ticket. Raises Forged if it was not issued with one of the secrets. Does not check the expiry."""
    if not _TEXT.fullmatch(text):
        raise Forged
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Forged from None
    if sealed[:1] != _VERSION or _encode(sealed) != text:  # base64 ignores the bits after the last byte
        raise Forged
    tag, encrypted = sealed[1 : 1 + _TAG], sealed[1 + _TAG :]
    genuine = None
    for secret in secrets:
        content = _xor_key_stream(encrypted, tag, secret)
        if hmac.compare_digest(_tag(content, secret), tag):
            genuine = content
    if genuine is None:
        raise Forged
    end = 9 + genuine[8]
    return Grant(
        user_id=genuine[end:].decode("ascii"),
        config_id=genuine[9:end].decode("ascii"),
        deadline_ms=int.from_bytes(genuine[:8], "big"),
    )


class Tickets:
    """Issues tickets, and checks the tickets of requests."""

    def __init__(self, secrets: Secrets, lifetime: float, clock_ms: Callable[[], int] = wall_ms) -> None:
        self._secrets = secrets
        self._lifetime_ms = round(lifetime * 1000)
        self._clock_ms = clock_ms

    def issue(self, user_id: str, config_id: str) -> tuple[str, int]:
        """Returns a new ticket and its expiry (Unix milliseconds). Raises RequestError (404) without a secret."""
        secrets = self._secrets.values()
        if not secrets:
            raise RequestError(404, "This service issues no tickets")
        deadline_ms = self._clock_ms() + self._lifetime_ms
        return mint(Grant(user_id, config_id, deadline_ms), secrets[0]), deadline_ms

    async def check(self, tickets: Sequence[str], config_id: str) -> Grant:
        """Decodes the ticket of a request for this configuration's stream. The ticket may have expired. `tickets`: all
        `ticket` parameters. Raises RequestError (401) unless there is exactly one, and it is valid for this stream."""
        if len(tickets) == 1:
            grant = self._verify(tickets[0])
            if grant is None and _TEXT.fullmatch(tickets[0]) and await self._secrets.reread():
                grant = self._verify(tickets[0])
            if grant is not None and grant.config_id == config_id:
                return grant
        raise RequestError(401, "The ticket is not valid for this stream")

    def _verify(self, text: str) -> Grant | None:
        try:
            return verify(text, self._secrets.values())
        except Forged:
            return None


def _tag(content: bytes, secret: bytes) -> bytes:
    return hmac.digest(_key(secret, b"tag"), _VERSION + content, "sha256")


def _xor_key_stream(content: bytes, tag: bytes, secret: bytes) -> bytes:
    key = _key(secret, b"stream")
    blocks = -(-len(content) // 32)
    stream = b"".join(hmac.digest(key, tag + block.to_bytes(4, "big"), "sha256") for block in range(blocks))
    return bytes(byte ^ other for byte, other in zip(content, stream, strict=False))


def _key(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"streamer ticket " + purpose, "sha256")


def _encode(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")
