"""Who a signal is from: signatures as https://www.standardwebhooks.com has them. Plain Python."""

import base64
import hmac
import secrets
from datetime import timedelta

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE = timedelta(minutes=5)  # how far the sender's clock, or a message on its way, may be off


def new_secret() -> str:
    """A secret in the form of standard-webhooks."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(secret: str, *, sender_id: str, timestamp: str, body: bytes) -> str:
    """What the header webhook-signature has to say of a message; ``timestamp`` in seconds since 1970."""
    signed = f"{sender_id}.{timestamp}.".encode() + body
    digest = hmac.digest(base64.b64decode(secret.removeprefix(PREFIX)), signed, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def is_signed(secret: str, given: str, *, sender_id: str, timestamp: str, body: bytes) -> bool:
    """Whether one of the signatures, of which a sender that changes its secret gives two, is right."""
    right = signature(secret, sender_id=sender_id, timestamp=timestamp, body=body)
    return any(is_equal(right, one) for one in given.split(" "))


def is_equal(right: str, given: str) -> bool:
    """Compare in a time that does not tell how much of it is right."""
    return hmac.compare_digest(right.encode(), given.encode(errors="replace"))
