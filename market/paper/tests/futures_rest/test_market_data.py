"""Public futures endpoints."""

import pytest

from market.paper.tests.futures_rest.calls import BTC, picked, refusal

MINUTE_MS = 60_000


def test_rules_are_the_recorded_ones_whatever_is_asked(paper, client):
    info = client.futures_exchange_info()

    assert info["futuresType"] == "U_MARGINED"
    assert [row["symbol"] for row in info["symbols"]] == ["BTCUSDT", "ETHUSDT", "XRPUSDT", "SOLUSDT"]
    assert {row["status"] for row in info["symbols"]} == {"TRADING"}
    assert len(paper.get("/fapi/v1/exchangeInfo", symbol="BTCUSDT")["symbols"]) == 4
    filters = {each["filterType"] for row in info["symbols"] for each in row["filters"]}
    assert "MIN_NOTIONAL" in filters
    assert "MAX_NUM_ALGO_ORDERS" not in filters


def test_symbol_that_pauses_says_so_and_opens_nothing(paper, client):
    paper.set_status("XRPUSDT", "BREAK", market="futures")
    try:
        (xrp,) = [row for row in client.futures_exchange_info()["symbols"] if row["symbol"] == "XRPUSDT"]
        order = {"symbol": "XRPUSDT", "side": "BUY", "type": "MARKET", "quantity": "100"}
        assert xrp["status"] == "BREAK"
        assert refusal(client.futures_create_order, **order)[:2] == (400, -4140)
    finally:
        paper.set_status("XRPUSDT", "TRADING", market="futures")


def test_book_is_the_ladder_that_orders_trade_against(client, btc):
    book = client.futures_order_book(**BTC, limit=5)

    assert [book["bids"][0], book["asks"][0]] == [["49997.50", "100.000"], ["50002.50", "100.000"]]
    assert [len(book["bids"]), len(book["asks"])] == [5, 5]
    assert book["E"] == book["T"]
    assert client.futures_orderbook_ticker(**BTC)["askPrice"] == "50002.50"


def test_depth_takes_only_some_limits(client):
    assert refusal(client.futures_order_book, **BTC, limit=400) == (400, -4021, "400 is not valid depth limit")


def test_prices_agree_with_one_another(paper, client, btc):
    mark = client.futures_mark_price(**BTC)

    assert picked(mark, "markPrice", "indexPrice") == ("50000.00000000", "50000.00000000")
    assert paper.get("/fapi/v1/ticker/price", **BTC)["price"] == "50000.00"
    assert client.futures_symbol_ticker(**BTC)["price"] == "50000.00"
    assert len(client.futures_symbol_ticker()) == len(client.futures_mark_price()) == 4
    assert len(client.futures_orderbook_ticker()) == len(client.futures_ticker()) == 4
    day = client.futures_ticker(**BTC)
    assert float(day["lowPrice"]) <= float(day["lastPrice"]) == 50000 <= float(day["highPrice"])


def test_trades_are_the_same_in_every_list(client):
    older = client.futures_historical_trades(symbol="ETHUSDT", limit=20)[:10]
    aggregated = client.futures_aggregate_trades(symbol="ETHUSDT", fromId=older[0]["id"], limit=10)

    assert [row["id"] for row in older] == sorted(row["id"] for row in older)
    assert [picked(row, "id", "price", "qty", "time", "isBuyerMaker") for row in older] == [
        picked(row, "a", "p", "q", "T", "m") for row in aggregated
    ]
    newest = client.futures_recent_trades(symbol="ETHUSDT", limit=5)
    assert len(newest) == 5
    assert newest[0]["id"] > older[0]["id"]


def test_day_names_its_first_and_last_trade(client):
    day = client.futures_ticker(symbol="ETHUSDT")
    newest = client.futures_recent_trades(symbol="ETHUSDT", limit=1)[0]["id"]
    (first,) = client.futures_aggregate_trades(symbol="ETHUSDT", startTime=day["openTime"], limit=1)

    assert 0 <= newest - day["lastId"] < 40
    assert 0 <= first["a"] - day["firstId"] < 40


def test_aggregate_trades_of_more_than_an_hour_are_refused(client):
    assert refusal(client.futures_aggregate_trades, **BTC, startTime=0, endTime=3_600_001)[1] == -1127
    assert refusal(client.futures_aggregate_trades, **BTC, startTime=2, endTime=1)[1] == -1023


def test_candles_end_with_the_one_that_is_open(client):
    now = client.futures_time()["serverTime"]
    candles = client.futures_klines(**BTC, interval="1m", limit=1500)

    assert [row[0] for row in candles] == list(range(candles[0][0], candles[0][0] + 1500 * MINUTE_MS, MINUTE_MS))
    assert candles[-1][6] >= now - 1000
    assert len(candles[0]) == 12


def test_candles_of_a_pair_are_those_of_its_perpetual(client):
    end = client.futures_time()["serverTime"] - 10 * MINUTE_MS
    asked = {"interval": "1m", "limit": 3, "endTime": end}

    assert client.futures_continuous_klines(pair="BTCUSDT", contractType="PERPETUAL", **asked) == (
        client.futures_klines(**BTC, **asked)
    )
    index = client.futures_index_price_klines(pair="BTCUSDT", **asked)
    mark = client.futures_mark_price_klines(**BTC, **asked)
    assert [row[5] for row in index + mark] == ["0"] * 6
    assert all(len(row[1].partition(".")[2]) == 8 for row in index + mark)


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("klines", {"symbol": "BTCUSDT", "interval": "1s"}, -1120),
        ("klines", {"symbol": "BTCUSDT"}, -1102),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1501}, -1130),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 0}, -1130),
        ("klines", {"symbol": "NOSUCH", "interval": "1m"}, -1121),
        ("markPriceKlines", {"interval": "1m"}, -1102),
        ("indexPriceKlines", {"interval": "1m"}, -1102),
        ("indexPriceKlines", {"pair": "NOSUCH", "interval": "1m"}, -4144),
        ("continuousKlines", {"pair": "BTCUSDT", "interval": "1m"}, -1102),
        ("continuousKlines", {"pair": "BTCUSDT", "interval": "1m", "contractType": "WEEKLY"}, -4104),
        ("continuousKlines", {"pair": "BTCUSDT", "interval": "1m", "contractType": "NEXT_QUARTER"}, -1121),
        ("trades", {"symbol": "BTCUSDT", "limit": 1001}, -1130),
        ("fundingRate", {"limit": 1001}, -1130),
    ],
)
def test_question_that_is_wrong_gets_the_code_of_its_fault(paper, path, params, code):
    assert paper.get(f"/fapi/v1/{path}", **params)["code"] == code


def test_funding_was_and_will_be_every_eight_hours(client):
    mark = client.futures_mark_price(**BTC)
    past = client.futures_funding_rate(**BTC, limit=4)

    assert mark["nextFundingTime"] - past[-1]["fundingTime"] == 8 * 60 * MINUTE_MS
    assert [row["fundingTime"] % (8 * 60 * MINUTE_MS) for row in past] == [0] * 4
    assert past == client.futures_funding_rate(**BTC, startTime=past[0]["fundingTime"], limit=4)
    assert {row["symbol"] for row in client.futures_funding_rate(limit=4)} == {
        *("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"),
    }


def test_funding_cap_is_three_quarters_of_the_lowest_maintenance_ratio(paper):
    (btc,) = [row for row in paper.get("/fapi/v1/fundingInfo") if row["symbol"] == "BTCUSDT"]

    assert picked(btc, "adjustedFundingRateCap", "adjustedFundingRateFloor") == ("0.00300000", "-0.00300000")
    assert picked(btc, "fundingIntervalHours", "disclaimer") == (8, False)


@pytest.mark.parametrize(
    ("path", "params", "weight"),
    [
        ("ping", {}, 1),
        ("depth", {"symbol": "BTCUSDT", "limit": 5}, 2),
        ("depth", {"symbol": "BTCUSDT"}, 10),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 99}, 1),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1000}, 5),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1500}, 10),
        ("ticker/24hr", {}, 40),
        ("ticker/bookTicker", {"symbol": "BTCUSDT"}, 2),
        ("premiumIndex", {}, 10),
        ("fundingRate", {}, 0),
    ],
)
def test_question_weighs_what_binance_says(paper, path, params, weight, early_in):
    def used() -> int:
        return int(paper.request("GET", "/fapi/v1/ping")[2]["X-MBX-USED-WEIGHT-1M"])

    early_in(10)
    before = used()
    paper.get(f"/fapi/v1/{path}", **params)

    assert used() - before - 1 == weight
