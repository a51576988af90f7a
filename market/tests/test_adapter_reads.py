"""Reads on a bad line: tried again while that may help, never wrong, never without an error of ours."""

import traceback
from decimal import Decimal

import pytest

from market.exchange import gateway_for, public_gateway
from market.exchange.adapter import SpotGateway
from market.exchange.errors import (
    BadRequest,
    ExchangeError,
    ExchangeUnavailable,
    NotConfigured,
    OrderNotFound,
    PermissionDenied,
    RateLimited,
)
from market.exchange.types import ReportStatus
from market.models import ExchangeAccount
from market.tests.orders import BAD_ANSWERS, FILL, ORDER, PLACED, SECRET
from market.tests.servers import answer
from market.types import Environment, Market, OrderType

KLINES, PRICES, DEPTH, INFO, ACCOUNT, TRADES = (
    f"/api/v3/{name}" for name in ("klines", "ticker/price", "depth", "exchangeInfo", "account", "myTrades")
)
READS = {
    KLINES: lambda gateway: gateway.candles("BTCUSDT", "1m", limit=10),
    PRICES: lambda gateway: gateway.prices(),
    DEPTH: lambda gateway: gateway.order_book("BTCUSDT", levels=20),
    INFO: lambda gateway: gateway.symbols(),
    ACCOUNT: lambda gateway: gateway.balances(),
    ORDER: lambda gateway: gateway.find_order("BTCUSDT", "tb-1-e", OrderType.MARKET),
}
GOOD = {
    KLINES: [[0, "1", "2", "0.5", "1.5", "10", 59_999]],
    PRICES: [{"symbol": "BTCUSDT", "price": "97000.10000000"}],
    DEPTH: {"bids": [["97000.10", "1"]], "asks": []},
    INFO: {"symbols": []},
    ACCOUNT: {"balances": []},
    ORDER: {**PLACED, "executedQty": "0.00000000", "status": "NEW"},
}
UNREADABLE = {
    KLINES: [["a", "b", "c", "d", "e", "f"]],
    PRICES: {"symbol": "BTCUSDT"},
    DEPTH: {"bids": [["97000.10"]], "asks": []},
    INFO: {"timezone": "UTC"},
    ACCOUNT: {"balances": [{"asset": "BTC"}]},
    ORDER: {**PLACED, "executedQty": "0", "status": "NOVEL"},
}


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("name", ["connection closed", "403 and a page", "502 and a page", "500 and a list", "504"])
def test_a_read_is_tried_three_times_more_and_then_the_exchange_is_away(gateway, wayward, path, name):
    wayward.will(path, BAD_ANSWERS[name])

    with pytest.raises(ExchangeUnavailable):
        READS[path](gateway)

    assert len(wayward.asked(path)) == 4


@pytest.mark.parametrize("path", READS)
def test_a_read_that_fails_for_a_moment_is_answered(gateway, wayward, path):
    wayward.will(path, *BAD_ANSWERS.values(), answer(GOOD[path]))
    del wayward._behaviours[path][:-4]  # the last three bad answers, then the good one

    READS[path](gateway)

    assert len(wayward.asked(path)) == 4


@pytest.mark.parametrize("path", READS)
def test_a_read_of_another_shape_than_promised_is_an_exchange_that_is_away(gateway, wayward, path):
    wayward.will(path, answer(UNREADABLE[path]))

    with pytest.raises(ExchangeUnavailable, match="can't be read"):
        READS[path](gateway)


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_no_read_ends_in_an_error_that_is_not_ours_or_that_shows_a_signature(gateway, wayward, path, name):
    wayward.will(path, BAD_ANSWERS[name])

    try:
        READS[path](gateway)
    except ExchangeError as error:
        written = "".join(traceback.format_exception(error))
        assert SECRET not in written
        assert wayward.asked(path)[-1].params.get("signature", "no signature") not in written


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, -1121, BadRequest),
        (401, -2015, PermissionDenied),
        (400, -1022, PermissionDenied),
        (429, -1003, RateLimited),
        (418, -1003, RateLimited),
        (400, -2013, OrderNotFound),
    ],
)
def test_a_read_that_was_refused_is_not_tried_again(gateway, wayward, status, code, kind):
    wayward.will(ORDER, answer({"code": code, "msg": "no"}, status))

    with pytest.raises(kind):
        gateway.find_order("BTCUSDT", "tb-1-e", OrderType.MARKET)

    assert len(wayward.asked(ORDER)) == 1


def test_a_read_without_an_answer_in_time_is_tried_again(gateway, wayward):
    wayward.will(PRICES, wayward.hang, answer(GOOD[PRICES]))

    prices = gateway.prices()

    assert prices == {"BTCUSDT": Decimal("97000.1")}


def test_a_found_order_has_the_fills_that_the_exchange_lists(gateway, wayward):
    fill = {**FILL, "id": 7, "time": PLACED["transactTime"]}
    wayward.will(ORDER, answer({**PLACED, "status": "CANCELED"}))
    wayward.will(TRADES, answer([fill]))

    report = gateway.find_order("BTCUSDT", "tb-1-e", OrderType.MARKET)

    assert (report.status, report.executed_quantity) == (ReportStatus.CANCELED, Decimal("0.0012"))
    assert [(item.exchange_trade_id, item.price) for item in report.fills] == [(7, Decimal("97000.10"))]
    assert wayward.asked(TRADES)[0].params["orderId"] == "42"


def test_an_order_whose_fills_can_not_be_read_is_not_reported_without_them(gateway, wayward):
    wayward.will(ORDER, answer(PLACED))
    wayward.will(TRADES, answer("", 500))

    with pytest.raises(ExchangeUnavailable):
        gateway.find_order("BTCUSDT", "tb-1-e", OrderType.MARKET)


@pytest.mark.parametrize("status", ["NEW", "PENDING_NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"])
def test_an_order_that_may_still_fill_is_open(gateway, wayward, status):
    wayward.will(ORDER, answer({**GOOD[ORDER], "status": status}))

    assert gateway.find_order("BTCUSDT", "tb-1-e", OrderType.MARKET).status == ReportStatus.OPEN


def test_an_address_that_redirects_never_sees_the_key(gateway, wayward):
    wayward.will(ACCOUNT, answer("", 307, {"Location": f"{wayward.url}/thief"}))

    with pytest.raises(ExchangeUnavailable):
        gateway.balances()

    assert wayward.asked("/thief") == []


def test_an_exchange_that_moved_is_asked_at_its_new_address(settings, wayward, free_port, no_waiting):
    settings.PAPER_URL = f"http://127.0.0.1:{free_port}"
    with pytest.raises(ExchangeUnavailable):
        public_gateway(Environment.PAPER, Market.SPOT).prices()
    settings.PAPER_URL = wayward.url
    wayward.will(PRICES, answer(GOOD[PRICES]))

    assert public_gateway(Environment.PAPER, Market.SPOT).prices()


@pytest.mark.parametrize(
    "changes",
    [{"api_key": ""}, {"api_secret": ""}, {"environment": "live"}, {"environment": "testnet"}],
)
def test_an_account_that_can_not_trade_here_has_no_gateway(changes):
    account = ExchangeAccount(**({"api_key": "key", "api_secret": SECRET} | changes))

    with pytest.raises(NotConfigured) as caught:
        gateway_for(account)

    assert SECRET not in str(caught.value)


def test_one_gateway_serves_an_account_and_another_its_new_key():
    account = ExchangeAccount(api_key="key", api_secret=SECRET)
    first, again = gateway_for(account), gateway_for(account)

    account.api_key = "new key"

    assert first is again
    assert isinstance(first, SpotGateway)
    assert gateway_for(account) is not first
