"""The HTTP API: streams and their status, sentiment and counts, configurations and tickets, health checks, the page.

Each module installs its routes and declares them for OpenAPI (`operation`, `openapi`). No module calls AWS: `service`
and `functions` pass in the objects that do."""
