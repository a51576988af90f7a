"""Keeping stop and targets of a position at the exchange: placed after an entry, moved, and removed in the end.

Each turn of `keep_protected` decides under the bot's lock on fresh state, writes down what it is about to do, and talks
to the exchange outside. So a worker may die between any two steps: the next one goes on from what rests by then.
On futures a new stop rests before the old one goes. On spot the coins are tied up by the old one, so it goes first.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from bots.decide import protection_plan
from bots.models import BotConfig, BotQuerySet
from bots.protection import Leg, Plan
from bots.services.locking import locked_bot
from bots.services.look import SeriesView
from bots.services.standings import bot_now, standings
from bots.situation import Wish
from market.exchange.errors import ExchangeError, OrderRejected, TriggersAtOnce
from market.exchange.gateway import Gateway
from market.ready import Ready
from market.types import Clock, OrderType, Side
from trades.checks import Code, Denial
from trades.lifecycle import NEVER_WERE
from trades.metrics import count_outcome
from trades.models import Event, Order, Position, PositionQuerySet, is_open
from trades.services import Intent, cancel_order, intend_order, submit_orders
from trades.services.events import write_event
from trades.services.orders import ID_PREFIX, MAX_ATTEMPTS

NAKED_TOO_LONG = timedelta(seconds=30)
RESTING = Ready(
    lambda position_id: (
        Order.objects.filter(position=position_id, purpose=Order.Purpose.PROTECTION, status=Order.Status.OPEN)
        .select_related("position__account")
        .order_by("pk")
    ),
    int,
)
MOST_TURNS = 4  # cancel, place, cancel what the move left over, look once more


@dataclass(frozen=True)
class Kept:
    """How keeping a position protected went: bad news of the exchange, or why the position has to be given up."""

    error: ExchangeError | None = None
    give_up: str = ""


@dataclass(frozen=True)
class _Turn:
    """What one look under the lock wants done, in this order."""

    cancel: list[Order]
    send: list[list[Order]]  # one order, or the two of a pair
    give_up: str = ""

    def __bool__(self) -> bool:
        return bool(self.cancel or self.send)


def keep_protected(bot_id: int, view: SeriesView, *, gateway: Gateway, clock: Clock) -> Kept:
    """Bring what rests at the exchange in line with what the bot's exits ask for. Raise BotBusy."""
    for _ in range(MOST_TURNS):
        if not _differs(bot_id, view, now=clock()):
            break
        with locked_bot(bot_id) as bot:
            turn = _next_turn(bot, view, now=clock())
        if turn.give_up:
            return Kept(give_up=turn.give_up)
        if not turn:
            break
        error = clear_away(turn.cancel, gateway=gateway, clock=clock)
        if error:
            return Kept(error)
        for orders in turn.send:
            error = submit_orders(orders, gateway=gateway, now=clock())
            if error:
                return Kept(error, _why_give_up(orders[0], error))
    return Kept()


def clear_away(orders: Sequence[Order], *, gateway: Gateway, clock: Clock) -> ExchangeError | None:
    """Cancel orders and record what became of them; return the first bad news while an outcome is not clear.

    One order of a pair takes the other with it, but each is asked for, since each may have been filled.
    """
    for order in orders:
        error = cancel_order(order, gateway=gateway, now=clock())
        if error:
            return error
    return None


def _differs(bot_id: int, view: SeriesView, *, now: datetime) -> bool:
    """Look without a lock whether there is anything to do: mostly there is not, and nobody need be kept waiting."""
    # A switch that is pressed only ever makes a plan shorter.
    return bool(_plan(bot_now(bot_id), view, now=now, with_switches=False))


def _plan(bot: BotConfig, view: SeriesView, *, now: datetime, with_switches: bool = True) -> Plan:
    standing = standings([bot], now=now, with_day=False, with_switches=with_switches)[bot.pk]
    return protection_plan(bot.setup, view.rules, standing)


def _next_turn(bot: BotConfig, view: SeriesView, *, now: datetime) -> _Turn:
    """Plan on fresh state, and write new orders down. In the transaction that holds the bot's lock."""
    plan = _plan(bot, view, now=now)
    places_first = bot.setup.futures and plan.place
    if plan.cancel and not places_first:
        return _Turn(list(Order.objects.filter(pk__in=plan.cancel).select_related("position__account")), [])
    return _intend(bot, plan, view, now=now)


def _intend(bot: BotConfig, plan: Plan, view: SeriesView, *, now: datetime) -> _Turn:
    groups, denials = [], list[Denial]()
    for leg in plan.place:
        is_pair = bool(leg.stop and leg.target and not bot.setup.futures)
        list_id = f"{ID_PREFIX}{bot.position_id}-l{secrets.token_hex(8)}" if is_pair else ""
        made = [
            _intend_one(bot, leg, kind, list_id, view, now=now)
            for kind, price in ((OrderType.STOP, leg.stop), (OrderType.TARGET, leg.target))
            if price
        ]
        denials += [item for item in made if isinstance(item, Denial)]
        orders = [item for item in made if isinstance(item, Order)]
        if is_pair and len(orders) == 1:
            alone = orders.pop()
            alone.move(Order.Status.CANCELED, finished_at=now, error="its other half was denied")
            count_outcome(alone, Order.Status.CANCELED)
        groups += [orders] if is_pair else [[order] for order in orders]
    send = [group for group in groups if group]
    in_vain = [item.detail for item in denials if item.code == Code.ATTEMPTS_USED_UP]
    if in_vain and not send and _is_naked(bot.position):
        return _Turn([], [], give_up=f"nothing can rest at the exchange: {in_vain[0]}")
    return _Turn([], send)


def _intend_one(
    bot: BotConfig, leg: Leg, kind: OrderType, list_id: str, view: SeriesView, *, now: datetime
) -> Order | Denial:
    position, price = bot.position, leg.stop if kind is OrderType.STOP else leg.target
    act = f"protect:{position.round}:{leg.number}:{kind}"
    # Every move is an act of its own; what was refused before it ever rested is the same act, tried again.
    of_leg = position.orders.filter(signal_key__startswith=f"{act}:")
    done = of_leg.exclude(status__in=NEVER_WERE, exchange_order_id__isnull=True).count()
    intent = Intent(
        purpose=Order.Purpose.PROTECTION,
        side=Side.SELL if position.quantity > 0 else Side.BUY,
        quantity=leg.quantity,
        price=view.price,
        signal_key=f"{act}:{done}",
        reason=f"{bot.name}: {'stop' if kind is OrderType.STOP else 'take profit'} of {leg.quantity} at {price}",
        type=kind,
        order_price=price,
        list_client_id=list_id,
        leg=leg.number,
    )
    return intend_order(position.pk, intent, rules=view.rules, now=now)


def _why_give_up(order: Order, error: ExchangeError) -> str:
    """Why the position can't stay: its stop was passed already, or is refused for good. Empty for a passing fault."""
    if isinstance(error, TriggersAtOnce):
        return f"the price has passed the {order.type} at {order.price} already"
    attempts = MAX_ATTEMPTS[Order.Purpose.PROTECTION]
    in_vain = isinstance(error, OrderRejected) and attempts and order.attempt >= attempts
    if in_vain and _is_naked(order.position):
        return f"no {order.type} can rest at the exchange: {error}"
    return ""


def _is_naked(position: Position) -> bool:
    """Whether no stop rests for it now: one that could not be moved still does."""
    return Position.objects.filter(pk=position.pk, naked_since__isnull=False).exists()


def protections_in_the_way(bot: BotConfig) -> list[Order]:
    """What ties up the coins that an exit would sell; nothing on futures, where orders tie up none."""
    if bot.setup.futures:
        return []
    return RESTING(bot.position_id)


def bots_to_protect() -> BotQuerySet:
    """Bots whose position is open without a stop that they want, or closed with protections that outlived it."""
    outlived = Order.objects.filter(
        purpose=Order.Purpose.PROTECTION, status=Order.Status.OPEN, cancel_requested_at=None
    ).exclude(is_open("position__"))
    return BotConfig.objects.filter(Q(position__in=naked_positions()) | Q(position__in=outlived.values("position")))


def naked_positions() -> PositionQuerySet:
    """Open positions whose bot wants a stop and has none at the exchange."""
    wants_stop = Q(bot__stop_loss_percent__isnull=False) | Q(bot__trailing_stop_percent__isnull=False)
    works = Q(bot__desired_state=Wish.RUN) | Q(bot__exits_when_stopped=True)
    return Position.objects.filter(wants_stop, works, naked_since__isnull=False)


def tell_of_naked_positions(*, now: datetime) -> int:
    """Write the news of positions that have been without their stop for too long, once each; return how many."""
    told = 0
    for position in naked_positions().filter(naked_since__lt=now - NAKED_TOO_LONG).select_related("bot"):
        since = position.naked_since
        assert since is not None, "the query asked for those that are naked"
        if position.events.filter(kind=Event.Kind.NAKED_POSITION, created_at__gte=since).exists():
            continue
        seconds = (now - since).total_seconds()
        message = f"bot {position.bot.name}: {position.symbol} has had no stop at the exchange for {seconds:.0f} s"
        write_event(Event.Kind.NAKED_POSITION, position, message, now=now)
        told += 1
    return told
