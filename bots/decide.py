"""What a bot does now: the strategy's signal seen through its position, exits and limits. Plain Python.

`decide` runs twice for a bot that acts: in the tick, on what was read in bulk, and again under the bot's lock.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bots.decision import Act, Decision
from bots.exits import Exit, better_price, due_exit
from bots.limits import cooling_until, first_breach
from bots.lots import addition, quantity_of_entry, reduction
from bots.protection import Holding, Plan, plan, wanted_legs
from bots.situation import MarketView, Setup, Standing, Wish, capital_of, side_held
from bots.sizing import TooSmall
from bots.types import Reason, Status
from market.rounding import plain
from market.rules import Rules
from market.types import Side
from trades.checks import Code, Denial
from trades.lifecycle import SIGNAL_EXIT
from trades.liquidation import comes_first

# The same for all such bots: the sieve lets them say it together.
ENTRIES_PAUSED_TEXT = "a person has paused its entries: resume them to let it go on"


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
            obstacle = _obstacle(setup, standing)
            return addition(setup, market, standing, side=side, held=held, obstacle=obstacle)
        if setup.wish is Wish.RUN and _asks_for_less(market, standing, side=side, now=now):
            return _silence(standing, market.text) or reduction(setup, market, standing, side=side, held=held)
        return staying(setup.wish, held, market)
    if standing.account_state == "halted":
        return Decision.because(Reason.KILL_SWITCH, f"{due.reason}, but {standing.hold}")
    if silence := _silence(standing, due.reason):
        return silence
    # Beside an exit of a part what that leaves; beside one of all, all: it is denied while that is under way.
    quantity = market.rules.tradable(standing.beside_exits) or market.rules.tradable(standing.quantity)
    act = Act(is_entry=False, side=side.opposite, quantity=quantity, key=due.kind)
    turns = setup.futures and due.kind == SIGNAL_EXIT and market.signal.enters(side.opposite)
    return Decision(Reason.NONE, due.reason, act, turns=turns)


def _silence(standing: Standing, wanted: str) -> Decision | None:
    """What keeps an exit back while the exchange takes no orders from the account."""
    if not standing.account_cooling:
        return None
    return Decision.because(Reason.EXCHANGE_COOLDOWN, f"{wanted}, but the exchange asked for silence")


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
    return setup.adds and market.signal.enters(side) and market.is_fresh(now) and not standing.exiting


def _asks_for_less(market: MarketView, standing: Standing, *, side: Side, now: datetime) -> bool:
    return market.signal.reduces(side) and market.is_fresh(now) and not standing.exiting


def protection_plan(setup: Setup, rules: Rules, standing: Standing) -> Plan:
    """What to do so that the position's stop and targets rest at the exchange, and nothing that outlived it.

    What rests on a halted account stays, and on futures beside an exit, for there it ties up nothing. On spot what an
    exit under way leaves is protected: nobody may know its outcome for a while.
    """
    side = side_held(standing.quantity, rules, futures=setup.futures)
    if standing.account_state == "halted" or (side and setup.wish is Wish.FLATTEN):
        return Plan()
    if standing.exiting and (setup.futures or not rules.tradable(standing.beside_exits)):
        return Plan()
    wanted = []
    if side and (setup.wish is Wish.RUN or setup.exits_when_stopped):
        holding = Holding(side, standing.beside_exits, standing.entry_price, standing.best_price)
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
    if setup.entries_paused:
        return Decision.because(Reason.ENTRIES_PAUSED, ENTRIES_PAUSED_TEXT)
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
    if side is None or not market.is_fresh(now):
        return Decision.because(Reason.NO_SIGNAL, market.text)
    try:
        quantity = quantity_of_entry(setup, market, setup.sizing, capital=capital_of(setup, standing))
    except TooSmall as error:
        return Decision.because(Reason.BELOW_FILTERS, str(error))
    act = Act(is_entry=True, side=side, quantity=quantity, key=market.act_key)
    return Decision(Reason.NONE, market.text, act)
