"""The routes of the OpenAPI document (/openapi.json) and of Swagger UI (/docs), without resources from other sites."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Final

from fastapi import FastAPI

from streamer.web.assets import Asset, Assets

_HEADERS: Final = {
    # Swagger UI sets inline styles and uses data: URLs for icons. All its scripts are files.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_INDEX: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sentiment streamer: API</title>
<link rel="icon" href="docs/icon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
_START: Final = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"""
_BUNDLED: Final = {
    "swagger-ui.css": ("swagger-ui.css", "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    "icon.png": ("favicon-32x32.png", "image/png"),
}


def install(app: FastAPI, document: Callable[[], str]) -> None:
    """Adds the routes. `document` may block: it is called once, in a thread, at the first request of /openapi.json."""
    openapi = Asset(lambda: document().encode(), "application/json", {"Cache-Control": "no-cache"})
    index = Asset(_INDEX.encode, "text/html; charset=utf-8", _HEADERS)
    served = {"start.js": Asset(_START.encode, "text/javascript; charset=utf-8", _HEADERS)}
    for name, (file, kind) in _BUNDLED.items():
        served[name] = Asset(files("fastapi_swagger").joinpath("resources", file).read_bytes, kind, _HEADERS)

    app.router.add_route("/openapi.json", openapi.answer, methods=["GET"], include_in_schema=False)
    app.router.add_route("/docs", index.answer, methods=["GET"], include_in_schema=False)
    app.router.add_route("/docs/{name}", Assets(served).answer, methods=["GET"], include_in_schema=False)
