"""Name resolution, TLS and HTTP/2."""

from __future__ import annotations

import time
from typing import Final

from streamer.tools.doctor.evidence import Evidence
from streamer.tools.doctor.finding import Finding, fault, ok, seconds_text, skipped, unknown

_SOON: Final = 14
"""Days before its end at which a certificate should have been renewed."""


def name(seen: Evidence) -> Finding:
    found = seen.names
    if found is None:
        return unknown("name", "not looked up")
    if found.error:
        return fault("name", f"{seen.url.host}: {found.error}", "correct the URL, or the DNS record of this host")
    addresses = ", ".join(found.addresses[:4]) + (", …" if len(found.addresses) > 4 else "")
    if seen.connection_error:
        return fault(
            "name",
            f"{seen.url.host} is {addresses}; {seen.connection_error}",
            "start the service, or open its port to this machine; check the URL's host and port",
        )
    return ok("name", f"{seen.url.host} is {addresses} ({seconds_text(found.seconds)})")


def tls(seen: Evidence) -> Finding:
    if not seen.url.secure:
        if seen.on_this_machine:
            return skipped("tls", "http:// on this machine")
        return fault(
            "tls", "http:// without TLS: anybody on the way can read it", "serve by HTTPS (Terraform: certificate_arn)"
        )
    found = seen.handshake
    if found is None:
        return unknown("tls", "no handshake was made")
    if found.untrusted:
        chain = "local issuer" in found.error or "self-signed" in found.error or "self signed" in found.error
        remedy = (
            "send the certificate with its intermediates, of a known authority; for a private one set SSL_CERT_FILE"
            if chain
            else "renew or replace the certificate; its names must include the URL's host"
        )
        return fault("tls", f"the certificate is refused: {found.error}", remedy)
    if found.error:
        return fault(
            "tls", found.error, "use the port that speaks TLS, or http://; the server must offer TLS 1.2 or 1.3"
        )
    if found.expires is None:
        return unknown("tls", f"{found.version}; the certificate names no end")
    days = (found.expires - found.wall) / 86_400
    until = time.strftime("%Y-%m-%d", time.gmtime(found.expires))
    evidence = f"{found.version}, certificate of {found.issuer or 'an unnamed issuer'}, valid until {until}"
    if days < _SOON:
        return fault("tls", f"{evidence}: {days:.0f} more days", "renew the certificate now, and automate it")
    return ok("tls", evidence)


def http2(seen: Evidence) -> Finding:
    if not seen.url.secure:
        return skipped("http2", "browsers use HTTP/2 only with TLS; without it six streams per browser and origin")
    found = seen.handshake
    if found is None or found.error:
        return unknown("http2", "no TLS handshake succeeded")
    if found.alpn == "h2":
        return ok("http2", "the server chooses h2 by ALPN")
    return fault(
        "http2",
        f"the server chooses {found.alpn or 'no protocol'} by ALPN: six tabs use up a browser's connections",
        "switch HTTP/2 on where TLS ends (nginx: `listen 443 ssl http2;`; HAProxy: `alpn h2,http/1.1`)",
    )
