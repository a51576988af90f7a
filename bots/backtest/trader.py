"""The bot of a trial: where it stands, what it decides, and what its orders come to. Plain Python.

It decides by `bots.decide`, as a live bot does, and its orders go through the same checks.
"""

from bisect import bisect_right
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bots.backtest.ledger import Ledger
from bots.backtest.shelf import Shelf
from bots.backtest.tape import Tape
from bots.backtest.types import Trial
from bots.decide import decide, protection_plan
from bots.decision import Act, Decision
from bots.denials import REASON_OF_DENIAL
from bots.exits import better_price, stop_levels
from bots.limits import Day
from bots.protection import Resting
from bots.situation import MarketView, Standing, most_notional, side_held, terms_of
from bots.types import LASTING, Reason
from market.rounding import round_down, round_up
from market.types import Side
from trades.checks import Caps, Proposal, first_denial
from trades.lifecycle import OrderPurpose
from trades.liquidation import Outlook, liquidation_price, margin_of

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MOST_TURNS = 4  # as live: cancel, place, cancel what the move left over, look once more


class Trader:
    def __init__(self, trial: Trial, tape: Tape) -> None:
        self.ledger = Ledger(trial, tape)
        self.shelf = Shelf(pairs=not trial.setup.futures)
        self.reasons: Counter[Reason] = Counter()
        self.liquidation: Decimal | None = None  # where the exchange takes the position away
        self._trial, self._setup, self._rules = trial, trial.setup, trial.rules
        self._limits = trial.setup.limits
        self._lockout, self._lockout_text = Reason.NONE, ""
        self._best, self._best_round = Decimal(0), -1
        self._taken: set[int] = set()
        self._taken_round = -1
        self._orders_at: list[datetime] = []
        self._entries_at: list[datetime] = []

    # --- where it stands

    @property
    def side(self) -> Side | None:
        """The direction of what is held; None when nothing is, or dust."""
        return side_held(self.ledger.quantity, self._rules, futures=self._setup.futures)

    @property
    def entry_price(self) -> Decimal:
        return self.ledger.figures.holding.entry_price

    @property
    def best_price(self) -> Decimal:
        """The best price of this round; the entry price before a tick has seen a better one."""
        return self._best if self._best_round == self.ledger.figures.round else self.entry_price

    def see(self, price: Decimal, side: Side) -> None:
        """A tick has seen this price."""
        self._best, self._best_round = better_price(self.best_price, price, side), self.ledger.figures.round

    def standing(self, now: datetime) -> Standing:
        ledger = self.ledger
        return Standing(
            quantity=ledger.quantity,
            entry_price=self.entry_price,
            realized_pnl=ledger.realized_pnl,
            best_price=self.best_price,
            opened_at=ledger.figures.opened_at,
            closed_at=ledger.figures.closed_at,
            order_in_doubt=False,
            day=ledger.day(now) if self._limits.are_daily else Day(),
            account_state="active",
            account_cooling=False,
            key_error="",
            lockout=self._lockout,
            lockout_text=self._lockout_text,
            record=ledger.tally.record if self._limits.are_lasting else None,
            resting=self.shelf.resting,
            steps_taken=frozenset(self._taken if self._taken_round == ledger.figures.round else ()),
            terms_agreed=True,
            liquidation_price=self.liquidation,
        )

    # --- what it does

    def decide(self, market: MarketView, *, now: datetime, could_enter: bool = False) -> Decision:
        """What a live bot would decide; ``could_enter``: what keeps it from an entry is counted."""
        decision = decide(self._setup, market, self.standing(now), now=now)
        if could_enter and decision.act is None and decision.reason:
            self._hold_back(decision.reason, decision.text)
        return decision

    def act(self, act: Act, market: MarketView, *, now: datetime, price: Decimal, at: datetime) -> bool:
        """Check an order and let it be filled at ``price``, plus slippage; whether it was."""
        denial = first_denial(self._proposal(act, market, now=now))
        if denial:
            if act.is_entry:
                self._hold_back(REASON_OF_DENIAL.get(denial.code, Reason.ORDER_DENIED), denial.detail)
            return False
        self._orders_at.append(now)
        if act.is_entry:
            self._entries_at.append(now)
            kind = "addition" if act.adds else "entry"
        else:
            kind = "reduction" if act.reduces else act.key
        purpose = OrderPurpose.ENTRY if act.is_entry else OrderPurpose.EXIT
        filled = self.slipped(price, act.side)
        self.ledger.fill(act.side, price=filled, quantity=act.quantity, purpose=purpose, kind=kind, at=at)
        if act.is_entry and self._setup.futures:
            self.liquidation = self._liquidation_price(act.side)
        self._clear_up()
        return True

    def is_to_protect(self, now: datetime) -> bool:
        """Whether what rests is not what should rest by now."""
        return bool(protection_plan(self._setup, self._rules, self.standing(now)))

    def protect(self, *, now: datetime) -> None:
        """Bring what rests at the exchange in line with what the bot's exits ask for."""
        for _ in range(MOST_TURNS):
            side = self.side
            plan = protection_plan(self._setup, self._rules, self.standing(now))
            if not plan or side is None:
                return
            self._orders_at += [now] * self.shelf.follow(plan, side=side)

    def fill_resting(self, order: Resting, *, price: Decimal, at: datetime) -> None:
        """A stop or target is filled at ``price``, plus slippage: once triggered it is an order at the market."""
        if order not in self.shelf.resting:
            return  # what was filled just before it left nothing that could be traded
        kind = self._kind_of_stop() if order.is_stop else "take_profit"
        quantity = min(order.quantity, self._rules.tradable(self.ledger.quantity))
        filled = self.slipped(price, order.side)
        purpose = OrderPurpose.PROTECTION
        self.ledger.fill(order.side, price=filled, quantity=quantity, purpose=purpose, kind=kind, at=at)
        self.shelf.take(order)
        if not order.is_stop:
            if self._taken_round != self.ledger.figures.round:
                self._taken, self._taken_round = set(), self.ledger.figures.round
            self._taken.add(order.leg)
        self._clear_up()

    def be_liquidated(self, *, price: Decimal, at: datetime) -> None:
        """The exchange takes the position at ``price``; its fee takes what is left of the margin."""
        side, holding = self.side, self.ledger.figures.holding
        assert side is not None, "a position is liquidated"
        left = self._margin(side, holding.quantity * side.sign * holding.entry_price)
        left += holding.unrealized_pnl(price)
        self.ledger.pay(-left, at)
        self.ledger.fill(
            side.opposite,
            price=price,
            quantity=abs(holding.quantity),
            purpose=OrderPurpose.EXIT,
            kind="liquidation",
            at=at,
            is_free=True,
        )
        self._clear_up()

    def slipped(self, price: Decimal, side: Side) -> Decimal:
        """A price that is worse by the slippage, and on the tick."""
        percent = self._trial.slippage_percent
        if not percent:
            return price
        round_ = round_up if side is Side.BUY else round_down
        return round_(price * (1 + side.sign * percent / 100), self._rules.tick_size)

    # ---

    def _clear_up(self) -> None:
        """Nothing is left of what belonged to a position that is closed."""
        if self.side is None:
            self.shelf.clear()
            self.liquidation = None

    def _hold_back(self, reason: Reason, text: str) -> None:
        self.reasons[reason] += 1
        if reason in LASTING:
            self._lockout, self._lockout_text = reason, text

    def _kind_of_stop(self) -> str:
        side = self.side
        assert side is not None, "a stop protects a position"
        levels = stop_levels(self._setup.exits, side=side, entry_price=self.entry_price, best_price=self.best_price)
        return max(levels, key=lambda level: level[1] * side.sign)[0]

    def _margin(self, side: Side, notional: Decimal) -> Decimal:
        terms = terms_of(self._setup, realized_pnl=self.ledger.realized_pnl)
        assert terms is not None, "spot has no margin"
        return margin_of(terms, notional)

    def _liquidation_price(self, side: Side) -> Decimal | None:
        holding = self.ledger.figures.holding
        quantity = abs(holding.quantity)
        return liquidation_price(
            side,
            quantity=quantity,
            price=holding.entry_price,
            margin=self._margin(side, quantity * holding.entry_price),
            brackets=self._trial.brackets,
        )

    def _proposal(self, act: Act, market: MarketView, *, now: datetime) -> Proposal:
        setup, bounds, pnl = self._setup, self._trial.bounds, self.ledger.realized_pnl
        return Proposal(
            is_entry=act.is_entry,
            side=act.side,
            quantity=act.quantity,
            price=market.price,
            rules=self._rules,
            account_state="active",
            account_cooling=False,
            orders_in_doubt=0,
            live_entries=0,
            position_open=self.ledger.is_open,
            exits_in_flight=Decimal(0),
            held=max(-act.side.sign * self.ledger.quantity, Decimal(0)),
            same_act_real=False,
            attempts=0,
            max_attempts=None,
            max_notional=bounds.max_notional or Decimal("Infinity"),
            may_increase=act.adds,
            now=now,
            signal_at=market.candle_close_at,
            leverage=setup.leverage,
            max_leverage=bounds.max_leverage or setup.leverage,
            protections=setup.exits.orders_needed if act.is_entry else 0,
            caps=Caps(
                max_notional=most_notional(setup, realized_pnl=pnl),
                per_minute=bounds.orders_per_minute,
                per_hour=bounds.entries_per_hour,
            ),
            orders_last_minute=_since(self._orders_at, now - MINUTE),
            entries_last_hour=_since(self._entries_at, now - HOUR),
            **self._outlook(act, market),
        )

    def _outlook(self, act: Act, market: MarketView) -> dict[str, Any]:
        """Of a futures entry: where its liquidation would be."""
        terms = terms_of(self._setup, realized_pnl=self.ledger.realized_pnl)
        if terms is None or not act.is_entry:
            return {}
        outlook = Outlook(
            side=act.side,
            quantity=act.quantity,
            price=market.price,
            margin=margin_of(terms, act.quantity * market.price),
            brackets=self._trial.brackets,
            stop_percent=terms.stop_percent,
            least_percent=self._setup.min_liquidation_percent,
        )
        return {"outlook": outlook}


def _since(moments: list[datetime], moment: datetime) -> int:
    """How many of the moments, which only ever grow, are later."""
    return len(moments) - bisect_right(moments, moment)
