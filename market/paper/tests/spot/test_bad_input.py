"""Whatever is sent, the answer is JSON with Binance's code, and never a 500."""

import json
import time
from urllib.parse import quote, urlencode

import pytest

from market.paper.tests.fuzz import send_nonsense
from market.paper.web.admin import ENDPOINTS as ADMIN
from market.paper.web.security import signature_of
from market.paper.web.spot.routes import ENDPOINTS

ORDERS = (
    *("symbol", "side", "type", "timeInForce", "quantity", "quoteOrderQty", "price", "newClientOrderId", "stopPrice"),
    *("trailingDelta", "icebergQty", "strategyId", "strategyType", "newOrderRespType", "selfTradePreventionMode"),
)
IDS = ("symbol", "orderId", "origClientOrderId")
PAGE = ("startTime", "endTime", "limit", "fromId")
# What endpoints read, by the end of their path.
NAMES = {
    ("POST", "order"): ORDERS,
    ("POST", "test"): (*ORDERS, "computeCommissionRates"),
    ("POST", "cancelReplace"): (
        *("symbol", "type", "quantity", "cancelReplaceMode", "cancelOrderId", "cancelOrigClientOrderId"),
        *("cancelNewClientOrderId", "cancelRestrictions", "orderRateLimitExceededMode"),
    ),
    ("POST", "oco"): (
        *("symbol", "side", "quantity", "aboveType", "abovePrice", "aboveStopPrice", "aboveTimeInForce", "belowType"),
        *("belowPrice", "belowStopPrice", "belowTrailingDelta", "belowTimeInForce", "belowIcebergQty", "price"),
        *("stopPrice", "stopLimitPrice", "stopLimitTimeInForce", "listClientOrderId", "aboveClientOrderId"),
    ),
    ("POST", "transfer"): ("type", "asset", "amount"),
    ("POST", "bnbBurn"): ("spotBNBBurn", "interestBNBBurn"),
    ("POST", "getUserAsset"): ("asset",),
    ("POST", "get-funding-asset"): ("asset",),
    ("PUT", "keepPriority"): (*IDS, "newQty", "newClientOrderId"),
    ("DELETE", "order"): (*IDS, "newClientOrderId", "cancelRestrictions"),
    ("DELETE", "openOrders"): ("symbol",),
    ("DELETE", "orderList"): ("symbol", "orderListId", "listClientOrderId", "newClientOrderId"),
    ("GET", "order"): IDS,
    ("GET", "openOrders"): ("symbol",),
    ("GET", "allOrders"): (*IDS, *PAGE),
    ("GET", "orderList"): ("orderListId", "origClientOrderId"),
    ("GET", "allOrderList"): PAGE,
    ("GET", "account"): ("omitZeroBalances", "recvWindow", "timestamp", "signature"),
    ("GET", "myTrades"): ("symbol", "orderId", *PAGE),
    ("GET", "myAllocations"): ("symbol", "orderId", "fromAllocationId", *PAGE),
    ("GET", "myPreventedMatches"): ("symbol", "orderId", "preventedMatchId", "fromPreventedMatchId", "limit"),
    ("GET", "exchangeInfo"): ("symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"),
    ("GET", "klines"): ("symbol", "interval", "timeZone", *PAGE),
    ("GET", "depth"): ("symbol", "limit", "symbolStatus"),
    ("GET", "trades"): ("symbol", "limit"),
    ("GET", "historicalTrades"): ("symbol", "limit", "fromId"),
    ("GET", "aggTrades"): ("symbol", *PAGE),
    ("GET", "ticker"): ("symbol", "symbols", "windowSize", "type", "symbolStatus"),
    ("GET", "24hr"): ("symbol", "symbols", "type"),
    ("GET", "tradingDay"): ("symbol", "symbols", "timeZone", "type"),
    ("GET", "transfer"): ("type", "current", "size", "startTime", "endTime"),
}
# Valid parameters beside the nonsense, where there must be some.
OCO = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.001", "aboveType": "LIMIT_MAKER", "belowType": "STOP_LOSS"}
ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "90000",
}
ENOUGH = {
    ("POST", "order"): ORDER,
    ("POST", "test"): ORDER,
    ("POST", "cancelReplace"): ORDER | {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": "1"},
    ("POST", "oco"): OCO | {"abovePrice": "300000", "belowStopPrice": "30000"},
    ("POST", "transfer"): {"type": "MAIN_UMFUTURE", "asset": "USDT", "amount": "0.01"},
    ("GET", "transfer"): {"type": "MAIN_UMFUTURE"},
    ("GET", "klines"): {"symbol": "BTCUSDT", "interval": "1m"},
    ("GET", "order"): {"symbol": "BTCUSDT", "orderId": "1"},
    ("DELETE", "order"): {"symbol": "BTCUSDT", "orderId": "1"},
    ("PUT", "keepPriority"): {"symbol": "BTCUSDT", "orderId": "1", "newQty": "0.001"},
    ("GET", "orderList"): {"orderListId": "1"},
    ("DELETE", "orderList"): {"symbol": "BTCUSDT", "orderListId": "1"},
}
WRONG = [
    ("no symbol", {"symbol": None}, -1102),
    ("an empty symbol", {"symbol": ""}, -1105),
    ("a symbol in small letters", {"symbol": "btcusdt"}, -1100),
    ("an unknown symbol", {"symbol": "NOSUCH"}, -1121),
    ("no side", {"side": None}, -1102),
    ("an unknown side", {"side": "HOLD"}, -1117),
    ("an unknown type", {"type": "GUESS"}, -1116),
    ("no time in force", {"timeInForce": None}, -1102),
    ("an unknown time in force", {"timeInForce": "GTX"}, -1115),
    ("no quantity", {"quantity": None}, -1102),
    ("no price", {"price": None}, -1102),
    ("a float's spelling", {"quantity": "1e-05"}, -1100),
    ("a negative price", {"price": "-1"}, -1100),
    ("zero quantity", {"quantity": "0"}, -1013),
    ("too many decimals", {"quantity": "0.123456789"}, -1111),
    ("a filter", {"price": "90000.001"}, -1013),
    ("no money", {"quantity": "5"}, -2010),
    ("a price with a market order", {"type": "MARKET", "timeInForce": None}, -1106),
    ("time in force with a market order", {"type": "MARKET", "price": None}, -1106),
    ("neither amount", {"type": "MARKET", "price": None, "timeInForce": None, "quantity": None}, -1102),
    ("both amounts", {"type": "MARKET", "price": None, "timeInForce": None, "quoteOrderQty": "5"}, -1128),
    ("a stop price", {"stopPrice": "1"}, -1106),
    ("an illegal client id", {"newClientOrderId": "a b"}, -1100),
    ("a long client id", {"newClientOrderId": "a" * 37}, -1100),
    ("an unknown answer", {"newOrderRespType": "SOME"}, -1130),
]


@pytest.fixture(scope="module")
def key(paper):
    return paper.open_account(USDT="1000")


@pytest.mark.parametrize(("changes", "code"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_order_that_is_wrong_gets_the_code_of_its_fault(paper, key, changes, code):
    params = {name: value for name, value in (ORDER | changes).items() if value is not None}

    status, answer = paper.signed("POST", "/api/v3/order", key, **params)

    assert (status, answer["code"]) == (400, code)
    assert isinstance(answer["msg"], str)


def _kind(endpoint) -> tuple[str, str]:
    return endpoint.method, endpoint.path.rpartition("/")[2]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_no_value_of_any_parameter_makes_an_endpoint_fail(paper, key, endpoint):
    kind = _kind(endpoint)
    names = NAMES.get(kind, ("symbol",))
    plain = {"symbol": "BTCUSDT"} if "symbol" in names else {}

    send_nonsense(paper, key, endpoint, ENOUGH.get(kind, plain), names)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"&&&==&",
        b"=",
        b"a" * 100_000,
        b"symbol=%ff%00",
        b"symbol=A&symbol=B",
        b"{}",
        b"&".join([b"a=1"] * 999),
    ],
)
def test_no_body_makes_an_endpoint_fail(paper, key, body):
    for endpoint in [*ENDPOINTS, *ADMIN]:
        signature = signature_of(key["api_secret"], body.decode("utf-8", "surrogateescape"))
        headers = {"X-MBX-APIKEY": key["api_key"], "Content-Type": "application/x-www-form-urlencoded"}
        status, answer, _ = paper.request(endpoint.method, f"{endpoint.path}?signature={signature}", body, headers)
        assert status < 500, (endpoint.path, answer)


@pytest.mark.parametrize("path", ["/paper/accounts", "/paper/symbols", "/paper/prices"])
@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {},
        {"symbol": 1},
        {"symbol": "BTCUSDT"},
        {"symbol": "BTCUSDT", "price": 1.5},
        {"symbol": "BTCUSDT", "price": "NaN"},
        {"symbol": "BTCUSDT", "price": "0"},
        {"symbol": "BTCUSDT", "status": "GONE"},
        {"symbol": ["BTCUSDT"], "status": {}},
        {"label": 1},
        {"balances": {"USDT": 100}},
        {"balances": {"USDT": "-1"}},
        {"balances": {"usdt": "1"}},
        {"balances": {"USDT": "1e5"}},
        {"balances": {"USDT": "0.000000001"}},
        {"balances": []},
    ],
)
def test_admin_answers_nonsense_with_a_reason(paper, path, body):
    harmless = path == "/paper/accounts" and isinstance(body, dict) and not body.keys() & {"label", "balances"}

    status, answer, _ = paper.request("POST", path, json.dumps(body).encode(), {"X-Paper-Token": paper.token})

    assert status == (200 if harmless else 400)
    assert harmless or answer["code"] < 0


def test_key_is_checked_before_the_signature_and_that_before_the_time(paper, key):
    def heard(api_key: str | None, signature: str, **params) -> tuple[int, int]:
        query = urlencode(params)
        headers = {} if api_key is None else {"X-MBX-APIKEY": api_key}
        if signature == "right":
            signature = signature_of(key["api_secret"], query)
        status, answer, _ = paper.request("GET", f"/api/v3/account?{query}&signature={signature}", headers=headers)
        return status, answer.get("code", 0)

    mine, now = key["api_key"], int(time.time() * 1000)
    assert heard(None, "x") == (401, -2014)
    assert heard("not a key!", "x") == (401, -2014)
    assert heard("a" * 64, "x") == (401, -2015)
    assert heard(mine, "x", timestamp=1) == (400, -1022)
    assert heard(mine, "right", timestamp=1) == (400, -1021)
    assert heard(mine, "right", timestamp=now + 5000) == (400, -1021)
    assert heard(mine, "right", timestamp=now - 6000) == (400, -1021)
    assert heard(mine, "right", timestamp=now - 6000, recvWindow=50_000) == (200, 0)
    assert heard(mine, "right", timestamp=now * 1000) == (200, 0)
    assert heard(mine, "right", timestamp=now, recvWindow=60_001) == (400, -1131)
    assert heard(mine, "right", recvWindow=5000) == (400, -1102)


@pytest.mark.parametrize(
    "path", ["/", "/api/v3/nothing", "/api/v1/order", "/fapi/v9/ping", f"/{quote('ü')}", "/api/v3/ping/"]
)
def test_unknown_path_is_answered_as_json(paper, path):
    status, answer, headers = paper.request("GET", path)

    assert (status, headers["Content-Type"]) == (404, "application/json;charset=UTF-8")
    assert answer["code"] < 0


def test_wrong_method_is_said_so(paper):
    assert paper.request("PUT", "/api/v3/order")[0] == 405


def test_nothing_failed_inside(paper):
    assert not [line for line in paper.lines if "failed" in line or "Traceback" in line]
