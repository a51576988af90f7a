"""Reading what the pre-trade checks look at, in the transaction that writes the order down."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from market.models import Switch
from market.ready import Asked, ask, one_round_trip
from market.rules import Rules
from market.types import Market, OrderType
from trades.checks import Proposal
from trades.lifecycle import IN_DOUBT, LIVE, OrderPurpose, in_the_way_of
from trades.models import Order, Position
from trades.services.intents import Intent
from trades.services.neighbours import is_a_bots
from trades.services.records import LOCKED_POSITION
from trades.services.risk import REAL_SQL, ask_risk, one_entry_at_a_time
from trades.services.terms import disagreement, outlook

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# Counted for every order: as one statement that is ready to be sent.
ORDERS_SQL = f"""
    SELECT count(*) FILTER (WHERE purpose = 'entry' AND status = ANY(%(live)s)) AS live_entries,
           count(*) FILTER (WHERE status = ANY(%(in_doubt)s)) AS orders_in_doubt,
           coalesce(sum(quantity - filled_quantity) FILTER (
               WHERE purpose = 'exit' AND status = ANY(%(live)s)
                  OR purpose = 'protection' AND NOT reduce_only AND status = ANY(%(in_the_way)s)), 0)
               AS exits_in_flight,
           coalesce(sum(quantity - filled_quantity) FILTER (
               WHERE %(protects)s AND purpose = 'protection' AND NOT reduce_only AND type = %(type)s
                 AND status = ANY(%(live)s)), 0) AS protected,
           coalesce(bool_or({REAL_SQL}) FILTER (WHERE signal_key = %(key)s), false) AS same_act_real,
           -- An entry that we did not send is none.
           count(*) FILTER (WHERE signal_key = %(key)s AND NOT (
               purpose = 'entry' AND status = 'canceled' AND exchange_order_id IS NULL)) AS attempts,
           count(*) FILTER (WHERE created_at > %(minute_ago)s) AS orders_last_minute,
           count(*) FILTER (WHERE purpose = 'entry' AND {REAL_SQL} AND created_at > %(since)s) AS entries_last_hour
      FROM trades_order
     WHERE position_id = %(position)s
       AND (status = ANY(%(live)s) OR signal_key = %(key)s OR created_at > %(hour_ago)s)
"""  # noqa: S608 - made of constants
OF_ORDERS = (
    *("live_entries", "orders_in_doubt", "exits_in_flight", "protected", "same_act_real", "attempts"),
    *("orders_last_minute", "entries_last_hour"),
)


def proposal_of(
    position_id: int, intent: Intent, *, rules: Rules, max_attempts: int | None, now: datetime
) -> tuple[Position, Proposal]:
    """The position, locked until the transaction ends, and everything that the checks look at.

    So are, for an entry, all further entries of its owner: what is at stake is counted and added to as one step.
    """
    is_entry = intent.purpose == OrderPurpose.ENTRY
    with one_round_trip():
        if is_entry:
            one_entry_at_a_time(position_id)
        locked, orders = LOCKED_POSITION.ask_one(position_id), _ask_orders_of(position_id, intent, now=now)
    position = locked()
    account = position.account
    with one_round_trip():
        holds = Switch.objects.ask_holds([account])
        risk = ask_risk(position, now=now) if is_entry else None
    hold = holds()[account.pk]
    proposal = Proposal(
        is_entry=is_entry,
        side=intent.side,
        type=intent.type,
        quantity=intent.quantity,
        price=intent.price,
        order_price=intent.order_price,
        rules=rules,
        may_increase=intent.may_increase,
        account_state=hold.state,
        switched_by=hold.scope,
        account_cooling=account.is_cooling(now),
        wanted_by=intent.wanted_by,
        owner=account.owner_id,
        environment=account.environment,
        environments=tuple(settings.ENVIRONMENTS),
        has_live_consent=account.live_consent_at is not None,
        key_trouble=account.key_trouble,
        is_reconciled=account.is_reconciled,
        position_open=position.is_open,
        held=max(-intent.side.sign * position.quantity, Decimal(0)),
        max_attempts=max_attempts,
        now=now,
        clock_trouble=intent.clock_trouble,
        price_at=intent.price_at,
        signal_at=intent.signal_at,
        quote=intent.quote,
        balance_asked=intent.balance_asked,
        caps=intent.caps,
        leverage=intent.leverage,
        **_platform_bounds(account.market),
        protections=intent.protections,
        **orders(),
        **_open_there(position, intent),
        **_futures_part(position, intent),
        **(vars(risk()) if risk else {}),
    )
    return position, proposal


def _platform_bounds(market: str) -> dict[str, Any]:
    return {
        "max_notional": Decimal(settings.MAX_ORDER_NOTIONAL),
        "max_leverage": 1 if market == Market.SPOT else settings.MAX_LEVERAGE,
        "restricted": frozenset(settings.RESTRICTED_SYMBOLS),
        "max_collar_percent": Decimal(settings.PRICE_COLLAR_PERCENT),
        "max_slippage_percent": Decimal(settings.MAX_SLIPPAGE_PERCENT),
    }


def _ask_orders_of(position_id: int, intent: Intent, *, now: datetime) -> Asked[dict[str, Any]]:
    """What the position's own orders say, by the names of `Proposal`."""
    hour_ago = now - HOUR
    asked: dict[str, Any] = {
        "position": position_id,
        "key": intent.signal_key,
        "live": list(LIVE),
        "in_doubt": list(IN_DOUBT),
        "protects": intent.purpose == OrderPurpose.PROTECTION,
        "type": intent.type.value,
        "in_the_way": list(in_the_way_of(intent.purpose)),
        "minute_ago": now - MINUTE,
        "hour_ago": hour_ago,
        "since": max(hour_ago, intent.caps.counted_from or hour_ago),
    }
    return ask(ORDERS_SQL, asked, lambda rows: dict(zip(OF_ORDERS, rows[0], strict=True)))


def _open_there(position: Position, intent: Intent) -> dict[str, Any]:
    """How many orders are open at the exchange, as its filters count them; asked where one of them could be broken."""
    if intent.type == OrderType.MARKET and not intent.protections:
        return {}
    is_conditional = Q(type__in=[kind.value for kind in OrderType if kind.is_conditional])
    live = Order.objects.live().filter(account=position.account_id)
    of_symbol = Q(position__symbol=position.symbol)
    counted = is_conditional if position.account.market == Market.FUTURES else is_conditional & of_symbol
    return live.aggregate(open_orders=Count("pk", filter=of_symbol), open_conditionals=Count("pk", filter=counted))


def _futures_part(position: Position, intent: Intent) -> dict[str, Any]:
    """What the checks look at for an entry on futures."""
    if position.account.market != Market.FUTURES or intent.purpose != OrderPurpose.ENTRY:
        return {}
    terms, size = intent.terms, {"quantity": intent.quantity, "price": intent.price}
    return {
        "bot_there": position.by_hand and is_a_bots(position),
        "terms_trouble": disagreement(position, terms),
        "outlook": outlook(position, terms, side=intent.side, **size),
    }
