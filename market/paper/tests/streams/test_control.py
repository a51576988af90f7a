"""Control messages: what is understood, and Binance's words for what is not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.paper.streams.control import BadRequest, answer, request_of


def said(**message: object) -> str:
    return json.dumps(message)


def error_of(text: str) -> dict[str, object]:
    with pytest.raises(BadRequest) as caught:
        request_of(text)
    return json.loads(caught.value.answer())


def test_a_subscription_is_read_and_answered():
    request = request_of(said(method="SUBSCRIBE", params=["btcusdt@trade"], id=7))

    assert (request.method, request.params) == ("SUBSCRIBE", ["btcusdt@trade"])
    assert answer(request) == b'{"result":null,"id":7}'


@pytest.mark.parametrize("request_id", [1, -5, 2**62, "abc-1_Z", None])
def test_an_id_comes_back_as_it_was(request_id):
    request = request_of(said(method="LIST_SUBSCRIPTIONS", id=request_id))

    assert json.loads(answer(request, [])) == {"result": [], "id": request_id}


@pytest.mark.parametrize(
    ("message", "code", "msg"),
    [
        ({"method": "SUBSCRIBE", "params": []}, 2, "Invalid request: request ID must be an unsigned integer"),
        ({"method": "SUBSCRIBE", "id": 1.5}, 2, "Invalid request: request ID must be an unsigned integer"),
        ({"method": "SUBSCRIBE", "id": True}, 2, "Invalid request: request ID must be an unsigned integer"),
        ({"method": "SUBSCRIBE", "id": "x" * 37}, 2, "Invalid request: request ID must be an unsigned integer"),
        ({"id": 1, "params": []}, 2, "Invalid request: missing field `method` at line 1 column 23"),
        ({"method": "SUBSCRIBE", "params": [1], "id": 1}, 2, "Invalid request: invalid type: expected a string"),
        ({"method": "SUBSCRIBE", "params": "a", "id": 1}, 2, "Invalid request: invalid type: expected a sequence"),
        ({"method": "LIST_SUBSCRIPTIONS", "params": ["a"], "id": 1}, 2, "Invalid request: too many parameters"),
        ({"method": "GET_PROPERTY", "id": 1}, 2, "Invalid request: property name must be a string"),
        ({"method": "GET_PROPERTY", "params": [1], "id": 1}, 2, "Invalid request: property name must be a string"),
        ({"method": "GET_PROPERTY", "params": ["size"], "id": 1}, 0, "Unknown property"),
        ({"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1}, 1, "Invalid value type: expected Boolean"),
        (
            {"method": "SET_PROPERTY", "params": ["combined", True, 1], "id": 1},
            2,
            "Invalid request: too many parameters",
        ),
    ],
)
def test_a_bad_request_is_refused_in_binances_words(message, code, msg):
    assert error_of(json.dumps(message))["error"] == {"code": code, "msg": msg}


def test_a_misspelt_method_is_shown_what_there_is():
    refusal = error_of('{"method":"SUBSCRIB","params":[],"id":1}')

    assert refusal == {
        "error": {
            "code": 2,
            "msg": "Invalid request: unknown variant `SUBSCRIB`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, "
            "`LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 20",
        },
        "id": 1,
    }


def test_what_is_no_json_is_refused():
    assert error_of("hello")["error"] == {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_nothing_a_client_can_say_breaks_the_reader(text):
    assert "error" in error_of(text)
