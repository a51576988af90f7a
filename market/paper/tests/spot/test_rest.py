"""The exchange through an unmodified python-binance, over HTTP, from a process of its own."""

import time
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from market.paper.tests.spot.calls import refusal
from market.paper.web.security import signature_of

LIVE = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}


def test_market_order_is_filled_booked_and_told_everywhere_alike(client, btc_at_50000):
    order = client.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01", newClientOrderId="tb-1")

    (fill,) = order["fills"]
    assert (order["status"], order["executedQty"], order["price"]) == ("FILLED", "0.01000000", "0.00000000")
    assert (fill["price"], fill["commission"], fill["commissionAsset"]) == ("50002.50000000", "0.00001000", "BTC")
    assert order["cummulativeQuoteQty"] == "500.02500000"
    asked = client.get_order(symbol="BTCUSDT", origClientOrderId="tb-1")
    assert {name: asked[name] for name in order if name in asked} == {n: order[n] for n in order if n in asked}
    (trade,) = client.get_my_trades(symbol="BTCUSDT", orderId=order["orderId"])
    assert (trade["id"], trade["quoteQty"], trade["isBuyer"], trade["isMaker"]) == (
        *(fill["tradeId"], "500.02500000"),
        *(True, False),
    )
    balances = {row["asset"]: row["free"] for row in client.get_account(omitZeroBalances="true")["balances"]}
    assert balances == {"BTC": "0.00999000", "USDT": "9499.97500000"}


def test_limit_order_rests_locks_and_fills_when_the_price_crosses_it(paper, client, btc):
    order = client.create_order(**LIVE, price="49000")
    (resting,) = client.get_open_orders(symbol="BTCUSDT")
    (locked,) = [row["locked"] for row in client.get_account()["balances"] if row["asset"] == "USDT"]

    btc("48999.99")

    assert (order["status"], order["fills"], resting["orderId"]) == ("NEW", [], order["orderId"])
    assert locked == "49.00000000"
    assert client.get_open_orders() == []
    (trade,) = client.get_my_trades(symbol="BTCUSDT")
    assert (trade["price"], trade["isMaker"]) == ("49000.00000000", True)
    paper.wait_for(f"fill {trade['id']}: BUY 0.00100000 BTCUSDT (spot) at 49000.00000000, commission 0.00000100 BTC")


def test_resting_order_fills_while_the_replay_moves(paper):
    """No price is set: the recorded path crosses one of many limits, above or below, within a minute or two."""
    key = paper.open_account(USDT="10000", ETH="1")
    price = Decimal(paper.get("/api/v3/ticker/price", symbol="ETHUSDT")["price"])
    for number in range(2, 12):
        for side, limit in (("BUY", price - number * Decimal("0.5")), ("SELL", price + number * Decimal("0.5"))):
            new = {"symbol": "ETHUSDT", "side": side, "type": "LIMIT_MAKER", "quantity": "0.01", "price": limit}
            paper.signed("POST", "/api/v3/order", key, **new)

    line = paper.wait_for("fill ", ending=f"account {key['id']}", seconds=150)

    assert " 0.01000000 ETHUSDT (spot) at " in line
    trade = paper.signed("GET", "/api/v3/myTrades", key, symbol="ETHUSDT")[1][0]
    order = paper.signed("GET", "/api/v3/order", key, symbol="ETHUSDT", orderId=trade["orderId"])[1]
    assert trade["isMaker"]
    assert (order["status"], order["price"]) == ("FILLED", trade["price"])


def test_cancel_frees_the_money_and_a_second_one_finds_nothing(client, btc_at_50000):
    order = client.create_order(**LIVE, price="40000", newClientOrderId="mine")

    canceled = client.cancel_order(symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="the-cancel")

    assert (canceled["status"], canceled["origClientOrderId"], canceled["clientOrderId"]) == (
        *("CANCELED", "mine"),
        "the-cancel",
    )
    assert refusal(client.cancel_order, symbol="BTCUSDT", orderId=order["orderId"])[1:] == (
        -2011,
        "Unknown order sent.",
    )
    assert client.get_order(symbol="BTCUSDT", orderId=order["orderId"])["status"] == "CANCELED"
    assert all(row["locked"] == "0.00000000" for row in client.get_account()["balances"])


def test_cancel_of_all_orders_takes_one_symbol(client, btc_at_50000):
    for price in ("40000", "41000"):
        client.create_order(**LIVE, price=price)

    canceled = client.cancel_all_open_orders(symbol="BTCUSDT")

    assert [row["price"] for row in canceled] == ["40000.00000000", "41000.00000000"]
    assert client.get_open_orders(symbol="BTCUSDT") == []
    assert refusal(client.cancel_all_open_orders, symbol="BTCUSDT")[1] == -2011


def test_duplicate_client_id_is_refused_while_open_and_accepted_after(client, btc_at_50000):
    client.create_order(**LIVE, price="40000", newClientOrderId="one")

    assert refusal(client.create_order, **LIVE, price="40000", newClientOrderId="one") == (
        *(400, -2010),
        "Duplicate order sent.",
    )
    client.cancel_order(symbol="BTCUSDT", origClientOrderId="one")
    again = client.create_order(**LIVE, price="60000", newClientOrderId="one")

    assert again["status"] == "FILLED"
    assert client.get_order(symbol="BTCUSDT", origClientOrderId="one")["orderId"] == again["orderId"]


def test_histories_page_by_id_and_time_oldest_first(client, btc_at_50000):
    placed = [client.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001") for _ in range(4)]
    ids = [order["orderId"] for order in placed]
    trades = [order["fills"][0]["tradeId"] for order in placed]

    def orders(**bounds):
        return [row["orderId"] for row in client.get_all_orders(symbol="BTCUSDT", **bounds)]

    def fills(**bounds):
        return [row["id"] for row in client.get_my_trades(symbol="BTCUSDT", **bounds)]

    assert orders() == ids
    assert orders(limit=2) == ids[2:]
    assert orders(orderId=ids[1], limit=2) == ids[1:3]
    assert orders(startTime=placed[0]["transactTime"], limit=1) == ids[:1]
    assert orders(endTime=placed[0]["transactTime"] - 1) == []
    assert fills(limit=1) == trades[3:]
    assert fills(fromId=trades[2]) == trades[2:]
    assert refusal(client.get_my_trades, symbol="BTCUSDT", startTime=0, endTime=86_400_001)[1] == -1127


@pytest.mark.parametrize(("shape", "fields"), [("ACK", 5), ("RESULT", 16), ("FULL", 17)])
def test_answer_has_the_shape_that_was_asked_for(client, shape, fields):
    order = client.create_order(symbol="SOLUSDT", side="BUY", type="MARKET", quoteOrderQty="20", newOrderRespType=shape)

    assert len(order) == fields
    assert ("fills" in order) == (shape == "FULL")


def test_test_order_checks_everything_and_places_nothing(client):
    assert client.create_test_order(symbol="SOLUSDT", side="BUY", type="MARKET", quantity="0.1") == {}
    assert refusal(client.create_test_order, symbol="SOLUSDT", side="BUY", type="MARKET", quantity="1000")[1] == -2010
    assert client.get_all_orders(symbol="SOLUSDT") == []


def test_symbol_that_pauses_refuses_orders_and_says_so(paper, client):
    paper.admin("POST", "/paper/symbols", {"symbol": "XRPUSDT", "status": "BREAK"})
    try:
        assert client.get_symbol_info("XRPUSDT")["status"] == "BREAK"
        assert refusal(client.create_order, symbol="XRPUSDT", side="BUY", type="MARKET", quantity="10") == (
            *(400, -1013),
            "Market is closed.",
        )
    finally:
        paper.admin("POST", "/paper/symbols", {"symbol": "XRPUSDT", "status": "TRADING"})
    assert client.create_order(symbol="XRPUSDT", side="BUY", type="MARKET", quantity="10")["status"] == "FILLED"


def test_market_data_agrees_with_itself(paper, client):
    paper.set_price("ETHUSDT", "3000")
    info = client.get_symbol_info("ETHUSDT")
    best, book = client.get_orderbook_ticker(symbol="ETHUSDT"), client.get_order_book(symbol="ETHUSDT", limit=5)
    prices = {row["symbol"]: row["price"] for row in client.get_all_tickers()}
    paper.set_price("ETHUSDT", None)

    assert (info["status"], info["ocoAllowed"], info["otoAllowed"]) == ("TRADING", True, False)
    assert "STOP_LOSS_LIMIT" in info["orderTypes"]
    assert (best["bidPrice"], best["askPrice"]) == ("2999.85000000", "3000.15000000")
    assert (book["bids"][0][0], book["asks"][0][0], len(book["asks"])) == (best["bidPrice"], best["askPrice"], 5)
    assert {"BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"} <= set(prices)
    assert prices["ETHUSDT"] == "3000.00000000"
    day = client.get_ticker(symbol="BTCUSDT")
    assert Decimal(day["lowPrice"]) <= Decimal(day["lastPrice"]) <= Decimal(day["highPrice"])
    assert [row["symbol"] for row in paper.get("/api/v3/ticker/24hr", symbols='["BTCUSDT","XRPUSDT"]')] == [
        *("BTCUSDT", "XRPUSDT"),
    ]
    assert Decimal(client.get_avg_price(symbol="BTCUSDT")["price"]) > 0


def test_candles_reach_back_and_end_with_the_one_that_is_open(client):
    candles = client.get_klines(symbol="BTCUSDT", interval="1m", limit=1000)
    now = client.get_server_time()["serverTime"]

    assert [row[0] for row in candles] == list(range(candles[0][0], candles[0][0] + 60_000_000, 60_000))
    assert candles[-1][6] >= now - 1000
    hours = client.get_historical_klines("BTCUSDT", "1h", str(now - 10 * 3_600_000))
    assert len(hours) == 10 + (hours[-1][0] > now)  # one may have begun since


def test_parameters_count_wherever_they_are_and_the_query_wins(paper, key):
    stamp = int(time.time() * 1000)
    query = urlencode({"symbol": "SOLUSDT", "side": "BUY"})
    body = urlencode({"side": "nonsense", "type": "MARKET", "quoteOrderQty": "20", "timestamp": stamp})
    signature = signature_of(key["api_secret"], query + body)
    headers = {"X-MBX-APIKEY": key["api_key"]}
    both = paper.request("POST", f"/api/v3/order?{query}", f"{body}&signature={signature.upper()}".encode(), headers)
    alone = paper.signed("POST", "/api/v3/order", key, symbol="SOLUSDT", side="BUY", type="MARKET", quoteOrderQty=20)

    assert both[0] == alone[0] == 200
    assert both[1]["side"] == "BUY"


def test_another_account_sees_nothing_of_mine(paper, client, btc_at_50000):
    order = client.create_order(**LIVE, price="40000")
    stranger = paper.client(paper.open_account(USDT="5"))

    assert stranger.get_open_orders() == []
    assert refusal(stranger.get_order, symbol="BTCUSDT", orderId=order["orderId"])[1] == -2013
    assert refusal(stranger.cancel_order, symbol="BTCUSDT", orderId=order["orderId"])[1] == -2011
    assert stranger.get_all_orders(symbol="BTCUSDT") == []


def test_headers_count_weight_and_orders(paper, key, client, btc_at_50000, early_in):
    early_in(10)
    client.create_order(**LIVE, price="40000")
    placed = client.response.headers
    client.get_account()
    after = client.response.headers

    assert (placed["X-MBX-ORDER-COUNT-10S"], placed["X-MBX-ORDER-COUNT-1D"]) == ("1", "1")
    assert placed["Content-Type"] == after["Content-Type"] == "application/json;charset=UTF-8"
    assert int(after["X-MBX-USED-WEIGHT-1M"]) > 0
    counts = paper.signed("GET", "/api/v3/rateLimit/order", key)[1]
    assert [(row["interval"], row["count"]) for row in counts] == [("SECOND", 1), ("DAY", 1)]


def test_order_that_rested_gives_back_five_once_however_many_fills_it_has(paper, signed, client, btc, wait_until):
    paper.set_book("BTCUSDT", level_quote="1000", spread_bps="10")
    for _ in range(8):
        client.create_order(**LIVE, price="40000")
    order = client.create_order(**LIVE | {"quantity": "0.1"}, price="49990")

    def counted_in_a_day() -> int:
        return signed("GET", "/api/v3/rateLimit/order")[1][1]["count"]

    before = counted_in_a_day()
    btc("49990")
    of_order = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    wait_until(lambda: client.get_order(**of_order)["status"] == "FILLED")

    assert len(client.get_my_trades(**of_order)) > 2
    assert (before, counted_in_a_day()) == (9, 4)


def test_too_many_resting_orders_in_ten_seconds_are_refused(client, btc_at_50000):
    heard = []
    for number in range(201):
        try:
            client.create_order(**LIVE, price="40000", newClientOrderId=f"n{number}")
        except Exception as error:
            heard.append((error.status_code, error.code, error.message, error.response.headers["Retry-After"]))
            break

    (refused,) = heard
    assert refused[:3] == (429, -1015, "Too many new orders; current limit is 100 orders per 10 SECOND.")
    assert 1 <= int(refused[3]) <= 10


def test_statistics_need_the_token(paper):
    assert paper.admin("GET", "/paper/stats")["requests"]["POST /paper/accounts"] >= 1
    for token in ("", "wrong"):
        assert paper.request("GET", "/paper/stats", headers={"X-Paper-Token": token})[0] == 401
