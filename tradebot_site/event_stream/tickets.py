"""One-time tickets, so that no token has to stand in an address: addresses are written down on the way.

What a ticket stands for is kept in Redis under its hash, sealed: nobody who reads Redis can use it.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

import orjson
from django_redis import get_redis_connection

from market.fields import Secret, SecretUnreadable
from tradebot_site.event_stream.standing import Credential

VALID_FOR = timedelta(seconds=60)
LENGTH = 43  # of 256 bits in URL-safe base64


def issue(credential: Credential) -> str:
    """A new ticket. Raises RedisError."""
    text = secrets.token_urlsafe(32)
    sealed = Secret.seal(orjson.dumps(list(credential)).decode()).token
    get_redis_connection("default").set(_key(text), sealed, ex=int(VALID_FOR.total_seconds()))
    return text


def look_at(text: str) -> Credential | None:
    """What a ticket stands for; it can still be used. None: it can't. Raises RedisError."""
    return _read(get_redis_connection("default").get(_key(text))) if len(text) == LENGTH else None


def take(text: str) -> Credential | None:
    """The same; it is used up. Raises RedisError."""
    return _read(get_redis_connection("default").getdel(_key(text))) if len(text) == LENGTH else None


def _key(text: str) -> str:
    return f"event-ticket:{hashlib.sha256(text.encode()).hexdigest()}"


def _read(sealed: Any) -> Credential | None:
    try:
        return Credential(*orjson.loads(Secret(sealed.decode()).reveal())) if sealed else None
    except SecretUnreadable:  # the FIELD_KEYS were changed within this minute
        return None
