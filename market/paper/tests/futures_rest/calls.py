"""What the tests of the futures REST say again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

BTC = {"symbol": "BTCUSDT"}
LIMIT_BUY = {**BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1"}
MARKET_BUY = {**BTC, "side": "BUY", "type": "MARKET", "quantity": "0.1"}
MARKET_SELL = {**MARKET_BUY, "side": "SELL"}
STOP_SELL = {**BTC, "algoType": "CONDITIONAL", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.1"}


def refusal(call: Callable[..., Any], **params: Any) -> tuple[int, int, str]:
    """HTTP status, code and text of the error that a call of python-binance raises."""
    with pytest.raises(Exception, match="APIError") as error:
        call(**params)
    return error.value.status_code, error.value.code, error.value.message


def picked(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    """Some fields of a row."""
    return tuple(row[name] for name in names)
