from __future__ import annotations

import base64
import logging
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from streamer.aws.secrets import Secrets
from streamer.errors import RequestError
from streamer.web.tickets import LONGEST, Forged, Grant, Tickets, mint, verify

OLD, NEW = b"the-old-secret-of-24-chr", b"the-new-secret-of-24-chr"
TICKET = Grant("ann@example.com", "dashboard-1", 1_732_280_900_000)
URL_SAFE = string.ascii_letters + string.digits + "-_"

ids = st.text(st.characters(min_codepoint=1, max_codepoint=127), min_size=1, max_size=128)
tickets = st.builds(Grant, ids, ids, st.integers(0, (1 << 64) - 1))
keys = st.binary(min_size=16, max_size=80)


def forged(text: str, *secrets: bytes) -> bool:
    try:
        verify(text, secrets or (OLD,))
    except Forged:
        return True
    return False


def given_secrets(*values: bytes) -> Secrets:
    return Secrets("TICKET_SECRET", [SecretStr(value.decode()) for value in values])


@given(tickets, keys)
def test_a_ticket_comes_back_as_it_was_and_fits_a_url(ticket: Grant, secret: bytes) -> None:
    text = mint(ticket, secret)
    assert verify(text, [secret]) == ticket
    assert len(text) <= LONGEST
    assert not set(text) - set(URL_SAFE)


def test_the_longest_and_the_shortest_ticket_come_back() -> None:
    for ticket in (Grant("u" * 128, "c" * 128, (1 << 64) - 1), Grant("u", "c", 0)):
        assert verify(mint(ticket, OLD), [OLD]) == ticket
    assert len(mint(Grant("u" * 128, "c" * 128, 0), OLD)) == LONGEST


@given(tickets, st.data())
def test_a_changed_ticket_is_forged_whatever_was_changed(ticket: Grant, data: st.DataObject) -> None:
    text = mint(ticket, OLD)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(
        st.one_of(
            st.sampled_from(URL_SAFE + "=+/ \n%é").map(lambda char: text[:at] + char + text[at + 1 :]),  # replaced
            st.just(text[:at] + text[at + 1 :]),  # left out
            st.text(URL_SAFE + "=", min_size=1).map(lambda more: text[:at] + more + text[at:]),  # put in
            st.text(min_size=1).map(lambda more: text + more),  # put behind
            st.just(text[:at]),  # cut
            st.just(text[at:] + text[:at]),  # turned
            st.text(max_size=500),  # another
        )
    )
    assert (other == text) or forged(other)


def test_every_single_flipped_bit_is_forged() -> None:
    text = mint(TICKET, OLD)
    sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    for bit in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        assert forged(base64.urlsafe_b64encode(flipped).rstrip(b"=").decode()), bit


@pytest.mark.parametrize("user", ["ann", "anna", "annab"])  # each remainder of the base64
def test_one_ticket_has_one_spelling(user: str) -> None:
    text = mint(Grant(user, "dashboard-1", 1), OLD)
    assert all(forged(text + padding) for padding in ("=", "==", "===", "\n", " "))
    sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    spellings = [
        text[:-1] + char
        for char in URL_SAFE
        if base64.urlsafe_b64decode(text[:-1] + char + "=" * (-len(text) % 4)) == sealed
    ]
    assert len(spellings) == {0: 1, 3: 4, 2: 16}[len(text) % 4]
    assert [spelling for spelling in spellings if not forged(spelling)] == [text]


@pytest.mark.parametrize("text", ["", "A", "A" * 10_000, "é" * 80, "=" * 80, "\0" * 80, "A" * LONGEST, "..." * 30])
def test_what_was_never_a_ticket_is_forged(text: str) -> None:
    assert forged(text)


def test_a_ticket_of_another_version_is_forged_even_with_the_right_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("streamer.web.tickets._VERSION", b"\x02")
        text = mint(TICKET, OLD)
    assert forged(text)


def test_any_of_several_secrets_opens_and_the_first_seals() -> None:
    text = mint(TICKET, OLD)
    assert verify(text, [NEW, OLD]) == verify(text, [OLD, NEW]) == TICKET
    assert forged(text, NEW)
    with pytest.raises(Forged):
        verify(text, [])


@given(tickets, tickets)
def test_two_tickets_share_nothing_that_can_be_seen(one: Grant, other: Grant) -> None:
    sealed = [base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in (mint(one, OLD), mint(other, OLD))]
    assert (sealed[0][1:17] == sealed[1][1:17]) == (one == other)


def test_a_ticket_shows_neither_user_nor_configuration() -> None:
    text = mint(TICKET, OLD)
    sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    for hidden in (b"ann", b"example", b"dash", OLD, TICKET.deadline_ms.to_bytes(8, "big")[2:]):
        assert hidden not in sealed
    assert repr(TICKET) == "Grant(deadline_ms=1732280900000)"


@pytest.mark.parametrize(
    ("user", "config", "deadline"),
    [
        ("", "c", 1),
        ("u", "", 1),
        ("u" * 129, "c", 1),
        ("u", "c" * 129, 1),
        ("ü", "c", 1),
        ("u", "c", -1),
        ("u", "c", 1 << 64),
    ],
)
def test_what_fits_no_ticket_is_refused_without_being_shown(user: str, config: str, deadline: int) -> None:
    with pytest.raises(ValueError, match=r"^(an id in a ticket|a deadline) is [A-Z0-9 a-z]+$"):
        Grant(user, config, deadline)


async def test_a_ticket_is_given_for_its_lifetime_and_taken_for_its_own_configuration_alone() -> None:
    office = Tickets(given_secrets(NEW, OLD), 900, lambda: 1_000)
    text, deadline_ms = office.issue("ann", "dashboard-1")
    assert deadline_ms == 901_000
    assert verify(text, [NEW]) == Grant("ann", "dashboard-1", 901_000)
    assert await office.check([text], "dashboard-1") == Grant("ann", "dashboard-1", 901_000)
    for sent, config in (([text], "dashboard-2"), ([text, text], "dashboard-1"), ([], "dashboard-1"), ([""], "x")):
        with pytest.raises(RequestError) as raised:
            await office.check(sent, config)
        assert (raised.value.status, raised.value.detail) == (401, "The ticket is not valid for this stream")


async def test_an_expired_ticket_is_told_from_a_forged_one() -> None:
    office = Tickets(given_secrets(OLD), 900)
    assert (await office.check([mint(Grant("ann", "c", 1), OLD)], "c")).deadline_ms == 1
    with pytest.raises(RequestError):
        await office.check([mint(Grant("ann", "c", 1), NEW)], "c")


async def test_without_a_secret_there_are_no_tickets() -> None:
    office = Tickets(Secrets("TICKET_SECRET"), 900)
    with pytest.raises(RequestError) as raised:
        office.issue("ann", "dashboard-1")
    assert raised.value.status == 404
    for secret in (b"", b"None", OLD):
        with pytest.raises(RequestError):
            await office.check([mint(TICKET, secret)], "dashboard-1")


async def test_a_ticket_of_a_container_that_knows_a_newer_secret_is_taken_at_once() -> None:
    held, asked, now = [OLD.decode()], [], [0.0]

    def fetch(arn: str) -> str:
        asked.append(arn)
        return held[0]

    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tickets"
    secrets = Secrets("TICKET_SECRET", [SecretStr(arn)], fetch=fetch, clock=lambda: now[0])
    secrets.read()
    office = Tickets(secrets, 900)
    held[0], now[0] = NEW.decode(), 31.0
    assert await office.check([mint(TICKET, NEW)], "dashboard-1") == TICKET
    for _ in range(100):
        with pytest.raises(RequestError):
            await office.check([mint(TICKET, OLD)], "dashboard-1")
    now[0] = 100.0
    with pytest.raises(RequestError):
        await office.check(["no ticket at all"], "dashboard-1")  # what has not even the form of one asks nobody
    assert len(asked) == 2


async def test_no_log_error_or_repr_holds_a_ticket_a_user_or_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = given_secrets(OLD)
    office = Tickets(secrets, 900)
    text, _ = office.issue("ann@example.com", "dashboard-1")
    seen = [repr(secrets), str(secrets), repr(office), repr(await office.check([text], "dashboard-1"))]
    for bad in (text[:-2], text + "A", mint(TICKET, NEW)):
        with pytest.raises(RequestError) as raised:
            await office.check([bad], "dashboard-1")
        seen += [repr(raised.value), str(raised.value), repr(raised.value.members)]
        with pytest.raises(Forged) as forgery:
            verify(bad, [OLD])
        seen.append(repr(forgery.value))
    shown = caplog.text + "".join(seen)
    for hidden in (text[:8], "ann@", "dashboard-1", OLD.decode(), NEW.decode()):
        assert hidden not in shown
