"""What spot's REST tests say often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def refusal(call: Callable[..., Any], **params: Any) -> tuple[int, int, str]:
    """HTTP status, code and text of the error that a call of python-binance raises."""
    with pytest.raises(Exception, match="APIError") as error:
        call(**params)
    return error.value.status_code, error.value.code, error.value.message


def balances(client: Any) -> dict[str, tuple[str, str]]:
    """Free and locked of what the account holds."""
    rows = client.get_account(omitZeroBalances="true")["balances"]
    return {row["asset"]: (row["free"], row["locked"]) for row in rows}


def picked(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    """Some values of a row."""
    return tuple(row[name] for name in names)
