"""The API's description at /openapi.json, and a page that shows it at /docs. Nothing comes from another site."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

_HEADERS: Final = {
    # Swagger UI sets styles at run time and draws its icons from data: URLs; scripts are files alone.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
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
_ASSETS: Final = {
    "swagger-ui.css": ("swagger-ui.css", "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    "icon.png": ("favicon-32x32.png", "image/png"),
}


def install(app: FastAPI, document: str) -> None:
    """Adds the routes."""

    async def described(_: Request) -> Response:
        return Response(document, media_type="application/json", headers={"Cache-Control": "no-cache"})

    async def index(_: Request) -> Response:
        return Response(_INDEX, media_type="text/html", headers=_HEADERS)

    async def start(_: Request) -> Response:
        return Response(_START, media_type="text/javascript", headers=_HEADERS)

    def asset(request: Request) -> Response:  # in a thread: it reads a file of 1.7 MB
        name, kind = _ASSETS[request.url.path.rpartition("/")[2]]
        content = files("fastapi_swagger").joinpath("resources", name).read_bytes()
        return Response(content, headers={**_HEADERS, "Content-Type": kind})

    app.add_api_route("/openapi.json", described, methods=["GET"], include_in_schema=False)
    app.add_api_route("/docs", index, methods=["GET"], include_in_schema=False)
    app.add_api_route("/docs/start.js", start, methods=["GET"], include_in_schema=False)
    for name in _ASSETS:
        app.add_api_route(f"/docs/{name}", asset, methods=["GET"], include_in_schema=False)
