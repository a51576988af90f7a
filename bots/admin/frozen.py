"""What a confirmation page has shown, carried to its answer: nobody else's, nothing else, and not for ever."""

from datetime import timedelta
from typing import Any

from django.core import signing
from django.http import HttpRequest

from bots.services import Seen

SALT = "bots.admin.frozen"
GOOD_FOR = timedelta(hours=1)


class NotFrozen(Exception):
    """What was sent is not what was shown to this user; the message says what to do."""


def freeze(request: HttpRequest, **shown: Any) -> str:
    """What was shown, as one text. Plain values; ``seen`` is a list of Seen."""
    return signing.dumps({"user": request.user.pk, **shown}, salt=SALT, compress=True)


def thaw(request: HttpRequest) -> dict[str, Any]:
    """What was shown before. Raises NotFrozen."""
    try:
        shown: dict[str, Any] = signing.loads(request.POST.get("frozen", ""), salt=SALT, max_age=GOOD_FOR)
    except signing.SignatureExpired as error:
        raise NotFrozen("this page is older than an hour: choose the bots again") from error
    except signing.BadSignature as error:
        raise NotFrozen("this is not what was shown: choose the bots again") from error
    if shown.pop("user") != request.user.pk:
        raise NotFrozen("this was shown to somebody else: choose the bots again")
    return shown | {"seen": [Seen(*one) for one in shown["seen"]]}
