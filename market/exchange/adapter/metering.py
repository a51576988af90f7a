"""What every call weighs, in the request weight of the IP (../shared/spec/binance.md, sections 2.3 and 2.4)."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from market.types import Market

Params = Mapping[str, Any]
Weight = int | Callable[[Params], int]


class Meter(Protocol):
    """The weight budget of one market's hosts."""

    def take(self, weight: int) -> None:
        """Ask for leave before a call; raise RateLimited where there is none. Nothing is sent then."""

    def learn(self, status_code: int, headers: Mapping[str, str], *, code: int = 0) -> None:
        """Hear what an answer said of the limits. Must not raise: an order may have been accepted."""


class Unmetered:
    """No budget: every call may leave."""

    def take(self, weight: int) -> None: ...

    def learn(self, status_code: int, headers: Mapping[str, str], *, code: int = 0) -> None: ...


def unmetered(market: Market) -> Meter:
    """The meter of a gateway that nobody gave one."""
    return Unmetered()


def _by_symbol(one: int, every: int) -> Weight:
    return lambda params: one if "symbol" in params else every


def _by_order(one: int, every: int) -> Weight:
    return lambda params: one if "orderId" in params else every


def _futures_candles(params: Params) -> int:
    limit = params.get("limit", 500)
    return next((weight for bound, weight in ((99, 1), (499, 2), (1000, 5)) if limit <= bound), 10)


def _futures_depth(params: Params) -> int:
    limit = params.get("limit", 500)
    return next((weight for bound, weight in ((50, 2), (100, 5), (500, 10)) if limit <= bound), 20)


# An order or cancel on spot weighs nothing once it is accepted. A refused one weighs 1, which the headers then say.
WEIGHTS: Mapping[tuple[str, str], Weight] = {
    ("get", "/api/v3/time"): 1,
    ("get", "/api/v3/exchangeInfo"): 20,
    ("get", "/api/v3/klines"): 2,
    ("get", "/api/v3/depth"): 5,  # up to 100 levels
    ("get", "/api/v3/ticker/price"): _by_symbol(2, 4),
    ("get", "/api/v3/ticker/bookTicker"): _by_symbol(2, 4),
    ("post", "/api/v3/order"): 0,
    ("post", "/api/v3/orderList/oco"): 0,
    ("delete", "/api/v3/order"): 0,
    ("get", "/api/v3/order"): 4,
    ("get", "/api/v3/openOrders"): _by_symbol(6, 80),
    ("get", "/api/v3/myTrades"): _by_order(5, 20),
    ("get", "/api/v3/account"): 20,
    ("get", "/fapi/v1/time"): 1,
    ("get", "/fapi/v1/exchangeInfo"): 1,
    ("get", "/fapi/v1/klines"): _futures_candles,
    ("get", "/fapi/v1/depth"): _futures_depth,
    ("get", "/fapi/v2/ticker/price"): _by_symbol(1, 2),
    ("get", "/fapi/v1/ticker/bookTicker"): _by_symbol(2, 5),
    ("post", "/fapi/v1/order"): 0,
    ("post", "/fapi/v1/algoOrder"): 0,
    ("delete", "/fapi/v1/order"): 1,
    ("delete", "/fapi/v1/algoOrder"): 1,
    ("get", "/fapi/v1/order"): 1,
    ("get", "/fapi/v1/algoOrder"): 1,
    ("get", "/fapi/v1/openOrders"): _by_symbol(1, 40),
    ("get", "/fapi/v1/openAlgoOrders"): _by_symbol(1, 40),
    ("get", "/fapi/v1/allAlgoOrders"): 5,
    ("get", "/fapi/v1/userTrades"): 5,
    ("get", "/fapi/v1/income"): 30,
    ("get", "/fapi/v3/balance"): 5,
    ("get", "/fapi/v3/positionRisk"): 5,
    ("get", "/fapi/v1/accountConfig"): 5,
    ("get", "/fapi/v1/symbolConfig"): 5,
    ("get", "/fapi/v1/leverageBracket"): 1,
    ("post", "/fapi/v1/leverage"): 1,
    ("post", "/fapi/v1/marginType"): 1,
    ("get", "/sapi/v1/account/apiRestrictions"): 1,
    # The 900 of a transfer count for the account, not for the IP.
    ("post", "/sapi/v1/asset/transfer"): 1,
    ("get", "/sapi/v1/asset/transfer"): 1,
}


def weight_of(method: str, path: str, params: Params) -> int:
    """The weight of a call. A KeyError is a bug: an endpoint that is not in the table."""
    weight = WEIGHTS[method, path]
    return weight if isinstance(weight, int) else weight(params)


def market_of(path: str) -> Market:
    """Whose limits a call counts for. /sapi stands at the host of spot."""
    return Market.FUTURES if path.startswith("/fapi/") else Market.SPOT
