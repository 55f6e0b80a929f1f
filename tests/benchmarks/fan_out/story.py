"""The changes of the soak: new items, corrections, and deletions, each decided by its number. Pure.

Of ten changes seven insert an item, one corrects its score, one gives it another ticker, and one deletes it. Each item
is corrected or deleted once, so each change knows the item's state before it, as a stream record does.
"""

from __future__ import annotations

from typing import Final

from streamer.change import LABELS, iso_time
from tests.benchmarks.fan_out.payload import ticker

TICKERS: Final = 1_000
_LABELS: Final = sorted(LABELS)
_RESCORED, _MOVED, _DELETED = 7, 8, 9  # last digits of the changes that do so
_LATER: Final = {_RESCORED: 996, _MOVED: 9_996, _DELETED: 29_999}  # changes after the item's own
MAX_LATER: Final = max(_LATER.values())


def change(number: int, committed_s: int, table: str, first_ms: int, per_second: float) -> str:
    """The change as change record v1, as the relay writes it. `first_ms`: timestamp of the first item; `per_second`:
    changes in a second of the items' time."""
    digit = number % 10
    item = number - _LATER.get(digit, 0)
    if digit < _RESCORED or item < 0:
        op, old, new = "INSERT", None, _state(number)
        item = number
    elif digit == _DELETED:
        op, old, new = "REMOVE", _state(item), None
    else:
        op, old, new = "MODIFY", _state(item), _state(item, digit)
    images = "".join(f'"{name}":{image},' for name, image in (("old", old), ("new", new)) if image is not None)
    key = f'{{"source_id":"soak:{item:09}","timestamp":"{iso_time(first_ms + round(item * 1000 / per_second))}"}}'
    return f'{{"op":"{op}","table":"{table}","keys":{key},{images}"seq":"{number + 1}","committed_at":{committed_s}}}'


def _state(item: int, corrected: int = 0) -> str:
    """The visible attributes: one or two tickers; after a correction another score, or another first ticker."""
    mixed = item * 2_654_435_761 >> 7
    tickers = [ticker(mixed + (500 if corrected == _MOVED else 0), TICKERS)]
    if mixed % 2:
        tickers.append(ticker(mixed // TICKERS + 7, TICKERS))
    score = (mixed % 199 - 99 + (1 if corrected == _RESCORED else 0)) / 100
    names = ",".join(f'"{name}"' for name in tickers)
    return (
        f'{{"matched_tickers":[{names}],"sentiment":"{_LABELS[mixed % 3]}","score":{score},"confidence":0.75,'
        f'"source":"a source of the usual length, {item % 90}"}}'
    )
