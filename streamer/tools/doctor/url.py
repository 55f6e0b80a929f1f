"""The URL that is examined, and the URLs beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from streamer.tools.terminal.errors import UsageError

_PORTS: Final = {"http": 80, "https": 443}
_API: Final = "/api/v2/"
_SECRET: Final = frozenset({"ticket", "authorization", "access_token", "token", "jwt", "cf_connect"})


@dataclass(frozen=True, slots=True)
class StreamUrl:
    """The parts of an http or https URL."""

    scheme: str
    host: str
    port: int
    path: str
    """Percent-encoded, without the query."""
    query: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        """Raises UsageError."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port
            host = (parts.hostname or "").encode("idna" if not (parts.hostname or "").isascii() else "ascii").decode()
        except (ValueError, UnicodeError):
            raise UsageError(f"URL={text!r}: not a URL; give one such as https://host/api/v2/stream") from None
        if parts.scheme not in _PORTS or not host or not host.isprintable() or " " in host:
            raise UsageError(f"URL={text!r}: not an http or https URL; give one such as https://host/api/v2/stream")
        if parts.username is not None or parts.password is not None:
            raise UsageError("URL: it has a user or password; give them with --header 'Authorization: …'")
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], path, query)

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def is_loopback(self) -> bool:
        """Whether the name is this machine's."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")

    @property
    def authority(self) -> str:
        """Host and port, as the header Host has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """The request target: path and query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def with_query(self, **values: str) -> StreamUrl:
        """Returns the URL with these parameters in place of others of the same name."""
        kept = [(name, value) for name, value in self.query if name not in values]
        return replace(self, query=(*kept, *values.items()))

    @property
    def has_filter(self) -> bool:
        """Whether `tickers` is a parameter of this stream: not of one user's."""
        return "/configurations/" not in self.path

    def beside(self, name: str, **values: str) -> StreamUrl | None:
        """Returns the URL of another resource of the same API; None if the path is not under /api/v2/."""
        base, found, _ = self.path.partition(_API)
        return replace(self, path=f"{base}{_API}{name}", query=tuple(values.items())) if found else None

    def __str__(self) -> str:
        """The URL with secrets masked."""
        shown = [(name, "***" if name.lower() in _SECRET else value) for name, value in self.query]
        query = f"?{urlencode(shown, safe='*')}" if shown else ""
        return f"{self.scheme}://{self.authority}{self.path}{query}"
