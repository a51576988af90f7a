"""What the user data stream is told."""

from __future__ import annotations

from market.paper.engine.amounts import units
from market.paper.tests.futures_engine.desk import BTC, NOON, Desk, desk


def watched(usdt: str = "10000") -> Desk:
    made = desk(usdt)
    made.journal.watched.add(1)
    made.write()
    return made


def told(made: Desk) -> list[str]:
    """Kinds in their order; of orders with what happened to them."""
    return [
        " ".join([each.kind, each.details["execution"], each.order.status])
        if each.kind == "ORDER_TRADE_UPDATE"
        else " ".join([each.kind, *([each.details["algo"].status] if "algo" in each.details else [])])
        for each in made.news()
    ]


def test_an_order_is_told_as_it_was_at_each_moment():
    made = watched()
    made.market("100000", level_qty=units("0.1"))
    made.place("BUY", "0.15")
    assert told(made) == [
        "ORDER_TRADE_UPDATE NEW NEW",
        "ORDER_TRADE_UPDATE TRADE PARTIALLY_FILLED",
        "ORDER_TRADE_UPDATE TRADE FILLED",
        "ACCOUNT_UPDATE",
    ]


def test_an_order_that_is_cut_to_what_it_could_reduce_is_told_as_filled():
    made = watched()
    made.place("BUY", "0.5")
    made.news()
    made.place("SELL", "0.8", "99000", reduce_only=True)
    (_, last) = made.news("ORDER_TRADE_UPDATE")
    assert (last.order.status, last.order.orig_qty, last.order.executed_qty) == ("FILLED", units("0.5"), units("0.5"))


def test_a_modified_order_that_is_cut_to_what_it_could_reduce_is_told_as_filled():
    made = watched()
    made.place("BUY", "0.5")
    order = made.place("SELL", "0.1", "101000", reduce_only=True)
    made.news()
    made.engine.modify(order, "SELL", units("0.8"), units("99000"), made.quotes[BTC], made.now_ms)
    (_, last) = made.news("ORDER_TRADE_UPDATE")
    assert (last.order.status, last.order.orig_qty, last.order.executed_qty) == ("FILLED", units("0.5"), units("0.5"))


def test_resting_cancelled_and_modified_orders_are_told():
    made = watched()
    order = made.place("BUY", "0.01", "99000")
    made.engine.modify(order, "BUY", units("0.02"), units("98000"), made.quotes[BTC], made.now_ms)
    made.engine.cancel(order, made.now_ms)
    assert told(made) == [
        "ORDER_TRADE_UPDATE NEW NEW",
        "ORDER_TRADE_UPDATE AMENDMENT NEW",
        "ORDER_TRADE_UPDATE CANCELED CANCELED",
    ]


def test_an_expired_order_says_why():
    made = watched("1000000")
    made.market("100000", level_qty=units("0.1"), levels=1)
    made.place("BUY", "0.2")
    made.place("BUY", "0.2", "100100", time_in_force="IOC")
    reasons = [
        each.details["expiry_reason"] for each in made.news("ORDER_TRADE_UPDATE") if each.order.status == "EXPIRED"
    ]
    assert reasons == ["9", "2"]


def test_a_fill_is_told_with_the_wallet_and_the_position():
    made = watched()
    made.place("BUY", "0.1")
    news = {each.kind: each for each in made.news() if each.fill or each.kind == "ACCOUNT_UPDATE"}
    fill = news["ORDER_TRADE_UPDATE"].fill
    assert (fill.price, fill.qty, fill.commission) == (units("100000.1"), units("0.1"), units("5.000005"))
    details = news["ACCOUNT_UPDATE"].details
    wallet = units("9994.999995")
    assert details["reason"] == "ORDER"
    assert details["balances"] == [("USDT", wallet, wallet, 0)]
    assert details["positions"] == [
        (BTC, "BOTH", units("0.1"), units("100000.1"), units("100050.10005"), 0, -units("0.01"), "CROSSED", 0)
    ]


def test_the_life_of_a_conditional_order_is_told_in_order():
    made = watched()
    made.algo("STOP_MARKET", "BUY", "101000")
    made.market("101000")
    assert told(made) == [
        "ALGO_UPDATE NEW",
        "ALGO_UPDATE TRIGGERING",
        "ORDER_TRADE_UPDATE NEW NEW",
        "ORDER_TRADE_UPDATE TRADE FILLED",
        "ACCOUNT_UPDATE",
        "ALGO_UPDATE TRIGGERED",
        "ALGO_UPDATE FINISHED",
    ]


def test_a_liquidation_is_told_as_calculated():
    made = watched("1000")
    made.place("BUY", "0.1")
    made.write()
    made.market("90000")
    assert told(made)[:2] == ["ORDER_TRADE_UPDATE CALCULATED FILLED", "ACCOUNT_UPDATE"]


def test_money_and_settings_are_told():
    made = watched()
    made.engine.deposit(1, "USDT", units("5"), NOON)
    made.engine.set_leverage(1, BTC, 10, NOON)
    made.engine.set_multi_assets(1, True, NOON)
    made.place("BUY", "0.1")
    made.write()
    made.engine.settle_funding(BTC, units("0.0001"), units("100000"), NOON)
    (funding,) = made.news()
    assert (funding.kind, funding.details["reason"]) == ("ACCOUNT_UPDATE", "FUNDING_FEE")
    assert funding.details["balances"][0][3] == -units("1")


def test_leverage_and_multi_assets_mode_are_told_as_configuration():
    made = watched()
    made.engine.set_leverage(1, BTC, 10, NOON)
    made.engine.set_multi_assets(1, True, NOON)
    first, second = made.news("ACCOUNT_CONFIG_UPDATE")
    assert first.details == {"symbol": BTC, "leverage": 10}
    assert second.details == {"multi_assets": True}


def test_nothing_is_made_for_accounts_nobody_listens_to():
    made = desk()
    made.place("BUY", "0.1")
    made.algo("STOP_MARKET", "SELL", "99000")
    made.market("90000")
    assert made.news() == []
