"""The exchange seam: everything TradeBot asks of an exchange."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from market.exchange.types import Balance, OrderReport, OrderRequest


class Gateway(Protocol):
    """One account at one exchange, or its public side. Errors are those of ``market.exchange.errors``."""

    def candles(self, symbol: str, interval: str, *, limit: int) -> NDArray[np.float64]:
        """The newest candles, the open one last: rows of open time in ms, open, high, low, close, volume."""

    def prices(self) -> dict[str, Decimal]:
        """The last price of every symbol."""

    def symbols(self) -> list[Mapping[str, Any]]:
        """The symbols of exchangeInfo, as received."""

    def clock_offset(self) -> timedelta:
        """The exchange's clock minus ours."""

    def prepare(self) -> None:
        """Do now what an order should not have to wait for: measure the clock, unless that is done. May raise."""

    def balances(self) -> list[Balance]:
        """What the account holds."""

    def submit(self, request: OrderRequest) -> OrderReport:
        """Send a market order, once.

        Raise OrderRejected, RateLimited or PermissionDenied, which are clear noes, or OutcomeUnknown.
        """

    def find_order(self, symbol: str, client_order_id: str) -> OrderReport:
        """Ask for an order with its fills; raise OrderNotFound when the exchange knows none."""
