"""Sorts python-binance's and requests' exceptions into ours. Codes: ../shared/spec/binance.md, sections 2.1 and 2.9.

The question behind each line is what the caller should do, and for an order above all: may it be live? Spot and futures
use some codes for different things (-2021, -2022), so the market is part of the answer.
"""

from datetime import timedelta

import requests
from binance.exceptions import BinanceAPIException, BinanceRequestException
from urllib3.exceptions import HTTPError, NewConnectionError

from market.exchange.errors import (
    BadRequest,
    ExchangeError,
    ExchangeUnavailable,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    TriggersAtOnce,
)
from market.exchange.reading import UNREADABLE
from market.exchange.silence import DEFAULT_SILENCE, retry_after
from market.types import Market

CLOCK_CODE = -1021
COUNTED_CODES = {-1003, -1015}  # we have asked too much
RATE_CODES = {*COUNTED_CODES, -1008}
PERMISSION_CODES = {-1002, -1022, -2014, -2015}
UNKNOWN_CODES = {0, -1000, -1001, -1006, -1007}  # 0: a body that names no code
HALF_DONE_CODE = -2021  # of spot; on futures it says that a trigger has been passed
TRIGGERS_CODE = -2021
TRIGGERS_TEXTS = {  # of spot's -2010
    "Order would trigger immediately.",
    "The relationship of the prices for the orders is not correct.",  # a pair, one of whose triggers has been passed
}
DUPLICATE = "Duplicate order sent."  # -2010, or -4116: an earlier send with this id is live
DUPLICATE_CODE = -4116
NOT_FOUND_CODE = -2013
NOT_OPEN_CODE = -2011
# Of the four texts that futures send with 503 these two mean "not executed": this one, and that of -1008. "Unknown
# error, …" does not say, and "Internal error; …" is -1001, which may have been executed whatever the status.
NOT_EXECUTED = (503, "Service Unavailable.")
OVERLOAD_SILENCE = timedelta(seconds=5)  # nobody counts these calls against us: the exchange itself is in trouble
PERMISSION_CAUSES = (
    "likely causes: a wrong or revoked key or secret, an address that is not on the key's IP list, a key of another"
    " environment (testnet, live), or a permission that the key lacks"
)

LibraryError = (BinanceAPIException, BinanceRequestException, requests.RequestException, HTTPError)


def sort_read_error(error: Exception) -> ExchangeError:
    """The meaning of a failed read: trying again, later or never."""
    if not isinstance(error, BinanceAPIException):
        return ExchangeUnavailable(_describe(error))
    code = code_of(error)
    if _is_limit(error):
        return _rate_limited(error)
    if not _is_decision(error):
        return ExchangeUnavailable(_describe(error), code=code)
    if _is_about_the_key(error):
        return _permission_denied(error)
    if code == NOT_FOUND_CODE:
        return OrderNotFound(_describe(error), code=code)
    if code in UNKNOWN_CODES or code == CLOCK_CODE:
        return ExchangeUnavailable(_describe(error), code=code)
    return BadRequest(_describe(error), code=code)


def sort_order_error(error: Exception, market: Market) -> ExchangeError:
    """The meaning of a failed order. In doubt it is unknown: an order that may be live is never given up.

    Transfers and settings are sorted like orders.
    """
    if not isinstance(error, BinanceAPIException):
        if _never_left(error):
            return OrderRejected(f"not sent: {_describe(error)}")
        return OutcomeUnknown(_describe(error))
    code = code_of(error)
    if _is_limit(error) or (market == Market.FUTURES and (error.status_code, error.message) == NOT_EXECUTED):
        return _rate_limited(error)
    if not _is_decision(error) or _may_be_live(error, market):
        return OutcomeUnknown(_describe(error), code=code)
    if _is_about_the_key(error):
        return _permission_denied(error)
    kind = TriggersAtOnce if _has_been_passed(error, market) else OrderRejected
    return kind(_describe(error), code=code)


def sort_cancel_error(error: Exception, market: Market) -> ExchangeError:
    """The meaning of a failed cancel: as of an order, but what is not open (any more) is not found."""
    if isinstance(error, BinanceAPIException) and _is_decision(error):
        code = code_of(error)
        if code in (NOT_OPEN_CODE, NOT_FOUND_CODE):
            return OrderNotFound(_describe(error), code=code)
    return sort_order_error(error, market)


def is_about_the_clock(error: Exception) -> bool:
    """True when the exchange says that our clock is off."""
    return isinstance(error, BinanceAPIException) and error.code == CLOCK_CODE


def code_of(error: BinanceAPIException) -> int:
    """The exchange's code, which is negative; 0 when the body has none: it then comes from something in between."""
    return error.code if isinstance(error.code, int) and error.code < 0 else 0


def _is_decision(error: BinanceAPIException) -> bool:
    """True for a 4xx but 408, which is a timeout inside: what comes with other statuses proves nothing."""
    return 400 <= error.status_code < 500 and error.status_code != 408


def _may_be_live(error: BinanceAPIException, market: Market) -> bool:
    """True for refusals that say, or may say, that an order has got through."""
    code = code_of(error)
    if code in UNKNOWN_CODES or code == DUPLICATE_CODE or error.message == DUPLICATE:
        return True
    return market == Market.SPOT and code == HALF_DONE_CODE


def _has_been_passed(error: BinanceAPIException, market: Market) -> bool:
    if market == Market.FUTURES:
        return code_of(error) == TRIGGERS_CODE
    return error.message in TRIGGERS_TEXTS


def _is_limit(error: BinanceAPIException) -> bool:
    return error.status_code in (418, 429) or code_of(error) in RATE_CODES


def _is_about_the_key(error: BinanceAPIException) -> bool:
    return error.status_code == 401 or code_of(error) in PERMISSION_CODES


def _permission_denied(error: BinanceAPIException) -> PermissionDenied:
    return PermissionDenied(f"{_describe(error)} {PERMISSION_CAUSES}", code=code_of(error))


def _rate_limited(error: BinanceAPIException) -> RateLimited:
    return RateLimited(_describe(error), code=code_of(error), retry_after=_retry_after(error))


def _retry_after(error: BinanceAPIException) -> timedelta:
    counted = error.status_code in (418, 429) or code_of(error) in COUNTED_CODES
    return retry_after(error.response.headers, default=DEFAULT_SILENCE if counted else OVERLOAD_SILENCE)


def _never_left(error: Exception) -> bool:
    """True when no connection came about, so that not a byte of the order was sent."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectionError) and isinstance(reason, NewConnectionError)


def _describe(error: Exception) -> str:
    """A short text without the request, whose address carries the signature."""
    if isinstance(error, BinanceAPIException):
        readable = code_of(error) and error.message
        return str(error.message)[:200] if readable else f"HTTP {error.status_code} without a readable answer"
    if isinstance(error, BinanceRequestException):
        return "an answer that is no JSON object"
    if isinstance(error, UNREADABLE):
        return "an answer that can't be read"
    return f"{type(error).__name__} while talking to the exchange"
