from __future__ import annotations

import json
import logging
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.requests import Request

from streamer.aws.secrets import Secrets
from streamer.errors import RequestError
from streamer.functions.identity import LambdaIdentity
from streamer.web.identity import CallerIdentity, Identity

SECRET, NEXT = "gateway-secret-of-26-chars", "the-next-gateway-secret-xx"
PROXIES = [ip_network(each) for each in ("10.0.0.0/8", "127.0.0.1/32", "fd00::/8", "fe80::/64")]

Headers = list[tuple[str, str]]


def request(
    headers: list[tuple[str, str | bytes]] | Headers, peer: str | None = "127.0.0.1", event: object = None
) -> Request:
    scope: dict[str, Any] = {
        "type": "http",
        "client": None if peer is None else (peer, 50_000),
        "headers": [
            (name.lower().encode(), value if isinstance(value, bytes) else value.encode("latin-1"))
            for name, value in headers
        ],
    }
    if event is not None:
        scope["aws.event"] = event
    return Request(scope)


def user(identity: CallerIdentity, asked: Request) -> str | None:
    refused: RequestError | None = None
    try:
        return identity.user(asked)
    except RequestError as error:
        refused = error
    assert (refused.status, refused.detail, refused.members) == (401, "Missing user identification", {})
    return None


def gateway(*values: str) -> Secrets:
    return Secrets("GATEWAY_SECRET", [SecretStr(value) for value in values])


ANN = ("X-User-ID", "ann")


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        ("127.0.0.1", "ann"),
        ("10.255.1.2", "ann"),
        ("::ffff:10.1.2.3", "ann"),
        ("::ffff:a01:203", "ann"),
        ("fd00::1", "ann"),
        ("FD00:0::1", "ann"),
        ("fe80::1%eth0", "ann"),
        ("fe80::1", "ann"),
        ("127.0.0.2", None),
        ("11.0.0.1", None),
        ("::1", None),
        ("::10.1.2.3", None),  # compatible, not mapped
        ("::ffff:11.0.0.1", None),
        ("2001:db8::1", None),
        ("fe80:0:0:1::1%eth0", None),
        ("010.0.0.1", None),
        ("10.0.0.1 ", None),
        ("testclient", None),
        ("", None),
        (None, None),  # a unix socket
    ],
)
def test_without_a_gateway_secret_only_a_trusted_peer_says_who_the_user_is(peer: str | None, name: str | None) -> None:
    assert user(Identity(PROXIES), request([ANN], peer)) == name
    assert user(Identity(), request([ANN], peer)) is None


@pytest.mark.parametrize(
    "header",
    [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Gateway-Secret", ""),
        ("X-Gateway-Secret", SECRET),
        ("Host", "127.0.0.1"),
    ],
)
def test_no_header_makes_a_peer_trusted(header: tuple[str, str]) -> None:
    assert user(Identity(PROXIES), request([header, ANN, header], "203.0.113.9")) is None


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ([SECRET], "ann"),
        ([NEXT], "ann"),
        ([], None),
        ([""], None),
        ([SECRET[:-1]], None),
        ([SECRET + "x"], None),
        ([SECRET.upper()], None),
        ([f" {SECRET}"], None),
        ([f"{SECRET},{NEXT}"], None),
        ([f"{SECRET}, {SECRET}"], None),
        ([SECRET, SECRET], None),
        ([SECRET, "wrong"], None),
        (["wrong", SECRET], None),
        (["", SECRET], None),
        (["\xff" * 40], None),
        (["x" * 10_000], None),
    ],
)
@pytest.mark.parametrize("peer", ["203.0.113.9", "127.0.0.1", None])
@pytest.mark.parametrize(
    "identity",
    [Identity(PROXIES, gateway(SECRET, NEXT)), LambdaIdentity(gateway(SECRET, NEXT))],
    ids=["container", "function"],
)
def test_with_a_gateway_secret_it_alone_counts_whatever_the_peer(
    given: list[str], name: str | None, peer: str | None, identity: CallerIdentity
) -> None:
    assert user(identity, request([("X-Gateway-Secret", each) for each in given] + [ANN], peer)) == name


BAD_IDS: list[list[str | bytes]] = [
    [],
    [""],
    ["ann", "ann"],
    ["ann", "bob"],
    ["", "ann"],
    ["ann", ""],
    ["ann,bob"],
    ["ann, ann"],
    ["a" * 129],
    ["a" * 10_000],
    [" ann"],
    ["ann "],
    ["\tann"],
    [" "],
    ["a\tb"],
    ["a\nb"],
    ["a\rb"],
    ["ann\n"],
    ["a\0b"],
    ["a\x7fb"],
    ["änn"],
    [b"\xff\xfe"],
    ["änn".encode()],
    ["a\x85b"],
    ["a\xa0b"],
]


@pytest.mark.parametrize("ids", BAD_IDS)
def test_a_malformed_user_id_names_nobody_and_breaks_nothing(ids: list[str | bytes]) -> None:
    headers: list[tuple[str, str | bytes]] = [("X-User-ID", each) for each in ids]
    assert user(Identity(PROXIES), request(headers)) is None
    bearing: list[tuple[str, str | bytes]] = [("X-Gateway-Secret", SECRET), *headers, *iam_header("AIDAGATEWAY")]
    assert user(LambdaIdentity(gateway(SECRET)), request(bearing)) is None


@pytest.mark.parametrize("name", ["a", "a" * 128, "ann@example.com", "a b", "USER#1", "../x", "0", "null", "!~"])
def test_a_sound_user_id_is_taken_as_it_is(name: str) -> None:
    assert user(Identity(PROXIES), request([("X-User-ID", name)])) == name


def iam(user_id: object = "AIDACOSFODNN7EXAMPLE2") -> dict[str, Any]:
    """As a Function URL with AWS_IAM sends it: the example of AWS's own guide."""
    return {
        "accountId": "123456789012",
        "authorizer": {
            "iam": {
                "accessKey": "AKIAIOSFODNN7EXAMPLE",
                "accountId": "111122223333",
                "callerId": "AIDACOSFODNN7EXAMPLE2",
                "cognitoIdentity": None,
                "principalOrgId": None,
                "userArn": "arn:aws:iam::111122223333:user/example-user",
                "userId": user_id,
            }
        },
        "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "x"},
        "stage": "$default",
    }


def iam_header(user_id: object = "AIDACOSFODNN7EXAMPLE2") -> Headers:
    return [("x-amzn-request-context", json.dumps(iam(user_id)))]


@pytest.mark.parametrize(
    ("user_id", "name"),
    [
        ("AIDACOSFODNN7EXAMPLE2", "AIDACOSFODNN7EXAMPLE2"),
        ("123456789012", "123456789012"),
        ("AROAEXAMPLE:ann@example.com", "AROAEXAMPLE"),
        ("AROAEXAMPLE:AIDACOSFODNN7EXAMPLE2", "AROAEXAMPLE"),
        ("AROAEXAMPLE:a:b", "AROAEXAMPLE"),
        ("AROAEXAMPLE:", "AROAEXAMPLE"),
        ("AROAEXAMPLE:CognitoIdentityCredentials", None),
        ("123456789012:ann", None),
        ("AIDACOSFODNN7EXAMPLE2:ann", None),
        (":ann", None),
        ("aroaexample:ann", None),
        ("", None),
        ("a" * 129, None),
        ("a b", None),
        ("a\n", None),
        ("ä", None),
        (None, None),
        (7, None),
        (["ann"], None),
    ],
)
def test_in_lambda_iam_names_the_user(user_id: object, name: str | None) -> None:
    identity = LambdaIdentity()
    assert user(identity, request(iam_header(user_id))) == name
    assert user(identity, request([], event={"requestContext": iam(user_id)})) == name
    assert user(identity, request([ANN, *iam_header(user_id)])) == name


@pytest.mark.parametrize(
    ("user_id", "name"),
    [
        ("AIDACOSFODNN7EXAMPLE2", "AIDACOSFODNN7EXAMPLE2"),
        ("AROAEXAMPLE:ann@example.com", "AROAEXAMPLE:ann@example.com"),
        ("123456789012:ann", "123456789012:ann"),
        ("AROAEXAMPLE:CognitoIdentityCredentials", None),
    ],
)
def test_a_sessions_name_is_an_identity_only_where_a_setting_says_so(user_id: str, name: str | None) -> None:
    identity = LambdaIdentity(sessions=True)
    assert user(identity, request(iam_header(user_id))) == name
    assert user(identity, request([], event={"requestContext": iam(user_id)})) == name


def test_a_load_balancer_is_believed_about_addresses_and_not_about_users() -> None:
    balancer = [ip_network("10.0.0.0/8")]
    forwarded = ("X-Forwarded-For", "1.1.1.1, 198.51.100.1")
    for identity in (Identity(forwarders=balancer), Identity((), gateway(SECRET), forwarders=balancer)):
        asked = request([ANN, forwarded], "10.0.0.1")
        assert user(identity, asked) is None
        assert identity.address(asked) == "198.51.100.1"
        assert identity.address(request([forwarded], "203.0.113.9")) == "203.0.113.9"
    bearing = request([("X-Gateway-Secret", SECRET), ANN, forwarded], "10.0.0.1")
    assert user(Identity((), gateway(SECRET), forwarders=balancer), bearing) == "ann"


def test_a_trusted_proxy_forwards_too_and_both_kinds_may_stand_in_a_row() -> None:
    identity = Identity([ip_network("192.168.0.0/16")], forwarders=[ip_network("10.0.0.0/8")])
    for peer in ("192.168.0.1", "10.0.0.1"):
        asked = request([ANN, ("X-Forwarded-For", "198.51.100.1, 192.168.0.7, 10.0.0.7")], peer)
        assert identity.address(asked) == "198.51.100.1"
        assert user(identity, asked) == ("ann" if peer == "192.168.0.1" else None)


def test_in_lambda_nobody_forwards() -> None:
    asked = request([("X-Forwarded-For", "198.51.100.1")], "127.0.0.1")
    assert LambdaIdentity().address(asked) is None


def test_outside_lambda_the_context_is_the_clients_and_ignored() -> None:
    for identity in (Identity(), Identity(PROXIES), Identity(PROXIES, gateway(SECRET))):
        asked = request(iam_header(), event={"requestContext": iam()})
        assert user(identity, asked) is None
    assert Identity().address(request(iam_header(), "198.51.100.1")) == "198.51.100.1"


def test_behind_mangum_the_header_is_the_clients_and_the_event_is_believed() -> None:
    identity = LambdaIdentity()
    assert user(identity, request(iam_header("AIDAEVE"), event={"requestContext": iam("AIDAANN")})) == "AIDAANN"
    events: list[object] = [{}, {"requestContext": {}}, {"requestContext": None}, "event"]
    for event in events:
        assert user(identity, request(iam_header("AIDAEVE"), event=event)) is None


@pytest.mark.parametrize(
    "context",
    [
        "",
        "null",
        "[]",
        "7",
        "{",
        "{}",
        '{"authorizer":null}',
        '{"authorizer":{"iam":null}}',
        '{"authorizer":{"iam":[]}}',
        '{"authorizer":[]}',
        '{"http":7}',
        '{"http":{"sourceIp":7}}',
        '{"http":{"sourceIp":"x"}}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "\xff",
        "9" * 10_000,
    ],
)
def test_a_context_that_names_nobody_breaks_nothing(context: str) -> None:
    asked = request([("x-amzn-request-context", context)])
    assert user(LambdaIdentity(), asked) is None
    assert LambdaIdentity().address(asked) is None


def test_a_repeated_context_is_not_the_adapters() -> None:
    assert user(LambdaIdentity(), request(iam_header("AIDAANN") * 2)) is None


def test_in_lambda_no_address_is_trusted() -> None:
    asked = request([ANN, ("X-Forwarded-For", "198.51.100.1")], "127.0.0.1")
    assert user(LambdaIdentity(), asked) is None
    assert LambdaIdentity().address(asked) is None
    assert LambdaIdentity().address(request(iam_header())) == "203.0.113.7"
    assert LambdaIdentity().address(request([], event={"requestContext": iam()})) == "203.0.113.7"


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("::ffff:203.0.113.9", [], "203.0.113.9"),
        ("2001:db8:1:2:3::4", [], "2001:db8:1:2::/64"),
        (None, ["198.51.100.1"], None),
        ("10.0.0.1", [], None),
        ("10.0.0.1", [""], None),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.2.3.4"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1,198.51.100.1", "10.2.3.4,,::ffff:10.0.0.7 ,"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.2, 10.0.0.3"], None),
        ("10.0.0.1", ["198.51.100.1, unknown"], None),
        ("10.0.0.1", ["1.1.1.1, junk, 10.0.0.3"], None),
        ("10.0.0.1", ["junk, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:8080"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::7]:8080"], "2001:db8::/64"),
        ("10.0.0.1", ["[2001:db8::7]"], "2001:db8::/64"),
        ("10.0.0.1", ["2001:db8::7"], "2001:db8::/64"),
        ("10.0.0.1", ["fe80::1%eth0"], None),
        ("10.0.0.1", ["198.51.100.1\xff"], None),
        ("10.0.0.1", [",".join(["10.0.0.3"] * 5_000)], None),
    ],
)
def test_the_address_is_the_farthest_that_a_trusted_proxy_vouches_for(
    peer: str | None, forwarded: list[str], address: str | None
) -> None:
    asked = request([("X-Forwarded-For", each) for each in forwarded], peer)
    assert Identity(PROXIES).address(asked) == address


def test_the_gateways_own_address_is_no_clients() -> None:
    identity = Identity([ip_network("10.0.0.0/8")], gateway(SECRET))
    bears = ("X-Gateway-Secret", SECRET)
    assert identity.address(request([bears], "203.0.113.9")) is None
    assert identity.address(request([("X-Gateway-Secret", "wrong")], "203.0.113.9")) == "203.0.113.9"
    assert identity.address(request([bears, ("X-Forwarded-For", "198.51.100.1")], "10.0.0.1")) == "198.51.100.1"
    assert LambdaIdentity(gateway(SECRET)).address(request([bears, *iam_header()])) is None


outsiders = st.ip_addresses(v=4, network="198.51.100.0/24").map(str)
insiders = st.ip_addresses(v=4, network="10.0.0.0/8").map(str)


@given(
    st.lists(st.one_of(st.text(st.characters(max_codepoint=255)), outsiders, insiders), max_size=6),
    outsiders,
    st.lists(insiders, max_size=4),
    st.integers(0, 10),
)
def test_whatever_the_client_writes_its_address_is_what_the_first_proxy_saw(
    written: list[str], real: str, hops: list[str], split: int
) -> None:
    entries = [",".join(written), real, *hops]
    lines = [",".join(entries[:split]), ",".join(entries[split:])]
    asked = request([("X-Forwarded-For", line) for line in lines], "10.0.0.1")
    assert Identity([ip_network("10.0.0.0/8")]).address(asked) == real


@given(st.lists(st.binary()), st.lists(st.binary()), st.lists(st.binary()), st.one_of(st.none(), st.text()))
def test_nothing_a_client_sends_makes_it_crash_or_gives_an_address_that_is_none(
    forwarded: list[bytes], users: list[bytes], contexts: list[bytes], peer: str | None
) -> None:
    headers: list[tuple[str, str | bytes]] = [("X-Forwarded-For", each) for each in forwarded]
    headers += [("X-User-ID", each) for each in users] + [("x-amzn-request-context", each) for each in contexts]
    for identity in (Identity(PROXIES), LambdaIdentity(), Identity(PROXIES, gateway(SECRET))):
        for where in (peer, "10.0.0.1"):
            asked = request(headers, where)
            name, address = user(identity, asked), identity.address(asked)
            assert name is None or (name.isascii() and name.isprintable() and 0 < len(name) <= 128)
            assert address is None or ip_address(address.partition("/")[0])


async def test_a_wrong_gateway_secret_asks_for_the_newest_and_the_next_request_is_served() -> None:
    held, now = [SECRET], [0.0]
    arn = SecretStr("arn:aws:secretsmanager:eu-west-1:123456789012:secret:gateway")
    secrets = Secrets("GATEWAY_SECRET", [arn], fetch=lambda _: held[0], clock=lambda: now[0])
    secrets.read()
    identity, asked = Identity((), secrets), request([("X-Gateway-Secret", NEXT), ANN])
    held[0], now[0] = NEXT, 31.0
    assert user(identity, asked) is None
    now[0] = 0.0  # so that what follows starts no read of its own
    if (reading := secrets.doubt()) is not None:
        assert await reading
    assert user(identity, asked) == "ann"


def test_no_log_error_or_repr_holds_a_user_or_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = gateway(SECRET)
    identity = Identity(PROXIES, secrets)
    shown = repr(identity) + repr(secrets)
    for headers in ([ANN], [("X-Gateway-Secret", SECRET)], [("X-Gateway-Secret", SECRET), ("X-User-ID", "ann,bob")]):
        with pytest.raises(RequestError) as raised:
            identity.user(request(headers))
        shown += f"{raised.value!r}{raised.value}{raised.value.__cause__!r}{raised.value.__context__!r}"
    identity.user(request([("X-Gateway-Secret", SECRET), ANN]))
    for hidden in (SECRET, "ann", "bob"):
        assert hidden not in shown + caplog.text
