"""The exchange seam: everything TradeBot asks of an exchange."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from market.exchange.types import (
    AccountFill,
    Balance,
    ExchangePosition,
    FundingReport,
    FuturesSetup,
    KeyPermissions,
    MarginBracket,
    OpenOrder,
    OrderBook,
    OrderReport,
    OrderRequest,
    OrderType,
    PairRequest,
    Quote,
    TransferReport,
)


class OrderGateway(Protocol):
    """What the life of an order needs. Errors are those of ``market.exchange.errors``."""

    def prepare(self) -> None:
        """Do now what an order should not have to wait for: measure the clock, unless that is done. May raise."""

    def submit(self, request: OrderRequest) -> OrderReport:
        """Send an order, once. The report may have fewer fills than were executed: then ask again.

        Raise OrderRejected (of a conditional order that came too late TriggersAtOnce), RateLimited or PermissionDenied,
        which are clear noes, or OutcomeUnknown.
        """

    def submit_pair(self, request: PairRequest) -> tuple[OrderReport, OrderReport]:
        """Send a stop and a target as one list, once; the reports of both in that order. Raise as submit.

        Futures reject it: they have no such thing.
        """

    def cancel(self, symbol: str, client_order_id: str, kind: OrderType) -> None:
        """Cancel an open order, once; of a pair, both go. What has become of it is asked for afterwards.

        Raise OrderNotFound when it is not open (any more), OrderRejected, RateLimited or PermissionDenied, which are
        clear noes, or OutcomeUnknown.
        """

    def find_order(self, symbol: str, client_order_id: str, kind: OrderType) -> OrderReport:
        """Ask for an order with its fills; raise OrderNotFound when the exchange knows none.

        Fills may be fewer than were executed: then ask again.
        """

    def open_orders(self, symbol: str | None = None) -> list[OpenOrder]:
        """All open orders of the account, conditional ones too; of one symbol for a tenth of the weight or less."""


class Gateway(OrderGateway, Protocol):
    """One account at one exchange, or its public side. Errors are those of ``market.exchange.errors``."""

    # --- public data

    def candles(self, symbol: str, interval: str, *, limit: int, until: datetime | None = None) -> NDArray[np.float64]:
        """The newest candles, the open one last: rows of open time in ms, open, high, low, close, volume.

        With ``until`` the newest ones that had opened before.
        """

    def prices(self) -> dict[str, Decimal]:
        """The last price of every symbol."""

    def quote(self, symbol: str) -> Quote:
        """The best bid and ask of one symbol."""

    def order_book(self, symbol: str, *, levels: int) -> OrderBook:
        """The best levels of one symbol: 5, 10, 20, 50 or 100 of each side, or as many as there are."""

    def symbols(self) -> list[Mapping[str, Any]]:
        """The symbols of exchangeInfo, as received."""

    def weight_limit(self) -> int:
        """The request weight that one address may use per minute."""

    def clock_offset(self) -> timedelta:
        """The exchange's clock minus ours."""

    # --- the account

    def balances(self) -> list[Balance]:
        """What the account holds."""

    def permissions(self) -> KeyPermissions:
        """What the key may do. Raise NotConfigured on the testnet, which does not say."""

    def fills(self, symbol: str, *, after_id: int | None = None, since: datetime | None = None) -> list[AccountFill]:
        """Fills of one symbol, oldest first, at most 1,000.

        The first ones with an id above ``after_id``, else the first ones from ``since`` on, else the newest.
        """

    def client_id_of(self, symbol: str, exchange_order_id: int) -> str:
        """The client id of an order that the exchange's id names; raise OrderNotFound when it knows none."""

    def transfer(
        self, asset: str, amount: Decimal, *, to_futures: bool, signed_at: datetime, valid_for: timedelta
    ) -> int:
        """Move money between the wallets, once; the exchange's transaction id. Raise as submit.

        Like an order it is valid from ``signed_at`` for ``valid_for``: past that the exchange refuses it. The exchange
        knows no id of ours for it: after doubt only ``transfers`` tells. NotConfigured on the testnet.
        """

    def transfers(self, *, to_futures: bool, since: datetime) -> list[TransferReport]:
        """The transfers in one direction since then, booked or under way, oldest first. NotConfigured as transfer.

        Those that have failed are left out: they moved nothing.
        """

    # --- futures only: a spot account has no positions and no fundings, and rejects the rest

    def positions(self) -> list[ExchangePosition]:
        """What the account holds on futures; flat symbols are left out."""

    def futures_setup(self, symbol: str) -> FuturesSetup:
        """Leverage, margin type and modes as they are now."""

    def set_leverage(self, symbol: str, leverage: int) -> int:
        """Set the leverage of a symbol, once; what the exchange says it is now. Raise as submit."""

    def set_isolated(self, symbol: str, *, isolated: bool) -> None:
        """Set the margin type of a symbol, once; no need to change is no error. Raise as submit."""

    def margin_brackets(self, symbol: str) -> list[MarginBracket]:
        """How much margin a position in the symbol needs to stay, by its size."""

    def fundings(self, *, since: datetime) -> list[FundingReport]:
        """Funding payments since then, oldest first, at most 1,000."""

    def liquidation_fees(self, *, since: datetime) -> list[FundingReport]:
        """What the insurance fund took or gave when it liquidated since then, oldest first, at most 1,000."""
