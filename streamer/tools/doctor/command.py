"""The command line of `streamer doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from streamer.tools.terminal.errors import UsageError, check_utf8, reports_errors
from streamer.tools.terminal.headers import Headers, read_header
from streamer.tools.terminal.help import epilog
from streamer.tools.terminal.quantities import seconds
from streamer.tools.terminal.url import Url

if TYPE_CHECKING:
    from streamer.tools.doctor.evidence import Evidence
    from streamer.tools.doctor.probe import Probe
    from streamer.tools.doctor.report import Examination

_QUIET = (1.0, 3_600.0)

AnyServer = Annotated[
    bool, typer.Option("--any", help="any SSE server: check what the standard and good practice ask, not our events")
]
Origin = Annotated[
    str | None, typer.Option(metavar="ORIGIN", help="also check CORS for pages of this origin: https://app.example")
]
Quiet = Annotated[str, typer.Option(metavar="TIME", help="observe for this time, with a stream that has no events")]
LoadOption = Annotated[
    int, typer.Option("--load", min=0, max=2_000, metavar="N", help="also open up to N streams until one is refused")
]
Lifetime = Annotated[
    bool, typer.Option("--lifetime", help="also wait for the planned end of a stream: up to 16 minutes")
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object: url, checks (verdict, evidence, remedy)")]


def register(app: typer.Typer) -> None:
    app.command(
        "doctor",
        epilog=epilog(
            "streamer doctor", "streamer doctor https://stream.example.com --origin https://app.example",
            "streamer doctor https://stream.example.com --json", "streamer doctor --any https://example.com/events",
            environment=("SSL_CERT_FILE", "NO_COLOR", "COLUMNS"),
        ),
    )(reports_errors("doctor")(doctor))  # fmt: skip


def doctor(
    url: Url = None,
    any_server: AnyServer = False,
    origin: Origin = None,
    quiet: Quiet = "40s",
    load: LoadOption = 0,
    lifetime: Lifetime = False,
    header: Headers = None,
    as_json: AsJson = False,
) -> int:
    """Examines a deployment from here: what its proxies do to the stream, and whether clients can resume. Takes about 45 s.

    Each line is a check, its evidence, and for a fault the remedy. Run it where the clients are. docs/doctor.md explains each check.

    Exit codes:
    0    no fault
    1    a fault was found
    2    invalid usage, or the URL cannot be reached
    3    no fault was found, and something could not be judged
    130  stopped by Ctrl-C; what is known so far was printed
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    import sys
    import time

    from streamer.change import iso_time
    from streamer.tools.doctor.checks import judge
    from streamer.tools.doctor.evidence import Evidence
    from streamer.tools.doctor.probe import Probe
    from streamer.tools.doctor.report import Examination
    from streamer.tools.doctor.url import StreamUrl
    from streamer.tools.tail.target import target
    from streamer.tools.terminal.errors import INTERRUPTED

    for option, value in (("URL", url), ("--origin", origin)):
        check_utf8(option, value)
    observed = seconds("--quiet", quiet)
    if not _QUIET[0] <= observed <= _QUIET[1]:
        raise UsageError(f"--quiet={quiet!r}: out of range; give 1s to 1h")
    if any_server and url is None:
        raise UsageError("--any: give the URL of the stream")
    given = url or ""
    seen = Evidence(
        url=StreamUrl.of(given if any_server and "://" in given else target(url)),
        origin=_origin(origin),
        quiet_seconds=observed,
        with_load=bool(load),
        with_lifetime=lifetime,
    )
    headers = [read_header(each) for each in header or ()]
    seen.named_user = any(name.lower() in ("x-user-id", "x-gateway-secret") for name, _ in headers)
    began, wall = time.monotonic(), time.time()
    interrupted = _run(Probe(seen, headers, any_server=any_server, load=load), _expected(seen))
    findings = judge(seen, any_server=any_server)
    done = Examination(seen, findings, iso_time(int(wall * 1000)), time.monotonic() - began)
    sys.stdout.write(f"{done.json()}\n" if as_json else _text(done))
    return INTERRUPTED if interrupted else done.exit_code


def _run(probe: Probe, expected: float) -> bool:
    """Returns whether a signal ended it."""
    import asyncio
    import signal
    import time
    from contextlib import suppress

    from streamer.tools.terminal.progress import ProgressBar

    async def run() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(probe.run())
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        with ProgressBar(int(expected * 10)) as bar:
            began = time.monotonic()
            while not task.done():
                await asyncio.wait([task], timeout=0.5)
                bar.update(min(int((time.monotonic() - began) * 10), int(expected * 10)), "observing the stream")
        await task

    with suppress(asyncio.CancelledError, KeyboardInterrupt):
        asyncio.run(run())
        return False
    return True


def _expected(seen: Evidence) -> float:
    return 1_000.0 if seen.with_lifetime else seen.quiet_seconds + 5.0


def _text(done: Examination) -> str:
    import shutil
    import sys

    from streamer.tools.terminal.colour import has_colour

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return done.text(width=width, colour=has_colour(sys.stdout))


def _origin(text: str | None) -> str:
    from streamer.tools.doctor.url import StreamUrl

    if text is None:
        return ""
    if text.rstrip("/").count("/") != 2:
        raise UsageError(f"--origin={text!r}: not an origin; give scheme and host, such as https://app.example")
    parts = StreamUrl.of(text)
    return f"{parts.scheme}://{parts.authority}"
