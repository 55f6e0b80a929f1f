"""Looks the host's name up, and makes a TLS handshake that offers HTTP/2."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from contextlib import suppress
from typing import Any, Final

from streamer.tools.doctor.evidence import Handshake, NameLookup
from streamer.tools.doctor.url import StreamUrl
from streamer.tools.doctor.wire import RequestFailed, connect

_LOOKUP_SECONDS: Final = 10.0


async def look_up(url: StreamUrl) -> NameLookup:
    """Returns the addresses of the host."""
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_LOOKUP_SECONDS):
            found = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except TimeoutError:
        return NameLookup(error=f"no answer within {_LOOKUP_SECONDS:g} s")
    except (OSError, UnicodeError) as error:
        return NameLookup(error=str(getattr(error, "strerror", None) or error))
    addresses = tuple(dict.fromkeys(str(address[0]) for *_, address in found))
    return NameLookup(addresses, time.monotonic() - began)


async def shake_hands(url: StreamUrl) -> Handshake:
    """Returns what a TLS handshake shows. Raises RequestFailed if there is no connection at all."""
    try:
        _, writer = await connect(url, ("h2", "http/1.1"))
    except ssl.SSLCertVerificationError as error:
        return Handshake(error=error.verify_message, untrusted=True, wall=time.time())
    except RequestFailed as error:
        if not str(error).startswith("TLS"):
            raise
        return Handshake(error=str(error), wall=time.time())
    tls = writer.get_extra_info("ssl_object")
    certificate: dict[str, Any] = tls.getpeercert() or {}
    issuer = {name: value for part in certificate.get("issuer", ()) for name, value in part}
    expires = certificate.get("notAfter")
    seen = Handshake(
        version=tls.version() or "",
        alpn=tls.selected_alpn_protocol() or "",
        issuer=issuer.get("organizationName") or issuer.get("commonName") or "",
        expires=None if expires is None else float(ssl.cert_time_to_seconds(expires)),
        wall=time.time(),
    )
    writer.transport.abort()
    with suppress(OSError, ssl.SSLError, TimeoutError):
        async with asyncio.timeout(1):
            await writer.wait_closed()
    return seen
