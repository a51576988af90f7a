from decimal import Decimal
from itertools import pairwise

from market.paper.engine.amounts import text
from market.paper.prices.path import STEP_MS, STEPS
from market.paper.tests.prices.feeds import FEED, SPOT, at, recorded, rows, with_gap, without_volume

LOT = SPOT.filter("BTCUSDT", "LOT_SIZE", "stepSize")


def test_trades_happen_at_the_prices_of_the_steps():
    trades = FEED.trades("BTCUSDT", at(5, 59.9), limit=1000, start_ms=at(5))

    assert len(trades) == STEPS
    for trade in trades:
        quote = FEED.quote("BTCUSDT", trade.time_ms)
        assert trade.price == quote.last
        assert trade.trade_id == quote.step
        assert trade.time_ms == trade.trade_id * STEP_MS
        assert trade.quote_qty == trade.price * trade.qty // 10**8


def test_trades_of_a_minute_are_its_volume_in_whole_lots():
    volume = int(Decimal(recorded("BTCUSDT")[20_005]["volume"]).scaleb(8))

    trades = FEED.trades("BTCUSDT", at(5, 59.9), limit=1000, start_ms=at(5))

    assert all(trade.qty % LOT == 0 < trade.qty for trade in trades)
    assert 0 <= volume - sum(trade.qty for trade in trades) < LOT


def test_seller_is_the_taker_when_the_price_falls():
    trades = FEED.trades("BTCUSDT", at(5, 59.9), limit=1000, start_ms=at(4))

    for before, trade in pairwise(trades):
        if trade.price != before.price:
            assert trade.is_buyer_maker == (trade.price < before.price)
    assert {trade.is_buyer_maker for trade in trades} == {True, False}


def test_newest_trades_end_now_and_reach_over_minutes():
    newest = FEED.trades("BTCUSDT", at(5, 10), limit=600)

    assert len(newest) == 600
    assert newest[-1].time_ms == at(5, 10)
    assert [trade.trade_id for trade in newest] == sorted({trade.trade_id for trade in newest})
    assert FEED.trades("BTCUSDT", at(5, 10), limit=3) == newest[-3:]


def test_trades_go_on_from_an_id_and_never_into_the_future():
    newest = FEED.trades("BTCUSDT", at(5, 10), limit=300)

    assert FEED.trades("BTCUSDT", at(5, 10), limit=1000, from_id=newest[0].trade_id) == newest
    assert FEED.trades("BTCUSDT", at(5, 10), limit=7, from_id=newest[0].trade_id) == newest[:7]
    assert FEED.trades("BTCUSDT", at(5, 10), limit=7, from_id=newest[-1].trade_id + 1) == []


def test_trades_between_two_moments_include_both():
    between = FEED.trades("BTCUSDT", at(9), limit=1000, start_ms=at(5), end_ms=at(5, 1))
    until = FEED.trades("BTCUSDT", at(9), limit=2, end_ms=at(5, 1))

    assert [trade.time_ms for trade in between] == list(range(at(5), at(5, 1) + 1, STEP_MS))
    assert until == between[-2:]


def test_nothing_trades_in_a_gap_or_without_volume():
    for feed in (with_gap(10, 90), without_volume(10, 90)):
        across = feed.trades("BTCUSDT", at(90, 1), limit=10)

        assert feed.trades("BTCUSDT", at(89), limit=1000, start_ms=at(10)) == []
        before, after = range(at(9, 58.75), at(10), STEP_MS), range(at(90), at(90, 1.1), STEP_MS)
        assert [trade.time_ms for trade in across] == [*before, *after]


def test_steps_with_less_than_a_lot_have_no_trade():
    file = recorded("BTCUSDT")
    quiet = min(range(len(file)), key=lambda row: Decimal(file[row]["volume"]))
    first = at(quiet - 20_000)
    volume = int(Decimal(file[quiet]["volume"]).scaleb(8))

    trades = FEED.trades("BTCUSDT", first + 59_999, limit=1000, start_ms=first)

    assert sum(trade.qty for trade in trades) == volume // LOT * LOT
    assert len(trades) == min(STEPS, volume // LOT)
    (row,) = rows(FEED, "BTCUSDT", "1m", first + 60_000, start_ms=first, limit=1)
    assert row[5] == text(volume)
