"""An account with money in both wallets of the real paper exchange, whose fault menu the tests order from."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from market.exchange import gateway_for
from market.models import ExchangeAccount
from market.paper.tests.faults.conftest import Board
from market.paper.tests.server import PaperServer
from market.tests.factories import ExchangeAccountFactory
from market.types import Market
from trades.models import Transfer
from trades.services import reconcile_transfers, request_transfer, send_transfer
from trades.transfers import TransferWish

TRANSFER = "/sapi/v1/asset/transfer"
ZERO = Decimal(0)


@dataclass
class Wallets:
    """Both wallets of one account, as its owner and as the exchange see them."""

    account: ExchangeAccount
    key: dict[str, Any]
    paper: PaperServer

    def wish(self, amount: str = "10", **changes: Any) -> TransferWish:
        given = {"owner_id": self.account.owner_id, "account_id": self.account.pk, "asset": "USDT"}
        given |= {"amount": Decimal(amount), "to_futures": True, "key": secrets.token_hex(4), "asked_by": "a test"}
        return TransferWish(**(given | changes))

    def ask(self, amount: str = "10", **changes: Any) -> Transfer:
        """A transfer that is written down."""
        return request_transfer(self.wish(amount, **changes), now=timezone.now())

    def move(self, amount: str = "10", **changes: Any) -> Transfer:
        """A transfer that was sent."""
        return send_transfer(self.ask(amount, **changes).pk, now=timezone.now())

    def by_hand(self, amount: str = "10", kind: str = "MAIN_UMFUTURE") -> int:
        """The owner moves money at the exchange, without us."""
        status, answer = self.paper.signed("POST", TRANSFER, self.key, type=kind, asset="USDT", amount=amount)
        assert status == 200
        return int(answer["tranId"])

    @property
    def history(self) -> list[int]:
        """All transfers that the exchange has booked: their ids, the newest first."""
        kinds = ("MAIN_UMFUTURE", "UMFUTURE_MAIN")
        pages = [self.paper.signed("GET", TRANSFER, self.key, type=kind, size=100)[1]["rows"] for kind in kinds]
        return sorted((row["tranId"] for page in pages for row in page), reverse=True)

    @property
    def money(self) -> tuple[Decimal, Decimal]:
        """What the exchange says is in the spot and in the futures wallet."""
        spot, futures = (
            sum((each.free + each.locked for each in gateway_for(self.account, market).balances()), ZERO)
            for market in (Market.SPOT, Market.FUTURES)
        )
        return spot, futures


@pytest.fixture
def board(paper: PaperServer) -> Iterator[Board]:
    board = Board(paper)
    yield board
    board.clear()


@pytest.fixture
def open_wallets(paper: PaperServer, settings: Any) -> Callable[..., Wallets]:
    """`open_wallets(**fields)`: an account of ours with 1000 USDT on spot and 500 on futures."""
    settings.TRANSFERS_ENABLED = True

    def open_them(**fields: Any) -> Wallets:
        key = paper.open_account(USDT="1000", futures={"USDT": "500"})
        account = ExchangeAccountFactory(api_key=key["api_key"], api_secret=key["api_secret"], **fields)
        return Wallets(account, key, paper)

    return open_them


@pytest.fixture
def wallets(open_wallets: Callable[..., Wallets]) -> Wallets:
    return open_wallets()


@pytest.fixture
def later() -> Callable[[float], datetime]:
    """`later(seconds)` after the test began."""
    begun = timezone.now()
    return lambda seconds: begun + timedelta(seconds=seconds)


@pytest.fixture
def sweep(later: Callable[[float], datetime]) -> Callable[..., None]:
    """`sweep(70, 100)`: one sweep at each of these seconds after the test began."""

    def sweep(*seconds: float) -> None:
        for second in seconds:
            reconcile_transfers(now=later(second))

    return sweep
