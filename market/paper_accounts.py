"""Opening accounts at our own paper exchange, through its admin address."""

from collections.abc import Mapping
from decimal import Decimal

import requests
from django.conf import settings

from market.exchange.errors import ExchangeUnavailable
from market.rounding import plain


def open_paper_account(label: str, balances: Mapping[str, Decimal]) -> tuple[str, str]:
    """Open an account that holds ``balances``; return its API key and secret. Raises ExchangeUnavailable."""
    body = {"label": label, "balances": {asset: plain(amount) for asset, amount in balances.items()}}
    headers = {"X-Paper-Token": settings.PAPER_ADMIN_TOKEN}
    try:
        answer = requests.post(f"{settings.PAPER_URL}/paper/accounts", json=body, headers=headers, timeout=10)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise ExchangeUnavailable(f"the paper exchange opened no account: {type(error).__name__}") from error
    keys = answer.json()
    return keys["api_key"], keys["api_secret"]
