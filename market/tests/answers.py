"""Binance's refusals, and what each means for a read and for an order (../shared/spec/binance.md, section 2.9)."""

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

Kind = type[ExchangeError]

# HTTP status, code, message
CLEAR_NO = [
    (400, -1013, "Filter failure: LOT_SIZE"),
    (400, -1013, "Market is closed."),
    (400, -1014, "Unsupported order combination."),
    (400, -1016, "This service is no longer available."),
    (400, -1020, "This operation is not supported."),
    (400, -1100, "Illegal characters found in parameter 'quantity'"),
    (400, -1102, "Mandatory parameter 'side' was not sent"),
    (400, -1106, "Parameter 'price' sent when not required."),
    (400, -1111, "Parameter 'quantity' has too much precision."),
    (400, -1121, "Invalid symbol."),
    (400, -1130, "Data sent for parameter 'side' is not valid."),
    (400, -2010, "Account has insufficient balance for requested action."),
    (400, -2010, "Market is closed."),
    (400, -2010, "Order would trigger immediately."),
    (400, -2010, "This symbol is not permitted for this account."),
    (400, -2011, "Unknown order sent."),
    (400, -2019, "Margin is insufficient."),
    (400, -2022, "ReduceOnly Order is rejected."),
    (400, -4164, "Order's notional must be no smaller than 5"),
    (403, -1020, "This operation is not supported."),
    (404, -1121, "Invalid symbol."),
]
IN_DOUBT = [
    (500, -1000, "An unknown error occurred while processing the request."),
    (400, -1000, "An unknown error occurred while processing the request."),
    (400, -1001, "Internal error; unable to process your request. Please try again."),
    (503, -1001, "Internal error; unable to process your request. Please try again."),
    (400, -1006, "An unexpected response was received from the message bus. Execution status unknown."),
    (400, -1007, "Timeout waiting for response from backend server."),
    (408, -1007, "Timeout waiting for response from backend server."),
    (408, -2010, "Account has insufficient balance for requested action."),
    (503, None, "Unknown error, please check your request or try again later."),
    (503, None, "Service Unavailable."),
    (502, -2010, "Account has insufficient balance for requested action."),
    (500, -2015, "Invalid API-key, IP, or permissions for action."),
    (409, None, ""),
    (400, None, "no code at all"),
    (400, 0, "a code that is none"),
    (400, 200, "a code that is none"),
    (400, "-1013", "a code that is none"),
    (302, -1013, "from elsewhere"),
]
LIMITS = [
    (429, -1003, "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."),
    (429, -1015, "Too many new orders; current limit is 100 orders per 10 SECOND."),
    (418, -1003, "Way too much request weight used; IP banned until 1700000000000."),
    (400, -1003, "Too many requests; please use the websocket for live updates."),
    (400, -1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
    (503, -1008, "Request throttled by system-level protection."),
    (429, None, ""),
]
KEY_REFUSED = [
    (401, -2014, "API-key format invalid."),
    (401, -2015, "Invalid API-key, IP, or permissions for action."),
    (400, -2015, "Invalid API-key, IP, or permissions for action."),
    (400, -1002, "You are not authorized to execute this request."),
    (400, -1022, "Signature for this request is not valid."),
]
ANSWERS: list[tuple[int, object, str, Kind, Kind]] = [
    *((*item, BadRequest, OrderRejected) for item in CLEAR_NO),
    *((*item, ExchangeUnavailable, OutcomeUnknown) for item in IN_DOUBT),
    *((*item, RateLimited, RateLimited) for item in LIMITS),
    *((*item, PermissionDenied, PermissionDenied) for item in KEY_REFUSED),
    (400, -1021, "Timestamp for this request is outside of the recvWindow.", ExchangeUnavailable, OrderRejected),
    (400, -1021, "Timestamp for this request was 1000ms ahead.", ExchangeUnavailable, OrderRejected),
    (400, -2013, "Order does not exist.", OrderNotFound, OrderRejected),
    (500, -2013, "Order does not exist.", ExchangeUnavailable, OutcomeUnknown),
    (400, -2010, "Duplicate order sent.", BadRequest, OutcomeUnknown),
    (400, -4116, "ClientOrderId is duplicated.", BadRequest, OutcomeUnknown),
]
