"""Admin endpoints under /paper, guarded by PAPER_ADMIN_TOKEN: accounts, symbol status, prices for tests, statistics."""

from __future__ import annotations

import re
import resource
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from market.paper.engine.filters import decimals_of
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError

STATUSES = ("TRADING", "BREAK")
LARGEST_DEPOSIT = Decimal(10) ** 12
LARGEST_PRICE = Decimal(10) ** 9
PAGE = resource.getpagesize()


async def open_account(call: Call) -> dict[str, Any]:
    """POST /paper/accounts {"label": "...", "balances": {"USDT": "10000"}} -> a new key pair with that money."""
    wanted = _json(call)
    label, balances = wanted.get("label", ""), wanted.get("balances", {})
    if not isinstance(label, str) or len(label) > 200:
        raise errors.invalid("label")
    if not isinstance(balances, dict) or not all(re.fullmatch("[A-Z0-9]{1,20}", asset) for asset in balances):
        raise errors.invalid("balances")
    amounts = {asset: _amount("balances", text, LARGEST_DEPOSIT) for asset, text in balances.items()}
    account = await call.exchange.open_account(label, amounts, call.now_ms)
    return {
        "id": account.account_id,
        "label": account.label,
        "api_key": account.api_key,
        "api_secret": account.api_secret,
    }


async def set_status(call: Call) -> dict[str, str]:
    """POST /paper/symbols {"symbol": "SOLUSDT", "status": "BREAK" | "TRADING"}; it survives a restart."""
    wanted = _json(call)
    symbol, status = _symbol(call, wanted), wanted.get("status")
    if status not in STATUSES:
        raise errors.invalid("status")
    await call.exchange.set_status(symbol, status)
    return {"symbol": symbol, "status": status}


async def set_price(call: Call) -> dict[str, Any]:
    """POST /paper/prices {"symbol": "BTCUSDT", "price": "50000.00" | null}: hold a price still, or let it go."""
    wanted = _json(call)
    symbol = _symbol(call, wanted)
    if "price" not in wanted:
        raise errors.mandatory("price")
    price = None if wanted["price"] is None else _amount("price", wanted["price"], LARGEST_PRICE)
    await call.exchange.override_price(symbol, price, call.now_ms)
    return {"symbol": symbol, "price": None if price is None else format(price, "f")}


def stats(call: Call) -> dict[str, Any]:
    """GET /paper/stats: requests by endpoint, fills, memory."""
    exchange = call.exchange
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    return {
        "uptime_seconds": (call.now_ms - exchange.started_ms) // 1000,
        "requests": dict(exchange.requests.most_common()),
        "accounts": len(exchange.accounts_by_key),
        "open_orders": sum(len(book) for book in exchange.engine.books.values()),
        "fills": exchange.fills,
        "memory_mb": resident // 2**20,
        "memory_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _json(call: Call) -> dict[str, Any]:
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        raise ApiError(-1100, "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise ApiError(-1100, "The body is not a JSON object.")
    return body


def _symbol(call: Call, wanted: dict[str, Any]) -> str:
    symbol = wanted.get("symbol")
    if not isinstance(symbol, str) or symbol not in call.exchange.engine.rules:
        raise errors.invalid_symbol()
    return symbol


def _amount(name: str, text: object, largest: Decimal) -> Decimal:
    """A positive plain decimal string of at most eight decimals; numbers are refused, for JSON makes floats of them."""
    if not isinstance(text, str) or not re.fullmatch(errors.AMOUNT[1:-1], text):
        raise errors.illegal(name, errors.AMOUNT)
    value = Decimal(text)
    if not 0 < value <= largest or decimals_of(value) > 8:
        raise errors.invalid(name)
    return value
