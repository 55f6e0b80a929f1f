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
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from pydantic import SecretStr

from streamer import aws
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
        connect_timeout=aws.CONNECT_TIMEOUT,
        read_timeout=aws.READ_MARGIN,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    client = Session().client("secretsmanager", region_name=arn.split(":")[3], config=config)  # the secret's own
    try:
        return str(client.get_secret_value(SecretId=arn)["SecretString"])
    finally:
        client.close()


class Secrets:
    """The valid values of one setting, the first being the one to make new things with.

    `values` and `doubt` never block and may be called from any thread. No `repr` and no log line shows a value.
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
        self._reading: Future[bool] | None = None
        self._lock = threading.Lock()
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
        before, self._values = self._values, tuple(dict.fromkeys(values))
        return self._values != before

    def values(self) -> tuple[bytes, ...]:
        """What is valid as far as is known; what is stale is read again meanwhile, for the next one who asks."""
        if self._clock() - self._asked_at >= STALE:
            self.doubt()
        return self._values

    def doubt(self) -> Future[bool] | None:
        """Called when something fits no value: reads again in a thread of its own, unless that was done just now.

        Whoever wants to wait gets what tells whether the values changed; it is shared by all who ask meanwhile.
        """
        with self._lock:
            if self._reading is not None:
                return self._reading
            if not self._remote or self._clock() - self._asked_at < PATIENCE:
                return None
            self._asked_at = self._clock()
            reading: Future[bool] = Future()
            reading.set_running_or_notify_cancel()  # one of those who wait may leave: the others go on waiting
            self._reading = reading
        threading.Thread(target=self._read_again, args=(reading,), name="secrets", daemon=True).start()
        return reading

    async def reread(self) -> bool:
        """`doubt`, awaited: whether it is worth another try."""
        reading = self.doubt()
        return reading is not None and await asyncio.wrap_future(reading)

    def _read_again(self, reading: Future[bool]) -> None:
        changed = False
        try:
            changed = self.read()
            if changed:
                logger.info("secrets changed", extra={"setting": self.key, "values": len(self._values)})
        except SettingsError as error:
            logger.warning("secrets not read; the known ones stay", extra={"mistakes": list(error.mistakes)})
        except Exception as error:
            # Its text and traceback may hold what was read.
            logger.error("secrets not read; the known ones stay", extra={"error": type(error).__name__})
        finally:
            with self._lock:
                self._reading = None
            reading.set_result(changed)

    def _resolve(self, arn: str) -> list[bytes]:
        try:
            held = self._fetch(arn)
        except KeyError:
            raise _Unusable("is binary; keep a string in it") from None
        except aws.errors() as error:
            raise _Unusable(f"cannot be read: {aws.in_words('secretsmanager:GetSecretValue', error)}") from None
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
