"""The paper exchange's engines in process, with a market that wanders and a ledger of all they did."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from market.paper.engine.amounts import SCALE, units
from market.paper.engine.futures import tables as futures_tables
from market.paper.engine.futures.engine import FuturesEngine
from market.paper.engine.futures.rules import futures_rules_of
from market.paper.engine.futures.types import AlgoOrder
from market.paper.engine.journal import Journal, Table
from market.paper.engine.spot import rules as spot_rules
from market.paper.engine.spot import tables as spot_tables
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.tables import FILLS
from market.paper.engine.types import Fill, Order, Quote
from market.paper.prices.recording import DATA
from market.rules import Rules, rules_of
from tests.simulation.fate import Fate

BNB_PRICE = 600
FIRST_PRICES = {"BTCUSDT": 50_000, "ETHUSDT": 3_000, "SOLUSDT": 150, "XRPUSDT": 2}
LEVELS = 12
STEP = 0.0006  # how far a price wanders in one step
JUMP = 0.012
Name = tuple[str, int, str]  # market, account, client id
OrderKey = tuple[str, str, int]  # market, symbol, order id


class Ledger(Journal):
    """All that the engines ever told it, found by client id and by order."""

    def __init__(self) -> None:
        super().__init__()
        self.named: dict[Name, list[Order]] = {}
        self.orders: dict[OrderKey, Order] = {}
        self.fills: dict[OrderKey, list[Fill]] = {}
        self.algos: dict[Name, list[AlgoOrder]] = {}
        self._known_algos: set[int] = set()

    def put(self, table: Table, key: Hashable, thing: Any) -> None:
        """Remember orders and fills; balances are asked of the engines."""
        if table is FILLS:
            self.fills.setdefault((thing.market, thing.symbol, thing.order_id), []).append(thing)
        elif table is spot_tables.ORDERS:
            self._remember("spot", thing)
        elif table is futures_tables.ORDERS:
            self._remember("futures", thing)
        elif table is futures_tables.ALGO_ORDERS and thing.algo_id not in self._known_algos:
            self._known_algos.add(thing.algo_id)
            self.algos.setdefault(("futures", thing.account_id, thing.client_algo_id), []).append(thing)

    def forget(self, name: Name) -> None:
        """Let go of what has ended and was looked at."""
        for order in self.named.pop(name, ()):
            key = (name[0], order.symbol, order.order_id)
            del self.orders[key]
            self.fills.pop(key, None)
        for algo in self.algos.pop(name, ()):
            self._known_algos.discard(algo.algo_id)

    def _remember(self, market: str, order: Order) -> None:
        key = (market, order.symbol, order.order_id)
        if key not in self.orders:
            self.orders[key] = order
            self.named.setdefault((market, order.account_id, order.client_order_id), []).append(order)


@dataclass
class Market:
    """One symbol's market: its price and what its ladder holds."""

    market: str
    rules: Rules  # as for exits: a future's smallest notional is one of entries
    least: Decimal  # the smallest notional of an entry
    tick: int
    price: int
    level_qty: int
    step: int = 0

    def __post_init__(self) -> None:
        self.move_to(self.price)

    def move_to(self, price: int, most: int | None = None) -> None:
        """The next step of the market; a taker gets ``most`` at most."""
        self.price, tick = price // self.tick * self.tick, self.tick
        self.step += 1
        self.decimal_price = to_decimal(self.price)
        self.quote = Quote(
            step=self.step,
            last=self.price,
            bid=self.price - tick,
            ask=self.price + tick,
            average=self.price,
            gap=tick,
            level_qty=self.level_qty,
            levels=LEVELS,
            mark=self.price,
            index=self.price,
            most=most,
        )


class Exchange:
    """Both engines and their markets. ``on_fills`` hears of fills that prices bring."""

    def __init__(self, fate: Fate) -> None:
        self.fate = fate
        self.ledger = Ledger()
        self.spot = SpotEngine(_spot_rules(), self.ledger)
        self.futures = FuturesEngine(_futures_rules(), self.ledger)
        self.spot.bnb_price = BNB_PRICE * SCALE
        self.markets = {(market.market, market.rules.symbol): market for market in _markets()}
        self.on_fills: Callable[[list[Fill]], None] = lambda fills: None
        self._wanderers = list(self.markets.values())

    def move_a_price(self) -> None:
        """One symbol's market makes a step; what waits for its price acts."""
        dice = self.fate.dice
        market = self._wanderers[dice.between(0, len(self._wanderers))]
        size = JUMP if self.fate.strikes("jumpy") else STEP
        most = market.level_qty * dice.between(1, 100) // 100 if self.fate.strikes("thin") else None
        self.set_price(market, int(market.price * (1 + size * (2 * dice.random() - 1))), most)

    def set_price(self, market: Market, price: int, most: int | None = None) -> None:
        """Let a market be at a price, never below a half of the first."""
        symbol = market.rules.symbol
        market.move_to(max(price, FIRST_PRICES[symbol] * SCALE // 2), most)
        engine: SpotEngine | FuturesEngine = self.spot if market.market == "spot" else self.futures
        if engine.watches(symbol):
            fills = engine.on_quote(symbol, market.quote, self.fate.scheduler.epoch_ms)
            if fills:
                self.on_fills(fills)


def to_decimal(amount: int) -> Decimal:
    """The engine's whole number as the border writes it."""
    return Decimal(amount).scaleb(-8)


def to_units(amount: Decimal) -> int:
    """What the border makes of a plain number."""
    return int(amount.scaleb(8))


def _spot_rules() -> dict[str, spot_rules.SymbolRules]:
    return {entry["symbol"]: spot_rules.rules_of(entry) for entry in _symbols("exchange_info.json")}


def _futures_rules() -> dict[str, Any]:
    rows = json.loads((DATA / "futures_leverage_brackets.json").read_text())
    brackets = {row["symbol"]: row["brackets"] for row in rows}
    entries = _symbols("futures_exchange_info.json")
    return {entry["symbol"]: futures_rules_of(entry, brackets[entry["symbol"]]) for entry in entries}


def _markets() -> list[Market]:
    spot = [_market("spot", entry, "minNotional") for entry in _symbols("exchange_info.json")]
    return spot + [_market("futures", entry, "notional") for entry in _symbols("futures_exchange_info.json")]


def _symbols(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DATA / name).read_text())["symbols"]
    return [entry for entry in found if entry["symbol"] in FIRST_PRICES]


def _market(market: str, entry: dict[str, Any], name: str) -> Market:
    """A market at its first price, with a few of the smallest orders on every level of its ladder."""
    rules, price = rules_of(entry), FIRST_PRICES[entry["symbol"]] * SCALE
    least = next(Decimal(row[name]) for row in entry["filters"] if row["filterType"].endswith("NOTIONAL"))
    lot = to_units(rules.lot_size)
    level_qty = to_units(4 * least) * SCALE // price // lot * lot
    return Market(market, rules, least, units(str(rules.tick_size)), price, max(level_qty, lot))
