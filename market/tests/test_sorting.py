"""What Binance answers, and what it means for reads, orders and cancels (../shared/spec/binance.md, 2.1 and 2.9)."""

import json
from datetime import timedelta

import pytest
import requests
from binance.exceptions import BinanceAPIException, BinanceRequestException
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError, ProtocolError

from market.exchange.errors import (
    ExchangeUnavailable,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    TriggersAtOnce,
)
from market.exchange.sorting import sort_cancel_error, sort_order_error, sort_read_error
from market.tests.answers import ANSWERS, NOT_OPEN, UNAVAILABLE
from market.types import Market

HTML = "<html><body>Request blocked: GET /api/v3/order?symbol=BTCUSDT&signature=5eed5eed</body></html>"
URL = "/api/v3/order?symbol=BTCUSDT&timestamp=1&signature=5eed5eed"


def answer(status: int, code: object = None, message: str = "", headers: dict[str, str] | None = None):
    """The library's error for an answer with Binance's JSON."""
    body = {"msg": message} | ({} if code is None else {"code": code})
    return raw_answer(status, json.dumps(body), headers)


def raw_answer(status: int, body: str, headers: dict[str, str] | None = None) -> BinanceAPIException:
    response = requests.Response()
    response.status_code, response._content = status, body.encode()
    response.headers.update(headers or {})
    return BinanceAPIException(response, status, body)


@pytest.mark.parametrize(("status", "code", "message", "read", "spot", "futures"), ANSWERS)
def test_an_answer_means_for_an_order_what_is_safe_on_its_market(status, code, message, read, spot, futures):
    error = answer(status, code, message)

    for market, kind in ((Market.SPOT, spot), (Market.FUTURES, futures)):
        sorted_error = sort_order_error(error, market)
        assert type(sorted_error) is kind
        assert sorted_error.code == (code if isinstance(code, int) and code < 0 else 0)


@pytest.mark.parametrize(("status", "code", "message", "read", "spot", "futures"), ANSWERS)
def test_an_answer_means_for_a_read_whether_to_try_again(status, code, message, read, spot, futures):
    sorted_error = sort_read_error(answer(status, code, message))

    assert type(sorted_error) is read
    assert sorted_error.code == (code if isinstance(code, int) and code < 0 else 0)


@pytest.mark.parametrize("market", Market)
@pytest.mark.parametrize(("status", "code", "message"), NOT_OPEN)
def test_an_order_that_is_not_open_can_not_be_found_by_its_cancel(status, code, message, market):
    sorted_error = sort_cancel_error(answer(status, code, message), market)

    assert (type(sorted_error), sorted_error.code) == (OrderNotFound, code)


@pytest.mark.parametrize(("status", "code", "message", "read", "spot", "futures"), ANSWERS)
def test_any_other_answer_means_for_a_cancel_what_it_means_for_an_order(status, code, message, read, spot, futures):
    error = answer(status, code, message)

    if (code, status < 500) not in {(-2011, True), (-2013, True)}:
        assert type(sort_cancel_error(error, Market.SPOT)) is spot
        assert type(sort_cancel_error(error, Market.FUTURES)) is futures


@pytest.mark.parametrize(
    ("status", "code", "message", "seconds"),
    [
        (503, -1008, "Request throttled by system-level protection.", 5),
        (*UNAVAILABLE, 5),
        (429, -1003, "Too many requests.", 60),
        (429, None, "", 60),
    ],
)
def test_an_overloaded_exchange_is_left_alone_for_less_time_than_one_that_counts_our_calls(
    status, code, message, seconds
):
    sorted_error = sort_order_error(answer(status, code, message), Market.FUTURES)

    assert isinstance(sorted_error, RateLimited)
    assert sorted_error.retry_after == timedelta(seconds=seconds)


def test_a_trigger_that_was_passed_is_a_rejection():
    assert issubclass(TriggersAtOnce, OrderRejected)


@pytest.mark.parametrize("body", [HTML, "", "{", "null-ish", "\x00", '{"code": ' + "9" * 5000 + "}"])
@pytest.mark.parametrize("status", [302, 400, 403, 404, 408, 500, 502, 503, 504])
def test_a_body_that_nobody_can_read_leaves_an_order_in_doubt(status, body):
    error = raw_answer(status, body)

    assert {type(sort_order_error(error, market)) for market in Market} == {OutcomeUnknown}
    assert type(sort_cancel_error(error, Market.SPOT)) is OutcomeUnknown
    assert type(sort_read_error(error)) is ExchangeUnavailable


@pytest.mark.parametrize("body", [HTML, '{"code": -1013, "msg": "Filter failure: LOT_SIZE"}'])
def test_only_a_readable_refusal_by_the_exchange_frees_the_money(body):
    sorted_error = sort_order_error(raw_answer(400, body), Market.SPOT)

    assert isinstance(sorted_error, OrderRejected) is body.startswith("{")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("259200", 259_200),
        ("1e300", 60),
        ("99999999", 259_200),
        ("0", 60),
        ("-5", 60),
        ("nan", 60),
        ("inf", 60),
        ("soon", 60),
        ("", 60),
        (None, 60),
    ],
)
def test_the_silence_is_what_the_exchange_asks_for_if_that_makes_sense(header, seconds):
    headers = {} if header is None else {"Retry-After": header}

    sorted_error = sort_order_error(answer(429, -1003, "Too many requests.", headers), Market.SPOT)

    assert isinstance(sorted_error, RateLimited)
    assert sorted_error.retry_after == timedelta(seconds=seconds)


def unreachable(reason: type[NewConnectionError] = NewConnectionError) -> MaxRetryError:
    arguments = ("api.binance.com", None, OSError("no name")) if reason is NameResolutionError else (None, "refused")
    return MaxRetryError(None, URL, reason(*arguments))


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectTimeout(MaxRetryError(None, URL)),
        requests.ConnectionError(unreachable()),
        requests.ConnectionError(unreachable(NameResolutionError)),
    ],
)
def test_an_order_that_found_no_connection_was_not_sent(error):
    sorted_error = sort_order_error(error, Market.SPOT)

    assert type(sorted_error) is OrderRejected
    assert str(sorted_error).startswith("not sent")


@pytest.mark.parametrize(
    "error",
    [
        requests.ReadTimeout(URL),
        requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError())),
        requests.ConnectionError(MaxRetryError(None, URL, ProtocolError("aborted"))),
        requests.ConnectionError(),
        requests.exceptions.SSLError(MaxRetryError(None, URL)),
        requests.exceptions.ProxyError(MaxRetryError(None, URL, ProtocolError())),
        requests.exceptions.ChunkedEncodingError(URL),
        requests.TooManyRedirects(URL),
        ProtocolError(URL),
        BinanceRequestException(f"Invalid Response: {HTML}"),
        KeyError("fills"),
    ],
)
def test_an_order_whose_answer_was_lost_is_in_doubt(error):
    assert type(sort_order_error(error, Market.SPOT)) is OutcomeUnknown


@pytest.mark.parametrize(
    "error",
    [
        raw_answer(403, HTML),
        raw_answer(401, HTML),
        raw_answer(429, HTML),
        answer(400, None, HTML),
        requests.ReadTimeout(URL),
        requests.ConnectionError(unreachable()),
        BinanceRequestException(f"Invalid Response: {HTML}"),
        ValueError(HTML),
    ],
)
def test_no_message_shows_a_signature_or_a_page(error):
    for sorted_error in (sort_order_error(error, Market.SPOT), sort_read_error(error)):
        assert "5eed" not in str(sorted_error)
        assert "<html" not in str(sorted_error)
        assert 0 < len(str(sorted_error)) < 500


def test_a_long_message_of_the_exchange_is_cut():
    assert len(str(sort_order_error(answer(400, -1100, "x" * 10_000), Market.SPOT))) < 300


def test_a_refused_key_comes_with_its_likely_causes():
    message = str(sort_read_error(answer(401, -2015, "Invalid API-key, IP, or permissions for action.")))

    assert message.startswith("Invalid API-key, IP, or permissions for action. likely causes:")
    assert "IP list" in message
    assert message.endswith("(-2015)")
