"""`streamer doctor` and TLS: a certificate that is not trusted, one that ends soon, and HTTP/2 by ALPN."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.test_doctor import examine
from tests.unit.client.scripted import OK, serving


def served(file: Path, days: int, protocols: list[str]) -> ssl.SSLContext:
    """A server's context with a certificate for 127.0.0.1 that signs itself, written to `file`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Example CA")])
    now = datetime.now(UTC)
    until = now + timedelta(days=days, hours=12)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, until)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.BasicConstraints(ca=True, path_length=None)
    builder = builder.add_extension(address, critical=False).add_extension(usage, critical=True)
    certificate = builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256())
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.set_alpn_protocols(protocols)
    return context


async def test_a_certificate_that_is_not_trusted_is_a_fault_and_nothing_else_is_judged(tmp_path: Path) -> None:
    async with serving(OK, tls=served(tmp_path / "server.pem", 90, ["h2"])) as server:
        found = await examine(server.url)
    assert found["tls"].verdict == "fault"
    assert "self-signed certificate" in found["tls"].evidence
    assert {each.check for each in found.values() if each.verdict == "ok"} == {"name"}
    assert server.visits == []


@pytest.mark.parametrize(
    ("days", "protocols", "tls", "http2"),
    [
        (90, ["h2", "http/1.1"], ("ok", "certificate of Example CA"), ("ok", "h2")),
        (3, ["http/1.1"], ("fault", "more days"), ("fault", "http/1.1 by ALPN")),
    ],
)
async def test_a_trusted_certificate_and_the_protocol_are_named(
    days: int,
    protocols: list[str],
    tls: tuple[str, str],
    http2: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "server.pem"
    context = served(file, days, protocols)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with serving(OK + b": hello\n\n", tls=context) as server:
        found = await examine(server.url, any_server=True)
    for check, (verdict, evidence) in (("tls", tls), ("http2", http2)):
        assert (found[check].verdict, evidence in found[check].evidence) == (verdict, True), found[check]
    assert found["content type"].verdict == "ok"
