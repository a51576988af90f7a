"""The adapter against the real paper exchange: everything that the gateway promises, over HTTP."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from market.exchange.adapter import SpotGateway
from market.exchange.errors import BadRequest, OrderNotFound, OrderRejected, PermissionDenied
from market.exchange.types import Balance, OrderReport, OrderRequest, ReportStatus
from market.rules import rules_of
from market.tests.servers import hosts_at
from market.types import OrderType, Side, milliseconds

FIVE_SECONDS = timedelta(seconds=5)


@pytest.fixture
def gateway(paper):
    key, secret = paper.create_account(USDT="10000.12345678", ETH="2.00000001")
    return SpotGateway(hosts_at(paper.url), api_key=key, api_secret=secret)


def order(symbol: str = "ETHUSDT", side: Side = Side.BUY, quantity: str = "0.1", **changes: object) -> OrderRequest:
    given = {"client_order_id": f"tb-{uuid.uuid4().hex[:20]}", "signed_at": timezone.now(), "valid_for": FIVE_SECONDS}
    return OrderRequest(symbol=symbol, side=side, quantity=Decimal(quantity), **(given | changes))


def held(gateway: SpotGateway) -> dict[str, Decimal]:
    return {balance.asset: balance.free for balance in gateway.balances()}


def test_candles_come_oldest_first_with_the_open_one_last(gateway):
    rows = gateway.candles("BTCUSDT", "1m", limit=100)

    now_ms = milliseconds(timezone.now())
    assert rows.shape == (100, 6)
    assert set(rows[1:, 0] - rows[:-1, 0]) == {60_000}
    assert rows[-1, 0] <= now_ms < rows[-1, 0] + 61_000
    assert (rows[:, 2] >= rows[:, 3]).all()
    assert (rows[:, 1:5] > 0).all()


def test_every_symbol_that_trades_has_a_price(gateway):
    prices, symbols = gateway.prices(), gateway.symbols()

    assert set(prices) == {entry["symbol"] for entry in symbols}
    assert all(isinstance(price, Decimal) and price > 0 for price in prices.values())


def test_the_rules_of_every_symbol_of_the_exchange_can_be_read(gateway):
    rules = [rules_of(entry) for entry in gateway.symbols()]

    assert {"BTCUSDT", "ETHUSDT"} <= {item.symbol for item in rules}
    assert all(item.lot_size > 0 for item in rules)


def test_the_clock_of_an_exchange_on_this_machine_is_ours(gateway):
    assert abs(gateway.clock_offset()) < timedelta(milliseconds=500)


def test_balances_are_exact_to_the_last_digit(gateway):
    balances = {balance.asset: balance for balance in gateway.balances()}

    assert balances["USDT"] == Balance("USDT", free=Decimal("10000.12345678"), locked=Decimal(0))
    assert balances["ETH"].free == Decimal("2.00000001")


def test_a_price_keeps_the_digits_that_the_exchange_wrote(paper, gateway):
    paper.set_price("XRPUSDT", "2.3457")
    try:
        assert str(gateway.prices()["XRPUSDT"]).rstrip("0") == "2.3457"
    finally:
        paper.set_price("XRPUSDT", None)


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_an_order_and_the_question_after_it_tell_the_same_fills(gateway, side):
    request = order(side=side, quantity="0.1234")

    placed = gateway.submit(request)
    found = gateway.find_order(request.symbol, request.client_order_id, request.type)

    assert placed.status == ReportStatus.FILLED
    assert placed.executed_quantity == sum(fill.quantity for fill in placed.fills) == Decimal("0.1234")
    assert found == placed


def test_the_books_of_a_purchase_equal_the_exchange_to_the_last_digit(gateway):
    before = held(gateway)

    report = gateway.submit(order(quantity="0.7777"))

    after = held(gateway)
    assert {fill.commission_asset for fill in report.fills} == {"ETH"}
    assert before["USDT"] - after["USDT"] == sum(fill.quote_quantity for fill in report.fills)
    assert after["ETH"] - before["ETH"] == sum(fill.quantity - fill.commission for fill in report.fills)


def test_the_smallest_quantity_leaves_without_an_exponent(gateway):
    request = order("BTCUSDT", quantity="1E-4")

    assert gateway.submit(request).executed_quantity == Decimal("0.0001")


def refused(gateway: SpotGateway, request: OrderRequest) -> OrderRejected:
    """Submit an order that has to be refused, and see that the exchange knows nothing of it."""
    with pytest.raises(OrderRejected) as caught:
        gateway.submit(request)
    with pytest.raises(OrderNotFound):
        gateway.find_order(request.symbol, request.client_order_id, request.type)
    return caught.value


def test_an_order_signed_too_long_ago_is_refused_by_the_exchange(gateway):
    frozen = order(signed_at=timezone.now() - FIVE_SECONDS - timedelta(milliseconds=200))

    error = refused(gateway, frozen)

    assert error.code == -1021


def test_an_order_just_inside_its_window_is_taken(gateway):
    late = order(signed_at=timezone.now() - timedelta(seconds=20), valid_for=timedelta(seconds=30))

    assert gateway.submit(late).status == ReportStatus.FILLED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": "0.00005"}, -1013),
        ({"quantity": "0.0001"}, -1013),  # below the minimum notional
        ({"quantity": "9000"}, -1013),
        ({"quantity": "50"}, -2010),
        ({"quantity": "0.1000000001"}, -1111),
        ({"symbol": "BTCUSDT", "side": Side.SELL}, -2010),
    ],
)
def test_an_order_that_breaks_a_rule_is_a_clear_no(gateway, changes, code):
    error = refused(gateway, order(**changes))

    assert error.code == code


def test_an_order_on_a_symbol_in_a_break_is_a_clear_no(paper, gateway):
    paper.set_status("SOLUSDT", "BREAK")
    try:
        refused(gateway, order("SOLUSDT", quantity="1"))
    finally:
        paper.set_status("SOLUSDT", "TRADING")


def test_an_unknown_symbol_is_a_bad_request(gateway):
    with pytest.raises(BadRequest):
        gateway.candles("NOSUCHUSDT", "1m", limit=10)


def test_an_unknown_order_is_not_found(gateway):
    with pytest.raises(OrderNotFound):
        gateway.find_order("ETHUSDT", "tb-never-sent", OrderType.MARKET)


@pytest.mark.parametrize(("key", "secret"), [("wrong" * 8, None), (None, "wrong" * 8)])
def test_a_wrong_key_or_secret_is_permission_denied_for_reads_and_orders(paper, key, secret):
    good_key, good_secret = paper.create_account(USDT="100")
    gateway = SpotGateway(hosts_at(paper.url), api_key=key or good_key, api_secret=secret or good_secret)

    for call in (gateway.balances, lambda: gateway.submit(order())):
        with pytest.raises(PermissionDenied) as caught:
            call()
        assert good_secret not in str(caught.value)
        assert (secret or good_secret) not in str(caught.value)


def test_reports_of_the_exchange_are_typed(gateway):
    report = gateway.submit(order())

    assert isinstance(report, OrderReport)
    assert abs(report.fills[0].executed_at - timezone.now()) < timedelta(seconds=10)
    assert {type(value) for value in (report.fills[0].price, report.fills[0].commission)} == {Decimal}
