"""The HTTP API: streams and their status, sentiment and counts, configurations and tickets, health, the page.

Each module installs its routes, with what OpenAPI has to know of them (`operation`, `openapi`). Nothing here calls AWS:
`service` and `functions` pass in what does.
"""
