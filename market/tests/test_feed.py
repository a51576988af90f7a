"""Candles by stream into the shared copies: a real process, a real Redis, an exchange that says what a test wants."""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from market.candles import candles_key
from market.feed.copies import Copy
from market.feed.heartbeat import heartbeat, is_streamed
from market.feed.leading import KEY
from market.prices import known_quote, last_prices
from market.tests.streaming import MINUTE_MS, StreamingExchange, candle
from market.types import Environment, Market, Series, milliseconds

BTC = Series(Environment.PAPER, Market.SPOT, "BTCUSDT", "1m")
ETH = Series(Environment.PAPER, Market.SPOT, "ETHUSDT", "1m")
SPOT = (Environment.PAPER, Market.SPOT)
HISTORY = 950  # about as many as one request brings


@pytest.fixture
def exchange(streaming: StreamingExchange) -> StreamingExchange:
    """An exchange with some closed candles and the open one."""
    streaming.will(candle(open_now() - ago * MINUTE_MS) for ago in range(HISTORY))
    return streaming


@pytest.fixture
def wanted(tmp_path) -> Path:
    """The file that says which series are wanted."""
    path = tmp_path / "wanted"
    path.write_text(str(BTC))
    return path


@pytest.fixture
def start(spawn, wanted: Path) -> Callable[..., Any]:
    """Start a stream process; with ``name`` a further one."""

    def begin(name: str = "feeder") -> Any:
        return spawn([sys.executable, "-m", "market.tests.feeder", str(wanted)], name=name)

    return begin


@pytest.fixture
def feeder(exchange, start, wait_until) -> Any:
    """A stream process that brings the candles of BTC."""
    child = start()
    wait_until(lambda: is_streamed(BTC), 30, "the series is live")
    return child


def open_now() -> int:
    """The open time of the candle that is open now."""
    return milliseconds(datetime.now(UTC)) // MINUTE_MS * MINUTE_MS


def copy_of(redis, series: Series = BTC) -> Copy:
    return Copy.unpack(redis.get(candles_key(series)), series)


def next_ms(redis) -> int:
    """When the first candle opened that the copy lacks."""
    return copy_of(redis).newest_ms + MINUTE_MS


def test_a_candle_that_closes_is_appended_without_asking_the_exchange(exchange, feeder, redis, wait_until):
    at = next_ms(redis)
    asked = list(exchange.limits)

    exchange.says(candle(at, "1.7"))

    wait_until(lambda: copy_of(redis).newest_ms == at, message="the candle is there")
    assert copy_of(redis).rows[-1].tolist() == [at, 1, 2, 0.5, 1.7, 10]
    assert exchange.limits == asked


def test_a_candle_that_is_still_open_is_not_appended(exchange, feeder, redis, wait_until):
    at = next_ms(redis)

    exchange.says(candle(at, "1.6"), closed=False)
    exchange.says(candle(at, "1.7"))

    wait_until(lambda: copy_of(redis).newest_ms == at, message="the candle is there")
    assert copy_of(redis).rows[-1, 4] == 1.7


def test_a_candle_told_twice_is_there_once(exchange, feeder, redis, wait_until):
    at = next_ms(redis)
    asked = list(exchange.limits)

    for row in (candle(at), candle(at), candle(at + MINUTE_MS)):
        exchange.says(row)

    wait_until(lambda: copy_of(redis).newest_ms == at + MINUTE_MS, message="the last one is there")
    assert copy_of(redis).gap_ms == 0
    assert exchange.limits == asked


def test_candles_that_were_not_told_are_fetched_with_one_light_request(exchange, feeder, redis, wait_until):
    at = next_ms(redis)
    asked = len(exchange.limits)
    exchange.will(candle(at + ahead * MINUTE_MS) for ahead in range(4))

    exchange.says(candle(at + 2 * MINUTE_MS))

    wait_until(lambda: copy_of(redis).newest_ms == at + 2 * MINUTE_MS, message="all are there")
    assert copy_of(redis).gap_ms == 0
    assert exchange.limits[asked:] == [6]  # three, the open one, two again


@pytest.mark.parametrize(
    "nonsense", [{"c": "NaN"}, {"c": "0"}, {"o": "-1"}, {"h": "0"}, {"l": "Infinity"}, {"v": "-1"}]
)
def test_a_candle_of_nonsense_is_not_appended_and_all_is_well_at_the_next_one(
    exchange, feeder, redis, wait_until, nonsense
):
    at = next_ms(redis)
    exchange.will(candle(at + ahead * MINUTE_MS) for ahead in range(3))
    exchange.says(candle(at), **nonsense)

    def is_well() -> bool:
        exchange.says(candle(at + MINUTE_MS))
        return copy_of(redis).newest_ms == at + MINUTE_MS

    wait_until(is_well, 15, "all are there")
    assert copy_of(redis).rows[-2:].tolist() == [[at, 1, 2, 0.5, 1.5, 10], [at + MINUTE_MS, 1, 2, 0.5, 1.5, 10]]


def test_a_candle_that_contradicts_what_is_there_makes_all_be_fetched(exchange, feeder, redis, wait_until):
    last = copy_of(redis).newest_ms
    exchange.will([candle(last, "1.9")])

    exchange.says(candle(last, "1.9"))

    # Not in the last row: what was open when the test began may have closed meanwhile.
    wait_until(lambda: 1.9 in copy_of(redis).rows[-2:, 4], message="the corrected one is there")
    assert exchange.limits[-1] == 1000


def test_a_torn_copy_is_fetched_when_the_next_candle_closes(exchange, feeder, redis, wait_until):
    at = next_ms(redis)
    torn = redis.get(candles_key(BTC))[:-8]
    redis.set(candles_key(BTC), torn)
    exchange.will(candle(at + ahead * MINUTE_MS) for ahead in range(2))

    exchange.says(candle(at))

    wait_until(lambda: redis.get(candles_key(BTC)) != torn, message="it is fetched")
    assert copy_of(redis).newest_ms == at
    assert exchange.limits[-1] == 1000


def test_what_closed_while_the_connection_was_down_is_there_when_it_is_back(exchange, feeder, redis, wait_until):
    at = next_ms(redis)
    exchange.answers_requests = False
    exchange.hangs_up()
    wait_until(lambda: not is_streamed(BTC), message="the series is not live")
    # By our clock, too: as if the copy were of some minutes ago.
    copy = copy_of(redis)
    redis.set(candles_key(BTC), Copy(BTC, copy.rows[:-3]).pack())
    asked = len(exchange.limits)

    exchange.answers_requests = True
    exchange.hangs_up()

    wait_until(lambda: is_streamed(BTC), 20, "the series is live again")
    assert next_ms(redis) in (at, at + MINUTE_MS)  # a minute may have passed
    assert len(exchange.limits) == asked + 1
    assert exchange.limits[-1] in (6, 7)
    assert sorted(exchange.names[-2:]) == ["btcusdt@bookTicker", "btcusdt@kline_1m"]


def test_an_event_that_is_no_json_ends_the_connection_and_a_new_one_comes(exchange, feeder, wait_until):
    exchange.tells("", "half of an ev")

    feeder.wait_for("Unreadable")
    wait_until(lambda: is_streamed(BTC) and feeder.text.count("connected") == 2, 20, "connected again")


def test_a_feed_tells_how_it_stands(exchange, feeder):
    state = heartbeat(*SPOT)

    (connection,) = state["connections"]
    assert state["pid"] == feeder.pid
    assert state["series"] == ["BTCUSDT:1m"]
    assert connection["streams"] == 2
    assert datetime.fromisoformat(connection["connected_since"]) <= datetime.now(UTC)


def test_quotes_and_prices_come_from_the_stream(exchange, feeder, wait_until):
    at = open_now()
    best = {"u": 1, "s": "BTCUSDT", "b": "1.69", "B": "2", "a": "1.71", "A": "3"}

    def seen() -> bool:  # told again and again, as an exchange does
        exchange.says(candle(at, "1.7"), closed=False)
        exchange.tells("btcusdt@bookTicker", best)
        quote = known_quote(*SPOT, "BTCUSDT", now=datetime.now(UTC))
        return quote is not None and str(last_prices(*SPOT, now=datetime.now(UTC))["BTCUSDT"].value) == "1.7"

    wait_until(seen, 15, "quote and price are there")
    quote = known_quote(*SPOT, "BTCUSDT", now=datetime.now(UTC))
    assert (str(quote.bid), str(quote.ask_quantity)) == ("1.69", "3")


def test_quotes_that_are_told_late_are_not_taken_for_new_ones(exchange, feeder, wait_until):
    at = open_now()
    best = {"u": 1, "s": "BTCUSDT", "b": "1.69", "B": "2", "a": "1.71", "A": "3"}

    def lag_ms() -> int:
        late = milliseconds(datetime.now(UTC)) - 20_000
        exchange.says(candle(at, "1.7"), closed=False, said_ms=late)
        exchange.tells("btcusdt@bookTicker", best)
        return (heartbeat(*SPOT) or {}).get("connections", [{}])[0].get("lag_ms", 0)

    wait_until(lambda: lag_ms() >= 20_000, 10, "the lag is known")
    assert known_quote(*SPOT, "BTCUSDT", now=datetime.now(UTC)) is None


def test_a_lead_that_was_taken_by_another_one_is_given_up_until_it_is_free(exchange, feeder, redis, wait_until):
    redis.set(KEY, b"somebody else", px=60_000)

    feeder.wait_for("another process leads now")
    wait_until(lambda: heartbeat(*SPOT) is None and not exchange.connections, message="nothing is streamed")
    redis.delete(KEY)

    wait_until(lambda: is_streamed(BTC), 20, "it leads again")


def test_series_that_come_and_go_are_followed(exchange, feeder, wanted, redis, wait_until):
    wanted.write_text(str(ETH))

    wait_until(lambda: is_streamed(ETH) and not is_streamed(BTC), 30, "the other series is live")
    assert sorted(set(exchange.names)) == ["ethusdt@bookTicker", "ethusdt@kline_1m"]
    assert len(copy_of(redis, ETH).rows) >= HISTORY - 1
    assert exchange.connections == 1


def test_while_the_database_is_away_the_series_stay_as_they_are(exchange, feeder, wanted, redis, wait_until):
    wanted.write_text("")
    feeder.wait_for("the database does not answer")
    at = next_ms(redis)

    exchange.says(candle(at))

    wait_until(lambda: copy_of(redis).newest_ms == at, message="the candle is there")
    assert is_streamed(BTC)


def test_a_second_process_stands_by_and_takes_over_when_the_first_one_dies(exchange, feeder, start, wait_until):
    second = start("second")
    second.wait_for("standing by")
    connections = exchange.connections

    feeder.kill()

    second.wait_for("leading")
    wait_until(lambda: (heartbeat(*SPOT) or {}).get("pid") == second.pid and is_streamed(BTC), 30, "it streams")
    assert connections == 1


def test_sigterm_ends_it_within_two_seconds_and_the_next_one_leads_at_once(exchange, feeder, redis, start, wait_until):
    begun = monotonic()
    os.kill(feeder.pid, signal.SIGTERM)

    status = feeder.wait()

    assert (status, monotonic() - begun < 2) == (0, True)
    assert not is_streamed(BTC)
    assert heartbeat(*SPOT) is None
    assert not redis.exists(KEY)


def test_a_redis_that_forgets_everything_is_filled_again(exchange, feeder, redis, wait_until):
    redis.flushdb()

    wait_until(lambda: is_streamed(BTC), message="the heartbeat is back")
    at = open_now()
    exchange.will(candle(at + ahead * MINUTE_MS) for ahead in (-1, 0, 1))  # a minute may have turned since it began
    exchange.says(candle(at))
    wait_until(lambda: redis.get(candles_key(BTC)), message="the candles are back")
    assert copy_of(redis).newest_ms == at
    assert redis.exists(KEY)
