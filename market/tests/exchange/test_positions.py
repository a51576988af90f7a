"""What only futures have: positions, fundings, leverage and margin type."""

import sqlite3
from decimal import Decimal

import pytest
from django.utils import timezone

from market.exchange.adapter import FuturesGateway
from market.exchange.errors import OrderRejected, OutcomeUnknown
from market.exchange.types import (
    ExchangePosition,
    FundingReport,
    FuturesSetup,
    OrderType,
)
from market.paper.tests.server import PaperServer
from market.tests.exchange.orders import SYMBOL, order
from market.tests.servers import hosts_at
from market.types import Side, milliseconds, moment_of


@pytest.mark.parametrize("side", Side)
def test_a_position_is_told_of_as_the_fills_made_it(futures, side):
    report = futures.submit(order(side=side, quantity="0.5"))

    (position,) = futures.positions()

    entry = sum(fill.quote_quantity for fill in report.fills) / Decimal("0.5")
    assert isinstance(position, ExchangePosition)
    assert (position.symbol, position.quantity) == (SYMBOL, side.sign * Decimal("0.5"))
    assert abs(position.entry_price - entry) < Decimal("0.01")
    assert position.mark_price > 0
    expected = (position.mark_price - position.entry_price) * position.quantity
    assert abs(position.unrealized_pnl - expected) < Decimal("0.01")


def test_a_position_that_can_not_be_liquidated_has_no_liquidation_price(futures):
    futures.submit(order(quantity="0.1"))  # a tenth of what the account has

    (position,) = futures.positions()

    assert position.liquidation_price is None


def test_a_position_near_its_liquidation_has_a_price_for_it(futures):
    futures.submit(order(quantity="10"))

    (position,) = futures.positions()

    assert position.liquidation_price is not None
    assert 0 < position.liquidation_price < position.entry_price


def test_an_open_order_makes_no_position(futures):
    futures.submit(order(OrderType.LIMIT, price="49500"))

    assert futures.positions() == []


def test_fundings_are_told_of_as_the_exchange_booked_them(tmp_path, no_waiting):
    ledger, paid_ms = tmp_path / "ledger.sqlite3", milliseconds(timezone.now()) - 60_000
    with PaperServer(ledger) as paper:
        key = paper.open_account(futures={"USDT": "10000"})
        paper.stop()
    with sqlite3.connect(ledger) as connection:
        (account,) = connection.execute("SELECT max(id) FROM accounts").fetchone()
        rows = [
            (number, account, SYMBOL, kind, income, "USDT", kind, paid_ms + number, 0)
            for number, kind, income in (
                (1, "FUNDING_FEE", "-1.23456789"),
                (2, "COMMISSION", "-5"),
                (3, "FUNDING_FEE", "0.00000001"),
            )
        ]
        connection.executemany("INSERT INTO futures_incomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    with PaperServer(ledger) as paper:
        gateway = FuturesGateway(hosts_at(paper.url), api_key=key["api_key"], api_secret=key["api_secret"])

        found = gateway.fundings(since=moment_of(paid_ms))
        later = gateway.fundings(since=moment_of(paid_ms + 2))

    assert found == [
        FundingReport(1, SYMBOL, "USDT", Decimal("-1.23456789"), moment_of(paid_ms + 1)),
        FundingReport(3, SYMBOL, "USDT", Decimal("1E-8"), moment_of(paid_ms + 3)),
    ]
    assert later == found[1:]


def test_a_fresh_account_trades_one_way_and_crossed(futures):
    setup = futures.futures_setup(SYMBOL)

    assert setup == FuturesSetup(leverage=20, is_isolated=False, is_hedge_mode=False, is_multi_assets=False)


def test_leverage_and_margin_type_are_set_and_told_of(futures):
    leverage = futures.set_leverage(SYMBOL, 7)
    futures.set_isolated(SYMBOL, isolated=True)

    assert leverage == 7
    assert futures.futures_setup(SYMBOL) == FuturesSetup(7, True, False, False)
    assert futures.futures_setup("ETHUSDT").is_isolated is False


@pytest.mark.parametrize("isolated", [True, False])
def test_a_margin_type_that_is_set_already_is_no_error(futures, isolated):
    futures.set_isolated(SYMBOL, isolated=isolated)

    futures.set_isolated(SYMBOL, isolated=isolated)

    assert futures.futures_setup(SYMBOL).is_isolated is isolated


def test_a_leverage_that_nobody_gets_is_rejected(futures):
    with pytest.raises(OrderRejected) as caught:
        futures.set_leverage(SYMBOL, 126)

    assert caught.value.code == -4028


def test_the_margin_type_can_not_be_changed_under_a_position(futures):
    futures.submit(order())

    with pytest.raises(OrderRejected) as caught:
        futures.set_isolated(SYMBOL, isolated=True)

    assert caught.value.code in (-4047, -4048)


def test_modes_that_we_do_not_trade_in_are_told_of(paper, key, futures):
    paper.signed("POST", "/fapi/v1/positionSide/dual", key, dualSidePosition="true")
    paper.signed("POST", "/fapi/v1/multiAssetsMargin", key, multiAssetsMargin="true")

    setup = futures.futures_setup(SYMBOL)

    assert (setup.is_hedge_mode, setup.is_multi_assets) == (True, True)


@pytest.mark.parametrize("name", ["drop_after", "truncated", "html_after"])
def test_a_setting_with_a_spoilt_answer_is_in_doubt(futures, fault, name):
    fault(name, match={"method": "POST"}, times=2)

    with pytest.raises(OutcomeUnknown):
        futures.set_leverage(SYMBOL, 7)
    with pytest.raises(OutcomeUnknown):
        futures.set_isolated(SYMBOL, isolated=True)

    assert futures.futures_setup(SYMBOL) == FuturesSetup(7, True, False, False)


def test_spot_has_nothing_of_futures(spot):
    assert spot.positions() == []
    assert spot.fundings(since=timezone.now()) == []
    for call in (
        lambda: spot.futures_setup(SYMBOL),
        lambda: spot.set_leverage(SYMBOL, 2),
        lambda: spot.set_isolated(SYMBOL, isolated=True),
    ):
        with pytest.raises(OrderRejected, match="spot account"):
            call()
