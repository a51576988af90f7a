"""Market messages: every field that was recorded, in the recorded form; and what their numbers mean."""

from __future__ import annotations

import pytest

from market.paper.engine.amounts import SCALE
from market.paper.engine.types import Quote
from market.paper.prices.types import Bar, Candle, Trade
from market.paper.streams.futures_messages import Form, FuturesMessages, cut
from market.paper.streams.spot_messages import SpotMessages
from market.paper.tests.streams.shapes import difference, recorded

NOW = 1_790_000_000_000
QUOTE = Quote(
    step=7_160_000_000, last=60_000 * SCALE, bid=59_997 * SCALE, ask=60_003 * SCALE, average=60_000 * SCALE,
    gap=6 * SCALE, level_qty=SCALE // 2, levels=3, mark=60_001 * SCALE, index=60_000 * SCALE,
)  # fmt: skip
BAR = Bar(59_000 * SCALE, 61_000 * SCALE, 58_000 * SCALE, 60_000 * SCALE, 10 * SCALE, 600_000 * SCALE, 1200)
CANDLE = Candle(NOW - 20_000, NOW + 39_999, BAR, 5 * SCALE, 300_000 * SCALE)
TRADE = Trade(7_160_000_000, 60_000 * SCALE, SCALE // 4, 15_000 * SCALE, NOW, is_buyer_maker=True)
SIDE = [(59_997 * SCALE, SCALE)]

spot = SpotMessages()
futures = FuturesMessages({"BTCUSDT": Form("BTCUSDT", "BTCUSDT", "USDT", 2, 3)})

SAID = {
    ("spot", "@kline"): spot.kline("BTCUSDT", "1m", CANDLE, NOW, closed=False),
    ("spot", "@bookTicker"): spot.book_ticker("BTCUSDT", QUOTE, NOW),
    ("spot", "@miniTicker"): spot.mini_ticker("BTCUSDT", BAR, NOW),
    ("spot", "@ticker"): spot.ticker("BTCUSDT", BAR, QUOTE, NOW),
    ("spot", "@trade"): spot.trade("BTCUSDT", TRADE, NOW),
    ("spot", "@aggTrade"): spot.agg_trade("BTCUSDT", TRADE, NOW),
    ("spot", "@avgPrice"): spot.average_price("BTCUSDT", 60_000 * SCALE, 5, NOW, NOW),
    ("spot", "@depth5"): spot.partial_depth("BTCUSDT", QUOTE, 5, after=1, now_ms=NOW),
    ("spot", "@depth"): spot.diff_depth("BTCUSDT", SIDE, SIDE, after=1, until=2, now_ms=NOW),
    ("futures", "@kline"): futures.kline("BTCUSDT", "1m", CANDLE, NOW, closed=False),
    ("futures", "@bookTicker"): futures.book_ticker("BTCUSDT", QUOTE, NOW),
    ("futures", "@ticker"): futures.ticker("BTCUSDT", BAR, QUOTE, NOW),
    ("futures", "@trade"): futures.trade("BTCUSDT", TRADE, NOW),
    ("futures", "@aggTrade"): futures.agg_trade("BTCUSDT", TRADE, NOW),
    ("futures", "@markPrice"): futures.mark_price("BTCUSDT", QUOTE, 10_000, NOW, NOW),
    ("futures", "@depth"): futures.diff_depth("BTCUSDT", SIDE, SIDE, after=1, until=2, now_ms=NOW),
}
# Fields that are younger than some recordings: they are in the official SDK's models of August 2026. X, the kind of
# a trade, is in what clients of /public show, and in no SDK.
YOUNGER = {
    ("futures", "@ticker"): {"ps"},
    ("futures", "@trade"): {"X"},
    ("futures", "@aggTrade"): {"nq"},
    ("futures", "@markPrice"): {"ap"},
    ("futures", "@depth"): {"ps", "st"},
}


@pytest.mark.parametrize("name", SAID, ids=" ".join)
def test_a_message_has_the_recorded_fields_in_the_recorded_form(name):
    for theirs in recorded(*name):
        more, missing = difference(SAID[name], theirs)

        assert not missing
        assert more <= YOUNGER.get(name, set())


def test_the_open_candle_names_the_trades_it_has_so_far():
    so_far = spot.kline("BTCUSDT", "1m", CANDLE, NOW, closed=False)["k"]
    whole = spot.kline("BTCUSDT", "1m", CANDLE, NOW + 60_000, closed=True)["k"]

    assert (so_far["f"], so_far["L"]) == ((NOW - 20_000) // 250, NOW // 250)
    assert (whole["f"], whole["L"]) == ((NOW - 20_000) // 250, (NOW + 39_999) // 250)
    assert (so_far["x"], whole["x"]) == (False, True)


def test_a_candle_without_trades_names_none():
    empty = CANDLE._replace(bar=BAR._replace(volume=0, quote_volume=0, trades=0))

    candle = spot.kline("BTCUSDT", "1m", empty, NOW, closed=True)["k"]

    assert (candle["f"], candle["L"], candle["n"]) == (-1, -1, 0)


def test_spot_writes_eight_decimals_and_futures_those_of_the_symbol():
    assert spot.book_ticker("BTCUSDT", QUOTE, NOW)["b"] == "59997.00000000"
    assert futures.book_ticker("BTCUSDT", QUOTE, NOW)["b"] == "59997.00"
    assert futures.book_ticker("BTCUSDT", QUOTE, NOW)["B"] == "0.500"


def test_a_ticker_says_how_the_price_changed_over_the_day():
    day = spot.ticker("BTCUSDT", BAR, QUOTE, NOW)

    assert (day["p"], day["P"], day["w"]) == ("1000.00000000", "1.695", "60000.00000000")
    assert day["C"] - day["O"] == 24 * 3600 * 1000


def test_a_price_that_fell_is_a_negative_change():
    fell = BAR._replace(open=BAR.close, close=BAR.open)

    assert spot.ticker("BTCUSDT", fell, QUOTE, NOW)["p"] == "-1000.00000000"
    assert futures.ticker("BTCUSDT", fell, QUOTE, NOW)["p"] == "-1000.00"


def test_depth_shows_the_ladder_that_orders_meet():
    depth = spot.partial_depth("BTCUSDT", QUOTE, 5, after=1, now_ms=NOW)

    size = "0.50000000"
    assert depth["bids"] == [["59997.00000000", size], ["59991.00000000", size], ["59985.00000000", size]]
    assert depth["asks"] == [["60003.00000000", size], ["60009.00000000", size], ["60015.00000000", size]]


@pytest.mark.parametrize(
    ("amount", "decimals", "written"),
    [(123_456_789_999, 3, "1234.567"), (123_456_789_999, 0, "1234"), (123_456_789_999, 8, "1234.56789999")],
)
def test_futures_cut_off_what_has_too_many_decimals(amount, decimals, written):
    assert cut(amount, decimals) == written
