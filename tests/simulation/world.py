"""A world from one seed: an exchange, accounts, bots, and everything that goes wrong between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

from market.paper.engine.amounts import SCALE
from market.types import Side
from tests.simulation.books import MemoryBooks
from tests.simulation.bots import Bots
from tests.simulation.check import KINDS, Auditor, Finding
from tests.simulation.desk import Desk
from tests.simulation.dice import Dice, Odds
from tests.simulation.exchange import BNB_PRICE, Exchange
from tests.simulation.fate import Fate
from tests.simulation.gateway import Gateway, Veil
from tests.simulation.reports import Reports
from tests.simulation.rows import Account, Position
from tests.simulation.scheduler import Scheduler
from trades.lifecycle import OrderStatus

SPOT_ACCOUNTS, FUTURES_ACCOUNTS = 4, 6
BOTS_PER_SYMBOL = 2  # on spot; on futures one, since the exchange nets what an account holds
RICH, POOR = 10**7 * SCALE, 400 * SCALE
SWEEP_EVERY_MS = 15_000
MOST_SWEEPS_AT_REST = 40
PRICE_EVERY_MS = (50, 250)
BOT_EVERY_MS = (300, 2_500)
DOUBTFUL_BOT_EVERY_MS = (2_000, 15_000)
SWITCH_EVERY_MS = (1_000, 4_000)
SWITCHED_MS = (500, 6_000)
LONGEST_DAY_MS = 20_000_000
REST_EVERY = (4_000, 16_000)  # placements


@dataclass(frozen=True)
class Findings:
    """What a run has done and found."""

    counts: dict[str, Any]
    violations: list[Finding]


class World:
    """Everything, and the hands of its clock."""

    def __init__(self, seed: int, odds: Odds | None = None) -> None:
        self.dice = Dice(seed, odds)
        self.scheduler = Scheduler()
        self.fate = Fate(self.scheduler, self.dice)
        self.exchange = Exchange(self.fate)
        self.books = MemoryBooks(self.fate, {"USDT": Decimal(1), "BNB": Decimal(BNB_PRICE)})
        self._reports = Reports(self.exchange.ledger)
        self._gateways: dict[int, Gateway] = {}
        self.bots = Bots(self.fate, self.exchange, self._reports, self.books, self._gateways)
        self.exchange.on_fills = self.bots.hear
        self._awake = False
        self._open_accounts()
        self.auditor = Auditor(self.exchange, self.books, self._deposits)

    @property
    def placements(self) -> int:
        """How many orders were sent so far."""
        return sum(gateway.placements for gateway in self._gateways.values())

    def run(self, placements: int, *, rest_every: tuple[int, int] = REST_EVERY) -> Findings:
        """Let the bots place so many orders; compare everything now and then, and in the end.

        Whoever finds something stops there: what comes after a mistake proves nothing.
        """
        violations: list[Finding] = []
        while self.placements < placements and not violations:
            stalled = self._trade(min(placements, self.placements + self.dice.between(*rest_every)))
            self._come_to_rest()
            violations = [*stalled, *self.auditor.look(), *(("crashed", text) for text in self.bots.crashes)]
            self._help_the_poor()
        return Findings(self._counts(violations), violations)

    def _trade(self, until: int) -> list[Finding]:
        """Let bots trade until so many orders are placed."""
        self._wake_up()
        deadline = self.scheduler.ms + LONGEST_DAY_MS
        while self.placements < until:
            self.scheduler.run(self.scheduler.ms + 500)
            if self.scheduler.ms > deadline:
                return [("stalled", f"{self.placements} placements, and no more came")]
        return []

    def _counts(self, violations: list[Finding]) -> dict[str, Any]:
        kinds = Counter(kind for kind, _ in violations)
        return {
            "placements": self.placements,
            "violations": len(violations),
            **{kind: kinds[kind] for kind in (*KINDS, "crashed", "stalled")},
            "orders": len(self.books.rows),
            "fills": self.auditor.fills,
            "late_fills": self.books.late,
            "kills": self.fate.kills,
            "sweeps": self.bots.sweeps,
            "simulated_seconds": self.scheduler.ms // 1000,
            "faults": dict(sorted(self.fate.faults.items())),
            "ends": dict(Counter(str(row.status) for row in self.books.rows.values())),
        }

    # --- time

    def _wake_up(self) -> None:
        """Let bots, prices, sweeps and switches go on."""
        self._awake = True
        for position in self.books.positions:
            if not position.is_retired:
                self.scheduler.after(self.dice.between(*BOT_EVERY_MS), partial(self._visit, position))
        self._every(PRICE_EVERY_MS, self.exchange.move_a_price)
        self._every((SWEEP_EVERY_MS, SWEEP_EVERY_MS + 1), partial(self.bots.start, self.bots.sweep))
        self._every(SWITCH_EVERY_MS, self._flip_a_switch)

    def _every(self, span: tuple[int, int], call: Callable[[], object]) -> None:
        def again() -> None:
            if self._awake:
                call()
                self.scheduler.after(self.dice.between(*span), again)

        self.scheduler.after(self.dice.between(0, span[1]), again)

    def _visit(self, position: Position) -> None:
        """Wake a bot, or the one that takes its place."""
        if not self._awake:
            return
        if position.is_retired:
            position = self._hire(position.account, position.rules.symbol, position.entry_side)
        self.bots.wake(position)
        span = DOUBTFUL_BOT_EVERY_MS if position.is_in_doubt else BOT_EVERY_MS
        self.scheduler.after(self.dice.between(*span), partial(self._visit, position))

    def _flip_a_switch(self) -> None:
        """An account is reducing or halted for a while."""
        # Most gladly while an order of it is written down and not sent.
        about_to_send = [row for row in self.books.live.values() if row.status == OrderStatus.INTENDED]
        account = about_to_send[0].position.account if about_to_send else self._any_account()
        if account.state != "active" or not self.fate.strikes("switched"):
            return
        account.state = "halted" if self.dice.happens(0.5) else "reducing"
        since, state, duration = self.scheduler.ms, account.state, self.dice.between(*SWITCHED_MS)

        def back() -> None:
            account.state = "active"
            account.switched.append((since, self.scheduler.ms, state))

        self.scheduler.after(duration, back)

    def _come_to_rest(self) -> None:
        """Nothing goes wrong any more, nobody wants anything new; what hangs is swept until nothing does."""
        self._awake = False
        odds = replace(self.dice.odds)
        self.fate.calm()
        self.scheduler.run()
        quiet = 0
        for _ in range(MOST_SWEEPS_AT_REST):
            self.scheduler.run(self.scheduler.ms + SWEEP_EVERY_MS)
            self.bots.start(self.bots.sweep)
            self.scheduler.run()
            settled = all(
                row.status == OrderStatus.OPEN and not row.cancel_requested_at for row in self.books.live.values()
            )
            quiet = quiet + 1 if settled else 0
            if quiet == 2:
                break
        self.dice.odds = odds
        self.fate.forget_odds()

    # --- accounts

    def _any_account(self) -> Account:
        return self._accounts[self.dice.between(0, len(self._accounts))]

    def _open_accounts(self) -> None:
        """Accounts, what they are given, and a bot or two for each of their symbols."""
        numbers = range(1, SPOT_ACCOUNTS + FUTURES_ACCOUNTS + 1)
        self._accounts = [Account(number, "spot" if number <= SPOT_ACCOUNTS else "futures") for number in numbers]
        self._deposits: dict[tuple[int, str], int] = {}
        veil = Veil(self.fate)
        for account in self._accounts:
            desk = Desk(self.exchange, self._reports, account)
            self._gateways[account.number] = Gateway(self.fate, desk, veil)
            self._fund(account)
            for market, symbol in self.exchange.markets:
                if market == account.market:
                    self._hire_for(account, symbol)

    def _fund(self, account: Account) -> None:
        if account.market == "futures":
            self.exchange.futures.deposit(account.number, "USDT", RICH, self.scheduler.epoch_ms)
            return
        amounts = {"USDT": POOR if account is self._accounts[0] else RICH, "BNB": 0}
        if account.number % 2 == 0:
            self.exchange.spot.set_bnb_burn(account.number, burn=True)
            amounts["BNB"] = RICH
        for asset, amount in amounts.items():
            self.exchange.spot.deposit(account.number, asset, amount, self.scheduler.epoch_ms)
            self._deposits[account.number, asset] = amount

    def _help_the_poor(self) -> None:
        """Who has little is refused now and then, but does not stay without anything for ever."""
        number = self._accounts[0].number
        missing = POOR - self.exchange.spot.balances.of(number, "USDT").free
        if missing > 0:
            self.exchange.spot.deposit(number, "USDT", missing, self.scheduler.epoch_ms)
            self.auditor.expect(number, "USDT", missing)

    def _hire_for(self, account: Account, symbol: str) -> None:
        if account.market == "spot":
            for _ in range(BOTS_PER_SYMBOL):
                self._hire(account, symbol, Side.BUY)
        else:
            self._hire(account, symbol, Side.BUY if account.number % 2 else Side.SELL)

    def _hire(self, account: Account, symbol: str, side: Side) -> Position:
        rules = self.exchange.markets[account.market, symbol].rules
        position = Position(len(self.books.positions) + 1, account, rules, side)
        self.books.positions.append(position)
        return position
