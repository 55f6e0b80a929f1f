"""The current secrets: values from the settings, and secrets of Secrets Manager whose ARNs are in the settings.

The secret of an ARN is a string or a JSON list of strings. It is read at the start, in the background when a request
needs it after five minutes, and when a request matches no known secret, at most every 30 s. To rotate without a
restart: append the new secret, wait five minutes, swap the two, wait for a ticket's lifetime, remove the old one. If a
read fails, the known values stay valid.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence

from pydantic import SecretStr

from streamer.aws.clients import CONNECT_TIMEOUT, READ_MARGIN
from streamer.aws.errors import call_errors, describe_call
from streamer.aws.worker import Worker
from streamer.errors import SettingsError
from streamer.setting_values import flaw, is_secret_arn

logger = logging.getLogger(__name__)

STALE = 300.0
"""Age in seconds after which a secret is read again. A removed secret stays valid for so long."""
PATIENCE = 30.0
"""Minimum number of seconds between two reads, so that forged requests cannot cause calls to AWS."""


def fetch(arn: str) -> str:
    """Returns the secret of an ARN. Blocks, at most 30 s. Raises boto3's errors, and KeyError if it is binary."""
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_MARGIN,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    client = Session().client("secretsmanager", region_name=arn.split(":")[3], config=config)  # the secret's region
    try:
        return str(client.get_secret_value(SecretId=arn)["SecretString"])
    finally:
        client.close()


class Secrets:
    """The valid values of one setting. The first one signs new tickets.

    Used in the event loop, except `read`. Neither `repr` nor log lines show a value.
    """

    def __init__(
        self,
        key: str,
        entries: Sequence[SecretStr] = (),
        *,
        fetch: Callable[[str], str] = fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key = key
        self._entries = entries
        self._fetch = fetch
        self._clock = clock
        self._remote = any(is_secret_arn(entry.get_secret_value()) for entry in entries)
        self._values: tuple[bytes, ...] = ()
        self._asked_at = clock()
        self._reading: asyncio.Task[bool] | None = None
        self._worker = Worker("secrets")
        if not self._remote:
            self.read()

    def __repr__(self) -> str:
        return f"Secrets({self.key}, {len(self._values)} values)"

    def __bool__(self) -> bool:
        """Whether the setting is set."""
        return bool(self._entries)

    def read(self) -> bool:
        """Reads all ARNs; blocks. Returns whether the values changed. Raises SettingsError, which names all that
        failed."""
        self._asked_at = self._clock()
        return self._replace(self._resolve_all())

    async def load(self) -> bool:
        """Does the same in a worker's thread."""
        self._asked_at = self._clock()
        return self._replace(await self._worker(self._resolve_all))

    def values(self) -> tuple[bytes, ...]:
        """Returns the known values. Starts a read in the background if they are stale."""
        if self._clock() - self._asked_at >= STALE:
            self.doubt()
        return self._values

    def doubt(self) -> asyncio.Task[bool] | None:
        """Called when a request matches no value. Starts a read, unless the last one was within PATIENCE.

        Returns the current read, which all callers share; its result says whether the values changed.
        """
        if self._reading is None and self._remote and self._clock() - self._asked_at >= PATIENCE:
            self._reading = asyncio.ensure_future(self._read_again())
        return self._reading

    async def reread(self) -> bool:
        """Awaits `doubt`. Returns whether the values changed, so that the request can be checked again."""
        reading = self.doubt()
        return reading is not None and await asyncio.shield(reading)  # another request may wait for it

    async def _read_again(self) -> bool:
        changed = False
        try:
            changed = await self.load()
            if changed:
                logger.info("secrets changed", extra={"setting": self.key, "values": len(self._values)})
        except SettingsError as error:
            logger.warning("secrets not read; the known ones stay", extra={"mistakes": list(error.mistakes)})
        except Exception as error:
            # Its message and traceback may contain the secret.
            logger.error("secrets not read; the known ones stay", extra={"error": type(error).__name__})
        finally:
            self._reading = None
        return changed

    def _replace(self, values: tuple[bytes, ...]) -> bool:
        before, self._values = self._values, values
        return values != before

    def _resolve_all(self) -> tuple[bytes, ...]:
        """Blocks. Raises SettingsError."""
        values: list[bytes] = []
        mistakes: list[str] = []
        for entry in self._entries:
            value = entry.get_secret_value()
            try:
                values += self._resolve(value) if is_secret_arn(value) else [value.encode()]
            except _Unusable as error:
                mistakes.append(f"{self.key}: the secret {value.split(':', 6)[6]} {error}")
        if mistakes:
            raise SettingsError(mistakes)
        return tuple(dict.fromkeys(values))

    def _resolve(self, arn: str) -> list[bytes]:
        try:
            held = self._fetch(arn)
        except KeyError:
            raise _Unusable("is binary; store a string") from None
        except call_errors() as error:
            raise _Unusable(f"cannot be read: {describe_call('secretsmanager:GetSecretValue', error)}") from None
        values = _listed(held)
        if not values:
            raise _Unusable("holds no secret; store a string or a JSON list of strings")
        for position, value in enumerate(values, 1):
            if wrong := flaw(value):
                raise _Unusable(f"holds a value ({position} of {len(values)}) that {wrong}")
        return [value.encode() for value in values]


class _Unusable(Exception):
    """Why the secret of an ARN is unusable, without its value."""


def _listed(held: str) -> list[str]:
    try:
        parsed = json.loads(held)
    except (ValueError, RecursionError):
        return [held.strip()]
    if isinstance(parsed, list):
        return parsed if all(isinstance(value, str) for value in parsed) else []
    return [] if isinstance(parsed, dict) else [held.strip()]
