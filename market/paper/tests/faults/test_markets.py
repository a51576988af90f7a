"""Faults of the market: prices, books and halts, held for a while."""

import time
from decimal import Decimal

import pytest

from market.paper.tests.faults.conftest import wait_until

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
REST = BUY | {"type": "LIMIT", "timeInForce": "GTC", "price": "49000"}
BTC = {"symbol": "BTCUSDT", "market": "spot"}


def price(client, symbol: str = "BTCUSDT") -> Decimal:
    """The last price."""
    return Decimal(client.get_symbol_ticker(symbol=symbol)["price"])


def test_frozen_price_stands_still_and_moves_again_when_the_fault_ends(client, board):
    board.add("frozen_price", match=BTC)
    frozen, begun = price(client), time.monotonic()

    while time.monotonic() < begun + 0.3:
        assert price(client) == frozen

    board.clear()
    wait_until(lambda: price(client) != frozen)


def test_price_jump_fills_what_it_reaches_and_goes_back(paper, client, board):
    before = price(client)
    order = client.create_order(**(REST | {"price": f"{before * Decimal('0.95'):.2f}"}))

    board.add("price_jump", match=BTC, percent=-10)

    fallen = price(client)
    assert abs(fallen / before - Decimal("0.9")) < Decimal("0.01")
    assert fallen % Decimal("0.01") == 0
    assert client.get_order(symbol="BTCUSDT", orderId=order["orderId"])["status"] == "FILLED"
    board.clear()
    assert abs(price(client) / before - 1) < Decimal("0.01")


def test_price_jump_ends_after_its_seconds(client, board):
    before = price(client)
    number = board.add("price_jump", match=BTC, percent=-10, for_seconds=0.1)["id"]

    wait_until(lambda: [rule["state"] for rule in board.show() if rule["id"] == number] == ["done"])

    assert abs(price(client) / before - 1) < Decimal("0.01")


@pytest.mark.usefixtures("btc_at_50000")
def test_wide_spread_and_thin_depth_make_a_market_order_dear_and_partial(client, board):
    board.add("thin_book", match=BTC, spread_bps=200, level_quote=100, levels=2)

    order = client.create_order(**BUY)

    assert [fill["price"] for fill in order["fills"]] == ["50500.00000000", "51500.00000000"]
    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.00400000")
    board.clear()
    assert client.create_order(**BUY)["status"] == "FILLED"


@pytest.mark.usefixtures("btc_at_50000")
@pytest.mark.parametrize("status", ["BREAK", "HALT"])
def test_halted_symbol_refuses_orders_and_fills_nothing_while_others_trade(paper, client, board, status):
    order = client.create_order(**REST)
    board.add("halted", match=BTC, status=status)
    paper.set_price("BTCUSDT", "48000")

    with pytest.raises(Exception, match="Market is closed") as error:
        client.create_order(**BUY)

    assert error.value.code == -1013
    assert client.get_symbol_info("BTCUSDT")["status"] == status
    assert client.get_open_orders()[0]["orderId"] == order["orderId"]
    assert client.create_test_order(**(BUY | {"symbol": "SOLUSDT", "quantity": "1"})) == {}
    board.clear()
    wait_until(lambda: client.get_open_orders() == [])


def test_of_two_faults_on_one_thing_the_last_counts_and_then_the_first_again(client, board):
    def status() -> str:
        return client.get_symbol_info("BTCUSDT")["status"]

    first = board.add("halted", match=BTC, status="BREAK")["id"]
    second = board.add("halted", match=BTC, status="HALT")["id"]
    seen = [status()]
    board.clear(second)
    seen.append(status())
    board.clear(first)

    assert [*seen, status()] == ["HALT", "BREAK", "TRADING"]


def test_first_of_two_faults_on_one_thing_may_end_first(client, board):
    first = board.add("halted", match=BTC, status="BREAK")["id"]
    board.add("halted", match=BTC, status="HALT")

    board.clear(first)

    assert client.get_symbol_info("BTCUSDT")["status"] == "HALT"
    board.clear()
    assert client.get_symbol_info("BTCUSDT")["status"] == "TRADING"


def test_status_that_was_set_during_a_halt_counts_when_the_halt_ends(paper, client, board):
    """A restart finds it in the ledger: memory must not know better."""

    def status() -> str:
        return client.get_symbol_info("BTCUSDT")["status"]

    board.add("halted", match=BTC)
    paper.set_status("BTCUSDT", "CANCEL_ONLY")
    seen = [status()]
    board.clear()
    seen.append(status())
    paper.set_status("BTCUSDT", "TRADING")

    assert [*seen, status()] == ["BREAK", "CANCEL_ONLY", "TRADING"]


@pytest.mark.usefixtures("btc_at_50000")
def test_price_that_was_set_counts_again_when_a_fault_of_the_price_ends(paper, client, board):
    board.add("price_jump", match=BTC, percent=10)
    seen = [price(client)]
    board.clear()
    seen.append(price(client))

    board.add("price_jump", match=BTC, percent=10)
    paper.set_price("BTCUSDT", "48000")
    seen.append(price(client))
    board.clear()

    assert [*seen, price(client)] == [55000, 50000, 55000, 48000]


@pytest.mark.usefixtures("btc_at_50000")
def test_book_that_was_set_counts_again_when_a_fault_of_the_book_ends(paper, client, board):
    def ask() -> Decimal:
        return Decimal(client.get_orderbook_ticker(symbol="BTCUSDT")["askPrice"])

    usual = ask()
    paper.set_book("BTCUSDT", spread_bps="200")
    board.add("thin_book", match=BTC, spread_bps=400)
    seen = [ask()]
    board.clear()
    seen.append(ask())
    paper.set_book("BTCUSDT")

    assert [*seen, ask()] == [51000, 50500, usual]


def test_fault_without_a_symbol_is_of_all_symbols_of_both_markets(paper, board):
    board.add("halted")

    for path in ("/api/v3/exchangeInfo", "/fapi/v1/exchangeInfo"):
        status, answer, _ = paper.request("GET", path)
        if status == 200:
            assert {entry["status"] for entry in answer["symbols"]} == {"BREAK"}
