"""Values and texts of `streamer doctor`: the URL, what was seen of a response, the proxy's name, the report."""

from __future__ import annotations

import gzip
import json

import pytest

from streamer import tools
from streamer.tools.doctor.checks import judge
from streamer.tools.doctor.evidence import NameLookup
from streamer.tools.doctor.finding import fault, ok, unknown
from streamer.tools.doctor.proxy import proxy_of, remedy
from streamer.tools.doctor.report import Examination
from streamer.tools.doctor.seen import StreamLog
from streamer.tools.doctor.url import StreamUrl
from streamer.tools.terminal.errors import UsageError
from tests.unit.tools.doctor.cases import frame, head, healthy


def test_a_url_keeps_its_query_and_hides_its_secrets() -> None:
    url = StreamUrl.of("https://sse.example:8443/x/api/v2/stream?ticket=abc&tickers=AAPL")
    assert (url.authority, url.target) == ("sse.example:8443", "/x/api/v2/stream?ticket=abc&tickers=AAPL")
    assert str(url) == "https://sse.example:8443/x/api/v2/stream?ticket=***&tickers=AAPL"
    assert url.with_query(tickers="MSFT").target.endswith("?ticket=abc&tickers=MSFT")
    beside = url.beside("sentiment", limit="20")
    assert beside is not None
    assert beside.target == "/x/api/v2/sentiment?limit=20"
    assert StreamUrl.of("http://[::1]:80/").authority == "[::1]"
    assert StreamUrl.of("http://[::1]/").is_loopback


@pytest.mark.parametrize("text", ["ftp://a/", "http://", "http://a:x/", "https://user:pw@a/", "http://a b/", "//a/"])
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        StreamUrl.of(text)


def test_comments_are_seen_in_any_pieces() -> None:
    log = StreamLog()
    log.answered(head(), 0.0, 0.0)
    for at, piece in enumerate((b": pi", b"ng\r\n", b"\r\n:a\n:b\n\nda", b"ta: :no\n\n")):
        assert log.feed(piece, float(at), float(at))
    assert log.comments == [1.0, 2.0, 2.0]
    assert [each.message.data for each in log.messages] == [":no"]


def test_a_compressed_stream_is_read_as_far_as_it_is_sound() -> None:
    log = StreamLog()
    log.answered(head(("content-encoding", "gzip")), 0.0, 0.0)
    assert log.feed(gzip.compress(frame("hello", n=1)), 1.0, 1.0)
    assert log.first("hello") == {"n": 1}
    broken = StreamLog()
    broken.answered(head(("content-encoding", "gzip")), 0.0, 0.0)
    assert not broken.feed(b"no gzip", 1.0, 1.0)
    assert "damaged" in broken.body_problem


def test_an_endless_line_ends_the_reading() -> None:
    log = StreamLog()
    log.answered(head(), 0.0, 0.0)
    pieces = 0
    while log.feed(b"data: " + b"x" * 65_536, 0.0, 0.0):
        pieces += 1
    assert pieces < 20
    assert "larger than" in log.body_problem


@pytest.mark.parametrize(
    ("header", "value", "name"),
    [
        ("server", "nginx/1.22.1", "nginx"),
        ("via", "1.1 Caddy", "Caddy"),
        ("x-powered-by", "Express", "Express"),
        ("via", "1.1 abc.cloudfront.net (CloudFront)", "CloudFront"),
        ("server", "uvicorn", ""),
    ],
)
def test_a_proxy_is_named_by_its_headers(header: str, value: str, name: str) -> None:
    heads = [head((header, value))]
    assert proxy_of(heads) == name
    assert remedy("compression", heads).startswith(name or "no compression")


def examined(*findings: object) -> Examination:
    return Examination(healthy(), findings, "2026-11-22T14:56:40.000Z", 42.0)  # type: ignore[arg-type]


def test_the_exit_code_says_the_worst() -> None:
    assert Examination(healthy(), judge(healthy(), any_server=False), "", 1).exit_code == 0
    assert examined(ok("a", "x"), unknown("b", "y")).exit_code == 3
    assert examined(unknown("b", "y"), fault("c", "z", "do")).exit_code == 1
    unreachable = healthy()
    unreachable.names = NameLookup(error="unknown")
    assert Examination(unreachable, (), "", 1).exit_code == 2


def test_the_text_fits_the_width_and_cannot_control_the_terminal() -> None:
    done = examined(ok("mode", "push \x1b[31m"), fault("buffering", "word " * 40, "remedy " * 30))
    lines = done.text(width=60, colour=False).splitlines()
    assert all(len(line) <= 60 for line in lines[1:])
    assert lines[1] == "✓ mode          push \\x1b[31m"
    assert lines[-1] == "1 ok, 1 faulty, 0 unknown, 0 skipped"
    assert "\x1b[31m✗\x1b[0m buffering" in done.text(width=60, colour=True)
    assert len(done.text(width=None, colour=False).splitlines()) == 5


def test_the_json_has_each_check_with_evidence_and_remedy() -> None:
    found = json.loads(examined(fault("buffering", "held", "do this")).json())
    assert found["checks"] == [{"check": "buffering", "verdict": "fault", "evidence": "held", "remedy": "do this"}]
    assert (found["exit_code"], found["url"]) == (1, "https://sse.example/api/v2/stream")


def test_an_unreachable_url_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.run(["doctor", "http://127.0.0.1:1/"]) == 2
    said = capsys.readouterr()
    assert "✗ name" in said.out
    assert "connection refused" in said.out
    assert said.err == ""


@pytest.mark.parametrize(
    "arguments",
    [["ftp://a/"], ["http://a/", "--quiet", "0"], ["http://a/", "--origin", "a"], ["--any"], ["http://a/", "-H", "x"]],
)
def test_bad_usage_is_2_and_says_what_is_wrong(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.run(["doctor", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("streamer doctor: ")
