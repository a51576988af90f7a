"""Opening accounts at our own paper exchange, through its admin address."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from market.exchange.errors import ExchangeError, ExchangeUnavailable
from market.paper_admin import ask_paper
from market.rounding import plain

Amounts = Mapping[str, Decimal]


def open_paper_account(label: str, balances: Amounts, futures: Amounts | None = None) -> tuple[str, str]:
    """Open an account that holds ``balances``; return its API key and secret. Raises ExchangeUnavailable."""
    try:
        keys = create_paper_account(label, balances, futures or {})
    except ExchangeError as error:
        raise ExchangeUnavailable(f"the paper exchange opened no account: {error}") from error
    return keys["api_key"], keys["api_secret"]


def create_paper_account(label: str, balances: Amounts, futures: Amounts) -> dict[str, Any]:
    """Open an account: its id, label, api_key and api_secret, which nobody tells again. Raises ExchangeError."""
    body = {"label": label, "balances": _texts(balances), "futures": _texts(futures)}
    return ask_paper("POST", "/paper/accounts", body)


def paper_accounts() -> list[dict[str, Any]]:
    """Every account without its secret: id, label, api_key, spot (free and locked), futures. Raises ExchangeError."""
    accounts: list[dict[str, Any]] = ask_paper("GET", "/paper/accounts")["accounts"]
    return accounts


def deposit(account: str, asset: str, amount: Decimal, market: str) -> dict[str, Any]:
    """Give money to the account of that label, key or id; the account as it is then. Raises ExchangeError."""
    body = {"account": account, "asset": asset, "amount": plain(amount), "market": market}
    return ask_paper("POST", "/paper/deposits", body)


def _texts(amounts: Amounts) -> dict[str, str]:
    return {asset: plain(amount) for asset, amount in amounts.items()}
