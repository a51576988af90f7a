"""What clients say on a market stream: SUBSCRIBE and its like. Pure: text in, a request or Binance's error out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
EXPECTED = "expected one of " + ", ".join(f"`{method}`" for method in METHODS)
MAX_STREAMS = 1024
# Beyond any name that means something: a listen key and an event are 97 characters.
MAX_NAME = 128
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")

RequestId = int | str | None


class BadRequest(Exception):
    """The request makes no sense: Binance's ``code`` and ``msg``; ``request_id`` as far as it was readable."""

    def __init__(self, code: int, msg: str, request_id: RequestId = None) -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg
        self.request_id = request_id

    def answer(self) -> bytes:
        """The error as it goes over the wire."""
        return orjson.dumps({"error": {"code": self.code, "msg": self.msg}, "id": self.request_id})


@dataclass(frozen=True, slots=True)
class Request:
    """A well-formed request. ``params`` fit the method: names, a property, or a property and its value."""

    method: str
    params: list[Any]
    request_id: RequestId


def request_of(text: str) -> Request:
    """Read a request. Raises BadRequest."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise BadRequest(3, f"Invalid JSON: expected value at {place}") from error
    if not isinstance(message, dict):
        raise BadRequest(2, "Invalid request: invalid type: expected struct Request at line 1 column 0")
    request_id = _request_id(message)
    method, params = message.get("method"), message.get("params")
    if method is None:
        raise BadRequest(2, f"Invalid request: missing field `method` at line 1 column {len(text)}", request_id)
    if method not in METHODS:
        column = text.find(f'"{method}"') + len(str(method)) + 2
        shown = f"unknown variant `{method}`, {EXPECTED} at line 1 column {column}"
        raise BadRequest(2, f"Invalid request: {shown}", request_id)
    if params is not None and not isinstance(params, list):
        raise BadRequest(2, "Invalid request: invalid type: expected a sequence", request_id)
    request = Request(method, params or [], request_id)
    _check_params(request)
    return request


def answer(request: Request, result: Any = None) -> bytes:
    """The answer to a request that was carried out."""
    return orjson.dumps({"result": result, "id": request.request_id})


def _request_id(message: dict[str, Any]) -> RequestId:
    given = message.get("id", 0.0)
    if given is None or (isinstance(given, int) and not isinstance(given, bool)):
        return given
    if isinstance(given, str) and REQUEST_ID.fullmatch(given):
        return given
    raise BadRequest(2, "Invalid request: request ID must be an unsigned integer")


def _check_params(request: Request) -> None:
    params, request_id = request.params, request.request_id
    if request.method in ("SUBSCRIBE", "UNSUBSCRIBE"):
        if any(not isinstance(name, str) for name in params):
            raise BadRequest(2, "Invalid request: invalid type: expected a string", request_id)
        return
    wanted = {"LIST_SUBSCRIPTIONS": 0, "GET_PROPERTY": 1, "SET_PROPERTY": 2}[request.method]
    if len(params) > wanted:
        raise BadRequest(2, "Invalid request: too many parameters", request_id)
    if wanted and (not params or not isinstance(params[0], str)):
        raise BadRequest(2, "Invalid request: property name must be a string", request_id)
    if wanted and params[0] != "combined":
        raise BadRequest(0, "Unknown property", request_id)
    if wanted == 2 and (len(params) < 2 or not isinstance(params[1], bool)):
        raise BadRequest(1, "Invalid value type: expected Boolean", request_id)
