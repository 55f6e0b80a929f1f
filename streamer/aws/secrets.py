"""Secrets as they are now: values of the settings, and what Secrets Manager holds under the ARNs among them.

An ARN's secret is a string, or a JSON list of strings. It is read at the start, again when somebody asks and what was
read is five minutes old (that one still gets the old values), and at once when something fits no known secret, yet at
most every 30 s. So: add the new one behind the old, wait five minutes, swap the two, wait for a ticket's lifetime, take
the old one away; nothing restarts. A read that fails leaves what was known.

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
"""Seconds after which what was read of Secrets Manager is read again: how long a withdrawn secret still counts."""
PATIENCE = 30.0
"""Seconds between two reads, whatever is sent here: a forger must not make us call AWS."""


def fetch(arn: str) -> str:
    """What an ARN's secret holds. Blocks, for 30 s at the worst. Raises what boto3 does, KeyError if it is binary."""
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_MARGIN,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    client = Session().client("secretsmanager", region_name=arn.split(":")[3], config=config)  # the secret's own
    try:
        return str(client.get_secret_value(SecretId=arn)["SecretString"])
    finally:
        client.close()


class Secrets:
    """The valid values of one setting, the first being the one to make new things with.

    Lives in the event loop, but for `read`. No `repr` and no log line shows a value.
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
        """Reads all ARNs; blocks. True if the values are others now. SettingsError names each that cannot be had."""
        self._asked_at = self._clock()
        return self._replace(self._resolve_all())

    async def load(self) -> bool:
        """`read`, in a worker."""
        self._asked_at = self._clock()
        return self._replace(await self._worker(self._resolve_all))

    def values(self) -> tuple[bytes, ...]:
        """What is valid as far as is known; what is stale is read again meanwhile, for the next one who asks."""
        if self._clock() - self._asked_at >= STALE:
            self.doubt()
        return self._values

    def doubt(self) -> asyncio.Task[bool] | None:
        """Called when something fits no value: reads again, unless that was done just now.

        Returns the read under way, shared by all who ask meanwhile; its result says whether the values changed.
        """
        if self._reading is None and self._remote and self._clock() - self._asked_at >= PATIENCE:
            self._reading = asyncio.ensure_future(self._read_again())
        return self._reading

    async def reread(self) -> bool:
        """`doubt`, awaited: whether it is worth another try."""
        reading = self.doubt()
        return reading is not None and await asyncio.shield(reading)  # one of those who wait may leave

    async def _read_again(self) -> bool:
        changed = False
        try:
            changed = await self.load()
            if changed:
                logger.info("secrets changed", extra={"setting": self.key, "values": len(self._values)})
        except SettingsError as error:
            logger.warning("secrets not read; the known ones stay", extra={"mistakes": list(error.mistakes)})
        except Exception as error:
            # Its text and traceback may hold what was read.
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
            raise _Unusable("is binary; keep a string in it") from None
        except call_errors() as error:
            raise _Unusable(f"cannot be read: {describe_call('secretsmanager:GetSecretValue', error)}") from None
        values = _listed(held)
        if not values:
            raise _Unusable("holds no secret; keep a string in it, or a JSON list of strings")
        for position, value in enumerate(values, 1):
            if wrong := flaw(value):
                raise _Unusable(f"holds a value ({position} of {len(values)}) that {wrong}")
        return [value.encode() for value in values]


class _Unusable(Exception):
    """Why an ARN gives no secret, in words that show none."""


def _listed(held: str) -> list[str]:
    try:
        parsed = json.loads(held)
    except (ValueError, RecursionError):
        return [held.strip()]
    if isinstance(parsed, list):
        return parsed if all(isinstance(value, str) for value in parsed) else []
    return [] if isinstance(parsed, dict) else [held.strip()]
