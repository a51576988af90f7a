from decimal import Decimal

import pytest

from market.paper.prices.path import STEP_MS
from market.paper.tests.spot.calls import picked, refusal


def test_public_trades_page_and_agree_with_their_aggregates(paper, client):
    newest = client.get_recent_trades(symbol="BTCUSDT", limit=20)
    ids = [row["id"] for row in newest]
    older = client.get_historical_trades(symbol="BTCUSDT", fromId=ids[0], limit=5)
    aggregates = client.get_aggregate_trades(symbol="BTCUSDT", fromId=ids[0], limit=5)
    since = client.get_aggregate_trades(symbol="BTCUSDT", startTime=newest[0]["time"], endTime=newest[4]["time"])

    assert ids == sorted(set(ids))
    assert older == newest[:5]
    assert [row["a"] for row in aggregates] == [row["a"] for row in since] == ids[:5]
    first, shown = aggregates[0], newest[0]
    assert picked(first, "p", "q", "T", "m", "f", "l") == (
        *picked(shown, "price", "qty", "time", "isBuyerMaker"),
        *(shown["id"], shown["id"]),
    )
    assert Decimal(shown["price"]) * Decimal(shown["qty"]) == Decimal(shown["quoteQty"])


@pytest.mark.parametrize("window", ["1m", "59m", "4h", "7d"])
def test_window_covers_what_it_says(paper, window):
    row = paper.get("/api/v3/ticker", symbol="BTCUSDT", windowSize=window)

    minutes = int(window[:-1]) * {"m": 1, "h": 60, "d": 1440}[window[-1]]
    assert row["openTime"] % 60_000 == 0
    assert minutes * 60_000 <= row["closeTime"] - row["openTime"] < (minutes + 1) * 60_000
    assert Decimal(row["lowPrice"]) <= Decimal(row["openPrice"]) <= Decimal(row["highPrice"])
    assert row["count"] > 0


def test_trading_day_begins_at_midnight_of_its_zone(paper):
    day = 86_400_000
    here = paper.get("/api/v3/ticker/tradingDay", symbol="BTCUSDT")
    there = paper.get("/api/v3/ticker/tradingDay", symbols='["BTCUSDT"]', timeZone="-5:30", type="MINI")[0]

    assert (here["openTime"] % day, here["closeTime"] - here["openTime"]) == (0, day - 1)
    assert there["openTime"] % day == 5.5 * 3_600_000
    assert set(here) - set(there) == {"priceChange", "priceChangePercent", "weightedAvgPrice"}


@pytest.mark.parametrize(
    ("zone", "hour"), [("8", 16), ("+08:00", 16), ("-5:30", 5.5), ("0", 0), ("14", 10), ("-12", 12)]
)
@pytest.mark.parametrize("path", ["klines", "uiKlines"])
def test_candles_of_a_day_open_at_midnight_of_their_zone(paper, path, zone, hour):
    found = paper.get(f"/api/v3/{path}", symbol="BTCUSDT", interval="1d", timeZone=zone, limit=3)

    assert [row[0] % 86_400_000 for row in found] == [hour * 3_600_000] * 3
    assert [row[6] - row[0] for row in found] == [86_399_999] * 3


@pytest.mark.parametrize(("zone", "code"), [("99:99", -1100), ("x", -1100), ("14:01", -1130), ("-13", -1130)])
@pytest.mark.parametrize("path", ["klines?interval=1d&", "ticker/tradingDay?"])
def test_time_zones_that_are_none_are_refused(paper, path, zone, code):
    status, answer, _ = paper.request("GET", f"/api/v3/{path}symbol=BTCUSDT&timeZone={zone}")

    assert (status, answer["code"]) == (400, code)


def test_day_ticker_counts_trades_between_its_ids(client):
    day = client.get_ticker(symbol="BTCUSDT")

    assert (day["lastId"] - day["firstId"]) * STEP_MS == day["closeTime"] - day["openTime"] == 86_400_000


def test_symbols_of_another_status_are_left_out_or_refused(paper):
    paper.set_status("SOLUSDT", "HALT")
    try:
        halted = paper.get("/api/v3/exchangeInfo", symbolStatus="HALT")["symbols"]
        priced = paper.get("/api/v3/ticker/price", symbolStatus="HALT")
        depth = paper.get("/api/v3/depth", symbol="SOLUSDT", symbolStatus="TRADING")
    finally:
        paper.set_status("SOLUSDT", "TRADING")

    assert [row["symbol"] for row in halted] == [row["symbol"] for row in priced] == ["SOLUSDT"]
    assert depth["code"] == -1220
    assert paper.get("/api/v3/exchangeInfo", symbolStatus="HALT", symbol="SOLUSDT")["code"] == -1128


def test_permissions_choose_symbols_and_their_sets_can_be_left_out(paper):
    everything = paper.get("/api/v3/exchangeInfo")["symbols"]
    spot = paper.get("/api/v3/exchangeInfo", permissions="SPOT", showPermissionSets="false")["symbols"]

    assert len(spot) == len(everything) > 0
    assert {len(row["permissionSets"]) for row in spot} == {0}
    assert paper.get("/api/v3/exchangeInfo", permissions='["LEVERAGED"]')["symbols"] == []


def test_times_come_in_microseconds_where_the_client_wants_them_so(paper, key, btc_at_50000):
    fine = {"X-MBX-TIME-UNIT": "MICROSECOND"}
    paper.signed("POST", "/api/v3/order", key, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")

    def get(path: str, headers=fine):
        return paper.request("GET", path, headers=headers)[1]

    candle, plain = (get("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1", each)[0] for each in (fine, {}))
    assert candle[0] % 60_000_000 == 0
    assert candle[6] - candle[0] == 59_999_999
    assert candle[0] // 1000 - plain[0] in (-60_000, 0)
    assert get("/api/v3/time")["serverTime"] > 10**15
    trade = get("/api/v3/trades?symbol=BTCUSDT&limit=1")[0]
    assert trade["time"] > 10**15 > trade["id"]
    assert get("/api/v3/time", {"X-MBX-TIME-UNIT": "millisecond"})["serverTime"] < 10**14
    assert get("/api/v3/time", {"X-MBX-TIME-UNIT": "SECOND"})["code"] == -1194
    since = trade["time"]
    assert get(f"/api/v3/aggTrades?symbol=BTCUSDT&startTime={since}&limit=1")[0]["T"] == since


def test_parameters_nobody_reads_are_refused(paper, client):
    assert paper.get("/api/v3/ping", surplus=1) == {
        "code": -1101,
        "msg": "Too many parameters; expected '0' and received '1'.",
    }
    assert paper.get("/api/v3/avgPrice", symbol="BTCUSDT", surplus=1) == {
        "code": -1104,
        "msg": "Not all sent parameters were read; read '1' parameter(s) but was sent '2'.",
    }
    assert refusal(client.get_open_orders, surplus=1)[1:] == (
        -1104,
        "Not all sent parameters were read; read '3' parameter(s) but was sent '4'.",
    )


def test_clients_that_look_for_other_markets_find_them_empty(paper, client):
    assert paper.get("/dapi/v1/exchangeInfo")["symbols"] == []
    assert paper.get("/sapi/v1/system/status") == {"status": 0, "msg": "normal"}
    assert paper.get("/sapi/v1/margin/allPairs") == paper.get("/sapi/v1/margin/isolated/allPairs") == []
