"""Laws that hold for any sequence of commands and prices, thin ladders, stops, pairs and transfers included."""

import copy
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from market.paper.engine.amounts import units
from market.paper.engine.journal import Journal
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.settlement import lock_of
from market.paper.engine.spot.types import SpotOrder
from market.paper.engine.types import Fill
from market.paper.ledger import Ledger
from market.paper.restore import spot_state
from market.paper.tests.spot.world import ACCOUNTS, ASSETS, COMMANDS, RULES, World, long_day, run

HISTORY = st.lists(COMMANDS, max_size=40)
LIMIT = {"account_id": 1, "symbol": "BTCUSDT", "side": "BUY", "quantity": units("0.1"), "price": units("45000")}


def require_conservation(world: World) -> None:
    """Every asset of every account is what was deposited and traded, to the last digit."""
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


def require_locks(world: World) -> None:
    """Nothing is negative, and what is locked belongs to open orders, once for a pair."""
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


def require_whole_orders(world: World) -> None:
    """Orders are what their fills say, and open exactly while they are in the book."""
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


def require_pairs(world: World) -> None:
    """Both orders of a pair are open, or the pair is done and at most one of them was filled."""
    last = {(each.symbol, each.order_id): each for each in world.rows("orders")}
    for pair in {pair.order_list_id: pair for pair in world.rows("order_lists")}.values():
        legs = [last[pair.symbol, order_id] for order_id in pair.order_ids]
        assert pair.is_open == all(leg.is_open for leg in legs)
        assert sum(leg.executed_qty > 0 for leg in legs) <= 1


@settings(max_examples=200, deadline=None)
@given(HISTORY)
def test_money_is_conserved_to_the_last_digit(commands):
    require_conservation(run(commands))


@settings(max_examples=200, deadline=None)
@given(HISTORY)
def test_nothing_is_negative_and_what_is_locked_belongs_to_open_orders_once(commands):
    require_locks(run(commands))


@settings(max_examples=200, deadline=None)
@given(HISTORY)
def test_no_order_fills_more_than_it_asked_for(commands):
    require_whole_orders(run(commands))


@settings(max_examples=200, deadline=None)
@given(HISTORY)
def test_both_orders_of_a_pair_are_open_or_the_pair_is_done(commands):
    require_pairs(run(commands))


def restarted(world: World) -> World:
    """The same world with an engine rebuilt from the ledger its journal was written to."""
    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.sqlite3")
        for batch in world.batches:
            ledger.commit(batch)
        rebuilt = copy.copy(world)
        rebuilt.journal, rebuilt.batches = Journal(), []
        rebuilt.engine = SpotEngine(RULES, rebuilt.journal, spot_state(ledger))
        rebuilt.engine.bnb_price = world.engine.bnb_price
        ledger.close()
    return rebuilt


@settings(max_examples=60, deadline=None)
@given(HISTORY, st.lists(COMMANDS, max_size=10))
@example([("limit", LIMIT | {"time_in_force": "GTC"}), ("cancel", {"account_id": 1, "index": 0})], [])
def test_engine_rebuilt_from_its_ledger_is_the_same_and_goes_on_the_same(before, after):
    lived = run(before)
    rebuilt = restarted(lived)

    assert rebuilt.engine.state() == lived.engine.state()
    for each in (lived, rebuilt):  # what takers have taken is forgotten by the next step
        each.step += 1
        run(after, each)
    assert rebuilt.engine.state() == lived.engine.state()


@pytest.mark.parametrize("seed", [1, 2])
def test_laws_hold_at_the_end_of_a_long_day(seed):
    world = long_day(seed)

    for law in (require_conservation, require_locks, require_whole_orders, require_pairs):
        law(world)
    assert restarted(world).engine.state() == world.engine.state()
    # The day was eventful enough to say so.
    fills, ends = Counter(), Counter()
    fills.update((fill.is_maker, fill.commission_asset) for fill in world.rows("fills"))
    ends.update(placed.expiry_reason or placed.status for placed in world.rows("orders"))
    assert len(fills) >= 5
    assert min(fills.values()) > 5
    assert min(ends[name] for name in ("OCO_TRIGGER", "CANCELED", "FILLED", "PARTIALLY_FILLED")) > 5
