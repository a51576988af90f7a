"""The bots that a confirmation page has shown, and what was typed there, carried to its answer."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest

from bots.services import Seen
from market.admin import frozen
from market.admin.frozen import NotFrozen

__all__ = ["GOOD_FOR", "NotFrozen", "freeze", "thaw"]
SALT = "bots.admin.frozen"
# A working day: what is typed is not lost by a long call. Bots that have changed meanwhile are left out anyway.
GOOD_FOR = timedelta(hours=12)


def freeze(request: HttpRequest, **shown: Any) -> str:
    """What was shown, as one text. Plain values; ``seen`` is a list of Seen."""
    return frozen.freeze(request, salt=SALT, **shown)


def thaw(request: HttpRequest) -> dict[str, Any]:
    """What was shown before. Raises NotFrozen."""
    shown = frozen.thaw(request, salt=SALT, good_for=GOOD_FOR, what="bots")
    return shown | {"seen": [Seen(*one) for one in shown["seen"]]}
