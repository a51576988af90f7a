"""Looking before deciding: where bots stand, read in bulk."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.db.models import F, Q, QuerySet

from bots.limits import Day, Record, record_of
from bots.models import BotConfig
from bots.protection import Resting
from bots.services.days import ask_days, whose_days
from bots.situation import Standing
from bots.types import Reason
from market.models import Switch
from market.ready import Ready, one_round_trip
from market.switches import SwitchState
from market.types import Market, OrderType, Side
from trades.lifecycle import IN_DOUBT, LIVE
from trades.models import Order, Position, Trade

BOT = Ready(lambda bot_id: BotConfig.objects.with_state().filter(pk=bot_id), int)


def bot_now(bot_id: int) -> BotConfig:
    """A bot with state, position, terms and account, as of now. Raises DoesNotExist."""
    return BOT.get(bot_id)


def standings(
    bots: Iterable[BotConfig], *, now: datetime, with_day: bool = True, with_switches: bool = True
) -> dict[int, Standing]:
    """Where each of the bots stands, by bot id. The bots come with state, position and account.

    ``with_day``: what it has done today, too, which only entries depend on. Without ``with_switches`` only the
    account's own switch counts.
    """
    bots = list(bots)
    accounts = {bot.account_id: bot.account for bot in bots}
    holds = {number: account.own_hold for number, account in accounts.items()}
    with one_round_trip():
        asked_orders = _ask_orders([bot.position_id for bot in bots])
        asked_days = ask_days(whose_days(bots), now=now) if with_day else []
        asked_holds = Switch.objects.ask_holds(accounts.values()) if with_switches else None
    orders_of = _by_position(asked_orders())
    days = {position_id: day for asked in asked_days for position_id, day in asked().items()}
    holds |= asked_holds() if asked_holds else {}
    return {
        bot.pk: Standing(
            quantity=bot.position.quantity,
            entry_price=bot.position.entry_price,
            realized_pnl=bot.position.realized_pnl,
            best_price=bot.state.best_price_so_far,
            opened_at=bot.position.opened_at,
            closed_at=bot.position.closed_at,
            order_in_doubt=any(order.status in IN_DOUBT for order in orders_of[bot.position_id]),
            day=days.get(bot.position_id, Day()),
            account_state=holds[bot.account_id].state,
            hold="" if holds[bot.account_id].state == SwitchState.ACTIVE else str(holds[bot.account_id]),
            account_cooling=bot.account.is_cooling(now),
            key_error=bot.account.key_trouble,
            is_reconciled=bot.account.is_reconciled,
            lockout=Reason(bot.state.lockout),
            lockout_text=bot.state.lockout_text,
            resting=tuple(resting_of(order) for order in orders_of[bot.position_id] if _is_resting(order)),
            steps_taken=frozenset(order.leg for order in orders_of[bot.position_id] if _is_taken(order, bot)),
            exiting=sum(
                (
                    order.quantity - order.filled_quantity
                    for order in orders_of[bot.position_id]
                    if _is_live_exit(order)
                ),
                Decimal(0),
            ),
            **_terms_of(bot, now=now),
        )
        for bot in bots
    }


def _terms_of(bot: BotConfig, *, now: datetime) -> dict[str, Any]:
    """What the exchange has said of a futures bot's leverage, margin type and liquidation."""
    if bot.market != Market.FUTURES:
        return {}
    known = bot.position.known_terms
    if known is None:
        return {"liquidation_asked": False}
    asked = known.liquidation_round == bot.position.round
    return {
        "terms_agreed": known.are(bot.account, leverage=bot.leverage, is_isolated=bot.is_isolated),
        "terms_trouble": known.trouble(bot.account, now),
        "liquidation_asked": asked,
        "liquidation_price": known.liquidation_price if asked else None,
    }


def _by_position(orders: Iterable[Order]) -> dict[int, list[Order]]:
    found: dict[int, list[Order]] = defaultdict(list)
    for order in orders:
        found[order.position_id].append(order)
    return found


def _ask_orders(positions: list[int]) -> Callable[[], Iterable[Order]]:
    """Live orders of positions, and the targets that were reached in their present rounds."""
    if len(positions) == 1:
        return ORDERS_OF_ONE.ask(*positions)
    return partial(_orders_of, positions)


def _orders_of(positions: list[int]) -> QuerySet[Order]:
    reached = Q(
        purpose=Order.Purpose.PROTECTION, type=OrderType.TARGET, filled_quantity__gt=0, round=F("position__round")
    )
    return Order.objects.filter(Q(status__in=LIVE) | reached, position__in=positions)


ORDERS_OF_ONE = Ready(lambda position_id: _orders_of([position_id]), int)


def _is_resting(order: Order) -> bool:
    return order.purpose == Order.Purpose.PROTECTION and order.status in LIVE


def _is_live_exit(order: Order) -> bool:
    return order.purpose == Order.Purpose.EXIT and order.status in LIVE


def resting_of(order: Order) -> Resting:
    """A live protection as the plan sees it."""
    return Resting(
        order_id=order.pk,
        leg=order.leg,
        is_stop=order.type == OrderType.STOP,
        quantity=order.quantity - order.filled_quantity,
        price=order.price or Decimal(0),
        side=Side(order.side),
        in_doubt=order.status != Order.Status.OPEN,
        canceling=order.cancel_requested_at is not None,
    )


def _is_taken(order: Order, bot: BotConfig) -> bool:
    return bool(order.type == OrderType.TARGET and order.filled_quantity and order.round == bot.position.round)


def record_since_start(bot: BotConfig) -> Record | None:
    """How the bot has fared since a person last started it; None when none of its limits asks for that."""
    if not bot.setup.limits.are_lasting:
        return None
    trades = Trade.objects.filter(position=bot.position_id)
    if bot.state.enabled_at:
        trades = trades.filter(created_at__gte=bot.state.enabled_at)
    newest = trades.order_by("-created_at", "-pk").values_list(*OF_CLOSINGS)
    return record_of(closings(bot.position, newest), capital=bot.initial_capital)


OF_CLOSINGS = ("purpose", "realized_pnl", "quantity_filled", "commission", "commission_asset")


def closings(position: Position, newest: Iterable[Sequence[Any]]) -> list[tuple[bool, Decimal]]:
    """Of the newest trades of a position, the oldest first: whether each closed it, and its P&L.

    ``newest``: OF_CLOSINGS of each, the newest first.

    Told from what is held now, backwards: what was held when the first of them was booked is not written anywhere.
    """
    held, found = abs(position.quantity), []
    for purpose, pnl, quantity, commission, asset in newest:
        is_entry = purpose == Order.Purpose.ENTRY
        found.append((not is_entry and held < position.smallest_quantity, pnl))
        held += -quantity if is_entry else quantity
        held += commission if asset == position.base_asset else 0
    return found[::-1]
