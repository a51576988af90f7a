"""What an account sees and has on both markets, over the real paper exchange."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from market.exchange.adapter import FuturesGateway
from market.exchange.errors import ExchangeUnavailable, OrderRejected, PermissionDenied
from market.exchange.types import (
    OpenOrder,
    OrderType,
    Quote,
)
from market.rules import rules_of
from market.tests.exchange.orders import SYMBOL, move, order
from market.tests.servers import hosts_at
from market.types import Side

MINUTE = timedelta(minutes=1)


def held(gateway) -> dict[str, Decimal]:
    return {balance.asset: balance.free + balance.locked for balance in gateway.balances()}


def test_the_market_is_told_of_alike_on_both(gateway):
    candles = gateway.candles(SYMBOL, "5m", limit=7)
    prices, symbols = gateway.prices(), [rules_of(entry) for entry in gateway.symbols()]

    assert candles.shape == (7, 6)
    assert set(candles[1:, 0] - candles[:-1, 0]) == {300_000}
    assert prices[SYMBOL] == 50_000
    assert set(prices) == {rules.symbol for rules in symbols}
    assert {rules.is_futures for rules in symbols} == {gateway.market == "futures"}


def test_a_symbol_has_a_best_bid_and_ask(gateway):
    quote = gateway.quote(SYMBOL)

    assert isinstance(quote, Quote)
    assert quote.bid < 50_000 < quote.ask
    assert quote.bid_quantity > 0
    assert quote.ask_quantity > 0


def test_the_balance_of_futures_follows_fees_and_profits_to_the_last_digit(futures, hold):
    bought = futures.submit(order(quantity="0.123"))
    hold("50123.4", market="futures")
    sold = futures.submit(order(side=Side.SELL, quantity="0.123"))

    earned = sum(fill.quote_quantity for fill in sold.fills) - sum(fill.quote_quantity for fill in bought.fills)
    fees = sum(fill.commission for fill in bought.fills + sold.fills)
    assert {fill.commission_asset for fill in bought.fills + sold.fills} == {"USDT"}
    assert held(futures) == {"USDT": Decimal(50_000) + earned - fees}


def test_a_position_ties_up_its_margin(futures):
    futures.submit(order(quantity="1"))

    (balance,) = futures.balances()
    assert balance.free + balance.locked < 50_000
    assert 2000 < balance.locked < 3000  # a twentieth of 50,000 USDT
    assert balance.free < 48_000


def test_an_account_without_money_has_no_balances(paper, no_waiting):
    key = paper.open_account()
    gateway = FuturesGateway(hosts_at(paper.url), api_key=key["api_key"], api_secret=key["api_secret"])

    assert gateway.balances() == []


def test_open_orders_of_every_type_are_listed(gateway):
    limit = order(OrderType.LIMIT, quantity="0.3", price="49500")
    stop = order(OrderType.STOP, Side.SELL, price="49000")
    target = order(OrderType.TARGET, Side.SELL, price="51000")
    reports = {request.client_order_id: gateway.submit(request) for request in (limit, stop, target)}

    found = {item.client_order_id: item for item in gateway.open_orders()}

    assert gateway.open_orders(SYMBOL) == list(found.values())
    assert gateway.open_orders("ETHUSDT") == []
    words = {"spot": ("STOP_LOSS", "TAKE_PROFIT"), "futures": ("STOP_MARKET", "TAKE_PROFIT_MARKET")}[gateway.market]
    for request, kind in ((limit, "LIMIT"), (stop, words[0]), (target, words[1])):
        assert found[request.client_order_id] == OpenOrder(
            symbol=SYMBOL,
            client_order_id=request.client_order_id,
            exchange_order_id=reports[request.client_order_id].exchange_order_id,
            kind=kind,
            side=request.side,
            quantity=request.quantity,
            executed_quantity=Decimal(0),
            price=request.price,
            is_conditional=request.type.is_conditional,
        )
    assert len(found) == 3


def test_a_partly_filled_order_is_listed_with_what_has_been_filled(gateway, fault):
    fault("partial_fill", match={"method": "POST"}, times=1, fill_percent=30, rest_seconds=3600)
    gateway.submit(order(OrderType.LIMIT, price="51000"))

    (found,) = gateway.open_orders()

    assert (found.quantity, found.executed_quantity) == (Decimal("0.1"), Decimal("0.03"))


def test_fills_are_listed_with_order_and_side_from_an_id_on(gateway):
    reports = [gateway.submit(order(side=side)) for side in (Side.BUY, Side.SELL, Side.BUY)]
    expected = [(report.exchange_order_id, fill) for report in reports for fill in report.fills]

    everything = gateway.fills(SYMBOL)
    later = gateway.fills(SYMBOL, after_id=everything[0].fill.exchange_trade_id)

    assert [(item.exchange_order_id, item.fill) for item in everything] == expected
    assert [item.side for item in everything] == [Side.BUY, Side.SELL, Side.BUY]
    assert later == everything[1:]
    assert gateway.fills(SYMBOL, after_id=everything[-1].fill.exchange_trade_id) == []
    assert gateway.fills("ETHUSDT") == []


@pytest.mark.parametrize("age", [MINUTE, timedelta(days=30)])
def test_fills_are_listed_from_a_moment_on(gateway, age):
    gateway.submit(order())

    assert len(gateway.fills(SYMBOL, since=timezone.now() - age)) == 1
    assert gateway.fills(SYMBOL, since=timezone.now() + MINUTE) == []


READS = {
    "balances": lambda gateway: gateway.balances(),
    "open orders": lambda gateway: gateway.open_orders(),
    "fills": lambda gateway: gateway.fills(SYMBOL),
    "positions": lambda gateway: gateway.positions(),
    "quote": lambda gateway: gateway.quote(SYMBOL),
    "transfers": lambda gateway: gateway.transfers(to_futures=True, since=timezone.now() - MINUTE),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("name", ["nan", "truncated", "html_after"])
def test_a_read_with_a_spoilt_answer_is_an_exchange_that_is_away_and_never_a_number(spot, futures, fault, read, name):
    move(spot)
    futures.submit(order())
    futures.submit(order(OrderType.LIMIT, price="49500"))
    futures.submit(order(OrderType.STOP, Side.SELL, price="49000"))
    fault(name, match={"method": "GET"})

    if (read, name) == ("transfers", "nan"):
        assert READS[read](futures)[0].amount == 10  # the exchange writes 10 there, which is no decimal to spoil
    else:
        with pytest.raises(ExchangeUnavailable):
            READS[read](futures)


@pytest.mark.parametrize("read", READS)
def test_a_read_is_answered_after_a_moment_of_trouble(futures, fault, read):
    fault("drop_before", times=1)
    fault("error_before", times=1, like="internal")
    fault("truncated", times=1)

    READS[read](futures)


@pytest.mark.parametrize("read", ["balances", "open orders", "fills", "positions"])
def test_a_revoked_key_is_permission_denied(gateway, fault, read):
    fault("key_revoked")

    if (gateway.market, read) != ("spot", "positions"):
        with pytest.raises(PermissionDenied) as caught:
            READS[read](gateway)
        assert caught.value.code == -2015


@pytest.mark.parametrize("skew_ms", [-60_000, 60_000])
def test_a_clock_that_runs_away_is_measured_again(gateway, fault, skew_ms):
    gateway.balances()
    fault("clock_skew", skew_ms=skew_ms)

    gateway.balances()

    with pytest.raises(OrderRejected) as caught:
        gateway.submit(replace(order(), signed_at=timezone.now() - timedelta(seconds=6)))
    assert caught.value.code == -1021
    assert gateway.submit(order()).fills
