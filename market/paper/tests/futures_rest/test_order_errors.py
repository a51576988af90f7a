"""What is wrong with an order, by Binance's code and in Binance's order of checks."""

from urllib.parse import urlencode

import pytest

from market.paper.tests.futures_rest.calls import LIMIT_BUY, STOP_SELL
from market.paper.web.security import signature_of

LIMIT = {**LIMIT_BUY, "price": "49000"}
TRAILING = {"type": "TRAILING_STOP_MARKET", "callbackRate": "1"}
STOP = {**STOP_SELL, "triggerPrice": "48000"}

ORDER = {
    "no symbol": ({"symbol": None}, -1102),
    "an empty symbol": ({"symbol": ""}, -1105),
    "a symbol in small letters": ({"symbol": "btcusdt"}, -1100),
    "an unknown symbol": ({"symbol": "NOSUCH"}, -1121),
    "no side": ({"side": None}, -1102),
    "an unknown side": ({"side": "HOLD"}, -1117),
    "no type": ({"type": None}, -1102),
    "an unknown type": ({"type": "GUESS"}, -1116),
    "a spot type": ({"type": "LIMIT_MAKER"}, -1116),
    "a conditional type": ({"type": "STOP_MARKET"}, -4120),
    "a trailing type": ({"type": "TRAILING_STOP_MARKET"}, -4120),
    "an unknown position side": ({"positionSide": "UP"}, -4060),
    "a position side of hedge mode": ({"positionSide": "LONG"}, -4061),
    "no time in force": ({"timeInForce": None}, -1102),
    "an unknown time in force": ({"timeInForce": "GTE"}, -1115),
    "no quantity": ({"quantity": None}, -1102),
    "no price": ({"price": None}, -1102),
    "a price and a price match": ({"priceMatch": "OPPONENT"}, -1106),
    "an unknown price match": ({"price": None, "priceMatch": "BEST"}, -5037),
    "a trigger price": ({"stopPrice": "48000"}, -1106),
    "a market order with a price": ({"type": "MARKET", "timeInForce": None}, -1106),
    "a market order with a time in force": ({"type": "MARKET", "price": None}, -1106),
    "a close of everything": ({"closePosition": "true"}, -4136),
    "a float's spelling": ({"quantity": "1e-05"}, -1100),
    "an illegal client id": ({"newClientOrderId": "a b"}, -4015),
    "a long client id": ({"newClientOrderId": "a" * 37}, -4015),
    "an unknown answer": ({"newOrderRespType": "FULL"}, -1136),
    "an unknown self trade prevention": ({"selfTradePreventionMode": "DECREMENT"}, -5039),
    "a flag that is none": ({"reduceOnly": "maybe"}, -1130),
    "no end of an order with an end": ({"timeInForce": "GTD"}, -1102),
    "an end too soon": ({"timeInForce": "GTD", "goodTillDate": "1"}, -5040),
    "a negative price": ({"price": "-1"}, -4001),
    "a negative quantity": ({"quantity": "-1"}, -4003),
    "zero quantity": ({"quantity": "0"}, -4003),
    "more than eight decimals": ({"quantity": "0.123456789"}, -1111),
    "more decimals than the symbol": ({"price": "49000.001"}, -1111),
    "a price off the tick": ({"price": "49000.05"}, -4014),
    "too little": ({"quantity": "0.0001"}, -1111),
    "too small a price": ({"price": "500"}, -4013),
    "too large a price": ({"price": "5000000"}, -4002),
    "too much": ({"quantity": "1001"}, -4005),
    "too small a notional": ({"quantity": "0.001"}, -4164),
    "too far from the mark": ({"price": "60000"}, -4016),
    "no money": ({"quantity": "100"}, -2019),
    "nothing to reduce": ({"side": "SELL", "price": "51000", "reduceOnly": "true"}, -2022),
    "a maker that would take": ({"price": "50100", "timeInForce": "GTX"}, -5022),
    "all or nothing that cannot be": ({"timeInForce": "FOK"}, -5021),
}
ALGO = {
    "no kind": ({"algoType": None}, -1102),
    "an unknown kind": ({"algoType": "TWAP"}, -1130),
    "an ordinary type": ({"type": "LIMIT"}, -1116),
    "no trigger": ({"triggerPrice": None}, -1102),
    "no quantity": ({"quantity": None}, -1102),
    "a limit without a price": ({"type": "STOP"}, -1102),
    "a market stop with a price": ({"price": "47000"}, -1106),
    "an unknown time in force": ({"timeInForce": "GTE"}, -1115),
    "an unknown working type": ({"workingType": "INDEX_PRICE"}, -4031),
    "a quantity of a whole position": ({"closePosition": "true"}, -4137),
    "a whole position that only reduces": ({"closePosition": "true", "quantity": None, "reduceOnly": "true"}, -1106),
    "a whole position that adds": ({"closePosition": "true", "quantity": None, "reduceOnly": "false"}, -4138),
    "a whole position that trails": ({"closePosition": "true", "triggerPrice": None, **TRAILING}, -4136),
    "a trail without a rate": ({"type": "TRAILING_STOP_MARKET", "triggerPrice": None}, -1102),
    "a trail with a trigger": (TRAILING, -1106),
    "an illegal client id": ({"clientAlgoId": "a b"}, -4015),
    "the wrong side of the price": ({"triggerPrice": "51000"}, -2021),
    "a trigger off the tick": ({"triggerPrice": "48000.05"}, -4014),
    "a negative trigger": ({"triggerPrice": "-1"}, -4006),
    "too much": ({"quantity": "121"}, -4005),
}


@pytest.mark.parametrize("what", ORDER)
def test_order_that_is_wrong_gets_the_code_of_its_fault(signed, btc, what):
    changes, code = ORDER[what]

    status, answer = signed("POST", "/fapi/v1/order", **_changed(LIMIT, changes))

    assert (status, answer["code"]) == (400, code), answer
    assert isinstance(answer["msg"], str)
    assert signed("GET", "/fapi/v1/allOrders")[1] == []


@pytest.mark.parametrize("what", ALGO)
def test_conditional_order_that_is_wrong_gets_the_code_of_its_fault(signed, btc, what):
    changes, code = ALGO[what]

    status, answer = signed("POST", "/fapi/v1/algoOrder", **_changed(STOP, changes))

    assert (status, answer["code"]) == (400, code), answer
    assert signed("GET", "/fapi/v1/openAlgoOrders")[1] == []


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (
            {"type": "STOP"},
            "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
        ),
        ({"newClientOrderId": "!"}, "Client order id is not valid."),
        ({"quantity": None}, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."),
        ({"price": "49000.05"}, "Price not increased by tick size."),
        ({"price": "49000.001"}, "Precision is over the maximum defined for this asset."),
        ({"quantity": "100"}, "Margin is insufficient."),
        ({"symbol": "NOSUCH"}, "Invalid symbol."),
    ],
)
def test_fault_is_told_in_binances_words(signed, btc, sent, text):
    assert signed("POST", "/fapi/v1/order", **_changed(LIMIT, sent))[1]["msg"] == text


def test_hedge_mode_wants_a_side_and_no_reduce_only(signed, client, btc):
    client.futures_change_position_mode(dualSidePosition="true")
    long = {**LIMIT, "positionSide": "LONG"}

    assert signed("POST", "/fapi/v1/order", **LIMIT)[1]["code"] == -4061
    assert signed("POST", "/fapi/v1/order", **long, reduceOnly="true")[1]["code"] == -1106
    assert signed("POST", "/fapi/v1/order", **long)[1]["positionSide"] == "LONG"


def test_key_comes_before_the_signature_and_that_before_the_time_and_that_before_the_order(paper, key):
    def heard(api_key: str, secret: str, **params) -> tuple[int, int]:
        query = urlencode(params)
        path = f"/fapi/v1/order?{query}&signature={signature_of(secret, query)}"
        status, answer, _ = paper.request("POST", path, headers={"X-MBX-APIKEY": api_key})
        return status, answer["code"]

    now = paper.get("/fapi/v1/time")["serverTime"]
    assert heard("a" * 64, "x") == (401, -2015)
    assert heard(key["api_key"], "x", timestamp=1) == (400, -1022)
    assert heard(key["api_key"], key["api_secret"], timestamp=1) == (400, -1021)
    assert heard(key["api_key"], key["api_secret"], timestamp=now) == (400, -1102)


def _changed(order: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**order, **changes}.items() if value is not None}
