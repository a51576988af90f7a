"""Binance's refusals, and what each means for reads, orders and cancels (../shared/spec/binance.md, 2.1 and 2.9)."""

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
    (400, -2010, "This symbol is not permitted for this account."),
    (400, -2011, "Unknown order sent."),
    (400, -2019, "Margin is insufficient."),
    (400, -2022, "ReduceOnly Order is rejected."),
    (400, -2025, "Reach max open order limit."),
    (400, -2027, "Exceeded the maximum allowable position at current leverage."),
    (400, -4014, "Price not increased by tick size."),
    (400, -4023, "Qty not increased by step size."),
    (400, -4045, "Reach max stop order limit."),
    (400, -4046, "No need to change margin type."),
    (400, -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."),
    (400, -4164, "Order's notional must be no smaller than 5"),
    (400, -5013, "Asset transfer failed: insufficient balance"),
    (400, -5028, "Timestamp for this request is outside of the ME recvWindow."),
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
    (503, 0, "Service Unavailable. Or so it seems."),
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
UNAVAILABLE = (503, 0, "Service Unavailable.")
CLOCK = [
    (400, -1021, "Timestamp for this request is outside of the recvWindow."),
    (400, -1021, "Timestamp for this request was 1000ms ahead."),
]
# ..., what it means for a read, for an order on spot, for one on futures
ANSWERS: list[tuple[int, object, str, Kind, Kind, Kind]] = [
    *((*item, BadRequest, OrderRejected, OrderRejected) for item in CLEAR_NO),
    *((*item, ExchangeUnavailable, OutcomeUnknown, OutcomeUnknown) for item in IN_DOUBT),
    *((*item, RateLimited, RateLimited, RateLimited) for item in LIMITS),
    *((*item, PermissionDenied, PermissionDenied, PermissionDenied) for item in KEY_REFUSED),
    *((*item, ExchangeUnavailable, OrderRejected, OrderRejected) for item in CLOCK),
    (*UNAVAILABLE, ExchangeUnavailable, OutcomeUnknown, RateLimited),
    (503, None, "Service Unavailable.", ExchangeUnavailable, OutcomeUnknown, RateLimited),
    (500, None, "Service Unavailable.", ExchangeUnavailable, OutcomeUnknown, OutcomeUnknown),
    (400, -2013, "Order does not exist.", OrderNotFound, OrderRejected, OrderRejected),
    (500, -2013, "Order does not exist.", ExchangeUnavailable, OutcomeUnknown, OutcomeUnknown),
    (400, -2010, "Duplicate order sent.", BadRequest, OutcomeUnknown, OutcomeUnknown),
    (400, -4116, "ClientOrderId is duplicated.", BadRequest, OutcomeUnknown, OutcomeUnknown),
    (400, -2010, "Order would trigger immediately.", BadRequest, TriggersAtOnce, OrderRejected),
    (
        *(400, -2010, "The relationship of the prices for the orders is not correct."),
        *(BadRequest, TriggersAtOnce, OrderRejected),
    ),
    # One code, two meanings: spot's is of a cancel-and-replace that got half way.
    (409, -2021, "Order cancel-replace partially failed.", BadRequest, OutcomeUnknown, TriggersAtOnce),
    (400, -2021, "Order would immediately trigger.", BadRequest, OutcomeUnknown, TriggersAtOnce),
]
# What a cancel may be told beside that.
NOT_OPEN = [
    (400, -2011, "Unknown order sent."),
    (400, -2011, "Order was not canceled due to cancel restrictions."),
    (400, -2013, "Order does not exist."),
]
