"""What a confirmation page has shown, carried to its answer: nobody else's, nothing else, and not for ever."""

from datetime import timedelta
from typing import Any

from django.core import signing
from django.http import HttpRequest


class NotFrozen(Exception):
    """What was sent is not what was shown to this user; the message says what to do."""


def freeze(request: HttpRequest, *, salt: str, **shown: Any) -> str:
    """What was shown, as one text. Plain values; ``salt`` names the page, so that no other one takes it."""
    return signing.dumps({"user": request.user.pk, **shown}, salt=salt, compress=True)


def thaw(request: HttpRequest, *, salt: str, good_for: timedelta, what: str) -> dict[str, Any]:
    """What was shown before; ``what`` is chosen again when that won't do. Raises NotFrozen."""
    try:
        shown: dict[str, Any] = signing.loads(request.POST.get("frozen", ""), salt=salt, max_age=good_for)
    except signing.SignatureExpired as error:
        hours = good_for // timedelta(hours=1)
        age = "an hour" if hours == 1 else f"{hours} hours"
        raise NotFrozen(f"this page is older than {age}: choose the {what} again") from error
    except signing.BadSignature as error:
        raise NotFrozen(f"this is not what was shown: choose the {what} again") from error
    if shown.pop("user") != request.user.pk:
        raise NotFrozen(f"this was shown to somebody else: choose the {what} again")
    return shown
