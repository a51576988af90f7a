"""The exchange as its endpoints see it: two venues, accounts, ledger and clock in one place.

Memory changes at once and in order; an answer waits until the disk has caught up (``flush``). Reads of an account wait
too: what a client has been told must survive a kill.
"""

from __future__ import annotations

import logging
import secrets
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from market.paper.committer import Committer
from market.paper.engine.futures.engine import FuturesEngine
from market.paper.engine.journal import Batch, Journal
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.tables import ACCOUNTS, DEPOSITS, FILLS, SETTINGS
from market.paper.engine.types import Account, Deposit, Market, Quote
from market.paper.faults.board import Faults
from market.paper.ledger import Ledger
from market.paper.prices.clock import Clock
from market.paper.prices.path import STEP_MS
from market.paper.prices.poll import Poller
from market.paper.prices.types import NoPrice
from market.paper.streams.hub import Hub
from market.paper.venue import Venue

logger = logging.getLogger("paper")

# Prices that passed while the process did not run fill nothing, beyond a minute of real time.
MOST_BEHIND_MS = 60_000
MS_PER_SECOND = 1000
FILLS_IN_A_LINE = 8  # of the log, which has room for 2,000 characters (market/logs/lines.py)
FILL_LINE = (
    "fill %(trade_id)s: %(side)s %(qty)s %(symbol)s (%(market)s) at %(price)s, "
    "commission %(commission)s %(commission_asset)s, order %(order_id)s, account %(account_id)s"
)
ALPHABET = string.ascii_letters + string.digits
LETTER_OF_BYTE = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))


class Exchange:
    """Everything one process knows. Created inside the running event loop."""

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: Ledger,
        journal: Journal,
        spot: Venue[SpotEngine],
        futures: Venue[FuturesEngine],
        pollers: Sequence[Poller] = (),
        admin_token: str,
    ) -> None:
        self.clock = clock
        self.ledger = ledger
        self.journal = journal
        self.spot = spot
        self.futures = futures
        self.pollers = pollers
        self.venues: dict[str, Venue[SpotEngine] | Venue[FuturesEngine]] = {"spot": spot, "futures": futures}
        self.committer = Committer(ledger, journal, self._committed)
        self.admin_token = admin_token
        self.accounts_by_key = {account.api_key: account for account in ledger.accounts()}
        self.requests: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()  # by status
        (last,) = ledger.row("SELECT coalesce(max(number), 0) FROM deposits")
        self._last_deposit = int(str(last))
        self.started_ms = self.matched_ms = self.now_ms()
        # From where the clock went on, not from now: a funding may fall due while the recordings are read.
        self._funding_ms = futures.feed.next_funding_ms(clock.anchor[1])
        self._clock_kept_ms = 0
        self.faults = Faults(self)
        self.hub = Hub(self)

    def now_ms(self) -> int:
        """The exchange's clock."""
        return self.clock.now_ms()

    async def flush(self) -> None:
        """Return when everything that has happened so far is on disk: then it may be told."""
        await self.committer.flush()

    def open_account(self, label: str, amounts: Mapping[Market, Mapping[str, int]], now_ms: int) -> Account:
        """Open an account with a fresh key pair and its first deposits, by market and asset."""
        account_id = max((account.account_id for account in self.accounts_by_key.values()), default=0) + 1
        account = Account(account_id, label, random_text(64), random_text(64), now_ms)
        self.accounts_by_key[account.api_key] = account
        self.journal.put(ACCOUNTS, account_id, account)
        for market, assets in amounts.items():
            for asset, amount in assets.items():
                self.deposit(account_id, market, asset, amount, now_ms)
        return account

    def accounts_called(self, name: str) -> list[Account]:
        """The accounts that have this API key, label or id."""
        return [a for a in self.accounts_by_key.values() if name in (a.api_key, a.label, str(a.account_id))]

    def deposit(self, account_id: int, market: Market, asset: str, amount: int, now_ms: int) -> int:
        """Bring money from outside (negative: take it away); return the number of the deposit. Raises Rejected."""
        self.venues[market].engine.deposit(account_id, asset, amount, now_ms)
        self._last_deposit += 1
        deposit = Deposit(self._last_deposit, account_id, market, asset, amount, now_ms)
        self.journal.put(DEPOSITS, deposit.number, deposit)
        return deposit.number

    def catch_up(self, now_ms: int) -> None:
        """Let the prices act that have passed: what is done now must not meet a price that is older than itself."""
        if now_ms - self.matched_ms >= STEP_MS:
            self.match(now_ms)

    def match(self, now_ms: int) -> None:
        """Walk the prices since the last call and let the engines act on them."""
        self.faults.tick(now_ms)
        after_ms = max(self.matched_ms, now_ms - MOST_BEHIND_MS * self.clock.speed)
        self.matched_ms = now_ms - now_ms % STEP_MS
        self.spot.engine.bnb_price = self.futures.engine.bnb_price = self.spot.feed.bnb_price(now_ms)
        for at_ms, venue, symbol, quote in self._quotes_between(after_ms, now_ms):
            self._pay_fundings(at_ms)
            venue.credit(venue.engine.on_quote(symbol, quote, at_ms))
        self._pay_fundings(now_ms)
        self.futures.engine.on_time(now_ms)
        if self.clock.is_ahead:
            self._keep_clock(now_ms)

    def _quotes_between(self, after_ms: int, until_ms: int) -> list[tuple[int, Venue[Any], str, Quote]]:
        """What the prices were that somebody waits for, of all markets, in the order of time."""
        found = [
            (at_ms, venue, symbol, quote)
            for venue in self.venues.values()
            for symbol in venue.feed.symbols
            if venue.engine.watches(symbol)
            for at_ms, quote in venue.feed.quotes_between(symbol, after_ms, until_ms)
        ]
        found.sort(key=itemgetter(0))
        return found

    def _pay_fundings(self, until_ms: int) -> None:
        """Settle the fundings that are due."""
        while self._funding_ms <= until_ms and self._pay_funding(self._funding_ms):
            self._funding_ms = self.futures.feed.next_funding_ms(self._funding_ms)

    def _keep_clock(self, now_ms: int) -> None:
        """Remember a moment that is always a little later than any that was told: a restart goes on there."""
        second_ms = MS_PER_SECOND * self.clock.speed
        if now_ms + second_ms > self._clock_kept_ms:
            self._clock_kept_ms = now_ms + 2 * second_ms
            self.journal.put(SETTINGS, "clock", ("clock", str(self._clock_kept_ms)))

    def _pay_funding(self, due_ms: int) -> bool:
        """Settle one funding of all symbols; False when there is no price to settle it at yet."""
        feed = self.futures.feed
        try:
            marks = {symbol: feed.quote(symbol, due_ms).mark for symbol in feed.symbols}
        except NoPrice:
            return False
        for symbol, mark in marks.items():
            self.futures.engine.settle_funding(symbol, feed.funding_rate(symbol, due_ms), mark, due_ms)
        return True

    def _committed(self, batch: Batch) -> None:
        for table, rows in batch.rows:
            if table is FILLS:
                self._log_fills([dict(zip(FILLS.columns, row, strict=True)) for row in rows])
        self.hub.tell(batch.news)

    def _log_fills(self, fills: list[dict[str, object]]) -> None:
        for fill in fills:
            self.venues[str(fill["market"])].fills += 1
        # One record for some of them: a record of its own for each was an eighth of the work of a market order.
        for begin in range(0, len(fills), FILLS_IN_A_LINE):
            logger.info("\n".join(FILL_LINE % fill for fill in fills[begin : begin + FILLS_IN_A_LINE]))


def random_text(length: int) -> str:
    """Letters and digits nobody can guess."""
    return secrets.token_bytes(length).translate(LETTER_OF_BYTE).decode()
