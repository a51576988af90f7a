"""What the parts of the index have in common: whose figures, where they lead, and how money is written."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from market.access import sees_all
from market.admin import text
from market.symbols import QUOTE_ASSET
from ops.figures.sharing import Owner

Context = dict[str, Any]


def owner_of(request: HttpRequest) -> Owner:
    """Whose figures are shown; None: everybody's."""
    return None if sees_all(request.user) else request.user.pk


def environment_of(request: HttpRequest, known: list[str]) -> str:
    """The one that was asked for, else the realest that there is."""
    asked = request.GET.get("environment", "")
    return asked if asked in known else known[0] if known else "paper"


def listed(model: str, **query: str) -> str:
    """Where the list of a model is, filtered."""
    return reverse(f"admin:{model}_changelist") + (f"?{urlencode(query)}" if query else "")


def amount_of(told: str | None) -> Decimal | None:
    """An amount as the figures keep it."""
    return None if told is None else Decimal(told)


def colour_of(amount: Decimal | None) -> str:
    """Green for a gain, red for a loss."""
    return "" if not amount else "success" if amount > 0 else "danger"


def usdt(amount: Decimal | None) -> str:
    """An amount in quote asset, with its sign."""
    return "unknown" if amount is None else f"{text.signed(amount)} {QUOTE_ASSET}"
