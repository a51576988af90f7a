"""Sorts python-binance's and requests' exceptions into ours. Codes: ../shared/spec/binance.md, section 2.9.

The question behind each line is what the caller should do, and for an order above all: may it be live?
"""

from datetime import timedelta

import requests
from binance.exceptions import BinanceAPIException, BinanceRequestException
from urllib3.exceptions import NewConnectionError

from market.exchange.errors import (
    BadRequest,
    ExchangeError,
    ExchangeUnavailable,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
)

CLOCK_CODE = -1021
RATE_CODES = {-1003, -1008, -1015}
PERMISSION_CODES = {-1002, -1022, -2014, -2015}
UNKNOWN_CODES = {0, -1000, -1001, -1006, -1007}  # 0: a body that is no JSON
DUPLICATE = "Duplicate order sent."  # an earlier send with this id is live
NOT_FOUND_CODE = -2013
DEFAULT_SILENCE = timedelta(seconds=60)
PERMISSION_CAUSES = (
    "likely causes: a wrong or revoked key or secret, an address that is not on the key's IP list, a key of another"
    " environment (testnet, live), or a permission that the key lacks"
)

LibraryError = (BinanceAPIException, BinanceRequestException, requests.RequestException)


def sort_read_error(error: Exception) -> ExchangeError:
    """The meaning of a failed read: trying again, later or never."""
    if not isinstance(error, BinanceAPIException):
        return ExchangeUnavailable(_describe(error))
    common = _limit_or_permission(error)
    if common:
        return common
    if error.code == NOT_FOUND_CODE:
        return OrderNotFound(error.message, code=error.code)
    if error.status_code >= 500 or error.code in UNKNOWN_CODES or error.code == CLOCK_CODE:
        return ExchangeUnavailable(_describe(error), code=error.code)
    return BadRequest(error.message, code=error.code)


def sort_order_error(error: Exception) -> ExchangeError:
    """The meaning of a failed order. In doubt it is unknown: an order that may be live is never given up."""
    if not isinstance(error, BinanceAPIException):
        if _never_left(error):
            return OrderRejected(f"not sent: {_describe(error)}")
        return OutcomeUnknown(_describe(error))
    common = _limit_or_permission(error)
    if common:
        return common
    if error.status_code == 408 or error.status_code >= 500 or error.code in UNKNOWN_CODES:
        return OutcomeUnknown(_describe(error), code=error.code)
    if error.message == DUPLICATE:
        return OutcomeUnknown(error.message, code=error.code)
    return OrderRejected(error.message, code=error.code)


def _limit_or_permission(error: BinanceAPIException) -> ExchangeError | None:
    if error.status_code in (418, 429) or error.code in RATE_CODES:
        return RateLimited(error.message, code=error.code, retry_after=_retry_after(error))
    if error.status_code == 401 or error.code in PERMISSION_CODES:
        return PermissionDenied(f"{error.message} {PERMISSION_CAUSES}", code=error.code)
    return None


def _retry_after(error: BinanceAPIException) -> timedelta:
    try:
        return timedelta(seconds=float(error.response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return DEFAULT_SILENCE


def _never_left(error: Exception) -> bool:
    """True when no connection came about, so that not a byte of the order was sent."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectionError) and isinstance(reason, NewConnectionError)


def _describe(error: Exception) -> str:
    """A short text without the request, whose address carries the signature."""
    if isinstance(error, BinanceAPIException):
        return error.message[:200] if error.code else f"HTTP {error.status_code} without a readable answer"
    if isinstance(error, BinanceRequestException):
        return "an answer that is no JSON"
    return f"{type(error).__name__} while talking to the exchange"
