"""Binance's error answers: code, text, HTTP status."""

from __future__ import annotations

NUMBER = "^[0-9]{1,20}$"
AMOUNT = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
SYMBOL = "^[A-Z0-9-_.]{1,20}$"
CLIENT_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"

UNKNOWN = "An unknown error occurred while processing the request."


class ApiError(Exception):
    """A request is refused with Binance's ``code`` and ``msg``."""

    def __init__(self, code: int, msg: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.msg = msg
        self.status = status
        self.headers = headers or {}


def unknown() -> ApiError:
    """Something here is broken."""
    return ApiError(-1000, UNKNOWN, 500)


def no_price() -> ApiError:
    """The followed exchange is silent; nothing was done."""
    return ApiError(-1008, "There is no price: the followed exchange is silent. Nothing was done.", 503)


def bad_key() -> ApiError:
    """The key is not known, or may not do this."""
    return ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def too_much_weight(limit: int, *, wait_seconds: int) -> ApiError:
    """The minute's request weight is used up; nothing was done."""
    text = (
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return ApiError(-1003, text, 429, {"Retry-After": str(wait_seconds)})


def too_many_orders(limit: int, window: str, *, wait_seconds: int) -> ApiError:
    """The account has placed too many orders in a window ("10 SECOND"); nothing was done."""
    text = f"Too many new orders; current limit is {limit} orders per {window}."
    return ApiError(-1015, text, 429, {"Retry-After": str(wait_seconds)})


def banned(until_ms: int, *, wait_seconds: int) -> ApiError:
    """The IP did not listen to 429; nothing was done."""
    text = (
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans."
    )
    return ApiError(-1003, text, 418, {"Retry-After": str(wait_seconds)})


def mandatory(name: str) -> ApiError:
    """A parameter is missing."""
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def either(first: str, second: str) -> ApiError:
    """One of two parameters is needed."""
    return ApiError(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def empty(name: str) -> ApiError:
    """A parameter was sent without a value."""
    return ApiError(-1105, f"Parameter '{name}' was empty.")


def not_required(name: str) -> ApiError:
    """A parameter does not belong to this kind of order."""
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")


def illegal(name: str, legal: str) -> ApiError:
    """A value has characters it must not have."""
    return ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def invalid(name: str) -> ApiError:
    """A value is well-formed and still makes no sense."""
    return ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")


def too_precise(name: str) -> ApiError:
    """An amount has more decimals than anything here."""
    return ApiError(-1111, f"Parameter '{name}' has too much precision.")


def invalid_symbol() -> ApiError:
    """The exchange has no such symbol."""
    return ApiError(-1121, "Invalid symbol.")


def unknown_order() -> ApiError:
    """No such order, or none that is open."""
    return ApiError(-2013, "Order does not exist.")


def nothing_to_cancel() -> ApiError:
    """No such order is open."""
    return ApiError(-2011, "Unknown order sent.")


def bad_combination() -> ApiError:
    """Optional parameters exclude each other."""
    return ApiError(-1128, "Combination of optional parameters invalid.")
