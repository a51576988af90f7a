import time
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from market.paper.engine.amounts import SCALE, text
from market.paper.engine.ladder import Ladder
from market.paper.prices.feed import Feed
from market.paper.prices.path import STEP_MS, STEPS
from market.paper.prices.quotes import Book
from market.paper.prices.recording import MS_PER_MINUTE
from market.paper.tests.prices.feeds import (
    ANCHOR,
    FEED,
    FUTURES,
    FUTURES_FEED,
    REAL,
    SPOT,
    at,
    recorded,
    rows,
    with_gap,
    without_volume,
)

BOTH = pytest.mark.parametrize("feed", [FEED, FUTURES_FEED], ids=["spot", "futures"])


def tick_of(symbol: str) -> int:
    return SPOT.filter(symbol, "PRICE_FILTER", "tickSize")


def test_price_is_the_same_whoever_asks_and_in_whatever_order():
    moments = [at(minute, second) for minute in range(3) for second in (0, 7.3, 31, 59.9)]

    forward = [FEED.quote("SOLUSDT", moment) for moment in moments]
    again = Feed(SPOT, ANCHOR)

    assert [again.quote("SOLUSDT", moment) for moment in reversed(moments)] == forward[::-1]
    assert len({quote.last for quote in forward}) > 3


def test_every_minute_of_every_symbol_has_a_way_of_its_own():
    def turns(symbol: str) -> list[int]:
        """When each of some minutes reaches its first extreme."""
        found = []
        for minute in range(30):
            prices = [quote.last for _, quote in FEED.quotes_between(symbol, at(minute) - 1, at(minute + 1) - 1)]
            found.append(min(prices.index(max(prices)) or STEPS, prices.index(min(prices)) or STEPS))
        return found

    bitcoin, ether = turns("BTCUSDT"), turns("ETHUSDT")

    assert len(set(bitcoin)) > 15
    assert sum(a == b for a, b in zip(bitcoin, ether, strict=True)) < 4


def test_replayed_minute_has_the_way_it_had_a_loop_ago():
    loop = SPOT.length * MS_PER_MINUTE
    now, ago = (FEED.quotes_between("SOLUSDT", at(3) - back, at(5) - back) for back in (0, loop))

    assert [quote.last for _, quote in now] == [quote.last for _, quote in ago]


def test_restart_goes_on_where_the_replay_is():
    later = Feed(SPOT, ANCHOR)  # the anchor comes from the ledger, whenever the process starts

    assert rows(later, "ETHUSDT", "1m", at(90), limit=50) == rows(FEED, "ETHUSDT", "1m", at(90), limit=50)


def test_recorded_minute_of_the_anchor_is_the_minute_of_the_start():
    row = recorded("BTCUSDT")[20_000]

    opened = rows(FEED, "BTCUSDT", "1m", at(5), start_ms=at(0), limit=1)[0]

    assert opened[0] == at(0)
    columns = ("open", "high", "low", "close", "volume")
    assert [Decimal(amount) for amount in opened[1:6]] == [Decimal(row[column]) for column in columns]


def test_futures_replay_the_same_time_of_day_as_it_is():
    first = rows(FUTURES_FEED, "BTCUSDT", "1m", at(5), start_ms=at(0), limit=1)[0]
    wanted = [Decimal(first[1]), Decimal(first[5])]

    (row,) = (row for row in recorded("BTCUSDT", "futures") if [Decimal(row["open"]), Decimal(row["volume"])] == wanted)

    assert (int(row["open_time_ms"]) - first[0]) % (1440 * MS_PER_MINUTE) == 0


@BOTH
def test_price_never_leaves_the_candle_it_is_in(feed):
    for minute in range(50):
        (row,) = rows(feed, "BTCUSDT", "1m", at(minute + 1), start_ms=at(minute), end_ms=at(minute), limit=1)
        quotes = [quote for _, quote in feed.quotes_between("BTCUSDT", at(minute) - 1, at(minute + 1) - 1)]
        assert len(quotes) == STEPS
        for kind in ("last", "mark", "index"):
            prices = [getattr(quote, kind) for quote in quotes]
            assert (min(prices), max(prices)) == tuple(int(Decimal(row[n]) * SCALE) for n in (3, 2))


def test_steps_between_two_moments_are_each_told_once():
    moments = [at(0), at(0, 0.1), at(0, 0.26), at(0, 3), at(1, 1), at(4, 30)]

    told = [entry for a, b in pairwise(moments) for entry in FEED.quotes_between("BTCUSDT", a, b)]

    assert [moment for moment, _ in told] == list(range(at(0) + STEP_MS, at(4, 30) + 1, STEP_MS))
    assert all(quote.step == moment // STEP_MS == FEED.step(moment) for moment, quote in told)


@BOTH
def test_quotes_walked_are_the_quotes_asked_for(feed):
    walked = feed.quotes_between("XRPUSDT", at(7, 50), at(8, 10))

    assert len(walked) == 80
    for moment, quote in walked:
        assert feed.quote("XRPUSDT", moment + STEP_MS - 1) == quote
        assert feed.price("XRPUSDT", moment) == quote.last


def test_quote_is_the_same_object_until_the_next_step():
    assert FEED.quote("BTCUSDT", at(2)) is FEED.quote("BTCUSDT", at(2, 0.249))
    assert FEED.quote("BTCUSDT", at(2)) is not FEED.quote("BTCUSDT", at(2, 0.25))


def test_only_futures_have_a_mark_price_of_their_own():
    spot = [quote for _, quote in FEED.quotes_between("ETHUSDT", at(0), at(3))]
    futures = [quote for _, quote in FUTURES_FEED.quotes_between("ETHUSDT", at(0), at(3))]

    assert all(quote.mark == quote.index == quote.last for quote in spot)
    assert all(quote.index == quote.last for quote in futures)
    assert sum(quote.mark != quote.last for quote in futures) > len(futures) // 2


@pytest.mark.parametrize("spread_bps", ["0", "1", "25"])
def test_bid_and_ask_are_ticks_apart_around_the_price(spread_bps):
    feed = Feed(SPOT, ANCHOR, book=Book(spread_bps=Decimal(spread_bps)))

    for symbol in feed.symbols:
        tick = tick_of(symbol)
        for _, quote in feed.quotes_between(symbol, at(1, 20), at(1, 40)):
            assert quote.bid < quote.last < quote.ask
            assert quote.bid % tick == quote.ask % tick == quote.gap % tick == 0
            opened = feed.price(symbol, at(1))
            assert quote.ask - quote.bid <= opened * Decimal(spread_bps) / 10_000 + 2 * tick
            assert tick <= quote.gap <= max(tick, opened * Decimal(spread_bps) / 10_000)


@pytest.mark.parametrize("recording", [SPOT, FUTURES], ids=["spot", "futures"])
def test_level_holds_its_worth_in_whole_lots(recording):
    feed = Feed(recording, ANCHOR, book=Book(level_quote=20_000 * SCALE, levels=7))

    for symbol in feed.symbols:
        quote, lot = feed.quote(symbol, at(0)), recording.filter(symbol, "LOT_SIZE", "stepSize")
        assert quote.level_qty % lot == 0
        assert 0 <= 20_000 * SCALE - quote.level_qty * quote.last // SCALE < lot * quote.last // SCALE + 1
        assert quote.levels == 7


def test_level_holds_a_lot_at_least():
    feed = Feed(SPOT, ANCHOR, book=Book(level_quote=1))

    assert feed.quote("BTCUSDT", at(0)).level_qty == SPOT.filter("BTCUSDT", "LOT_SIZE", "stepSize")


def test_override_moves_the_quote_and_leaves_the_candles_and_trades():
    feed = Feed(SPOT, ANCHOR)
    candles, trades = rows(feed, "BTCUSDT", "1m", at(3), limit=3), feed.trades("BTCUSDT", at(3), limit=5)

    feed.override("BTCUSDT", 50_000 * SCALE)
    held, later = feed.quote("BTCUSDT", at(3)), feed.quote("BTCUSDT", at(4))
    walked = feed.quotes_between("BTCUSDT", at(3), at(3, 1))
    feed.override("BTCUSDT", None)

    assert [text(amount) for amount in (held.last, held.bid, held.ask, held.average)] == [
        "50000.00000000", "49997.50000000", "50002.50000000", "50000.00000000",
    ]  # fmt: skip
    assert (later.last, later.step) == (held.last, at(4) // STEP_MS)
    assert [(moment, quote.step, quote.last) for moment, quote in walked] == [
        (at(3) + n * STEP_MS, at(3) // STEP_MS + n, 50_000 * SCALE) for n in range(1, 5)
    ]
    assert rows(feed, "BTCUSDT", "1m", at(3), limit=3) == candles
    assert feed.trades("BTCUSDT", at(3), limit=5) == trades
    assert feed.quote("BTCUSDT", at(3)) == FEED.quote("BTCUSDT", at(3))


def test_override_moves_mark_and_index_along_unless_told_apart():
    feed = Feed(FUTURES, ANCHOR)

    feed.override("ETHUSDT", 2000 * SCALE)
    together = feed.quote("ETHUSDT", at(0))
    feed.override("ETHUSDT", 2000 * SCALE, mark=1990 * SCALE)
    apart = feed.quote("ETHUSDT", at(0))

    assert (together.mark, together.index) == (2000 * SCALE, 2000 * SCALE)
    assert (apart.last, apart.mark) == (2000 * SCALE, 1990 * SCALE)


def test_book_of_one_symbol_can_be_made_thin_and_wide_and_goes_back():
    feed = Feed(SPOT, ANCHOR)
    before = feed.quote("BTCUSDT", at(0))

    feed.set_book("BTCUSDT", spread_bps=Decimal(100), level_quote=1000 * SCALE, levels=3)
    thin, other = feed.quote("BTCUSDT", at(0)), feed.quote("ETHUSDT", at(0))
    feed.override("BTCUSDT", 100_000 * SCALE)
    held = feed.quote("BTCUSDT", at(0))
    feed.set_book("BTCUSDT", levels=5)
    changed = feed.quote("BTCUSDT", at(0))
    feed.set_book("BTCUSDT")
    feed.override("BTCUSDT", None)

    assert thin.last == before.last
    assert 99 * before.last < (thin.ask - thin.bid) * 10_000 < 101 * before.last
    assert thin.levels == 3
    assert (held.ask - held.bid, held.gap, held.level_qty) == (1000 * SCALE, 1000 * SCALE, SCALE // 100)
    assert (changed.ask - changed.bid, changed.level_qty, changed.levels) == (10 * SCALE, SCALE // 2, 5)
    assert other == FEED.quote("ETHUSDT", at(0))
    assert feed.quote("BTCUSDT", at(0)) == before


def test_deep_taker_walks_the_ladder_away_from_the_price():
    quote = FEED.quote("BTCUSDT", at(0))

    slices = Ladder().walk("BTCUSDT", quote, "BUY", 3 * quote.level_qty)

    assert slices == [(quote.ask + level * quote.gap, quote.level_qty) for level in range(3)]


def test_average_is_the_worth_of_the_last_five_closed_minutes():
    minutes = recorded("BTCUSDT")[20_005:20_010]
    volume = sum(Decimal(row["volume"]) for row in minutes)
    worth = sum(Decimal(row["volume"]) * sum(Decimal(row[n]) for n in ("open", "high", "low", "close")) / 4
                for row in minutes)  # fmt: skip

    average = FEED.average_price("BTCUSDT", at(10, 59))

    assert abs(average / (worth / volume) / SCALE - 1) < Decimal("1e-9")
    assert FEED.average_price("BTCUSDT", at(10)) == average
    assert FEED.quote("BTCUSDT", at(10)).average == average


def test_price_stands_at_the_last_close_in_a_gap():
    feed = with_gap(10, 90)
    before = rows(feed, "BTCUSDT", "1m", at(10), start_ms=at(9), limit=1)[0]

    assert text(feed.price("BTCUSDT", at(50, 12))) == before[4]
    assert text(feed.average_price("BTCUSDT", at(50))) == before[4]
    assert len({quote.last for _, quote in feed.quotes_between("BTCUSDT", at(10), at(89, 59))}) == 1


def test_average_of_minutes_without_volume_is_a_price_of_this_minute():
    feed = without_volume(5, 20)

    assert feed.average_price("BTCUSDT", at(15, 30)) == feed.price("BTCUSDT", at(15))


def test_recorded_numbers_arrive_exactly():
    for market, recording in (("spot", SPOT), ("futures", FUTURES)):
        for symbol, candles in recording.candles.items():
            file = recorded(symbol, market)
            for name in ("open", "high", "low", "close", "volume"):
                assert getattr(candles, name).tolist() == [int(Decimal(row[name]).scaleb(8)) for row in file]
            assert np.all(candles.low <= np.minimum(candles.open, candles.close))


def test_anchor_is_moved_by_whole_days_and_stays_there():
    anchor = ANCHOR.by_whole_days()

    assert (anchor.recorded - anchor.exchange) % 1440 == 0
    assert 0 <= ANCHOR.recorded - anchor.recorded < 1440
    assert anchor.by_whole_days() == anchor
    assert anchor.exchange == REAL


def test_an_exchange_a_thousand_times_as_fast_can_walk_its_quotes():
    feed = Feed(SPOT, ANCHOR)

    begun = time.process_time()
    walked = 0
    for part in range(40):  # each is what passes in 50 real milliseconds
        for symbol in feed.symbols:
            walked += len(feed.quotes_between(symbol, at(0, 50 * part), at(0, 50 * part + 50)))
    seconds = time.process_time() - begun

    assert walked == 40 * 200 * len(feed.symbols)
    assert walked / seconds > 300_000
