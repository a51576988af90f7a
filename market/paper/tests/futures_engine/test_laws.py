"""Laws, for any sequence of commands, prices and funding."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market.paper.engine.amounts import SCALE, units
from market.paper.engine.types import Rejected
from market.paper.tests.futures_engine.desk import BTC, ETH, RULES, Desk, quote
from market.paper.tests.futures_engine.laws import check_laws, check_nobody_is_overdue

ACCOUNTS = st.sampled_from([1, 2])
SYMBOLS = st.sampled_from([BTC, BTC, ETH])
SIDES = st.sampled_from(["BUY", "SELL"])
# What the account's position mode asks for, to open or to close; and one that it may refuse.
INTENTS = st.sampled_from(["open", "open", "open", "close", "BOTH"])
LOTS = st.one_of(st.integers(1, 300), st.integers(1, 30_000))
PERMILLE = st.integers(-40, 40)

COMMANDS = st.lists(
    st.one_of(
        st.tuples(st.just("market"), ACCOUNTS, SYMBOLS, SIDES, INTENTS, LOTS, st.booleans()),
        st.tuples(
            *(st.just("limit"), ACCOUNTS, SYMBOLS, SIDES, INTENTS, LOTS, st.booleans(), PERMILLE),
            st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK", "GTX", "GTD"]),
        ),
        st.tuples(st.just("cancel"), ACCOUNTS, st.integers(0, 5)),
        st.tuples(st.just("modify"), ACCOUNTS, st.integers(0, 5), LOTS, PERMILLE),
        st.tuples(
            *(st.just("algo"), ACCOUNTS, SYMBOLS, SIDES, INTENTS, LOTS, st.booleans(), PERMILLE),
            st.sampled_from(["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"]),
            st.booleans(),
            st.sampled_from(["MARK_PRICE", "CONTRACT_PRICE"]),
        ),
        st.tuples(st.just("cancel_algo"), ACCOUNTS, st.integers(0, 5)),
        st.tuples(st.just("price"), SYMBOLS, st.one_of(PERMILLE, st.integers(-400, 600)), st.integers(-10, 10)),
        st.tuples(st.just("price"), SYMBOLS, PERMILLE, st.integers(-10, 10)),
        st.tuples(st.just("funding"), SYMBOLS, st.integers(-750_000, 750_000)),
        st.tuples(st.just("deposit"), ACCOUNTS, st.integers(-(10**12), 10**12)),
        st.tuples(st.just("leverage"), ACCOUNTS, SYMBOLS, st.sampled_from([1, 3, 20, 50, 125, 126])),
        st.tuples(st.just("margin_type"), ACCOUNTS, SYMBOLS, st.sampled_from(["CROSSED", "ISOLATED"])),
        st.tuples(st.just("hedge_mode"), ACCOUNTS, st.booleans()),
        st.tuples(st.just("isolated"), ACCOUNTS, SYMBOLS, INTENTS, st.integers(-(10**11), 10**11)),
        st.tuples(st.just("countdown"), ACCOUNTS, SYMBOLS, st.sampled_from([0, 500, 5000])),
        st.tuples(st.just("status"), SYMBOLS, st.sampled_from(["TRADING", "TRADING", "BREAK"])),
        st.tuples(st.just("wait"), st.integers(1, 700_000)),
    ),
    min_size=15,
    max_size=60,
)


def lots(symbol: str, number: int) -> int:
    return RULES[symbol].lot.step * number


def near(desk: Desk, symbol: str, permille: int) -> int:
    price = desk.quotes[symbol].last * (1000 + permille) // 1000
    return price - price % RULES[symbol].tick


def position_side(desk: Desk, account_id: int, side: str, intent: str) -> str:
    if intent == "BOTH" or not desk.engine.account_config(account_id).hedge_mode:
        return "BOTH"
    return "LONG" if (side == "BUY") is (intent == "open") else "SHORT"


def run(desk: Desk, command: tuple[Any, ...]) -> None:
    """Do what a drawn command says. Raises Rejected."""
    name, *given = command
    globals()[f"do_{name}"](desk, *given)


def do_market(desk: Desk, account_id: int, symbol: str, side: str, intent: str, number: int, reduce: bool):
    changes = {"account_id": account_id, "symbol": symbol, "reduce_only": reduce}
    changes["position_side"] = position_side(desk, account_id, side, intent)
    desk.place(side, lots(symbol, number), **changes)


def do_limit(
    desk: Desk,
    account_id: int,
    symbol: str,
    side: str,
    intent: str,
    number: int,
    reduce: bool,
    away: int,
    tif: str,
):
    desk.place(
        side,
        lots(symbol, number),
        near(desk, symbol, away),
        account_id=account_id,
        symbol=symbol,
        position_side=position_side(desk, account_id, side, intent),
        reduce_only=reduce,
        time_in_force=tif,
        good_till_ms=desk.now_ms + 900_000,
    )


def do_cancel(desk: Desk, account_id: int, number: int):
    orders = desk.engine.open_orders(account_id)
    if orders:
        desk.engine.cancel(orders[number % len(orders)], desk.now_ms)


def do_modify(desk: Desk, account_id: int, number: int, quantity: int, away: int):
    orders = desk.engine.open_orders(account_id)
    if orders:
        order = orders[number % len(orders)]
        price = near(desk, order.symbol, away)
        market = desk.quotes[order.symbol]
        desk.engine.modify(order, order.side, lots(order.symbol, quantity), price, market, desk.now_ms)


def do_algo(
    desk: Desk,
    account_id: int,
    symbol: str,
    side: str,
    intent: str,
    number: int,
    reduce: bool,
    away: int,
    kind: str,
    close: bool,
    working_type: str,
):
    trailing = kind == "TRAILING_STOP_MARKET"
    desk.algo(
        kind,
        side,
        account_id=account_id,
        symbol=symbol,
        position_side=position_side(desk, account_id, side, intent),
        quantity=None if close else lots(symbol, number),
        close_position=close,
        reduce_only=reduce and not close,
        trigger_price=None if trailing else near(desk, symbol, away),
        price=None if kind.endswith("_MARKET") else near(desk, symbol, away // 2),
        callback_rate="1" if trailing else None,
        activate_price=near(desk, symbol, away) if trailing and away > 0 else None,
        working_type=working_type,
    )


def do_cancel_algo(desk: Desk, account_id: int, number: int):
    algos = desk.engine.open_algos(account_id)
    if algos:
        desk.engine.cancel_algo(algos[number % len(algos)], desk.now_ms)


def do_price(desk: Desk, symbol: str, permille: int, apart: int):
    desk.now_ms += 1000
    price = max(near(desk, symbol, permille), units("600"))
    mark = price * (1000 + apart) // 1000
    desk.quotes[symbol] = quote(price, desk.quotes[symbol].step + 1, level_qty=SCALE // 2, mark=mark)
    desk.engine.on_quote(symbol, desk.quotes[symbol], desk.now_ms)
    check_nobody_is_overdue(desk)


def do_funding(desk: Desk, symbol: str, rate: int):
    desk.engine.settle_funding(symbol, rate, desk.quotes[symbol].mark, desk.now_ms)


def do_deposit(desk: Desk, account_id: int, amount: int):
    desk.engine.deposit(account_id, "USDT", amount, desk.now_ms)


def do_leverage(desk: Desk, account_id: int, symbol: str, leverage: int):
    desk.engine.set_leverage(account_id, symbol, leverage, desk.now_ms)


def do_margin_type(desk: Desk, account_id: int, symbol: str, margin_type: Any):
    desk.engine.set_margin_type(account_id, symbol, margin_type, desk.now_ms)


def do_hedge_mode(desk: Desk, account_id: int, hedge_mode: bool):
    desk.engine.set_hedge_mode(account_id, hedge_mode)


def do_isolated(desk: Desk, account_id: int, symbol: str, intent: str, amount: int):
    side = position_side(desk, account_id, "BUY", intent)
    desk.engine.change_isolated_margin(account_id, symbol, side, amount, desk.now_ms)


def do_countdown(desk: Desk, account_id: int, symbol: str, countdown_ms: int):
    desk.engine.set_countdown(account_id, symbol, countdown_ms, desk.now_ms)


def do_status(desk: Desk, symbol: str, status: str):
    desk.engine.set_status(symbol, status)


def do_wait(desk: Desk, milliseconds: int):
    desk.now_ms += milliseconds


def started() -> Desk:
    desk = Desk()
    for account_id in (1, 2):
        desk.engine.deposit(account_id, "USDT", units("20000"), desk.now_ms)
    for symbol in (BTC, ETH):
        desk.market(str(desk.quotes[symbol].last // SCALE), symbol)
    return desk


RUN = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@RUN
@given(COMMANDS)
def test_money_positions_and_orders_add_up_whatever_happens_and_a_restart_finds_the_same(commands):
    desk = started()
    for number, command in enumerate(commands, 1):
        attempt(desk, command)
        if number % 5 == 0:
            check_laws(desk)
    check_laws(desk)


@RUN
@given(COMMANDS)
def test_a_rejected_command_changes_nothing(commands):
    desk = started()
    for command in commands:
        desk.write()
        before = repr(desk.engine.state())
        try:
            run(desk, command)
        except Rejected:
            assert repr(desk.engine.state()) == before
            assert not desk.journal


@RUN
@given(COMMANDS, COMMANDS)
def test_an_engine_that_was_restarted_goes_on_as_if_nothing_had_happened(first, then):
    desk = started()
    for command in first:
        attempt(desk, command)
    again = desk.restarted()
    for symbol in (BTC, ETH):
        # What takers have taken in one step of the market is not remembered: a new one begins.
        for each in (desk, again):
            each.now_ms += 1
            each.quotes[symbol] = dataclasses.replace(desk.quotes[symbol], step=1000)
            each.engine.on_quote(symbol, each.quotes[symbol], each.now_ms)

    told = [(attempt(desk, command), attempt(again, command)) for command in then]

    assert all(one == other for one, other in told)
    assert again.engine.state() == desk.engine.state()
    incomes = "SELECT * FROM futures_incomes ORDER BY tran_id"
    assert again.rows(incomes) == desk.rows(incomes)


def attempt(desk: Desk, command: tuple[Any, ...]) -> Any:
    try:
        return run(desk, command)
    except Rejected as refusal:
        return refusal.code, refusal.msg


@pytest.mark.parametrize("margin_type", ["CROSSED", "ISOLATED"])
@given(st.integers(1, 200), SIDES, st.integers(-300, 300), st.sampled_from([1, 5, 20, 125]))
def test_nobody_loses_more_than_he_had(margin_type, number, side, permille, leverage):
    desk = started()
    if margin_type == "ISOLATED":
        desk.engine.set_margin_type(1, BTC, "ISOLATED", desk.now_ms)
    attempt(desk, ("leverage", 1, BTC, leverage))
    attempt(desk, ("market", 1, BTC, side, "BOTH", number, False))

    do_price(desk, BTC, permille, 0)

    assert desk.wallet() + desk.position("unrealized") >= 0
    check_laws(desk)
