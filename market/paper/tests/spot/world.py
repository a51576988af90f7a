"""A spot engine that hears any sequence of commands and prices, and remembers all that its journal said."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import strategies as st

from market.paper.engine.amounts import text, units
from market.paper.engine.journal import Batch, Journal
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.rules import rules_of
from market.paper.engine.spot.types import NewOrder
from market.paper.engine.types import Quote, Rejected
from market.paper.tests.spot.rules import INFO, NOON, oco, order, quote

ACCOUNTS = (1, 2)
ENTRY = INFO["symbols"][0]
RULES = {
    "BTCUSDT": replace(rules_of(ENTRY), max_num_algo_orders=0),
    "BNBUSDT": replace(rules_of(ENTRY | {"symbol": "BNBUSDT", "baseAsset": "BNB"}), max_num_algo_orders=0),
}
ASSETS = ("USDT", "BTC", "BNB")

# The price begins at 50000, so that about half of the limits rest and some are reached later.
PRICES = st.integers(min_value=4_000_000, max_value=6_000_000).map(lambda cents: cents * 10**6)
QUANTITIES = st.integers(min_value=1, max_value=40_000).map(lambda steps: steps * 10**3)
DEPTHS = st.sampled_from(["0.05", "0.3", "100"])
SIDES = st.sampled_from(["BUY", "SELL"])
COMMON = {
    "account_id": st.sampled_from(ACCOUNTS),
    "symbol": st.sampled_from(["BTCUSDT", "BTCUSDT", "BNBUSDT"]),
    "side": SIDES,
}
STOP_TYPES = ["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
STOPS = st.sampled_from(STOP_TYPES)
INDEX = st.integers(min_value=0, max_value=5)


def command(kind: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(kind), st.fixed_dictionaries(arguments))


COMMANDS = st.one_of(
    command("price", price=PRICES, level=DEPTHS),
    command("price", price=PRICES, level=DEPTHS),
    command("limit", **COMMON, quantity=QUANTITIES, price=PRICES, time_in_force=st.sampled_from(["GTC", "IOC", "FOK"])),
    command("market", **COMMON, quantity=QUANTITIES),
    command("quote", **COMMON, quote_order_qty=PRICES.map(lambda price: price // 10)),
    command(
        "stop",
        **COMMON,
        type=STOPS,
        quantity=QUANTITIES,
        price=PRICES,
        stop_price=st.one_of(st.none(), PRICES),
        trailing_delta=st.one_of(st.none(), st.integers(10, 2000)),
    ),
    command(
        "oco", **COMMON, quantity=QUANTITIES, prices=st.lists(PRICES, min_size=3, max_size=3), take_profit=st.booleans()
    ),
    command("cancel", account_id=st.sampled_from(ACCOUNTS), index=INDEX),
    command("amend", account_id=st.sampled_from(ACCOUNTS), index=INDEX, quantity=QUANTITIES),
    command("replace", index=INDEX, **COMMON, quantity=QUANTITIES, price=PRICES),
    command(
        "transfer",
        account_id=st.sampled_from(ACCOUNTS),
        asset=st.sampled_from(ASSETS),
        amount=st.integers(-(10**12), 10**12),
    ),
    command("burn", account_id=st.sampled_from(ACCOUNTS), burn=st.booleans()),
    command("bnb", price=st.one_of(st.none(), PRICES)),
)
HISTORY = st.lists(COMMANDS, max_size=40)


class World:
    """An engine that hears commands, and everything its journal said."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.engine = SpotEngine(RULES, self.journal)
        self.batches: list[Batch] = []
        self.deposits: list[tuple[int, str, int]] = []
        self.heard = 0
        self.price, self.level, self.step = units("50000"), "100", 1
        for account_id in ACCOUNTS:
            for asset, amount in (("USDT", "20000"), ("BTC", "0.5"), ("BNB", "0.3")):
                self._deposit(account_id, asset, units(amount))
        self.engine.bnb_price = units("600")
        self.write()

    @property
    def quote(self) -> Quote:
        return quote(text(self.price), step=self.step, level=self.level, levels=4, gap="500")

    def hear(self, kind: str, arguments: dict[str, Any]) -> None:
        """Do one command; a refusal must leave no trace."""
        self.heard += 1
        before = copy.deepcopy(self.engine.state())
        try:
            getattr(self, f"_{kind}")(f"c{self.heard}", **arguments)
        except Rejected:
            assert kind == "replace" or self.engine.state() == before
        if self.heard % 3 == 0:
            self.write()

    def write(self) -> None:
        self.batches.append(self.journal.take())

    def rows(self, name: str) -> Iterator[Any]:
        """What the journal said of one table, in order, as the engine knows it."""
        for batch in self.batches:
            for table, rows in batch.rows:
                if table.name == name:
                    yield from (table.thing(row) for row in rows)

    def _deposit(self, account_id: int, asset: str, amount: int) -> None:
        self.engine.deposit(account_id, asset, amount, NOON)
        self.deposits.append((account_id, asset, amount))

    def _price(self, _: str, price: int, level: str) -> None:
        self.heard = 0
        self.price, self.level, self.step = price, level, self.step + 1
        for symbol in RULES:
            self.engine.on_quote(symbol, self.quote, NOON + self.step)

    def _place(self, new: NewOrder) -> None:
        self.engine.place(new, self.quote, NOON + self.step)

    def _limit(self, name: str, **values: Any) -> None:
        self._place(order(client_order_id=name, type="LIMIT", **values))

    def _market(self, name: str, **values: Any) -> None:
        self._place(order(client_order_id=name, **values))

    def _quote(self, name: str, **values: Any) -> None:
        self._place(order(client_order_id=name, quantity=None, **values))

    def _stop(self, name: str, **values: Any) -> None:
        if values["stop_price"] is None and values["trailing_delta"] is None:
            values["trailing_delta"] = 100
        if not values["type"].endswith("LIMIT"):
            values["price"] = None
        self._place(order(client_order_id=name, **values))

    def _oco(self, name: str, prices: list[int], *, take_profit: bool, **values: Any) -> None:
        low, middle, high = sorted(prices)
        above, below = (high, low) if values["side"] == "SELL" else (low, high)
        other = {"type": "TAKE_PROFIT", "price": None, "stop_price": above} if take_profit else {"price": above}
        stop = {"type": "STOP_LOSS_LIMIT", "stop_price": below, "price": middle}
        self.engine.place_list(oco(name, **values, stop=stop, other=other), self.quote, NOON + self.step)

    def _cancel(self, _: str, account_id: int, index: int) -> None:
        if mine := self.engine.open_orders(account_id):
            self.engine.cancel(mine[index % len(mine)], NOON + self.step)

    def _amend(self, name: str, account_id: int, index: int, quantity: int) -> None:
        if mine := self.engine.open_orders(account_id):
            self.engine.amend(mine[index % len(mine)], quantity, name, NOON + self.step)

    def _replace(self, name: str, index: int, **values: Any) -> None:
        new = order(client_order_id=name, type="LIMIT", **values)
        self.engine.check_filters(new, self.quote)
        self._cancel(name, new.account_id, index)
        self._place(new)

    def _transfer(self, _: str, account_id: int, asset: str, amount: int) -> None:
        self._deposit(account_id, asset, amount)

    def _burn(self, _: str, account_id: int, *, burn: bool) -> None:
        self.engine.set_bnb_burn(account_id, burn=burn)

    def _bnb(self, _: str, price: int | None) -> None:
        self.engine.bnb_price = price


def run(commands: list[tuple[str, dict[str, Any]]], world: World | None = None) -> World:
    """The world after the commands."""
    world = world or World()
    for kind, arguments in commands:
        world.hear(kind, dict(arguments))
    world.write()
    return world


def long_day(seed: int) -> World:
    """Two thousand commands near a price that wanders: most of them are accepted, many orders meet the price."""
    chance, world = Random(seed), World()
    for _ in range(2000):
        world.hear(*_one_of(chance, world.price))
    world.write()
    return world


def _one_of(chance: Random, now: int) -> tuple[str, dict[str, Any]]:
    """A command a trader might give at this price."""

    def near(percent: float) -> int:
        return int(now * (1 + chance.uniform(-percent, percent) / 100)) // 10**6 * 10**6

    account_id, side = chance.choice(ACCOUNTS), chance.choice(["BUY", "SELL"])
    common = {"account_id": account_id, "symbol": chance.choice(list(RULES)), "side": side}
    common["quantity"] = chance.randint(20, 4000) * 10**3
    kind = chance.choice(STOP_TYPES)
    above, below = near(0) + chance.randint(1, 10**11), near(0) - chance.randint(1, 10**11)
    prices = [price // 10**6 * 10**6 for price in (above, below, below)]
    return chance.choice(
        [
            ("price", {"price": near(0.5), "level": chance.choice(["0.003", "0.01", "10"])}),
            ("price", {"price": near(0.5), "level": chance.choice(["0.003", "0.01", "10"])}),
            ("limit", common | {"price": near(2), "time_in_force": chance.choice(["GTC", "GTC", "IOC", "FOK"])}),
            ("market", common),
            ("stop", common | {"type": kind, "stop_price": near(2), "trailing_delta": None, "price": near(2)}),
            ("stop", common | {"type": kind, "stop_price": None, "trailing_delta": 50, "price": near(2)}),
            ("oco", common | {"prices": prices, "take_profit": chance.random() < 0.5}),
            ("cancel", {"account_id": account_id, "index": chance.randint(0, 9)}),
            ("amend", {"account_id": account_id, "index": chance.randint(0, 9), "quantity": common["quantity"]}),
            ("replace", common | {"index": chance.randint(0, 9), "price": near(2)}),
            (
                "transfer",
                {"account_id": account_id, "asset": chance.choice(ASSETS), "amount": chance.randint(-9, 9) * 10**6},
            ),
            ("burn", {"account_id": account_id, "burn": chance.random() < 0.5}),
        ]
    )
