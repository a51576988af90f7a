"""Who calls: API key, HMAC signature, timestamp; and the token of the admin endpoints."""

from __future__ import annotations

import hashlib
import hmac
import re

from market.paper.engine.types import Account
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError

RECV_WINDOW_MS = 5000
MAX_RECV_WINDOW_MS = 60_000
AHEAD_MS = 1000
RECV_WINDOW = r"^[0-9]{1,10}(\.[0-9]{1,3})?$"


def authenticate(call: Call) -> None:
    """Let the call through to its endpoint or raise, in Binance's order: key, signature, timestamp."""
    if call.endpoint.security == "admin":
        _check_admin(call)
    elif call.endpoint.security in ("key", "signed"):
        call.signed_by = _account_of(call)
        if call.endpoint.security == "signed":
            _check_signature(call, call.signed_by)
            _check_timestamp(call)


def signature_of(secret: str, payload: str) -> str:
    """Binance's HMAC-SHA256 hex digest of what was sent."""
    return hmac.new(secret.encode(), payload.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def signed_payload(query: str, body: bytes) -> str:
    """Raw query and raw body, joined by nothing, without the signature pair, nothing re-encoded."""
    return _without_signature(query) + _without_signature(body.decode("utf-8", "surrogateescape"))


def _without_signature(text: str) -> str:
    return "&".join(pair for pair in text.split("&") if not pair.startswith("signature="))


def _check_admin(call: Call) -> None:
    expected = call.exchange.admin_token
    given = call.admin_token or ""
    if not expected or not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise ApiError(-2015, "Admin token missing or wrong: send X-Paper-Token equal to PAPER_ADMIN_TOKEN.", 401)


def _account_of(call: Call) -> Account:
    if not call.api_key or not re.fullmatch("[A-Za-z0-9]{1,128}", call.api_key):
        raise ApiError(-2014, "API-key format invalid.", 401)
    account = call.exchange.accounts_by_key.get(call.api_key)
    if account is None:
        raise errors.bad_key()
    return account


def _check_signature(call: Call, account: Account) -> None:
    given = call.params.required("signature")
    expected = signature_of(account.api_secret, signed_payload(call.query, call.body))
    if not hmac.compare_digest(given.lower().encode("utf-8", "replace"), expected.encode()):
        raise ApiError(-1022, "Signature for this request is not valid.")


def _check_timestamp(call: Call) -> None:
    window_text = call.params.matching("recvWindow", RECV_WINDOW)
    window = float(window_text) if window_text is not None else RECV_WINDOW_MS
    if window > MAX_RECV_WINDOW_MS:
        raise ApiError(-1131, "recvWindow must be less than 60000.")
    timestamp = call.params.integer("timestamp")
    if timestamp is None:
        raise errors.mandatory("timestamp")
    if timestamp > 10**14:
        timestamp //= 1000  # microseconds are allowed too
    server_ms = _nearest(timestamp, call)
    if timestamp >= server_ms + AHEAD_MS:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if server_ms - timestamp > window:
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _nearest(timestamp: int, call: Call) -> int:
    """The clock the client goes by.

    Beside one that runs (or once ran) faster than the world, the world's counts too, and all between: a client that has
    measured its distance once is right by neither after a while.
    """
    first, last = sorted((call.server_ms, call.exchange.clock.real_ms() + call.skew_ms))
    return min(max(timestamp, first), last)
