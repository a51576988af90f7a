"""What a bot does now: the strategy's signal seen through its position, exits and limits. Plain Python.

`decide` runs twice for a bot that acts: in the tick, on what was read in bulk, and again under the bot's lock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from bots.exits import Exit, ExitSettings, better_price, due_exit
from bots.limits import Day, Limits, Record, cooling_until, first_breach
from bots.protection import Holding, Plan, Resting, plan, wanted_legs
from bots.sizing import Mode, Sizing, TooSmall, entry_quantity, reduction_quantity, wanted_quantity
from bots.strategies.base import Signal
from bots.types import STATUS_OF, Reason, Status
from market.rounding import plain
from market.rules import Rules
from market.types import Side
from trades.checks import Code, Denial
from trades.checks.market import SIGNAL_VALID_FOR
from trades.lifecycle import SIGNAL_EXIT
from trades.liquidation import comes_first


class Wish(StrEnum):
    """What the owner wants of the bot."""

    RUN = "running"
    STOP = "stopped"  # and keep what it holds
    FLATTEN = "flattened"  # close what it holds, then stop


@dataclass(frozen=True)
class Setup:
    """What the owner configured."""

    wish: Wish
    exits: ExitSettings
    sizing: Sizing
    limits: Limits
    initial_capital: Decimal
    cooldown_minutes: int
    exits_when_stopped: bool
    futures: bool = False  # both ways, with leverage; spot is long only
    leverage: int = 1
    is_isolated: bool = True
    min_liquidation_percent: Decimal = Decimal(0)  # how far the liquidation must be without a stop
    adds: bool = False  # the strategy may enter again while a position is open


@dataclass(frozen=True)
class MarketView:
    """The market, the same for all bots of one series and set of parameters."""

    signal: Signal
    candle_close_at: datetime
    text: str  # the strategy's sentence about the last candle
    price: Decimal
    rules: Rules
    left_long_at: datetime | None = None  # the close of the last candle whose signal was to leave a long position
    left_short_at: datetime | None = None  # the same of a short one
    trouble: Reason = Reason.NONE  # why there is no signal; price and rules are good all the same
    indicators: Mapping[str, float] = field(default_factory=dict)  # the strategy's values at the last candle
    key: str = ""  # names a signal that is not a candle's; then candle_close_at is when it was sent

    def left_at(self, side: Side) -> datetime | None:
        """When the strategy last wanted a position of this side left."""
        return self.left_long_at if side is Side.BUY else self.left_short_at


@dataclass(frozen=True)
class Standing:
    """Where the bot stands: its position, its orders, its day."""

    quantity: Decimal
    entry_price: Decimal
    realized_pnl: Decimal
    best_price: Decimal  # since the entry, as far as ticks have seen it
    opened_at: datetime | None
    closed_at: datetime | None
    order_in_doubt: bool
    day: Day
    account_state: str  # the strictest of the switches of platform, user and account
    account_cooling: bool
    key_error: str  # why the key can't be used for entries, if it can't
    hold: str = ""  # the sentence that goes with account_state, unless that is active
    lockout: Reason = Reason.NONE  # a lasting limit was reached, and no person has looked since
    lockout_text: str = ""
    is_reconciled: bool = True
    record: Record | None = None  # None: not read, for it matters only to a bot that is about to enter
    resting: tuple[Resting, ...] = ()  # its protections at the exchange
    steps_taken: frozenset[int] = frozenset()  # of the take profit, in this round
    exiting: Decimal = Decimal(0)  # what the exits that are under way are still to sell, or to buy back
    unprotectable: str = ""  # why no stop can rest at the exchange, if that was tried in vain
    terms_agreed: bool = False  # futures: the exchange has confirmed leverage and margin type
    terms_trouble: str = ""  # futures: why it did not, a short while ago
    liquidation_asked: bool = True  # futures: it was asked where it would liquidate this position
    liquidation_price: Decimal | None = None  # what it said


@dataclass(frozen=True)
class Act:
    """The order that a decision asks for."""

    is_entry: bool
    side: Side
    quantity: Decimal
    key: str  # entry, and exit of a part: the candle; exit: its kind
    adds: bool = False  # an entry into a position that is open
    reduces: bool = False  # an exit of a part, as the strategy wants


@dataclass(frozen=True)
class Decision:
    reason: Reason
    text: str
    act: Act | None = None
    status: Status = Status.RUNNING
    denial: Denial | None = None  # the limit behind the reason, if it is one
    protects: bool = False  # what rests at the exchange is not what should rest there, or something is to be asked
    agrees: bool = False  # leverage and margin type are to be set at the exchange
    turns: bool = False  # the signal that ends the position asks for one the other way

    @property
    def has_work(self) -> bool:
        """Whether the bot has to run, and not only to say something."""
        return bool(self.act) or self.protects or self.agrees

    @classmethod
    def because(cls, reason: Reason, text: str, denial: Denial | None = None) -> "Decision":
        """No order; the status that goes with the reason."""
        return cls(reason, text, status=STATUS_OF[reason], denial=denial)


def side_held(quantity: Decimal, rules: Rules, *, futures: bool) -> Side | None:
    """The direction of the position; None when there is none, or only dust that can't be traded.

    Spot is long only: less than nothing is a commission that was taken from coins of somebody else.
    """
    if not rules.tradable(quantity):
        return None
    if quantity > 0:
        return Side.BUY
    return Side.SELL if futures else None


def decide(setup: Setup, market: MarketView, standing: Standing, *, now: datetime) -> Decision:
    """Exits first; then what holds the bot back; then the signal. Without an order, what rests is looked at, too."""
    decision = _decide(setup, market, standing, now=now)
    if decision.act or decision.agrees:
        return decision
    if not _asks_for_liquidation(setup, market.rules, standing) and not protection_plan(setup, market.rules, standing):
        return decision
    return replace(decision, protects=True)


def _asks_for_liquidation(setup: Setup, rules: Rules, standing: Standing) -> bool:
    """Whether the exchange is to be asked where it would liquidate the position: once for each."""
    held = side_held(standing.quantity, rules, futures=setup.futures)
    return bool(held) and not standing.liquidation_asked and not standing.account_cooling


def _decide(setup: Setup, market: MarketView, standing: Standing, *, now: datetime) -> Decision:
    if standing.account_state == "halted" and setup.wish is Wish.RUN:
        return Decision.because(Reason.KILL_SWITCH, f"{standing.hold}: no orders at all")
    side = side_held(standing.quantity, market.rules, futures=setup.futures)
    if side:
        return _with_position(setup, market, standing, side=side, now=now)
    if setup.wish is not Wish.RUN:
        return Decision(Reason.NONE, "stopped", status=Status.STOPPED)
    return (
        _obstacle(setup, standing)
        or _cool_down(setup, standing, now=now)
        or _no_terms(setup, standing)
        or _blindness(market)
        or _entry(setup, market, standing, now=now)
    )


def _no_terms(setup: Setup, standing: Standing) -> Decision | None:
    """On futures nothing is entered before the exchange has confirmed on which terms."""
    if not setup.futures or standing.terms_agreed:
        return None
    if standing.terms_trouble:
        return Decision.because(Reason.FUTURES_TERMS, standing.terms_trouble)
    text = f"leverage {setup.leverage} and margin type are to be set at the exchange"
    return Decision(Reason.NONE, text, status=Status.PENDING, agrees=True)


def _blindness(market: MarketView) -> Decision | None:
    """Without a signal there is nothing to trade on; protections need the price only."""
    return Decision.because(market.trouble, market.text) if market.trouble else None


def _with_position(setup: Setup, market: MarketView, standing: Standing, *, side: Side, now: datetime) -> Decision:
    due = _due(setup, market, standing, side=side)
    if due is None:
        held = held_in_words(standing.quantity, standing.entry_price, market.rules.base_asset)
        if setup.wish is Wish.RUN and _asks_for_more(setup, market, standing, side=side, now=now):
            return _addition(setup, market, standing, side=side, held=held)
        if setup.wish is Wish.RUN and _asks_for_less(market, standing, side=side, now=now):
            return _reduction(setup, market, standing, side=side, held=held)
        return staying(setup.wish, held, market)
    if standing.account_state == "halted":
        return Decision.because(Reason.KILL_SWITCH, f"{due.reason}, but {standing.hold}")
    if standing.account_cooling:
        return Decision.because(Reason.EXCHANGE_COOLDOWN, f"{due.reason}, but the exchange asked for silence")
    # Beside an exit of a part what that leaves; beside one of all, all: it is denied while that is under way.
    quantity = _beside_exits(standing, market.rules) or market.rules.tradable(standing.quantity)
    act = Act(is_entry=False, side=side.opposite, quantity=quantity, key=due.kind)
    turns = setup.futures and due.kind == SIGNAL_EXIT and market.signal.enters(side.opposite)
    return Decision(Reason.NONE, due.reason, act, turns=turns)


def _beside_exits(standing: Standing, rules: Rules) -> Decimal:
    """What can be traded of the position that no exit under way is to sell, whatever becomes of it."""
    return rules.tradable(max(abs(standing.quantity) - standing.exiting, Decimal(0)))


def held_in_words(quantity: Decimal, entry_price: Decimal, base_asset: str) -> str:
    """What is held, or sold short, and from which price on."""
    way = "held" if quantity > 0 else "sold short"
    return f"{plain(abs(quantity))} {base_asset} {way} from {plain(round(entry_price, 8))}"


def staying(wish: Wish, held: str, market: MarketView) -> Decision:
    """The decision of a bot that goes on holding what it holds."""
    if wish is not Wish.RUN:
        return Decision(Reason.NONE, f"stopped with {held}", status=Status.STOPPED)
    return _blindness(market) or Decision(Reason.NONE, f"{held}; {market.text}")


def _asks_for_more(setup: Setup, market: MarketView, standing: Standing, *, side: Side, now: datetime) -> bool:
    return setup.adds and market.signal.enters(side) and _is_fresh(market, now) and not standing.exiting


def _asks_for_less(market: MarketView, standing: Standing, *, side: Side, now: datetime) -> bool:
    return market.signal.reduces(side) and _is_fresh(market, now) and not standing.exiting


def _addition(setup: Setup, market: MarketView, standing: Standing, *, side: Side, held: str) -> Decision:
    """One more entry, of the usual size, as far as the capital that is not in the position yet allows it.

    No cool-down: since the position was entered it has not been closed, though parts of it may have been sold.
    """
    obstacle = _obstacle(setup, standing)
    if obstacle:
        return replace(obstacle, text=f"{held}; nothing is added: {obstacle.text}")
    capital, usual = _capital(setup, standing), _usual_quantity(setup, standing, price=market.price)
    free = capital - abs(standing.quantity) * standing.entry_price / setup.leverage
    try:
        quantity = _quantity(setup, market, Sizing(Mode.BASE, usual), capital=free)
    except TooSmall:
        left = f"{max(free, Decimal(0)):.2f} {market.rules.quote_asset} of the capital are left"
        return Decision(Reason.NONE, f"{held}; nothing is added: {left}")
    act = Act(is_entry=True, side=side, quantity=quantity, key=_act_key(market), adds=True)
    return Decision(Reason.NONE, f"{held}; {market.text}", act)


def _reduction(setup: Setup, market: MarketView, standing: Standing, *, side: Side, held: str) -> Decision:
    """An exit of one lot: of what an entry at the average entry price would be.

    Measured at that price, as many sales as there were purchases of the usual size sell all, in whatever unit it is.
    """
    if standing.account_cooling:
        return Decision.because(Reason.EXCHANGE_COOLDOWN, f"{market.text}, but the exchange asked for silence")
    try:
        quantity = reduction_quantity(
            _usual_quantity(setup, standing, price=standing.entry_price),
            held=abs(standing.quantity),
            price=market.price,
            stop_loss_percent=setup.exits.stop_loss_percent,
            rules=market.rules,
            futures=setup.futures,
        )
    except TooSmall as error:
        return Decision(Reason.NONE, f"{held}; nothing is sold: {error}")
    act = Act(is_entry=False, side=side.opposite, quantity=quantity, key=_act_key(market), reduces=True)
    return Decision(Reason.NONE, f"{held}; {market.text}", act)


def _usual_quantity(setup: Setup, standing: Standing, *, price: Decimal) -> Decimal:
    """The quantity of an entry at a price, before rounding, as if nothing was held."""
    return wanted_quantity(
        setup.sizing,
        price=price,
        capital=_capital(setup, standing),
        stop_loss_percent=setup.exits.stop_loss_percent,
        leverage=setup.leverage,
    )


def protection_plan(setup: Setup, rules: Rules, standing: Standing) -> Plan:
    """What to do so that the position's stop and targets rest at the exchange, and nothing that outlived it.

    What rests on a halted account stays, and on futures beside an exit, for there it ties up nothing. On spot what an
    exit under way leaves is protected: nobody may know its outcome for a while.
    """
    side = side_held(standing.quantity, rules, futures=setup.futures)
    if standing.account_state == "halted" or (side and setup.wish is Wish.FLATTEN):
        return Plan()
    if standing.exiting and (setup.futures or not _beside_exits(standing, rules)):
        return Plan()
    wanted = []
    if side and (setup.wish is Wish.RUN or setup.exits_when_stopped):
        quantity = abs(standing.quantity) - standing.exiting
        holding = Holding(side, quantity, standing.entry_price, standing.best_price)
        wanted = wanted_legs(setup.exits, holding, rules, taken=standing.steps_taken)
    return plan(wanted, standing.resting, side=side or Side.BUY, pairs=not setup.futures)


def _due(setup: Setup, market: MarketView, standing: Standing, *, side: Side) -> Exit | None:
    if setup.wish is Wish.STOP and not setup.exits_when_stopped:
        return None
    if standing.unprotectable:
        return Exit("unprotected", standing.unprotectable)
    if setup.wish is Wish.FLATTEN:
        return Exit("flatten", "the owner wants the bot flat")
    if setup.futures and (lost := _liquidation(setup, market, standing, side=side)):
        return lost
    reached = due_exit(
        setup.exits,
        side=side,
        entry_price=standing.entry_price,
        best_price=better_price(standing.best_price, market.price, side),
        price=market.price,
    )
    if reached or setup.wish is Wish.STOP:
        return reached
    left_at, opened_at = market.left_at(side), standing.opened_at
    if left_at and opened_at and left_at > opened_at:
        # Not only the last candle: a tick may have been missed, or the order refused, when the signal came.
        return Exit(SIGNAL_EXIT, f"signal to leave at {left_at:%H:%M} UTC; {market.text}")
    return None


def _liquidation(setup: Setup, market: MarketView, standing: Standing, *, side: Side) -> Exit | None:
    """A position that the exchange would take away before its stop is reached, or has taken away by now."""
    price = standing.liquidation_price
    if price is None:
        return None
    if (market.price - price) * side.sign <= 0:
        return Exit("liquidation", f"price {plain(market.price)} reached the liquidation at {plain(round(price, 8))}")
    if comes_first(
        side,
        entry_price=standing.entry_price,
        liquidation_price=price,
        stop_percent=setup.exits.stop_percent,
        least_percent=setup.min_liquidation_percent,
    ):
        return Exit("liquidation", f"the liquidation at {plain(round(price, 8))} would come before the stop")
    return None


def _obstacle(setup: Setup, standing: Standing) -> Decision | None:
    """What forbids an entry, whatever the signal says."""
    if standing.account_state != "active":
        return Decision.because(Reason.KILL_SWITCH, f"{standing.hold}: no entries")
    if standing.lockout:
        return Decision.because(standing.lockout, standing.lockout_text)
    if standing.account_cooling:
        return Decision.because(Reason.EXCHANGE_COOLDOWN, "the exchange asked for silence")
    if standing.order_in_doubt:
        return Decision.because(Reason.ORDER_UNKNOWN, "an order has no clear outcome yet")
    if standing.key_error:
        return Decision.because(Reason.NO_PERMISSION, standing.key_error)
    if not standing.is_reconciled:
        return Decision.because(Reason.NOT_RECONCILED, "the account's books have not been compared yet")
    breach = first_breach(setup.limits, standing.day, capital=setup.initial_capital, record=standing.record)
    if breach:
        return Decision.because(breach.reason, breach.denial.detail, breach.denial)
    return None


def _cool_down(setup: Setup, standing: Standing, *, now: datetime) -> Decision | None:
    """The pause after the position was closed."""
    until = cooling_until(standing.closed_at, setup.cooldown_minutes)
    if until and now < until:
        text = f"until {until:%H:%M} UTC"
        denial = Denial(Code.COOL_DOWN, text, f"{until:%Y-%m-%d %H:%M:%S}", f"{now:%Y-%m-%d %H:%M:%S}")
        return Decision.because(Reason.COOLING_DOWN, text, denial)
    return None


def _entry(setup: Setup, market: MarketView, standing: Standing, *, now: datetime) -> Decision:
    sides = (Side.BUY, Side.SELL) if setup.futures else (Side.BUY,)
    side = next((side for side in sides if market.signal.enters(side)), None)
    if side is None or not _is_fresh(market, now):
        return Decision.because(Reason.NO_SIGNAL, market.text)
    try:
        quantity = _quantity(setup, market, setup.sizing, capital=_capital(setup, standing))
    except TooSmall as error:
        return Decision.because(Reason.BELOW_FILTERS, str(error))
    act = Act(is_entry=True, side=side, quantity=quantity, key=_act_key(market))
    return Decision(Reason.NONE, market.text, act)


def _quantity(setup: Setup, market: MarketView, sizing: Sizing, *, capital: Decimal) -> Decimal:
    """What an entry buys or sells short, worth no more than the capital allows. Raises TooSmall."""
    return entry_quantity(
        sizing,
        price=market.price,
        capital=capital,
        stop_loss_percent=setup.exits.stop_loss_percent,
        rules=market.rules,
        leverage=setup.leverage,
        futures=setup.futures,
    )


def _capital(setup: Setup, standing: Standing) -> Decimal:
    """What the bot has, in quote asset: it keeps what it earns, and fees are paid from it."""
    return setup.initial_capital + standing.realized_pnl


def _act_key(market: MarketView) -> str:
    """An entry, or the sale of a part, is one act for each candle, or for each signal from outside."""
    return market.key or f"{market.candle_close_at:%Y%m%dT%H%M}"


def _is_fresh(market: MarketView, now: datetime) -> bool:
    return now - market.candle_close_at <= SIGNAL_VALID_FOR
