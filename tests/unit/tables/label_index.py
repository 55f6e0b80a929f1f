"""The index by_sentiment, as pages of the newest items query it."""

from __future__ import annotations

import hashlib
from typing import Any

from streamer.change import LABELS, Key, iso_time

NAMES = sorted(LABELS)


class LabelIndex:
    """by_sentiment as DynamoDB's Query sees it: one partition a label, ties by a digest, pages of any size."""

    def __init__(self, page: int = 7) -> None:
        self.items: dict[Key, dict[str, Any]] = {}
        self.page = page
        self.requests = 0
        self.refuses: Exception | None = None

    def put(self, number: int, ms: int, *tickers: str, label: str | None = None, **attributes: Any) -> Key:
        key = Key(f"wire:{number}", iso_time(ms))
        self.items[key] = {
            "source_id": {"S": key.source_id},
            "timestamp": {"S": key.timestamp},
            "sentiment": {"S": label or NAMES[number % 3]},
            "matched_tickers": {"L": [{"S": ticker} for ticker in tickers or ("AAPL",)]},
            "score": {"N": "0.5"},
        } | attributes
        return key

    def query(self, **request: Any) -> dict[str, Any]:
        self.requests += 1
        if self.refuses is not None:
            raise self.refuses
        assert request["IndexName"] == "by_sentiment"
        assert request["ScanIndexForward"] is False
        assert "article" not in request["ExpressionAttributeNames"].values()
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        since, until = values.get(":since", ""), values.get(":until", "\U0010ffff")
        assert since <= until, "DynamoDB refuses an empty range"
        rows = [
            item
            for item in self.items.values()
            if item["sentiment"]["S"] == values[":label"] and since <= item["timestamp"]["S"] <= until
        ]
        rows.sort(key=place, reverse=True)
        start = request.get("ExclusiveStartKey")
        if start is not None:
            assert since <= start["timestamp"]["S"] <= until, "DynamoDB refuses a key outside of the query"
            rows = [row for row in rows if place(row) < place(start)]
        size = min(self.page, request["Limit"])
        answer: dict[str, Any] = {"Items": rows[:size]}
        if len(rows) >= size > 0 and rows[:size]:
            answer["LastEvaluatedKey"] = {
                name: rows[:size][-1][name] for name in ("source_id", "timestamp", "sentiment")
            }
        return answer


def place(row: dict[str, Any]) -> tuple[str, str]:
    return row["timestamp"]["S"], hashlib.sha256(row["source_id"]["S"].encode()).hexdigest()
