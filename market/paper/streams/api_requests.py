"""Requests of the WebSocket API: read, signed again as the REST request they stand for, answered. Pure."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from market.paper.engine.types import Account
from market.paper.web.errors import ApiError
from market.paper.web.security import signature_of

REQUEST_ID = re.compile(r"[a-zA-Z0-9-_]{1,36}")

RequestId = int | str | None


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request. ``params`` are texts exactly as sent: a signature is over them. ``rate_limits`` None: not said."""

    request_id: RequestId
    method: str
    params: dict[str, str]
    rate_limits: bool | None


class Unreadable(Exception):
    """There is no answer but an error; ``request_id`` as far as it could be read."""

    def __init__(self, msg: str, request_id: RequestId = None) -> None:
        super().__init__(msg)
        self.error = ApiError(-1135, msg)
        self.request_id = request_id


def request_of(text: str) -> ApiRequest:
    """Read a request. Raises Unreadable."""
    try:
        message = orjson.loads(text)
        # Numbers as they were written: 0.10 and 1e-5 are signed as such.
        written = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise Unreadable("Invalid JSON Request") from error
    if not isinstance(message, dict):
        raise Unreadable("Invalid JSON Request")
    request_id = message.get("id", 0.0)
    if not _is_id(request_id):
        pattern = f"^{REQUEST_ID.pattern}$"
        raise Unreadable(f"Invalid 'id' in JSON request; expected an integer, a string matching '{pattern}', or null.")
    method, params = message.get("method"), written.get("params") or {}
    if not isinstance(method, str):
        raise Unreadable("Invalid 'method' in JSON request; expected a string.", request_id)
    if not isinstance(params, dict):
        raise Unreadable("Invalid 'params' in JSON request; expected an object.", request_id)
    texts = {str(name): _text(value) for name, value in params.items() if value is not None}
    shown = texts.pop("returnRateLimits", None)
    return ApiRequest(request_id, method, texts, None if shown is None else shown == "true")


def rest_query(request: ApiRequest, accounts: Mapping[str, Account]) -> str:
    """The query of the REST request that this one stands for, signed like one if this one is signed rightly.

    What is wrong here is wrong there too, so that REST finds the error.
    """
    params = {name: value for name, value in request.params.items() if name not in ("apiKey", "signature")}
    query, given = urlencode(params), request.params.get("signature")
    if given is None:
        return query
    account = accounts.get(request.params.get("apiKey", ""))
    if account and _is_signature(request.params, account.api_secret, given):
        given = signature_of(account.api_secret, query)
    return f"{query}&{urlencode({'signature': given})}"


def answer(request_id: RequestId, status: int, body: bytes, rate_limits: list[dict[str, Any]] | None) -> bytes:
    """The answer as it goes over the wire; ``body`` is JSON, an error object unless the status is 200."""
    name = b"result" if status == 200 else b"error"
    head = b'{"id":' + orjson.dumps(request_id) + b',"status":%d,"' % status + name + b'":' + body
    return head + (b"" if rate_limits is None else b',"rateLimits":' + orjson.dumps(rate_limits)) + b"}"


def _is_signature(params: Mapping[str, str], secret: str, given: str) -> bool:
    """HMAC over the parameters in alphabetical order: plain as documented, or percent-encoded like python-binance."""
    pairs = sorted((name, value) for name, value in params.items() if name != "signature")
    for payload in ("&".join(f"{name}={value}" for name, value in pairs), urlencode(pairs)):
        if hmac.compare_digest(given.lower().encode("utf-8", "replace"), signature_of(secret, payload).encode()):
            return True
    return False


def _is_id(value: Any) -> bool:
    if isinstance(value, str):
        return bool(REQUEST_ID.fullmatch(value))
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _text(value: Any) -> str:
    """A parameter as REST would get it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
