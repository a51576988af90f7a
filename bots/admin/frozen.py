"""Bots as a confirmation page has shown them, carried to its answer."""

from typing import Any

from django.http import HttpRequest

from bots.services import Seen
from market.admin import frozen
from market.admin.frozen import GOOD_FOR, NotFrozen

__all__ = ["GOOD_FOR", "NotFrozen", "freeze", "thaw"]
SALT = "bots.admin.frozen"


def freeze(request: HttpRequest, **shown: Any) -> str:
    """What was shown, as one text. Plain values; ``seen`` is a list of Seen."""
    return frozen.freeze(request, SALT, **shown)


def thaw(request: HttpRequest) -> dict[str, Any]:
    """What was shown before. Raises NotFrozen."""
    shown = frozen.thaw(request, SALT, what="bots", good_for=GOOD_FOR)
    return shown | {"seen": [Seen(*one) for one in shown["seen"]]}
