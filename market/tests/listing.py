"""What an exchange lists, as a test wants it."""

from typing import Any

from market.tests.factories import entry
from market.tests.servers import WaywardExchange, answer

INFO = "/api/v3/exchangeInfo"
FUTURES_INFO = "/fapi/v1/exchangeInfo"


def lists(exchange: WaywardExchange, *entries: dict[str, Any]) -> None:
    exchange.will(INFO, answer({"symbols": entries}))


def is_away(exchange: WaywardExchange) -> None:
    exchange.will(INFO, answer("", 502))


def lot(**changes: str) -> list[dict[str, Any]]:
    """The filters of BTCUSDT with another LOT_SIZE."""
    return [item | changes if item["filterType"] == "LOT_SIZE" else item for item in entry()["filters"]]
