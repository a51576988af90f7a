"""Whatever is sent to a futures endpoint, the answer is JSON with Binance's code, and never a 500."""

import pytest

from market.paper.tests.fuzz import send_nonsense
from market.paper.web.futures.routes import ENDPOINTS
from market.paper.web.security import signature_of

VALID = {
    "symbol": "BTCUSDT",
    "pair": "BTCUSDT",
    "contractType": "PERPETUAL",
    "interval": "1m",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "100000",
    "orderId": "1",
    "goodTillDate": "9223372036854775807",
}
ALGO = {
    **{name: VALID[name] for name in ("symbol", "side", "timeInForce", "quantity")},
    "algoType": "CONDITIONAL",
    "type": "STOP_MARKET",
    "triggerPrice": "90000",
    "algoId": "1",
}
BATCH = '[{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.01","price":"90000"}]'
# What the endpoints of a module read.
NAMES = {
    "common": ("symbol",),
    "market_data": ("symbol", "limit", "fromId", "startTime", "endTime"),
    "candles": ("symbol", "pair", "contractType", "interval", "limit", "startTime", "endTime"),
    "orders": (
        *("symbol", "side", "type", "timeInForce", "quantity", "price", "positionSide", "reduceOnly", "closePosition"),
        *("newClientOrderId", "newOrderRespType", "priceMatch", "selfTradePreventionMode", "goodTillDate"),
        *("orderId", "origClientOrderId", "startTime", "endTime", "limit"),
    ),
    "batches": ("symbol", "batchOrders", "orderIdList", "origClientOrderIdList", "orderidlist"),
    "algo_orders": (
        *("algoType", "symbol", "side", "type", "quantity", "triggerPrice", "workingType", "closePosition"),
        *("activatePrice", "callbackRate", "clientAlgoId", "priceProtect", "algoId", "page", "limit", "startTime"),
    ),
    "account": ("symbol",),
    "listen_keys": ("listenKey",),
    "settings": (
        *("symbol", "leverage", "marginType", "amount", "type", "positionSide", "dualSidePosition"),
        *("multiAssetsMargin", "feeBurn", "countdownTime"),
    ),
    "past": ("symbol", "orderId", "fromId", "startTime", "endTime", "limit", "page", "incomeType", "autoCloseType"),
}
INSIDE = ("symbol", "side", "type", "quantity", "price", "newClientOrderId")
JSON = ("null", "1", "-1e999", "true", "[]", "{}", '""', '"\\ud800"', '"\\u0000"', "NaN", "[" * 2000, "9" * 5000)


def _name(endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


@pytest.fixture(scope="module")
def key(paper):
    return paper.open_account(futures={"USDT": "1000"})


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=_name)
def test_no_value_of_any_parameter_makes_an_endpoint_fail(paper, key, endpoint):
    module = endpoint.handler.__module__.rpartition(".")[2]
    valid = ALGO if module == "algo_orders" else VALID
    get_names = ("symbol", "orderId", "algoId", "origClientOrderId", "startTime", "endTime", "limit", "page")
    names = [name for name in NAMES[module] if endpoint.method != "GET" or module not in ("orders", "algo_orders")]
    names = names or [name for name in NAMES[module] if name in get_names]
    if module == "batches":
        valid = {**valid, "batchOrders": BATCH}

    send_nonsense(paper, key, endpoint, valid, names)


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if "batchOrders" in each.path], ids=_name)
def test_no_value_inside_a_batch_makes_it_fail(paper, key, endpoint):
    inside = [f'{BATCH[:-2]},"{name}":{value}}}]' for name in INSIDE for value in JSON]  # of two, the last counts
    instead = [f'[{{"symbol":{value}}}]' for value in JSON]

    send_nonsense(paper, key, endpoint, VALID, ["batchOrders"], [*inside, *instead])
    send_nonsense(paper, key, endpoint, VALID, ["orderIdList", "origClientOrderIdList"], [f"[{each}]" for each in JSON])


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b"&&&==&", b"=", b"a" * 100_000, b"symbol=%ff%00", b"symbol=A&symbol=B", b"{}"],
)
def test_no_body_makes_an_endpoint_fail(paper, key, body):
    signature = signature_of(key["api_secret"], body.decode("utf-8", "surrogateescape"))
    headers = {"X-MBX-APIKEY": key["api_key"], "Content-Type": "application/x-www-form-urlencoded"}
    for endpoint in ENDPOINTS:
        status, answer, _ = paper.request(endpoint.method, f"{endpoint.path}?signature={signature}", body, headers)
        assert status < 500, (endpoint.path, answer)


def test_nothing_failed_inside(paper):
    assert not [line for line in paper.lines if "failed" in line or "Traceback" in line]
