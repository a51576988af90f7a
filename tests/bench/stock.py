"""Ledgers with a past: accounts and orders made by the exchange's own engine and ledger, in bulk and not over HTTP."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from market.paper.__main__ import read_options
from market.paper.build import build_exchange
from market.paper.engine.amounts import SCALE, round_down
from market.paper.engine.spot.types import NewOrder
from market.paper.engine.types import Account, Quote
from market.paper.exchange import Exchange
from market.paper.ledger import Ledger

RICH = 10**9 * SCALE
NOTIONAL = 100 * SCALE
GROUP = 20_000  # orders in one transaction
RENEW = 500  # orders after which the market has moved on, and the ladder is full again
PAST_MS = 30 * 86_400_000  # over how long the orders are spread
KNOWN = "known"  # client id of an order that every account has, in the first symbol


@dataclass(frozen=True)
class Stocked:
    """A ledger that is ready: who may trade, and how much of which symbol is worth NOTIONAL."""

    accounts: list[Account]
    quantities: dict[str, int]
    quotes: dict[str, Quote]


async def open_accounts(ledger_path: Path, data: Path, count: int) -> Stocked:
    """Start a ledger with so many rich accounts, each with an order of the client id KNOWN."""
    ledger = Ledger(ledger_path)
    exchange = await _exchange(ledger, data)
    now_ms = exchange.now_ms()
    for number in range(count):
        exchange.open_account(f"bench {number}", {"spot": {"USDT": RICH}}, now_ms)
    quantities = {symbol: _quantity(exchange, symbol, now_ms) for symbol in exchange.spot.engine.rules}
    quotes = {symbol: exchange.spot.quote(symbol, now_ms) for symbol in quantities}
    stocked = Stocked(list(exchange.accounts_by_key.values()), quantities, quotes)
    symbol = next(iter(quantities))
    for number, account in enumerate(stocked.accounts):
        quote = replace(quotes[symbol], step=number)
        exchange.spot.engine.place(_order(stocked, account, symbol, KNOWN), quote, now_ms - PAST_MS)
    ledger.commit(exchange.journal.take())
    ledger.close()
    return stocked


async def place_orders(ledger_path: Path, data: Path, stocked: Stocked, count: int) -> float:
    """Add market orders of random accounts and symbols, spread over the last weeks; return how long it took."""
    ledger = Ledger(ledger_path)
    exchange = await _exchange(ledger, data)
    began, dice, now_ms, market = time.perf_counter(), random.Random(0), exchange.now_ms(), stocked.quotes
    moments = [now_ms - PAST_MS + PAST_MS * number // count for number in range(count)]
    orders = random_orders(stocked, count, dice)
    for number, (order, at_ms) in enumerate(zip(orders, moments, strict=True)):
        if number % RENEW == 0:
            market = moved_on(stocked, number)
        exchange.spot.engine.place(order, market[order.symbol], at_ms)
        if number % GROUP == 0:
            ledger.commit(exchange.journal.take())
    ledger.commit(exchange.journal.take())
    ledger.close()
    return time.perf_counter() - began


def random_orders(stocked: Stocked, count: int, dice: random.Random) -> Iterator[NewOrder]:
    """Small market orders of random accounts in random symbols."""
    symbols = list(stocked.quantities)
    for _ in range(count):
        symbol = symbols[int(dice.random() * len(symbols))]
        account = stocked.accounts[int(dice.random() * len(stocked.accounts))]
        yield _order(stocked, account, symbol, f"{dice.getrandbits(88):022x}")


def moved_on(stocked: Stocked, step: int) -> dict[str, Quote]:
    """The market at another step: nothing is taken from it yet."""
    return {symbol: replace(quote, step=step) for symbol, quote in stocked.quotes.items()}


def _order(stocked: Stocked, account: Account, symbol: str, client_id: str) -> NewOrder:
    return NewOrder(
        account_id=account.account_id,
        symbol=symbol,
        side="BUY",
        type="MARKET",
        client_order_id=client_id,
        quantity=stocked.quantities[symbol],
    )


async def _exchange(ledger: Ledger, data: Path) -> Exchange:
    return await build_exchange(read_options(["--ledger", str(ledger.path), "--data", str(data)]), ledger)


def _quantity(exchange: Exchange, symbol: str, now_ms: int) -> int:
    """How much is worth NOTIONAL now, in whole lots."""
    price = exchange.spot.quote(symbol, now_ms).last
    return round_down(NOTIONAL * SCALE // price, exchange.spot.engine.rules[symbol].lot.step)
