"""What workers do in this world: bots that trade, orders sent by two, the stream, the sweep. All of it may be killed.

The bots are simple; what they call is not: checks, protocol and booking are those that trade.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

from market.exchange.errors import ExchangeError
from market.exchange.types import OrderReport, OrderType
from market.paper.engine.types import Fill
from market.rounding import round_down
from tests.simulation.books import MemoryBooks
from tests.simulation.exchange import Exchange, Market
from tests.simulation.fate import Fate, Killed
from tests.simulation.gateway import Gateway
from tests.simulation.reports import Reports
from tests.simulation.rows import Position, Row, Wanted
from trades import protocol
from trades.checks import Code, Denial
from trades.lifecycle import LIVE, OrderPurpose, OrderStatus

SWEEP_BUDGET_MS = 60_000
AT_ONCE_MS, LATER_MS = 8, 12_000
TRIES_ANYWAY = 0.1
EXITS = 0.6  # how often a bot that holds something leaves
MOST_TIMES_NOTIONAL = 14


class Bots:
    """All workers of a world."""

    def __init__(
        self, fate: Fate, exchange: Exchange, reports: Reports, books: MemoryBooks, gateways: Mapping[int, Gateway]
    ) -> None:
        self.fate = fate
        self.exchange = exchange
        self.reports = reports
        self.books = books
        self.gateways = gateways  # by account
        self.crashes: list[str] = []
        self.sweeps = 0
        self.retired: list[Position] = []
        self._sweeping = False
        self._candle = 0

    # --- workers

    def start(self, task: Callable[[], None], *, after_ms: int = 0) -> None:
        """Let a worker do a task; if it is killed, another one perhaps gets the same task."""

        def work() -> None:
            try:
                task()
            except Killed:
                if self.fate.dice.happens(self.fate.dice.odds.redelivered):
                    self.start(task, after_ms=self.fate.dice.between(100, 10_000))
            except Exception as error:
                self.crashes.append(f"{type(error).__name__}: {error}")

        self.fate.scheduler.spawn(work, after_ms=after_ms)

    def wake(self, position: Position) -> None:
        """Let a bot look at its position, as one tick of many; sometimes two workers are told to."""
        self._candle += 1
        candle = self._candle
        times = 2 if self.fate.strikes("delivered_again") else 1
        for _ in range(times):
            self.start(lambda: self.run_bot(position, candle), after_ms=self.fate.dice.between(0, 300))

    # --- a bot

    def run_bot(self, position: Position, candle: int) -> None:
        """Look, decide, write down, send."""
        live = self.books.look(position)
        # Nearly always a bot waits while an exit is under way; sometimes it tries, and the checks have to say no.
        if any(row.purpose == OrderPurpose.EXIT for row in live) and not self.fate.dice.happens(TRIES_ANYWAY):
            return
        protections = [row for row in live if row.purpose == OrderPurpose.PROTECTION]
        if not position.is_open or self.fate.dice.happens(EXITS):
            if not self._take_away(protections) and not self.fate.dice.happens(TRIES_ANYWAY):
                return
            if position.is_open:
                self._leave(position)
            if not position.live:
                self._enter(position, candle)  # at once, on the same candle
        if position.is_open and not position.live:
            self._protect(position)

    def _take_away(self, protections: list[Row]) -> bool:
        """Cancel what rests; False while some of it is still there, where an exit has to wait for that.

        On futures it may go beside them: the exchange sees to it that all of them only reduce.
        """
        for row in protections:
            if row.status == OrderStatus.OPEN and (not row.reduce_only or self.fate.dice.happens(0.5)):
                self._cancel(row)
        return all(row.reduce_only or row.status not in LIVE for row in protections)

    def _enter(self, position: Position, candle: int) -> None:
        market, price = self._market(position), self._price(position)
        times = Decimal(25 + int(self.fate.dice.random() * (MOST_TIMES_NOTIONAL * 10 - 25))) / 10
        quantity = round_down(market.least * times / price, market.rules.lot_size)
        wanted = Wanted(OrderPurpose.ENTRY, position.entry_side, quantity, price, f"entry:{candle}")
        self._act(position, wanted)

    def _leave(self, position: Position) -> None:
        quantity = position.rules.tradable(position.quantity)
        key = f"exit:{position.figures.round}:signal:{_filled(position, 'exit')}"
        side = position.entry_side.opposite
        self._act(position, Wanted(OrderPurpose.EXIT, side, quantity, self._price(position), key))

    def _protect(self, position: Position) -> None:
        """A stop, a target, or a stop and a target; as one list on spot, where both would need the coins."""
        chance, price, side = self.fate.dice.random(), self._price(position), position.entry_side.opposite
        quantity = position.rules.tradable(position.quantity)
        kinds = (OrderType.STOP, OrderType.TARGET) if chance < 0.4 else (OrderType.STOP,)
        if chance > 0.9:
            kinds = (OrderType.TARGET,)
        leg, far = _filled(position, "protection"), Decimal(2 + int(chance * 1000) % 6) / 1000
        pair = f"tb-pair-{self._candle}-{position.number}" if len(kinds) > 1 else ""
        wanted = []
        for kind in kinds:
            falls = (kind is OrderType.STOP) is (position.entry_side.sign > 0)
            trigger = round_down(price * (1 - far if falls else 1 + far), position.rules.tick_size)
            key = f"protection:{position.figures.round}:{kind}:{leg}"
            wanted.append(Wanted(OrderPurpose.PROTECTION, side, quantity, price, key, kind, trigger, pair))
        if position.account.market == "spot":
            self._act(position, *wanted)
        else:
            for each in wanted:
                self._act(position, each)

    def _act(self, position: Position, *wanted: Wanted) -> None:
        made = self.books.intend(position, *wanted)
        if isinstance(made, Denial):
            if made.code is Code.FILTER and position.is_open:
                self._retire(position)
            return
        numbers = [row.number for row in made]
        if self.fate.strikes("delivered_again"):
            soon = AT_ONCE_MS if self.fate.dice.happens(0.5) else LATER_MS
            self.start(lambda: self.send_again(numbers), after_ms=self.fate.dice.between(0, soon))
        if self._submit(made) and self.fate.strikes("looked_after"):
            self.start(lambda: self.look_after(numbers), after_ms=self.fate.dice.between(0, LATER_MS))

    def _retire(self, position: Position) -> None:
        """What is left can't be sold: another bot takes the place of this one."""
        if not position.is_retired:
            position.is_retired = True
            self.retired.append(position)

    def send_again(self, numbers: list[int]) -> None:
        """A second worker is told to send what is written down."""
        self._submit([self.books.find(number) for number in numbers])

    def look_after(self, numbers: list[int]) -> None:
        """Move orders on, beside the sweep and as it does, a few times."""
        for _ in range(2):
            for number in numbers:
                row, clock = self.books.find(number), self.fate.scheduler.clock
                if row.status in LIVE and protocol.is_hanging(row, clock()):
                    gateway = self.gateways[row.position.account.number]
                    protocol.move_on(row, books=self.books, gateway=gateway, clock=clock)
            self.fate.scheduler.pause(self.fate.dice.between(1, LATER_MS))

    def _submit(self, rows: list[Row]) -> ExchangeError | None:
        gateway, clock = self.gateways[rows[0].position.account.number], self.fate.scheduler.clock
        return protocol.submit(rows, books=self.books, gateway=gateway, clock=clock)

    def _cancel(self, row: Row) -> None:
        gateway, clock = self.gateways[row.position.account.number], self.fate.scheduler.clock
        protocol.cancel(row, books=self.books, gateway=gateway, clock=clock)

    def _price(self, position: Position) -> Decimal:
        return self._market(position).decimal_price

    def _market(self, position: Position) -> Market:
        return self.exchange.markets[position.account.market, position.rules.symbol]

    # --- the sweep

    def sweep(self) -> None:
        """Move every hanging order on; one sweep at a time. See `trades.services.reconciliation`."""
        if self._sweeping:
            return
        self._sweeping = True
        try:
            self._sweep()
        finally:
            self._sweeping = False

    def _sweep(self) -> None:
        self.sweeps += 1
        scheduler = self.fate.scheduler
        started, silent = scheduler.ms, set()
        for row in self.books.hanging():
            account = row.position.account
            if scheduler.ms - started > SWEEP_BUDGET_MS:
                break
            if not protocol.is_hanging(row, scheduler.clock()):
                continue
            if account.number in silent or account.is_cooling(scheduler.clock()):
                continue
            gateway = self.gateways[account.number]
            error = protocol.move_on(row, books=self.books, gateway=gateway, clock=scheduler.clock)
            if error and protocol.silences_the_account(error):
                silent.add(account.number)
                self.books.note_trouble(account, error)

    # --- the stream

    def hear(self, fills: list[Fill]) -> None:
        """The user data stream tells of fills of some orders: each by itself, shuffled, several times."""
        orders = {(fill.market, fill.symbol, fill.order_id) for fill in fills} if len(fills) > 1 else ()
        for key in sorted(orders) or [(fills[0].market, fills[0].symbol, fills[0].order_id)]:
            if self.fate.strikes("streamed"):
                reports = self.reports.news_of(key) * self.fate.dice.between(1, 4)
                self.fate.dice.shuffle(reports)
                self.start(partial(self.listen, reports), after_ms=self.fate.dice.between(1, 400))

    def listen(self, reports: list[OrderReport]) -> None:
        """Book what the stream tells."""
        for report in reports:
            row = self.books.by_client_id.get(report.client_order_id)
            if row is not None and row.status != OrderStatus.INTENDED:
                self.books.record(row.copy(), report, now=self.fate.scheduler.clock())


def _filled(position: Position, kind: str) -> int:
    """How many acts of a kind have come to something in this round; see `trades.services.exit_key`."""
    return sum(bool(row.filled_quantity) for row in position.of_round(kind))
