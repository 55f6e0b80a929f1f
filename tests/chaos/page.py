"""The verdict as one HTML page that needs nothing else: a timeline and the tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from tests.chaos import timeline
from tests.chaos.accounting import Wait
from tests.chaos.result import Verdict

_MOST_FLAWS = 40

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --dim: #5d6875; --line: #d5dae0; --back: #fff; --panel: #f5f7f9;
  --good: #12733a; --bad: #c21f2c; --fault: #c2410c; --after: #f3c9ae; --tick: #1f62ab; --again: #c3d5e8;
  --push: #2f9e63; --poll: #e0a100; --both: #7fb24a; --down: #c21f2c; --gone: #8b95a1; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ef; --dim: #9aa6b2; --line: #37414d; --back: #14191f;
  --panel: #1c232b; --good: #5bd08a; --bad: #ff7a80; --fault: #ff9d66; --after: #5c3a26; --tick: #7db7ef;
  --again: #33475c;  --push: #2f9e63; --poll: #d9a520; --both: #86b552; --down: #e5484d; --gone: #6b7682; } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 24px; max-width: 1320px; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 24px; margin: 0 0 4px } h2 { font-size: 17px; margin: 28px 0 8px }
.green { color: var(--good) } .red { color: var(--bad) } .dim { color: var(--dim) }
.scroll { overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 6px }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th { color: var(--dim); font-weight: 600 } td.word, th.word { text-align: left } tr:last-child td { border: 0 }
svg { display: block; width: 100%; min-width: 960px; height: auto; font: 11px system-ui, sans-serif }
svg text { fill: var(--ink) } svg .dim { fill: var(--dim) } svg .rule { stroke: var(--line) }
svg .fault { fill: var(--fault) } svg .after { fill: var(--after) } svg .tick { fill: var(--tick) }
svg .again { fill: var(--again) }
svg .push { fill: var(--push) } svg .poll { fill: var(--poll) } svg .both { fill: var(--both) }
svg .down { fill: var(--down) } svg .gone { fill: var(--gone) } svg .span { fill: var(--line) }
svg .missing { fill: var(--bad) } svg .ghost { fill: none; stroke: var(--bad); stroke-width: 2 }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0; font-size: 13px; color: var(--dim) }
.legend i { display: inline-block; width: 14px; height: 10px; margin-right: 5px; border-radius: 2px }
ul { margin: 8px 0; padding-left: 20px }
"""
_LEGEND = (
    ("fault", "a fault"),
    ("after", "its bound still holds"),
    ("push", "push"),
    ("both", "both"),
    ("poll", "poll"),
    ("down", "down"),
    ("gone", "does not answer"),
    ("tick", "news at a client, by the quarter second"),
    ("again", "repeats"),
)


def render(verdict: Verdict) -> str:
    """The whole page."""
    run, settings = verdict.run, verdict.run.settings
    word = "green" if verdict.green else "red"
    began = datetime.fromtimestamp(run.start, UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
    about = (
        f"seed {settings.seed} · {settings.seconds:g} s · {settings.containers} containers · {settings.clients} clients"
        f" · faults: {settings.faults}"
    )
    if settings.broken != "nothing":
        about += f" · broken on purpose: {settings.broken}"
    missing = sum(len(account.missing) for account in verdict.accounts)
    ghosts = sum(len(account.ghosts) for account in verdict.accounts)
    expected = sum(account.expected for account in verdict.accounts)
    left = "unknown" if run.queues_left is None else run.queues_left
    parts = [
        f'<h1>Chaos: <span class="{word}">{word}</span></h1>',
        f'<div class="dim">{escape(about)}<br>began {began} UTC</div>',
        f"<p>{verdict.writes:,} writes made {verdict.versions:,} versions. Of {expected:,} expected at the clients"
        f' <b class="{_word(missing)}">{missing} are missing</b>, and there are'
        f' <b class="{_word(ghosts)}">{ghosts} ghosts</b>. Queues left after prune: {left}.</p>',
        _wrong(verdict),
        "<h2>What happened when</h2>",
        _legend(),
        f'<div class="scroll">{timeline.draw(verdict)}</div>',
        "<h2>Clients</h2>",
        _clients(verdict),
        "<h2>Faults</h2>",
        _faults(verdict),
        "<h2>Containers</h2>",
        _containers(verdict),
        _flaws(verdict),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Chaos, seed {settings.seed}: {word}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _word(count: int) -> str:
    return "red" if count else "green"


def _wrong(verdict: Verdict) -> str:
    lines = "".join(f"<li>{escape(why)}</li>" for why in verdict.wrong)
    return f'<h2 class="red">What is wrong</h2><ul>{lines}</ul>' if lines else ""


def _legend() -> str:
    entries = "".join(f'<span><i style="background:var(--{name})"></i>{text}</span>' for name, text in _LEGEND)
    return f'<div class="legend">{entries}<span>▼ missing</span><span>○ ghost</span></div>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]], words: int = 1) -> str:
    """A table; its first `words` columns are text, the others numbers."""

    def cells(tag: str, values: Sequence[object]) -> str:
        left = ' class="word"'
        return "".join(
            f"<{tag}{left if at < words else ''}>{escape(str(value))}</{tag}>" for at, value in enumerate(values)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{cells("th", heads)}</tr>{body}</table></div>'


def _clients(verdict: Verdict) -> str:
    start = verdict.run.start
    return _table(
        (
            "client",
            "tickers",
            "expected",
            "received",
            "repeated",
            "connections",
            "resets",
            "missing",
            "ghosts",
            "deletions missed",
            "longest silence",
            "longest wait",
        ),
        (
            (
                one.number,
                "all" if one.tickers is None else ", ".join(sorted(one.tickers)),
                one.expected,
                one.received,
                one.repeated,
                one.connections,
                one.resets,
                len(one.missing),
                len(one.ghosts),
                one.deletions_missed,
                _wait(one.silence, start),
                _wait(one.wait, start),
            )
            for one in verdict.accounts
        ),
        words=2,
    )


def _faults(verdict: Verdict) -> str:
    return _table(
        (
            "fault",
            "what is done",
            "container",
            "from",
            "to",
            "calls",
            "longest silence",
            "longest wait",
            "bound",
            "to poll",
            "bound",
            "back to push",
        ),
        (
            (
                one.fault.kind.name,
                one.fault.kind.does,
                "all" if one.fault.container is None else one.fault.container,
                f"{one.fault.starts:.1f}",
                f"{one.fault.ends:.1f}",
                one.calls if one.fault.kind.calls else "",
                f"{one.silence:.1f}",
                f"{one.wait:.1f}",
                f"{one.fault.kind.silence:g}",
                _seconds(one.to_poll),
                _seconds(one.fault.kind.to_poll),
                _seconds(one.back),
            )
            for one in verdict.faults
        ),
        words=2,
    )


def _containers(verdict: Verdict) -> str:
    start = verdict.run.start
    return _table(
        ("container", "modes", "slots left", "exit code"),
        (
            (
                container.number,
                ", ".join(f"{band.mode} at {band.begin - start:.0f} s" for band in bands),
                "–" if container.slots_left is None else container.slots_left,
                container.exit_code,
            )
            for container, bands in zip(verdict.run.containers, verdict.modes, strict=True)
        ),
        words=2,
    )


def _flaws(verdict: Verdict) -> str:
    rows = [
        (what, one.number, f"{flaw.at - verdict.run.start:.1f}", flaw.key.source_id, flaw.ticker, flaw.why)
        for one in verdict.accounts
        for what, flaws in (("missing", one.missing), ("ghost", one.ghosts))
        for flaw in flaws
    ]
    if not rows:
        return ""
    more = "" if len(rows) <= _MOST_FLAWS else f'<p class="dim">and {len(rows) - _MOST_FLAWS} more</p>'
    heads = ("", "client", "at", "item", "ticker", "why")
    return "<h2>Missing and ghosts</h2>" + _table(heads, rows[:_MOST_FLAWS], words=6) + more


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _wait(wait: Wait, start: float) -> str:
    return f"{wait.seconds:.1f} s at {wait.begin - start:.0f} s" if wait.end else "–"
