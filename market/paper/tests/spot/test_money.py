"""Laws that hold for any sequence of commands and prices, thin ladders, stops, pairs and transfers included."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from market.paper.engine.amounts import text, units
from market.paper.engine.journal import Batch, Journal
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.rules import rules_of
from market.paper.engine.spot.settlement import lock_of
from market.paper.engine.spot.types import NewOrder, SpotOrder
from market.paper.engine.types import Fill, Quote, Rejected
from market.paper.ledger import Ledger
from market.paper.restore import spot_state
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
BUY = {"account_id": 1, "symbol": "BTCUSDT", "side": "BUY", "quantity": units("0.1")}
STOPS = st.sampled_from(["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"])
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


@settings(max_examples=200, deadline=None)
@given(HISTORY)
def test_money_is_conserved_to_the_last_digit(commands):
    world = run(commands)

    due: dict[tuple[int, str], int] = defaultdict(int)
    for account_id, asset, amount in world.deposits:
        due[account_id, asset] += amount
    for fill in world.rows("fills"):
        sign = 1 if fill.side == "BUY" else -1
        due[fill.account_id, RULES[fill.symbol].base] += sign * fill.qty
        due[fill.account_id, "USDT"] -= sign * fill.quote_qty
        due[fill.account_id, fill.commission_asset] -= fill.commission
    for (account_id, asset), amount in due.items():
        balance = world.engine.balances.of(account_id, asset)
        assert balance.free + balance.locked == amount


@settings(max_examples=200, deadline=None)
@given(HISTORY)
def test_nothing_is_negative_and_what_is_locked_belongs_to_open_orders_once(commands):
    world = run(commands)

    assert all(balance.free >= 0 and balance.locked >= 0 for balance in world.rows("balances"))
    for account_id in ACCOUNTS:
        shares: dict[tuple[str, int, int], int] = defaultdict(int)
        for resting in world.engine.open_orders(account_id):
            asset, amount = lock_of(resting, RULES[resting.symbol])
            alone = 0 if world.engine.lists.get(resting.order_list_id) else resting.order_id
            key = (asset, resting.order_list_id, alone)
            shares[key] = max(shares[key], amount) if not alone else shares[key] + amount
        for asset in ASSETS:
            locked = sum(amount for (name, *_), amount in shares.items() if name == asset)
            assert world.engine.balances.of(account_id, asset).locked == locked


@settings(max_examples=200, deadline=None)
@given(HISTORY)
def test_no_order_fills_more_than_it_asked_for(commands):
    world = run(commands)

    filled: dict[tuple[str, int], list[Fill]] = defaultdict(list)
    for fill in world.rows("fills"):
        filled[fill.symbol, fill.order_id].append(fill)
    last: dict[tuple[str, int], SpotOrder] = {(each.symbol, each.order_id): each for each in world.rows("orders")}
    for key, placed in last.items():
        assert placed.executed_qty == sum(fill.qty for fill in filled[key]) <= placed.orig_qty
        assert placed.cum_quote == sum(fill.quote_qty for fill in filled[key])
        assert (placed.status == "FILLED") == (placed.executed_qty == placed.orig_qty)
        assert placed.is_open == (
            world.engine.books[placed.symbol].by_id(placed.account_id, placed.order_id) is not None
        )


@settings(max_examples=200, deadline=None)
@given(HISTORY)
def test_both_orders_of_a_pair_are_open_or_the_pair_is_done(commands):
    world = run(commands)

    last = {(each.symbol, each.order_id): each for each in world.rows("orders")}
    for pair in {pair.order_list_id: pair for pair in world.rows("order_lists")}.values():
        legs = [last[pair.symbol, order_id] for order_id in pair.order_ids]
        assert pair.is_open == all(leg.is_open for leg in legs)
        assert sum(leg.executed_qty > 0 for leg in legs) <= 1


@settings(max_examples=60, deadline=None)
@given(HISTORY, st.lists(COMMANDS, max_size=10))
@example(
    [("limit", {**BUY, "price": units("45000"), "time_in_force": "GTC"}), ("cancel", {"account_id": 1, "index": 0})], []
)
def test_engine_rebuilt_from_its_ledger_is_the_same_and_goes_on_the_same(before, after):
    world = run(before)

    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.sqlite3")
        for batch in world.batches:
            ledger.commit(batch)
        rebuilt = copy.copy(world)
        rebuilt.journal, rebuilt.batches = Journal(), []
        rebuilt.engine = SpotEngine(RULES, rebuilt.journal, spot_state(ledger))
        rebuilt.engine.bnb_price = world.engine.bnb_price
        ledger.close()

    assert rebuilt.engine.state() == world.engine.state()
    for each in (world, rebuilt):  # what takers have taken is forgotten by the next step
        each.step += 1
        run(after, each)
    assert rebuilt.engine.state() == world.engine.state()
