"""Stream names and addresses: what they mean, and that what means nothing is let pass in silence."""

from __future__ import annotations

import pytest

from market.paper.streams.addresses import Address, address_of, is_stream_path
from market.paper.streams.names import stream_of

SYMBOLS = ["BTCUSDT", "ETHUSDT"]


@pytest.mark.parametrize(
    ("market", "name", "kind", "period_ms"),
    [
        ("spot", "btcusdt@kline_1m", "kline", 2000),
        ("spot", "btcusdt@kline_1s", "kline", 1000),
        ("spot", "btcusdt@bookTicker", "bookTicker", 0),
        ("spot", "btcusdt@miniTicker", "miniTicker", 1000),
        ("spot", "btcusdt@ticker", "ticker", 1000),
        ("spot", "btcusdt@aggTrade", "aggTrade", 0),
        ("spot", "btcusdt@trade", "trade", 0),
        ("spot", "btcusdt@avgPrice", "avgPrice", 1000),
        ("spot", "btcusdt@depth20", "depth", 1000),
        ("spot", "btcusdt@depth5@100ms", "depth", 0),
        ("spot", "btcusdt@depth@100ms", "depth", 0),
        ("spot", "!miniTicker@arr", "!miniTicker@arr", 1000),
        ("futures", "btcusdt@kline_1M", "kline", 250),
        ("futures", "btcusdt_perpetual@continuousKline_1m", "continuousKline", 250),
        ("futures", "btcusdt@markPrice", "markPrice", 3000),
        ("futures", "btcusdt@markPrice@1s", "markPrice", 1000),
        ("futures", "!markPrice@arr@1s", "!markPrice@arr", 1000),
        ("futures", "!bookTicker", "!bookTicker", 5000),
        ("futures", "btcusdt@depth10@500ms", "depth", 500),
    ],
)
def test_a_name_means_a_stream_with_binances_update_speed(market, name, kind, period_ms):
    stream = stream_of(market, name, SYMBOLS)

    assert stream is not None
    assert (stream.kind, stream.period_ms, stream.name) == (kind, period_ms, name)


@pytest.mark.parametrize(
    ("market", "name"),
    [
        ("spot", "BTCUSDT@kline_1m"),  # names are lower case
        ("spot", "dogeusdt@bookTicker"),
        ("spot", "btcusdt@kline_7m"),
        ("spot", "btcusdt@kline_1m@+08:00"),
        ("spot", "btcusdt@markPrice"),
        ("spot", "!bookTicker"),
        ("spot", "!ticker@arr"),
        ("spot", "btcusdt@depth7"),
        ("spot", "btcusdt@depth5@1s"),
        ("spot", "btcusdt@ticker@1s"),
        ("futures", "btcusdt@kline_1s"),
        ("futures", "btcusdt@continuousKline_1m"),
        ("futures", "btcusdt@avgPrice"),
        ("futures", "0"),
        ("futures", ""),
    ],
)
def test_a_name_that_binance_does_not_know_means_nothing(market, name):
    assert stream_of(market, name, SYMBOLS) is None


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("btcusdt@bookTicker", "public"),
        ("btcusdt@depth5", "public"),
        ("btcusdt@trade", "public"),
        ("btcusdt@aggTrade", "market"),
        ("btcusdt@kline_1m", "market"),
        ("!markPrice@arr", "market"),
    ],
)
def test_futures_streams_have_the_address_binance_serves_them_at(name, route):
    stream = stream_of("futures", name, SYMBOLS)

    assert stream is not None
    assert stream.route == route


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("/ws", Address("spot", None, combined=False, names=[])),
        ("/ws/btcusdt@kline_1m/ethusdt@trade", Address("spot", None, False, ["btcusdt@kline_1m", "ethusdt@trade"])),
        ("/ws/btcusdt%40trade", Address("spot", None, False, ["btcusdt@trade"])),
        ("/stream?streams=a/b", Address("spot", None, True, ["a", "b"])),
        ("/stream/ws/3", Address("spot", None, False, ["3"])),  # how ccxt knows spot
        ("/market/ws/a", Address("futures", "market", False, ["a"])),
        ("/public/stream?streams=a", Address("futures", "public", True, ["a"])),
        ("/fstream/public/ws/0", Address("futures", "public", False, ["0"])),
        ("/fstream/ws/a", Address("futures", None, False, ["a"])),
        ("/fstream/stream?streams=a/b", Address("futures", None, True, ["a", "b"])),
        ("/private/ws?listenKey=K", Address("futures", "private", False, ["K"])),
        ("/private/ws/K", Address("futures", "private", False, ["K"])),
        ("/private/ws?listenKey=K&events=A/B", Address("futures", "private", False, ["K@A", "K@B"])),
        ("/private/stream?listenKey=K&events=A&listenKey=L", Address("futures", "private", True, ["K@A", "L"])),
        ("/private/stream?streams=K", Address("futures", "private", True, ["K"])),
    ],
)
def test_an_address_says_market_form_and_streams(url, address):
    path, _, query = url.partition("?")

    assert is_stream_path(path)
    assert address_of(path, query) == address


@pytest.mark.parametrize("path", ["/", "/wss", "/api/v3/time", "/private", "/fstream", "/ws-api/v4", "/other/ws"])
def test_other_paths_are_no_streams(path):
    assert not is_stream_path(path)


@pytest.mark.parametrize("path", ["/ws-api/v3", "/ws-fapi/v1"])
def test_the_websocket_api_is_a_stream_path(path):
    assert is_stream_path(path)
