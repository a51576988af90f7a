"""Whatever is sent, the answer is JSON with Binance's code, and never a 500."""

import json
import time
from contextlib import closing
from itertools import product
from urllib.parse import quote, urlencode

import pytest

from market.paper.web.routes import ENDPOINTS
from market.paper.web.security import signature_of

NASTY = [
    *(
        "",
        " ",
        "0",
        "-1",
        "1e5",
        "1e-05",
        "NaN",
        "Infinity",
        "null",
        "[]",
        "{}",
        '["BTCUSDT"',
        "true",
        "ünïcödé",
        "\x00",
    ),
    *(
        "9" * 19,
        "9" * 20,
        "9" * 40,
        "0." + "0" * 19 + "1",
        "9" * 20 + "." + "9" * 20,
        "A" * 20_000,
        "BTCUSDT",
        "%",
        "&=",
    ),
    *("'; DROP TABLE orders;--", "../../etc/passwd"),
    *("<script>", "١٢٣", "1_000", "+1", " 1", "1 ", "0x10", "1,5", "🚀"),
]
NAMES = [
    *("symbol", "symbols", "side", "type", "timeInForce", "quantity", "quoteOrderQty", "price", "newClientOrderId"),
    *("origClientOrderId", "orderId", "fromId", "startTime", "endTime", "limit", "interval", "recvWindow"),
    *(
        "newOrderRespType",
        "omitZeroBalances",
        "cancelRestrictions",
        "computeCommissionRates",
        "stopPrice",
        "icebergQty",
    ),
    *("icebergQty", "selfTradePreventionMode", "timestamp", "signature", "trailingDelta"),
]
VALID = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "90000",
}
ORDER = [
    ("no symbol", {"symbol": None}, -1102),
    ("an empty symbol", {"symbol": ""}, -1105),
    ("a symbol in small letters", {"symbol": "btcusdt"}, -1100),
    ("an unknown symbol", {"symbol": "NOSUCH"}, -1121),
    ("no side", {"side": None}, -1102),
    ("an unknown side", {"side": "HOLD"}, -1117),
    ("an unknown type", {"type": "GUESS"}, -1116),
    ("a type for later", {"type": "STOP_LOSS"}, -1116),
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


@pytest.mark.parametrize(("changes", "code"), [row[1:] for row in ORDER], ids=[row[0] for row in ORDER])
def test_order_that_is_wrong_gets_the_code_of_its_fault(paper, key, changes, code):
    params = {name: value for name, value in (VALID | changes).items() if value is not None}

    status, answer = paper.signed("POST", "/api/v3/order", key, **params)

    assert (status, answer["code"]) == (400, code)
    assert isinstance(answer["msg"], str)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_no_value_of_any_parameter_makes_an_endpoint_fail(paper, key, endpoint):
    headers = {"X-MBX-APIKEY": key["api_key"]}
    with closing(paper.connection()) as connection:
        for name, value in product(NAMES, NASTY):
            params = VALID | {"interval": "1m", "orderId": "1", "timestamp": int(time.time() * 1000), name: value}
            query = urlencode(params)
            if name != "signature":
                query += "&signature=" + signature_of(key["api_secret"], query)
            path = f"{endpoint.path}?{query}"
            status, answer, told = paper.exchange(connection, endpoint.method, path, headers=headers)
            assert status < 500, (name, value, answer)
            assert told["Content-Type"] == "application/json;charset=UTF-8"
            assert status == 200 or answer["code"] < 0, (name, value, answer)


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
    for endpoint in ENDPOINTS:
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
    "path", ["/", "/api/v3/nothing", "/api/v1/order", "/fapi/v1/ping", f"/{quote('ü')}", "/api/v3/ping/"]
)
def test_unknown_path_is_answered_as_json(paper, path):
    status, answer, headers = paper.request("GET", path)

    assert (status, headers["Content-Type"]) == (404, "application/json;charset=UTF-8")
    assert answer["code"] < 0


def test_wrong_method_is_said_so(paper):
    assert paper.request("PUT", "/api/v3/order")[0] == 405


def test_nothing_failed_inside(paper):
    assert not [line for line in paper.lines if "failed" in line or "Traceback" in line]
