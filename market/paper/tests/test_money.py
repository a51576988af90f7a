"""Laws that hold for any sequence of commands and prices."""

from collections import defaultdict
from contextlib import suppress
from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from market.paper.engine.effects import Effects
from market.paper.engine.engine import Engine, State
from market.paper.engine.settlement import lock_of
from market.paper.engine.types import Rejected
from market.paper.tests.rules import NOON, RULES, open_account, order, quote

# The price begins at 50000, so that about half of the limits rest and some are reached later.
PRICES = st.integers(min_value=4_000_000, max_value=6_000_000).map(lambda cents: Decimal(cents).scaleb(-2))
QUANTITIES = st.integers(min_value=1, max_value=40_000).map(lambda steps: Decimal(steps).scaleb(-5))
COMMANDS = st.one_of(
    st.tuples(st.just("price"), PRICES),
    st.tuples(
        st.just("limit"),
        st.sampled_from(["BUY", "SELL"]),
        QUANTITIES,
        PRICES,
        st.sampled_from(["GTC", "IOC", "FOK"]),
        st.sampled_from([1, 2]),
    ),
    st.tuples(st.just("market"), st.sampled_from(["BUY", "SELL"]), QUANTITIES, st.sampled_from([1, 2])),
    st.tuples(st.just("quote"), st.sampled_from(["BUY", "SELL"]), PRICES, st.sampled_from([1, 2])),
    st.tuples(st.just("cancel"), st.integers(min_value=0, max_value=5), st.sampled_from([1, 2])),
)


def run(commands: list[tuple]) -> tuple[Engine, Effects]:
    """An engine after the commands, and everything that happened."""
    engine, story = Engine(RULES), Effects()
    for account_id in (1, 2):
        story.extend(open_account(engine, account_id, USDT="20000", BTC="0.5"))
    price = Decimal(50000)
    for number, (kind, *rest) in enumerate(commands):
        if kind == "price":
            price = rest[0]
        with suppress(Rejected):
            story.extend(one(engine, kind, rest, price, f"c{number}"))
    return engine, story


def one(engine: Engine, kind: str, rest: list, price: Decimal, name: str) -> Effects:
    if kind == "price":
        return engine.on_price("BTCUSDT", price, NOON)
    if kind == "cancel":
        mine = engine.open_orders(rest[1])
        return engine.cancel(mine[rest[0] % len(mine)], NOON) if mine else Effects()
    common = {"side": rest[0], "client_order_id": name, "account_id": rest[-1]}
    if kind == "market":
        new = order(quantity=rest[1], **common)
    elif kind == "quote":
        new = order(quantity=None, quote_order_qty=rest[1] / 10, **common)
    else:
        new = order(type="LIMIT", quantity=rest[1], price=rest[2], time_in_force=rest[3], **common)
    return engine.place(new, quote(str(price)), NOON)


@settings(max_examples=150, deadline=None)
@given(st.lists(COMMANDS, max_size=40))
def test_money_is_conserved_to_the_last_digit(commands):
    engine, story = run(commands)

    due: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for deposit in story.deposits:
        due[deposit.account_id, deposit.asset] += deposit.amount
    for fill in story.fills:
        sign = 1 if fill.side == "BUY" else -1
        due[fill.account_id, "BTC"] += sign * fill.qty
        due[fill.account_id, "USDT"] -= sign * fill.quote_qty
        due[fill.account_id, fill.commission_asset] -= fill.commission
    for (account_id, asset), amount in due.items():
        balance = engine.balances.of(account_id, asset)
        assert balance.free + balance.locked == amount


@settings(max_examples=150, deadline=None)
@given(st.lists(COMMANDS, max_size=40))
@example([("limit", "BUY", Decimal("0.1"), Decimal(45000), "GTC", 1), ("cancel", 0, 1)])
def test_nothing_is_negative_and_what_is_locked_belongs_to_an_open_order(commands):
    engine, story = run(commands)

    assert all(balance.free >= 0 and balance.locked >= 0 for balance in story.balances)
    for account_id in (1, 2):
        locked: dict[str, Decimal] = defaultdict(Decimal)
        for resting in engine.open_orders(account_id):
            asset, amount = lock_of(resting, RULES["BTCUSDT"])
            locked[asset] += amount
        for asset in ("BTC", "USDT"):
            assert engine.balances.of(account_id, asset).locked == locked[asset]


@settings(max_examples=150, deadline=None)
@given(st.lists(COMMANDS, max_size=40))
def test_no_order_fills_more_than_it_asked_for(commands):
    _, story = run(commands)

    filled: dict[int, Decimal] = defaultdict(Decimal)
    for fill in story.fills:
        filled[fill.order_id] += fill.qty
    last = {snapshot.order_id: snapshot for snapshot in story.orders}
    for order_id, snapshot in last.items():
        assert snapshot.executed_qty == filled[order_id] <= snapshot.orig_qty
        assert (snapshot.status == "FILLED") == (snapshot.executed_qty == snapshot.orig_qty)


@settings(max_examples=60, deadline=None)
@given(st.lists(COMMANDS, max_size=30), st.lists(COMMANDS, max_size=10))
def test_engine_rebuilt_from_its_effects_behaves_like_the_one_that_lived(before, after):
    lived, story = run(before)
    balances = {(balance.account_id, balance.asset): balance for balance in story.balances}
    orders = {snapshot.order_id: snapshot for snapshot in story.orders}
    rebuilt = Engine(
        RULES,
        State(
            balances=list(balances.values()),
            open_orders=[snapshot for snapshot in orders.values() if snapshot.is_open],
            next_order_id=lived._next_order_id,
            next_trade_id=lived._settlement._next_trade_id,
        ),
    )

    told = [[], []]
    for number, (kind, *rest) in enumerate(after):
        for engine, heard in zip((lived, rebuilt), told, strict=True):
            price = rest[0] if kind == "price" else Decimal(50000)
            with suppress(Rejected):
                heard.append(one(engine, kind, rest, price, f"later{number}"))

    assert told[0] == told[1]
