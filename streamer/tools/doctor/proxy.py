"""Names what stands before the service by its response headers, and the remedy for each of its faults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from streamer.tools.doctor.seen import ResponseHead

Fault = Literal["compression", "buffering", "idle", "doubled", "dropped"]

_SIGNS: Final = (
    ("Cloudflare", "server", "cloudflare"),
    ("CloudFront", "via", "cloudfront"),
    ("Envoy", "server", "envoy"),
    ("Caddy", "server", "caddy"),
    ("Caddy", "via", "caddy"),
    ("Express", "x-powered-by", "express"),
    ("nginx", "server", "nginx"),
    ("nginx", "server", "openresty"),
    ("Apache", "server", "apache"),
    ("Varnish", "via", "varnish"),
)
"""The outermost first: an edge network may stand before nginx."""

_REMEDIES: Final[Mapping[Fault, Mapping[str, str]]] = {
    "compression": {
        "nginx": "nginx: take text/event-stream out of gzip_types, or `gzip off;` in the stream's location",
        "Caddy": "Caddy: encode ignores no-transform; exclude the stream: `@rest not path */stream`,"
        " `encode @rest gzip`",
        "Express": "Express: compression({filter}), false for text/event-stream, or keep Cache-Control: no-transform",
        "Apache": "Apache: SetEnvIf Request_URI stream no-gzip",
        "Cloudflare": "Cloudflare: a compression rule without compression for this path",
        "CloudFront": "CloudFront: a cache behaviour with Compress off for this path",
        "": "no compression of text/event-stream. nginx: gzip_types; HAProxy: `compression type`; Caddy: `encode`"
        " with a matcher; Express: compression({filter})",
    },
    "buffering": {
        "nginx": "nginx: `proxy_buffering off;` in the stream's location, and no `proxy_ignore_headers"
        " X-Accel-Buffering;`",
        "Caddy": "Caddy: `flush_interval -1` in reverse_proxy, and no `encode` for the stream",
        "Express": "Express: no compression() for text/event-stream (a filter), or res.flush() after each event",
        "Apache": "Apache: `ProxyPass … flushpackets=on`, and no mod_deflate for the stream",
        "": "switch response buffering off for the stream. nginx: `proxy_buffering off;`; HAProxy: no compression;"
        " Caddy: `flush_interval -1`; a gateway: response streaming",
    },
    "idle": {
        "nginx": "nginx: `proxy_read_timeout 60s;` or more in the stream's location",
        "CloudFront": "CloudFront: an origin response timeout of 60 s",
        "": "an idle timeout above 30 s. HAProxy: `timeout client` and `timeout server`; nginx: proxy_read_timeout;"
        " a load balancer: idle timeout 60 s",
    },
    "doubled": {
        "": "let one of the two set the header: the service sets it itself. nginx: no add_header for it, or"
        " proxy_hide_header; a Function URL: no cors block; Express: no cors() before the proxy",
    },
    "dropped": {
        "nginx": "nginx: no proxy_set_header Last-Event-ID, and proxy_pass_request_headers on",
        "": "pass the request header Last-Event-ID on to the service (CloudFront: an origin request policy with it)",
    },
}


def proxy_of(heads: Iterable[ResponseHead]) -> str:
    """Returns the name of the proxy that the headers show; empty if they show none (HAProxy and many balancers)."""
    seen = list(heads)
    for name, header, sign in _SIGNS:
        if any(sign in head.get(header).lower() for head in seen):
            return name
    return ""


def proxy_text(heads: Iterable[ResponseHead]) -> str:
    """Returns how the proxy names itself, with its version; empty if it does not."""
    seen = list(heads)
    name = proxy_of(seen)
    for head in seen:
        for header in ("server", "via", "x-powered-by"):
            value = head.get(header)
            if name and name.lower() in value.lower():
                return re.sub(r"[^ -~]", "?", value)[:60]
    return name


def remedy(fault: Fault, heads: Iterable[ResponseHead]) -> str:
    """Returns the remedy of a fault for the proxy that the headers show, else for the usual ones."""
    texts = _REMEDIES[fault]
    return texts.get(proxy_of(heads)) or texts[""]
