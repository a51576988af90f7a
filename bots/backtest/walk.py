"""A trial, candle by candle: what the exchange does inside one, what the bot does when it has closed. Plain Python.

A candle in which nothing can happen is passed over (`bots.backtest.watch`). The conventions are told in
docs/backtests.md.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from bots.backtest.shelf import reached
from bots.backtest.tape import MS, Tape
from bots.backtest.trader import Trader
from bots.backtest.types import NotTestable, Outcome, TooManyFills, Trial
from bots.backtest.watch import next_reached, watch
from bots.decision import Act, Decision
from bots.exits import stop_levels, target_price
from bots.limits import cooling_until, day_end
from bots.situation import MarketView, Wish
from bots.types import DAILY, LASTING, Reason
from market.types import EPOCH, Candles, Side

Beat = Callable[[float], None]
BEAT_EVERY = 10_000  # candles
MOST_FILLS = 100_000  # of one trial, which are 200 MB; one order every five minutes makes as many in a year


def run_trial(trial: Trial, candles: Candles, *, begin_ms: int, beat: Beat | None = None) -> Outcome:
    """Trade the candles from ``begin_ms`` on; those before are history for the strategy.

    ``beat`` is told now and then which part is done, and may raise to stop it. Raises NotTestable, BadCandles,
    TooManyFills, BadReading, and whatever the strategy itself raises.
    """
    if trial.setup.wish is not Wish.RUN:
        raise NotTestable("a bot that is stopped trades nothing")
    return Walk(trial, Tape(trial, candles, begin_ms)).run(beat or (lambda share: None))


class Walk:
    """``looks_always``: at each candle, for comparison."""

    def __init__(self, trial: Trial, tape: Tape, *, looks_always: bool = False) -> None:
        self.trial, self.tape = trial, tape
        self.trader = Trader(trial, tape)
        self._looks_always = looks_always
        self._is_restless = False  # what it wanted could not be done: it looks at the next candle in any case
        self._seen = tape.first  # the first candle whose prices are not among the best price yet

    def run(self, beat: Beat) -> Outcome:
        tape, ledger = self.tape, self.trader.ledger
        index, told = tape.first, tape.first
        beat(0.0)
        while (index := self._next(index)) < tape.end:
            self._inside(index)
            index = self._at_close(index)
            if len(ledger.fills) > MOST_FILLS:
                raise TooManyFills(f"it trades more than {MOST_FILLS:,} times: test fewer days, or a longer interval")
            if index - told >= BEAT_EVERY:
                beat((index - tape.first) / (tape.end - tape.first))
                told = index
        ledger.mark(tape.end)
        beat(1.0)
        closes_ms = tape.candles.open_time_ms[tape.first :] + tape.interval_ms
        return Outcome(
            fills=tuple(ledger.fills),
            rounds=tuple(ledger.rounds),
            equity_ms=closes_ms,
            equity=ledger.equity,
            reasons=dict(+self.trader.reasons),
            funding=ledger.funding,
            open_position=ledger.still_open(),
        )

    def _next(self, index: int) -> int:
        """The next candle, from this one on, in which something can happen."""
        tape, side = self.tape, self.trader.side
        if index >= tape.end or self._looks_always or self._is_restless:
            return index
        if side is None:
            return int(tape.next_entry[index])
        until = int(tape.next_news[side][index])
        if self.trial.funding_percent and self.trial.setup.futures:
            until = min(until, int(tape.next_funding[index]))
        watched = watch(self.trader, side, self.trial.setup.exits, float(self.trial.rules.tick_size))
        return next_reached(tape, watched, index, until)

    # --- inside a candle

    def _inside(self, index: int) -> None:
        """What the exchange does while a candle lasts, and on a long one the ticks, too."""
        trader, candles = self.trader, self.tape.candles
        side = trader.side
        if side is None:
            return
        trader.ledger.mark(index)
        self._see_passed(index, side)
        at_open = self._moment(self.tape.open_ms(index))
        self._reach(_decimal(candles.open[index]), side, at=at_open, is_open=True)
        low, high = _decimal(candles.low[index]), _decimal(candles.high[index])
        adverse, favourable = (low, high) if side is Side.BUY else (high, low)
        at = self._moment(self.tape.close_ms(index) - 1)
        if not self.tape.is_long:
            self._reach(adverse, side, at=at)
            self._reach(favourable, side, at=at)
            return
        # The adverse extreme comes first if it reaches what rests there, and else last, where the stop has followed.
        is_first = bool(reached(trader.shelf.stops(), adverse, sign=-side.sign)) or self._liquidates(adverse, side)
        way = (adverse, favourable) if is_first else (favourable, adverse)
        for price in way:
            self._reach(price, side, at=at)
            self._tick(index, price, side, at=at)
        self._reach(_decimal(candles.close[index]), side, at=at)

    def _see_passed(self, index: int, side: Side) -> None:
        """The best price of the candles that were passed over, as the ticks saw them."""
        if self._seen < index:
            candles, part = self.tape.candles, slice(self._seen, index)
            seen = candles.close if not self.tape.is_long else candles.high if side is Side.BUY else candles.low
            best = seen[part].max() if side is Side.BUY else seen[part].min()
            self.trader.see(_decimal(best), side)
        self._seen = index

    def _reach(self, price: Decimal, side: Side, *, at: datetime, is_open: bool = False) -> None:
        """The price goes there: what rests on its way is filled, the worse first. At the open it jumps."""
        trader = self.trader
        if is_open and self._liquidates(price, side):
            trader.be_liquidated(price=price, at=at)
        for order in reached(trader.shelf.stops(), price, sign=-side.sign):
            if trader.side:  # what only reduces finds nothing left once another one has closed the position
                trader.fill_resting(order, price=price if is_open else order.price, at=at)
        if self._liquidates(price, side):
            trader.be_liquidated(price=trader.liquidation or price, at=at)
        for order in reached(trader.shelf.targets(side), price, sign=side.sign):
            trader.fill_resting(order, price=price if is_open else order.price, at=at)

    def _liquidates(self, price: Decimal, side: Side) -> bool:
        liquidation = self.trader.liquidation
        return liquidation is not None and (price - liquidation) * side.sign <= 0

    def _tick(self, index: int, price: Decimal, side: Side, *, at: datetime) -> None:
        """A tick inside a long candle: it moves what rests, and sees exits for which nothing rests."""
        trader = self.trader
        if trader.side is None:
            return
        trader.see(price, side)
        market = self.tape.view(index, price=price, inside=True)
        decision = trader.decide(market, now=at)
        if decision.act:
            trader.act(decision.act, market, now=at, price=self._level(decision.act, price, side), at=at)
        if trader.side:
            trader.protect(now=at)

    def _level(self, act: Act, price: Decimal, side: Side) -> Decimal:
        """Where on the way to ``price`` a tick has seen an exit: within a minute of its level."""
        trader, exits = self.trader, self.trial.setup.exits
        levels = dict(stop_levels(exits, side=side, entry_price=trader.entry_price, best_price=trader.best_price))
        if exits.targets:
            levels["take_profit"] = target_price(trader.entry_price, side, exits.targets[-1].gain_percent)
        return levels.get(act.key, price)

    # --- when it has closed

    def _at_close(self, index: int) -> int:
        """Decide on a closed candle, and fill what is ordered at the next one's open; return where to go on."""
        tape, trader = self.tape, self.trader
        price = _decimal(tape.candles.close[index])
        side = trader.side
        if side:
            self._pay_funding(index, price, side)
        self._seen = index + 1
        self._is_restless = False
        if index + 1 >= tape.end:
            return tape.end
        trader.ledger.mark(index + 1)
        now = self._moment(tape.open_ms(index + 1))
        market = tape.view(index, price=price)
        could_enter = bool(tape.enters[index]) and (side is None or self.trial.setup.adds)
        decision = trader.decide(market, now=now, could_enter=could_enter)
        if side:
            trader.see(price, side)  # as live: what rests is compared with the best price as it was before this tick
        if decision.act:
            self._follow(decision, market, index, now)
        elif decision.protects:
            trader.protect(now=now)
        elif side:
            self._is_restless = trader.is_to_protect(now)
        elif decision.reason:
            return self._pass_over(index + 1, decision.reason, now)
        return index + 1

    def _follow(self, decision: Decision, market: MarketView, index: int, now: datetime) -> None:
        """Order what is decided, at the open of the next candle; who turns enters the other way at once."""
        trader, opened = self.trader, _decimal(self.tape.candles.open[index + 1])
        assert decision.act is not None, "an act is followed"
        done = trader.act(decision.act, market, now=now, price=opened, at=now)
        is_over = done and (decision.act.reduces or trader.side is None)  # one order may sell less than is held
        self._is_restless = not decision.act.is_entry and not is_over
        self._after_act(market, opened, now)
        if decision.turns and done:
            second = trader.decide(market, now=now, could_enter=True)
            if second.act and trader.act(second.act, market, now=now, price=opened, at=now):
                self._after_act(market, opened, now)

    def _after_act(self, market: MarketView, opened: Decimal, now: datetime) -> None:
        """Protect what is held; a position whose liquidation would come before its stop is given up at once."""
        trader = self.trader
        if trader.side is None:
            return
        trader.protect(now=now)
        if trader.liquidation is None:
            return
        decision = trader.decide(market, now=now)
        if decision.act and not decision.act.is_entry:
            trader.act(decision.act, market, now=now, price=opened, at=now)

    def _pay_funding(self, index: int, price: Decimal, side: Side) -> None:
        percent, times = self.trial.funding_percent, int(self.tape.payments[index])
        if self.trial.setup.futures and percent and times:
            ledger = self.trader.ledger
            ledger.mark(index)
            at = self._moment(self.tape.close_ms(index))
            ledger.pay(-times * ledger.quantity * price * percent / 100, at)

    def _pass_over(self, index: int, reason: Reason, now: datetime) -> int:
        """Count the candles that the same reason holds back, and go on where it may have ended."""
        until = self._lasts_until(reason, now)
        if self._looks_always or until is None:
            return index
        tape = self.tape
        end = tape.end - 1 if until is EPOCH else min(tape.index_from((until - EPOCH) // MS), tape.end - 1)
        if end <= index:
            return index
        self.trader.reasons[reason] += int(tape.entries_before[end] - tape.entries_before[index])
        return end

    def _lasts_until(self, reason: Reason, now: datetime) -> datetime | None:
        """Until when a bot that holds nothing is held back for sure; EPOCH: to the end. None: perhaps not any more."""
        if reason in LASTING or reason is Reason.ENTRIES_PAUSED:
            return EPOCH
        if reason in DAILY:
            return day_end(now, self.trial.time_zone)
        if reason is Reason.COOLING_DOWN:
            return cooling_until(self.trader.ledger.figures.closed_at, self.trial.setup.cooldown_minutes)
        return None

    def _moment(self, ms: int) -> datetime:
        return EPOCH + ms * MS


def _decimal(price: float) -> Decimal:
    """A recorded price as it was written."""
    return Decimal(repr(float(price)))
