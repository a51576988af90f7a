"""Admin endpoints under /paper, guarded by PAPER_ADMIN_TOKEN: accounts, symbol status, prices for tests, statistics."""

from __future__ import annotations

import re
import resource
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from market.paper.engine.amounts import SCALE, TooPrecise, short, units
from market.paper.engine.types import Account, Market
from market.paper.faults.markets import Depth, Price
from market.paper.venue import Venue
from market.paper.web import errors
from market.paper.web.call import Call, Endpoint
from market.paper.web.errors import ApiError

STATUSES = ("TRADING", "BREAK", "HALT", "END_OF_DAY", "CANCEL_ONLY")
LARGEST_DEPOSIT = 10**12 * SCALE
LARGEST_PRICE = 10**9 * SCALE
MOST_LEVELS = 5000
WIDEST_SPREAD = 5000 * SCALE
PAGE = resource.getpagesize()


def open_account(call: Call) -> dict[str, Any]:
    """POST /paper/accounts {"label": "...", "balances": {"USDT": "1"}, "futures": {"USDT": "1"}} -> a key pair."""
    wanted = json_of(call)
    label = wanted.get("label", "")
    if not isinstance(label, str) or len(label) > 200:
        raise errors.invalid("label")
    amounts: dict[Market, dict[str, int]] = {"spot": _assets(wanted, "balances"), "futures": _assets(wanted, "futures")}
    account = call.exchange.open_account(label, amounts, call.now_ms)
    return {
        "id": account.account_id,
        "label": account.label,
        "api_key": account.api_key,
        "api_secret": account.api_secret,
    }


def list_accounts(call: Call) -> dict[str, Any]:
    """GET /paper/accounts: every account without its secret, and what it has: free and locked, the futures wallet."""
    return {"accounts": [_account_row(call, account) for account in call.exchange.accounts_by_key.values()]}


def deposit(call: Call) -> dict[str, Any]:
    """POST /paper/deposits {"account": "label, key or id", "asset": "USDT", "amount": "100", "market": "spot"}."""
    wanted = json_of(call)
    venue, name, asset = _venue(call, wanted), wanted.get("account"), wanted.get("asset")
    if not isinstance(name, str) or len(found := call.exchange.accounts_called(name)) != 1:
        raise ApiError(-1130, f"account: {name!r} is not the label, key or id of exactly one account.")
    if not isinstance(asset, str) or not re.fullmatch("[A-Z0-9]{1,20}", asset):
        raise errors.invalid("asset")
    amount = _amount("amount", wanted.get("amount"), LARGEST_DEPOSIT)
    number = call.exchange.deposit(found[0].account_id, venue.name, asset, amount, call.now_ms)
    return {"number": number, **_account_row(call, found[0])}


# What a fault holds of a symbol, it goes on holding: what these three set counts when the fault has ended.


def set_status(call: Call) -> dict[str, str]:
    """POST /paper/symbols {"symbol": "SOLUSDT", "status": "BREAK", "market": "spot"}; it survives a restart."""
    wanted = json_of(call)
    venue, status = _venue(call, wanted), wanted.get("status")
    symbol = _symbol(venue, wanted)
    if status not in STATUSES:
        raise errors.invalid("status")
    venue.engine.set_status(symbol, status)
    call.exchange.faults.holds.keep((venue.name, symbol, "status"), status, call.now_ms)
    return {"symbol": symbol, "status": status}


def set_price(call: Call) -> dict[str, Any]:
    """POST /paper/prices {"symbol": "BTCUSDT", "price": "50000" | null, "market": "spot"}: hold a price, or let go."""
    wanted = json_of(call)
    venue = _venue(call, wanted)
    symbol = _symbol(venue, wanted)
    if "price" not in wanted:
        raise errors.mandatory("price")
    price = None if wanted["price"] is None else _amount("price", wanted["price"], LARGEST_PRICE)
    held = None if price is None else Price(price)
    call.exchange.faults.holds.keep((venue.name, symbol, "price"), held, call.now_ms)
    return {"symbol": symbol, "price": None if price is None else short(price)}


def set_book(call: Call) -> dict[str, Any]:
    """POST /paper/books {"symbol": "BTCUSDT", "spread_bps": "5", "level_quote": "1000", "levels": 3, "market": "spot"}.

    How wide and how deep the ladder is; what is not named goes back to the default.
    """
    wanted = json_of(call)
    venue = _venue(call, wanted)
    symbol = _symbol(venue, wanted)
    spread, level = wanted.get("spread_bps"), wanted.get("level_quote")
    levels = wanted.get("levels")
    if levels is not None and (type(levels) is not int or not 1 <= levels <= MOST_LEVELS):
        raise errors.invalid("levels")
    depth = Depth(
        spread_bps=None if spread is None else Decimal(_amount("spread_bps", spread, WIDEST_SPREAD)) / SCALE,
        level_quote=None if level is None else _amount("level_quote", level, LARGEST_DEPOSIT),
        levels=levels,
    )
    call.exchange.faults.holds.keep((venue.name, symbol, "book"), depth, call.now_ms)
    return {"symbol": symbol, "spread_bps": spread, "level_quote": level, "levels": levels}


def stats(call: Call) -> dict[str, Any]:
    """GET /paper/stats: requests by endpoint, answers by status, fills, memory."""
    exchange = call.exchange
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    return {
        "uptime_seconds": (call.now_ms - exchange.started_ms) // 1000,
        "requests": dict(exchange.requests.most_common()),
        "answers": {str(status): count for status, count in exchange.answers.most_common()},
        "accounts": len(exchange.accounts_by_key),
        "open_orders": sum(len(book) for venue in exchange.venues.values() for book in venue.engine.books.values()),
        "fills": sum(venue.fills for venue in exchange.venues.values()),
        "memory_mb": resident // 2**20,
        "memory_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def json_of(call: Call) -> dict[str, Any]:
    """The body of an admin call. Raises -1100 when it is no JSON object."""
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        raise ApiError(-1100, "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise ApiError(-1100, "The body is not a JSON object.")
    return body


def _account_row(call: Call, account: Account) -> dict[str, Any]:
    exchange, account_id = call.exchange, account.account_id
    spot = [balance for balance in exchange.spot.engine.balances.all_of(account_id) if balance.free or balance.locked]
    futures = [asset for asset in exchange.futures.engine.assets(account_id) if asset.wallet_balance]
    return {
        "id": account_id,
        "label": account.label,
        "api_key": account.api_key,
        "spot": {balance.asset: {"free": short(balance.free), "locked": short(balance.locked)} for balance in spot},
        "futures": {asset.asset: short(asset.wallet_balance) for asset in futures},
    }


def _assets(wanted: dict[str, Any], name: str) -> dict[str, int]:
    balances = wanted.get(name, {})
    if not isinstance(balances, dict) or not all(re.fullmatch("[A-Z0-9]{1,20}", asset) for asset in balances):
        raise errors.invalid(name)
    return {asset: _amount(name, text, LARGEST_DEPOSIT) for asset, text in balances.items()}


def _venue(call: Call, wanted: dict[str, Any]) -> Venue[Any]:
    market = wanted.get("market", "spot")
    if market not in call.exchange.venues:
        raise errors.invalid("market")
    return call.exchange.venues[market]


def _symbol(venue: Venue[Any], wanted: dict[str, Any]) -> str:
    symbol = wanted.get("symbol")
    if not isinstance(symbol, str) or symbol not in venue.engine.rules:
        raise errors.invalid_symbol()
    return symbol


def _amount(name: str, text: object, largest: int) -> int:
    """A positive plain decimal string of at most eight decimals; numbers are refused, for JSON makes floats of them."""
    if not isinstance(text, str) or not re.fullmatch(errors.AMOUNT[1:-1], text):
        raise errors.illegal(name, errors.AMOUNT)
    try:
        value = units(text)
    except TooPrecise as error:
        raise errors.invalid(name) from error
    if not 0 < value <= largest:
        raise errors.invalid(name)
    return value


admin = partial(Endpoint, market=None, weight=0, security="admin")

ENDPOINTS = [
    admin("POST", "/paper/accounts", open_account),
    admin("GET", "/paper/accounts", list_accounts),
    admin("POST", "/paper/deposits", deposit),
    admin("POST", "/paper/symbols", set_status),
    admin("POST", "/paper/prices", set_price),
    admin("POST", "/paper/books", set_book),
    admin("GET", "/paper/stats", stats),
]
