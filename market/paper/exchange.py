"""The exchange as its endpoints see it: engine, prices and ledger in one place, with the clock.

Memory changes at once and in order; an answer waits until the disk has caught up. Reads of an account wait too: what a
client has been told must survive a kill.
"""

from __future__ import annotations

import logging
import secrets
import string
import time
from collections import Counter
from decimal import Decimal

from market.paper.committer import Committer
from market.paper.engine.effects import Effects
from market.paper.engine.engine import Engine
from market.paper.engine.types import Account, NewOrder, Order, OrderStatus
from market.paper.prices.feed import Feed
from market.paper.history import History
from market.paper.ledger import Ledger
from market.paper.prices.path import STEP_MS
from market.paper.prices.recording import MS_PER_MINUTE, Recording
from market.paper.web.limits import MAKER_FILL_CREDIT, OrderMeter, WeightMeter

logger = logging.getLogger("paper")

ALPHABET = string.ascii_letters + string.digits


class Exchange:
    """Everything one process knows. Created inside the running event loop."""

    def __init__(
        self, *, recording: Recording, feed: Feed, ledger: Ledger, engine: Engine, admin_token: str, weight_limit: int
    ) -> None:
        self.info = recording.exchange_info
        self.feed = feed
        self.ledger = ledger
        self.engine = engine
        self.history = History(ledger.reader)
        self.committer = Committer(ledger, self._committed)
        self.admin_token = admin_token
        self.accounts_by_key = {account.api_key: account for account in ledger.accounts()}
        self.weights = WeightMeter(weight_limit)
        self.order_meters = _order_meters(self.info["rateLimits"])
        self.requests: Counter[str] = Counter()
        self.fills = self.history.count_fills()
        self.started_ms = self._matched_ms = self.now_ms()

    @staticmethod
    def now_ms() -> int:
        """The exchange's clock."""
        return time.time_ns() // 1_000_000

    async def open_account(self, label: str, amounts: dict[str, Decimal], now_ms: int) -> Account:
        """Open an account with a fresh key pair and its first deposits."""
        account_id = max((account.account_id for account in self.accounts_by_key.values()), default=0) + 1
        account = Account(account_id, label, random_text(64), random_text(64), now_ms)
        effects = self.engine.open_account(account, amounts, now_ms)
        self.accounts_by_key[account.api_key] = account
        await self.committer.commit(effects)
        return account

    async def place(self, new: NewOrder, now_ms: int) -> Effects:
        """Place an order; raises Rejected. Returns what happened, when it is on disk."""
        for meter in self.order_meters.values():
            meter.require_room(new.account_id, now_ms)
        effects = self.engine.place(new, self.feed.quote(new.symbol, now_ms), now_ms)
        for meter in self.order_meters.values():
            meter.add(new.account_id, 0 if effects.fills else 1, now_ms)
        await self.committer.commit(effects)
        return effects

    async def cancel(self, orders: list[Order], now_ms: int, status: OrderStatus = "CANCELED") -> list[Order]:
        """Cancel open orders; return them as they are afterwards, when that is on disk."""
        effects = Effects()
        for order in orders:
            effects.extend(self.engine.cancel(order, now_ms, status))
        await self.committer.commit(effects)
        return effects.orders

    async def set_status(self, symbol: str, status: str) -> None:
        """Let a symbol trade or pause, for good."""
        await self.committer.commit(self.engine.set_status(symbol, status))

    async def override_price(self, symbol: str, price: Decimal | None, now_ms: int) -> None:
        """Hold a price still (None: let it go), and fill what it reaches before the answer leaves."""
        self.feed.override(symbol, price)
        if price is not None:
            await self.committer.commit(self.engine.on_price(symbol, price, now_ms))

    async def match(self, now_ms: int) -> None:
        """Walk the prices since the last call and fill the resting orders they reach."""
        after_ms = max(self._matched_ms, now_ms - MS_PER_MINUTE)
        self._matched_ms = now_ms - now_ms % STEP_MS
        effects = Effects()
        for symbol, book in self.engine.books.items():
            if len(book):
                for _, price in self.feed.prices_between(symbol, after_ms, now_ms):
                    effects.extend(self.engine.on_price(symbol, price, now_ms))
        await self.committer.commit(effects)

    def _committed(self, effects: Effects) -> None:
        for fill in effects.fills:
            self.fills += 1
            if fill.is_maker:
                for meter in self.order_meters.values():
                    meter.add(fill.account_id, -MAKER_FILL_CREDIT, fill.time_ms)
            logger.info(
                "fill %d: %s %s %s at %s, commission %s %s, order %d, account %d",
                *(fill.trade_id, fill.side, format(fill.qty, "f"), fill.symbol, format(fill.price, "f")),
                *(format(fill.commission, "f"), fill.commission_asset, fill.order_id, fill.account_id),
            )


def random_text(length: int) -> str:
    """Letters and digits nobody can guess."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _order_meters(rate_limits: list[dict[str, object]]) -> dict[str, OrderMeter]:
    """Meters by the name of their header: 10S and 1D."""
    meters = {}
    seconds = {"SECOND": 1, "MINUTE": 60, "DAY": 86_400}
    for row in rate_limits:
        if row["rateLimitType"] == "ORDERS":
            interval, number, limit = str(row["interval"]), int(str(row["intervalNum"])), int(str(row["limit"]))
            name, label = f"{number}{interval[0]}", f"{number} {interval}"
            meters[name] = OrderMeter(seconds[interval] * number * 1000, limit, label)
    return meters
