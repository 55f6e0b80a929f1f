from __future__ import annotations

import asyncio
import json
import logging
import threading

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pydantic import SecretStr

from streamer.aws.secrets import PATIENCE, STALE, Secrets
from streamer.errors import SettingsError
from tests.watchdog import WATCHDOG

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/tickets-AbCdEf"
ONE, TWO = "first-secret-of-24-chars", "second-secret-of-24-char"


class Store:
    """A Secrets Manager with one secret and a clock, both in the test's hand."""

    def __init__(self, held: str | Exception = ONE) -> None:
        self.held = held
        self.asked = 0
        self.now = 0.0
        self.gate = threading.Event()
        self.gate.set()

    def fetch(self, arn: str) -> str:
        assert arn == ARN
        self.asked += 1
        self.gate.wait(WATCHDOG)
        if isinstance(self.held, Exception):
            raise self.held
        return self.held

    def secrets(self, *entries: str) -> Secrets:
        made = Secrets(
            "TICKET_SECRET",
            [SecretStr(entry) for entry in entries or (ARN,)],
            fetch=self.fetch,
            clock=lambda: self.now,
        )
        made.read()
        return made


def test_values_are_as_given_and_nobody_is_asked_for_them() -> None:
    store = Store()
    assert store.secrets(ONE, TWO).values() == (ONE.encode(), TWO.encode())
    assert Secrets("TICKET_SECRET", [SecretStr(ONE)]).values() == (ONE.encode(),)
    assert Secrets("TICKET_SECRET").values() == ()
    assert not Secrets("TICKET_SECRET")
    assert Secrets("TICKET_SECRET", [SecretStr(ONE)]).doubt() is None
    assert store.asked == 0


@pytest.mark.parametrize(
    ("held", "values"),
    [
        (ONE, [ONE]),
        (f" {ONE}\n", [ONE]),
        (json.dumps([ONE, TWO]), [ONE, TWO]),
        (json.dumps([ONE, ONE]), [ONE]),
        ("[no-json-but-a-secret", ["[no-json-but-a-secret"]),
        ("1234567890123456", ["1234567890123456"]),
    ],
)
def test_an_arn_holds_a_string_or_a_list_of_them(held: str, values: list[str]) -> None:
    assert Store(held).secrets().values() == tuple(value.encode() for value in values)


def test_arns_and_values_mix_in_the_order_given() -> None:
    assert Store(TWO).secrets(ONE, ARN).values() == (ONE.encode(), TWO.encode())


def denied(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{ONE} for {ARN}"}}, "GetSecretValue")


@pytest.mark.parametrize(
    ("held", "mistake"),
    [
        (denied("AccessDeniedException"), "cannot be read: secretsmanager:GetSecretValue: AccessDeniedException"),
        (denied("ResourceNotFoundException"), "cannot be read: secretsmanager:GetSecretValue: ResourceNotFound"),
        (EndpointConnectionError(endpoint_url="x"), "GetSecretValue: EndpointConnectionError"),
        (KeyError("SecretString"), "is binary; store a string"),
        ("", "holds a value (1 of 1) that is shorter than 16 characters"),
        ("short-and-secret", ""),
        ("short-secret", "holds a value (1 of 1) that is shorter than 16 characters"),
        (json.dumps([ONE, "short-secret"]), "holds a value (2 of 2) that is shorter than 16 characters"),
        ("[]", "holds no secret"),
        (json.dumps([ONE, 7]), "holds no secret"),
        (json.dumps({"password": ONE}), "holds no secret; store a string or a JSON list of strings"),
        (f"{ONE},{TWO}", "without space and comma"),
        (ONE + "ü", "printable ASCII"),
    ],
)
def test_what_cannot_be_had_is_named_by_setting_and_secret_and_never_shown(held: str | Exception, mistake: str) -> None:
    if not mistake:
        assert len(Store(held).secrets().values()) == 1
        return
    with pytest.raises(SettingsError) as raised:
        Store(held).secrets(ARN, TWO)
    (named,) = raised.value.mistakes
    assert named.startswith("TICKET_SECRET: the secret prod/tickets-AbCdEf ")
    assert mistake in named
    for hidden in (ONE, TWO, "short-secret"):
        assert hidden not in named


async def test_what_is_stale_is_read_again_for_the_next_who_asks() -> None:
    store = Store()
    secrets = store.secrets()
    store.held, store.now = TWO, STALE - 1
    assert secrets.values() == (ONE.encode(),)
    assert store.asked == 1
    store.now = STALE
    store.gate.clear()
    assert secrets.values() == (ONE.encode(),)
    store.now = 0.0  # so that what follows starts no read of its own
    reading = secrets.doubt()
    assert reading is not None
    store.gate.set()
    assert await reading
    assert secrets.values() == (TWO.encode(),)
    assert store.asked == 2


async def test_doubt_reads_at_a_bounded_rate_however_often_it_comes() -> None:
    store = Store()
    secrets = store.secrets()
    store.held = TWO
    assert [await secrets.reread() for _ in range(50)] == [False] * 50
    assert store.asked == 1
    store.now = PATIENCE
    store.gate.clear()
    waiting = [asyncio.create_task(secrets.reread()) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    store.gate.set()
    got = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(got[0], asyncio.CancelledError)
    assert got[1:] == [True] * 49
    assert secrets.values() == (TWO.encode(),)
    assert not await secrets.reread()
    assert store.asked == 2


@pytest.mark.parametrize("held", [denied("AccessDeniedException"), "short-secret", OSError(ONE)])
async def test_a_read_that_fails_leaves_what_was_known_and_is_logged_without_it(
    held: str | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = Store()
    secrets = store.secrets()
    store.held, store.now = held, PATIENCE
    assert not await secrets.reread()
    assert secrets.values() == (ONE.encode(),)
    (record,) = caplog.records
    assert record.message == "secrets not read; the known ones stay"
    store.held, store.now = TWO, 2 * PATIENCE
    assert await secrets.reread()
    everything = "".join(str(vars(record)) for record in caplog.records) + repr(secrets)
    for hidden in (ONE, TWO, "short-secret"):
        assert hidden not in everything


def test_a_secret_that_is_taken_away_counts_no_more() -> None:
    store = Store(json.dumps([ONE, TWO]))
    secrets = store.secrets()
    store.held = TWO
    assert secrets.read()
    assert secrets.values() == (TWO.encode(),)
    assert not secrets.read()


def test_before_the_first_read_nothing_fits() -> None:
    assert Secrets("TICKET_SECRET", [SecretStr(ARN)], fetch=Store().fetch).values() == ()


def test_the_secret_is_read_from_aws_in_its_own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("moto")
    import boto3

    from tests.moto_in_process import moto_in_process

    with moto_in_process() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        client = boto3.client("secretsmanager", region_name="eu-west-1")
        arn = client.create_secret(Name="prod/tickets", SecretString=ONE)["ARN"]
        binary = client.create_secret(Name="prod/binary", SecretBinary=b"x" * 20)["ARN"]
        client.close()
        secrets = Secrets("TICKET_SECRET", [SecretStr(arn)])
        secrets.read()
        assert secrets.values() == (ONE.encode(),)
        with pytest.raises(SettingsError) as raised:
            Secrets("GATEWAY_SECRET", [SecretStr(binary), SecretStr(arn.replace("tickets", "other"))]).read()
    assert "is binary" in raised.value.mistakes[0]
    assert raised.value.mistakes[1].endswith("GetSecretValue: ResourceNotFoundException")
