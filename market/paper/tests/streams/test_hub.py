"""What listeners hear: every candle's end once, every trade once, the book without a hole; and what faults may do."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from typing import Any

import pytest

from market.paper.engine.journal import News
from market.paper.prices.types import NoPrice
from market.paper.streams.listen_keys import VALID_MS
from market.paper.tests.prices.feeds import FEED, at, rows, with_gap
from market.paper.tests.streams.ears import Ear, Stage

MINUTE = 60_000
CONFIG = {"symbol": "BTCUSDT", "leverage": 25}


class Counting:
    """A feed that counts who asks."""

    def __init__(self, feed: Any = FEED) -> None:
        self.feed, self.calls = feed, Counter()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self.feed, name)


class Silent(Counting):
    """A feed that has no price."""

    def quote(self, symbol: str, now_ms: int) -> Any:
        raise NoPrice


class Slow(Counting):
    """A feed that learns what a candle became two seconds after its end, as one that follows an exchange does."""

    now_ms = 0

    def is_final(self, symbol: str, interval: str, open_ms: int) -> bool:
        return self.now_ms >= open_ms + MINUTE + 2000


def candles_of(ear: Ear) -> list[dict[str, Any]]:
    return [event["k"] for event in ear.heard]


def closed(ear: Ear) -> list[int]:
    return [candle["t"] for candle in candles_of(ear) if candle["x"]]


@pytest.mark.parametrize("stride_ms", [250, 1000, 7_000, 60_000, 250_000])
@pytest.mark.parametrize("interval", ["1m", "5m"])
def test_every_candle_is_closed_once_and_before_the_next_begins(interval, stride_ms):
    stage, width = Stage(), int(interval[0]) * MINUTE
    ear = stage.join(f"btcusdt@kline_{interval}")

    stage.walk(at(20), stride_ms)

    first, last = at(0) // width, stage.clock.ms // width
    assert closed(ear) == [bucket * width for bucket in range(first, last)]
    opened = [candle["t"] for candle in candles_of(ear)]
    assert opened == sorted(opened)
    ends = [place for place, candle in enumerate(candles_of(ear)) if candle["x"]]
    assert all(candles_of(ear)[place + 1]["t"] > candles_of(ear)[place]["t"] for place in ends)


def test_a_closed_candle_is_the_one_rest_tells():
    stage = Stage()
    ear = stage.join("btcusdt@kline_1m")

    stage.walk(at(3))

    told = [
        [c["t"], *(c[name] for name in "ohlcv"), c["T"], c["q"], c["n"], c["V"], c["Q"]]
        for c in candles_of(ear)
        if c["x"]
    ]
    assert told == [row[:11] for row in rows(FEED, "BTCUSDT", "1m", at(3), limit=4)[:3]]


def test_a_futures_candle_is_the_one_rest_tells():
    stage = Stage()
    ear = stage.join("btcusdt_perpetual@continuousKline_1m", market="futures")

    stage.walk(at(2, 10))

    (*_, told) = candles_of(ear)
    shown = [told["t"], *(told[name] for name in "ohlcv"), told["T"], told["q"], told["n"], told["V"], told["Q"]]
    feed = stage.hub._sources["futures"].feed
    assert shown == rows(feed, "BTCUSDT", "1m", at(2, 10), limit=1)[0][:11]


def test_a_candle_that_was_never_recorded_is_never_closed():
    stage = Stage(with_gap(2, 4))
    ear = stage.join("btcusdt@kline_1m")

    stage.walk(at(6), 1000)

    assert closed(ear) == [at(minute) for minute in (0, 1, 4, 5)]


def test_a_candle_that_may_still_change_holds_up_the_next():
    feed = Slow()
    stage = Stage(feed)
    ear = stage.join("btcusdt@kline_1m")

    for second in (58, 60, 61, 62, 64, 182):
        feed.now_ms = at(0, second)
        stage.walk(at(0, second), 1000)

    told = [((candle["t"] - at(0)) // MINUTE, candle["x"]) for candle in candles_of(ear) if candle["t"] >= at(0)]
    assert list(dict.fromkeys(told)) == [
        (0, False),
        (0, True),
        (1, False),
        (1, True),
        (2, False),
        (2, True),
        (3, False),
    ]
    assert told.count((0, True)) == 1


def test_every_public_trade_is_told_once():
    stage = Stage()
    ear = stage.join("btcusdt@trade")

    stage.walk(at(2), 1000)

    trades = FEED.trades("BTCUSDT", at(2), start_ms=at(0) + 1, limit=1000)
    assert [event["t"] for event in ear.heard] == [trade.trade_id for trade in trades]


def test_trades_that_come_late_are_told_all_the_same():
    class Late(Counting):
        """Trades are known only up to every fifth second."""

        def trades(self, symbol: str, now_ms: int, **bounds: Any) -> Any:
            return FEED.trades(symbol, now_ms - now_ms % 5000, **bounds)

    stage = Stage(Late())
    ear = stage.join("btcusdt@aggTrade")

    stage.walk(at(0, 20))

    trades = FEED.trades("BTCUSDT", at(0, 20), start_ms=at(0) + 1, limit=1000)
    assert [event["a"] for event in ear.heard] == [trade.trade_id for trade in trades]


def test_the_changes_of_the_book_make_the_book_of_rest():
    stage = Stage()
    ear = stage.join("btcusdt@depth@100ms")
    stage.walk(at(0, 5))
    bids: dict[str, str] = {}

    for event in ear.heard:
        bids |= dict(event["b"])
    ids = [(event["U"], event["u"]) for event in ear.heard]

    quote = FEED.quote("BTCUSDT", at(0, 5))
    kept = {float(price) for price, quantity in bids.items() if float(quantity)}
    assert kept == {(quote.bid - level * quote.gap) / 10**8 for level in range(quote.levels)}
    assert all(first == before + 1 for (_, before), (first, _) in itertools.pairwise(ids))
    assert ids[-1][1] == quote.step


def test_a_book_that_stands_still_says_nothing_and_leaves_no_hole():
    stage = Stage()
    FEED.override("BTCUSDT", 50_000 * 10**8)
    try:
        ear = stage.join("btcusdt@depth@100ms")
        stage.walk(at(0, 5))
        FEED.override("BTCUSDT", 50_001 * 10**8)
        stage.walk(at(0, 6))
    finally:
        FEED.override("BTCUSDT", None)

    first, second = ear.heard
    assert second["U"] == first["u"] + 1


def test_what_was_told_already_is_not_told_again():
    class Still(Counting):
        """A feed that has seen nothing new since the first second, as one that follows a silent exchange."""

        def quote(self, symbol: str, now_ms: int) -> Any:
            return FEED.quote(symbol, min(now_ms, at(0, 1)))

    stage = Stage(Still())
    best, depth = stage.join("btcusdt@bookTicker"), stage.join("btcusdt@depth5@100ms")

    stage.walk(at(0, 3))

    assert [len(ear.frames) for ear in (best, depth)] == [4, 4]


def test_a_stream_speaks_at_its_own_speed():
    stage = Stage()
    best, mini, candle = (stage.join(f"btcusdt@{name}") for name in ("bookTicker", "miniTicker", "kline_1h"))

    stage.walk(at(0, 10))

    assert [len(ear.frames) for ear in (best, mini, candle)] == [40, 10, 5]


def test_a_message_is_made_once_however_many_listen():
    stage = Stage(Counting())
    ears = [stage.join("btcusdt@bookTicker") for _ in range(50)]
    asked = stage.hub._sources["spot"].feed.calls

    stage.walk(at(0, 1))

    assert asked["quote"] == 4
    assert len({id(ear.frames[-1]) for ear in ears}) == 1


def test_nothing_is_made_for_nobody():
    feed = Counting()
    stage = Stage(feed)
    ear = stage.join("btcusdt@bookTicker")
    stage.hub.leave(ear, "btcusdt@bookTicker")
    before = feed.calls["quote"]

    stage.walk(at(0, 5))

    assert feed.calls["quote"] == before
    assert not ear.frames


def test_a_combined_connection_hears_the_name_too():
    stage = Stage()
    raw, combined = stage.join("btcusdt@bookTicker"), stage.join("btcusdt@bookTicker", combined=True)

    stage.walk(at(0, 0.25))

    assert combined.heard == [{"stream": "btcusdt@bookTicker", "data": raw.heard[0]}]


def test_a_routed_address_is_silent_about_what_another_carries():
    stage = Stage()
    public = stage.join("btcusdt@bookTicker", market="futures", route="public")
    market = stage.join("btcusdt@bookTicker", market="futures", route="market")
    everything = stage.join("btcusdt@bookTicker", market="futures")

    stage.walk(at(0, 1))

    assert [len(ear.frames) for ear in (public, market, everything)] == [4, 0, 4]


def test_spot_and_futures_of_one_name_are_two_streams():
    stage = Stage()
    spot, futures = stage.join("btcusdt@bookTicker"), stage.join("btcusdt@bookTicker", market="futures")

    stage.walk(at(0, 0.25))

    assert "e" not in spot.heard[0]
    assert futures.heard[0]["e"] == "bookTicker"


def test_all_symbols_are_told_in_one_message():
    stage = Stage()
    ear = stage.join("!markPrice@arr@1s", market="futures")

    stage.walk(at(0, 1))

    assert [row["s"] for row in ear.heard[0]] == ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"]


def test_the_mark_price_tells_the_rate_and_moment_of_the_next_funding():
    stage = Stage()
    ear = stage.join("btcusdt@markPrice@1s", market="futures")

    stage.walk(at(0, 1))

    (event,) = ear.heard
    assert event["T"] % (8 * 3600 * 1000) == 0
    assert 0 < event["T"] - stage.clock.ms <= 8 * 3600 * 1000
    assert abs(float(event["r"])) < 0.01


def test_a_stream_without_a_price_waits_for_one():
    stage = Stage(Silent())
    ear = stage.join("btcusdt@bookTicker")

    stage.walk(at(0, 1))

    assert not ear.frames


def test_a_symbol_without_a_price_is_left_out_of_what_is_said_of_all():
    class Gap(Counting):
        def price(self, symbol: str, now_ms: int) -> int:
            if symbol == "ETHUSDT":
                raise NoPrice
            return FEED.price(symbol, now_ms)

    stage = Stage(Gap())
    ear = stage.join("!miniTicker@arr")

    stage.walk(at(0, 1))

    assert [row["s"] for row in ear.heard[0]] == ["BTCUSDT", "SOLUSDT", "XRPUSDT"]


def config_news(account_id: int = 1) -> News:
    return News(account_id, "futures", "ACCOUNT_CONFIG_UPDATE", at(0), details=CONFIG)


def test_news_reach_the_account_they_are_about():
    stage = Stage()
    mine, _ = stage.listen(1)
    other, _ = stage.listen(2)

    stage.hub.tell([config_news()])

    assert [event["ac"] for event in mine.heard] == [{"s": "BTCUSDT", "l": 25}]
    assert not other.frames


def test_only_accounts_somebody_listens_to_are_watched():
    stage = Stage()
    _, first = stage.listen(1)
    _, second = stage.listen(1)

    stage.hub.deafen(first)
    assert stage.journal.watched == {1}
    stage.hub.deafen(second)
    assert stage.journal.watched == set()


def test_a_listener_hears_only_the_kind_it_asked_for():
    stage = Stage()
    orders, _ = stage.listen(1, event="ORDER_TRADE_UPDATE")
    settings, _ = stage.listen(1, event="ACCOUNT_CONFIG_UPDATE")

    stage.hub.tell([config_news()])

    assert (len(orders.frames), len(settings.frames)) == (0, 1)


def test_a_key_that_runs_out_says_so_and_is_silent_then():
    stage = Stage()
    ear, listener = stage.listen(1)

    stage.walk(at(0) + VALID_MS, VALID_MS)
    stage.hub.tell([config_news()])

    assert ear.heard == [{"e": "listenKeyExpired", "E": stage.clock.ms, "listenKey": listener.key}]
    assert stage.journal.watched == set()


def test_a_key_is_good_for_an_hour_of_the_client_however_fast_the_exchange_is():
    stage = Stage(speed=1000)
    ear, _ = stage.listen(1)

    stage.walk(at(0) + 999 * VALID_MS, VALID_MS)
    assert not ear.frames
    stage.walk(at(0) + 1000 * VALID_MS, VALID_MS)
    assert [event["e"] for event in ear.heard] == ["listenKeyExpired"]


def test_a_new_key_is_not_told_of_the_end_of_the_old_one():
    stage = Stage()
    old, _ = stage.listen(1)
    stage.hub.listen_keys.close(1)
    new, _ = stage.listen(1)

    stage.walk(at(0, 1))
    stage.hub.tell([config_news()])

    assert [event["e"] for event in old.heard] == ["listenKeyExpired"]
    assert [event["e"] for event in new.heard] == ["ACCOUNT_CONFIG_UPDATE"]


def test_a_fault_may_double_an_event_and_lose_a_message():
    stage = Stage()
    stage.hub.filter = lambda account_id, kind, payload: [(0, payload)] * 2 if account_id else []
    ear, (user, _) = stage.join("btcusdt@bookTicker"), stage.listen(1)

    stage.walk(at(0, 1))
    stage.hub.tell([config_news()])

    assert not ear.frames
    assert len(user.frames) == 2


def test_a_fault_is_told_account_and_kind():
    stage = Stage()
    asked = []
    stage.hub.filter = lambda account_id, kind, payload: asked.append((account_id, kind)) or [(0, payload)]
    stage.join("btcusdt@kline_1m")
    stage.listen(1)

    stage.walk(at(0, 2))
    stage.hub.tell([config_news()])

    assert asked == [(None, "kline"), (1, "ACCOUNT_CONFIG_UPDATE")]


def test_a_late_event_comes_after_those_that_overtook_it():
    stage = Stage()
    delays = iter([0.05, 0])
    stage.hub.filter = lambda account_id, kind, payload: [(next(delays), payload)]
    ear, _ = stage.listen(1)

    async def two_events() -> None:
        stage.hub.tell(
            [config_news(), News(1, "futures", "ACCOUNT_CONFIG_UPDATE", at(0), details={"multi_assets": True})]
        )
        async with asyncio.timeout(5):
            while len(ear.frames) < 2:
                await asyncio.sleep(0.01)

    asyncio.run(two_events())

    assert ["ai" in event for event in ear.heard] == [True, False]


def test_a_late_message_of_a_market_stream_still_comes():
    stage = Stage()
    stage.hub.filter = lambda account_id, kind, payload: [(0.05, payload)]
    ear = stage.join("btcusdt@bookTicker")

    async def one_message() -> None:
        stage.clock.ms += 250
        await stage.hub.speak(stage.clock.ms)
        assert not ear.frames
        async with asyncio.timeout(5):
            while not ear.frames:
                await asyncio.sleep(0.01)

    asyncio.run(one_message())


def test_a_fault_may_send_what_is_no_json():
    stage = Stage()
    stage.hub.filter = lambda account_id, kind, payload: [(0, b'{"e":"ACC')]
    ear, _ = stage.listen(1)

    stage.hub.tell([config_news()])

    with pytest.raises(json.JSONDecodeError):
        _ = ear.heard
