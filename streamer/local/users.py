"""The demo's users and their configurations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True)
class DemoConfiguration:
    """One configuration of one user."""

    user_id: str
    config_id: str
    name: str
    tickers: tuple[str, ...]
    status: Literal["active", "disabled"] = "active"

    def item(self) -> dict[str, Any]:
        """Returns the item in DynamoDB JSON."""
        return {
            "PK": {"S": f"USER#{self.user_id}"},
            "SK": {"S": f"CONFIG#{self.config_id}"},
            "name": {"S": self.name},
            "tickers": {"L": [{"S": ticker} for ticker in self.tickers]},
            "status": {"S": self.status},
        }


CONFIGURATIONS: Final = (
    DemoConfiguration("ada", "chips", "Chip makers", ("NVDA", "AMD", "INTC", "TSM")),
    DemoConfiguration("ada", "cars", "Electric cars", ("TSLA", "F")),
    DemoConfiguration("grace", "big-five", "The big five", ("AAPL", "MSFT", "GOOGL", "AMZN", "META")),
    DemoConfiguration("linus", "banks", "Banks and an index", ("JPM", "BRK-B", "^GSPC")),
    DemoConfiguration("linus", "old", "What I used to watch", ("IBM",), status="disabled"),
)
