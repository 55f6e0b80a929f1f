"""Tickets: they let a browser's EventSource, which can set no header, open one configuration's stream.

A ticket is a bearer of user, configuration and deadline. It travels in a URL, and load balancers log URLs: so it shows
none of the three, only how long they are together. It is sealed with HMAC-SHA256 alone, as RFC 5297 does with AES: the
tag over the content is also the start value of the key stream that hides it, so that nothing random is needed and
nothing can be changed. The tag is checked in constant time, over every valid secret.

    base64url( version (1) | tag (32) | hidden( deadline in ms (8) | length of configuration (1) | it | user ) )
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
"""Characters of the longest ticket there can be."""
_SHORTEST = -(-(_FIXED + 2) * 4 // 3)
_TEXT = re.compile(rf"[A-Za-z0-9_-]{{{_SHORTEST},{LONGEST}}}")


class Forged(Exception):
    """No ticket of ours: not made with any valid secret, or changed since."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may open what until when, in Unix milliseconds. Its `repr` shows neither."""

    user_id: str = field(repr=False)
    config_id: str = field(repr=False)
    deadline_ms: int

    def __post_init__(self) -> None:
        for name in (self.user_id, self.config_id):
            if not (name.isascii() and 0 < len(name) <= _LONGEST_ID):
                raise ValueError("an id in a ticket is 1 to 128 ASCII characters")
        if not 0 <= self.deadline_ms < 1 << 64:
            raise ValueError("a deadline is Unix milliseconds")

    def expired(self, now_ms: int) -> bool:
        """Whether its time is over; at its deadline it is."""
        return now_ms >= self.deadline_ms


def mint(ticket: Grant, secret: bytes) -> str:
    """The ticket as text for a URL: `[A-Za-z0-9_-]`, at most `LONGEST` characters; the same for the same ticket."""
    config = ticket.config_id.encode("ascii")
    content = ticket.deadline_ms.to_bytes(8, "big") + bytes([len(config)]) + config + ticket.user_id.encode("ascii")
    tag = _tag(content, secret)
    return _encode(_VERSION + tag + _hide(content, tag, secret))


def verify(text: str, secrets: Sequence[bytes]) -> Grant:
    """What a ticket grants. Raises Forged if we did not issue exactly this text. Does not check expiry."""
    if not _TEXT.fullmatch(text):
        raise Forged
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Forged from None
    if sealed[:1] != _VERSION or _encode(sealed) != text:  # bits beyond the last byte could be anything
        raise Forged
    tag, hidden = sealed[1 : 1 + _TAG], sealed[1 + _TAG :]
    genuine = None
    for secret in secrets:
        content = _hide(hidden, tag, secret)
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
    """Issues tickets, and checks those of requests."""

    def __init__(self, secrets: Secrets, lifetime: float, clock_ms: Callable[[], int] = wall_ms) -> None:
        self._secrets = secrets
        self._lifetime_ms = round(lifetime * 1000)
        self._clock_ms = clock_ms

    def give(self, user_id: str, config_id: str) -> tuple[str, int]:
        """A new ticket and its deadline in Unix milliseconds. RequestError (404) where tickets are not offered."""
        secrets = self._secrets.values()
        if not secrets:
            raise RequestError(404, "Tickets are not offered here")
        deadline_ms = self._clock_ms() + self._lifetime_ms
        return mint(Grant(user_id, config_id, deadline_ms), secrets[0]), deadline_ms

    async def take(self, given: Sequence[str], config_id: str) -> Grant:
        """The ticket of a request for this configuration's stream, from all its `ticket` parameters; it may have
        expired. RequestError (401) if there is not exactly one, or it is forged or for another configuration."""
        if len(given) == 1:
            ticket = self._verify(given[0])
            if ticket is None and _TEXT.fullmatch(given[0]) and await self._secrets.reread():
                ticket = self._verify(given[0])
            if ticket is not None and ticket.config_id == config_id:
                return ticket
        raise RequestError(401, "The ticket is not valid for this stream")

    def _verify(self, text: str) -> Grant | None:
        try:
            return verify(text, self._secrets.values())
        except Forged:
            return None


def _tag(content: bytes, secret: bytes) -> bytes:
    return hmac.digest(_key(secret, b"tag"), _VERSION + content, "sha256")


def _hide(content: bytes, tag: bytes, secret: bytes) -> bytes:
    key = _key(secret, b"stream")
    blocks = -(-len(content) // 32)
    stream = b"".join(hmac.digest(key, tag + block.to_bytes(4, "big"), "sha256") for block in range(blocks))
    return bytes(byte ^ other for byte, other in zip(content, stream, strict=False))


def _key(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"streamer ticket " + purpose, "sha256")


def _encode(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")
