"""What a confirmation page has shown, carried to its answer: nobody else's, nothing else, and not for ever."""

from datetime import timedelta
from typing import Any

from django.core import signing
from django.http import HttpRequest

GOOD_FOR = timedelta(hours=1)


class NotFrozen(Exception):
    """What was sent is not what was shown to this user; the message says what to do."""


def freeze(request: HttpRequest, salt: str, **shown: Any) -> str:
    """What was shown, as one text. Plain values; ``salt`` names the kind of page."""
    return signing.dumps({"user": request.user.pk, **shown}, salt=salt, compress=True)


def thaw(request: HttpRequest, salt: str, *, what: str, good_for: timedelta = GOOD_FOR) -> dict[str, Any]:
    """What was shown before, of ``what`` is to be chosen again if it is not that. Raises NotFrozen."""
    try:
        shown: dict[str, Any] = signing.loads(request.POST.get("frozen", ""), salt=salt, max_age=good_for)
    except signing.SignatureExpired as error:
        raise NotFrozen(f"this page is older than an hour: choose the {what} again") from error
    except signing.BadSignature as error:
        raise NotFrozen(f"this is not what was shown: choose the {what} again") from error
    if shown.pop("user") != request.user.pk:
        raise NotFrozen(f"this was shown to somebody else: choose the {what} again")
    return shown
