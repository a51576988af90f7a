"""One bot's run: look, decide, write down, send. Only the sending happens outside the lock."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable

from bots.decide import Act, Decision, decide
from bots.models import BotConfig, BotState
from bots.services.look import SeriesView, look_at_series, record_since_start, standings
from bots.services.notes import bot_of, note_decision
from bots.services.trouble import decision_about
from bots.types import Reason
from market.exchange import gateway_for
from market.types import moving
from trades.checks import Caps, Denial
from trades.models import Order
from trades.services import Intent, exit_key, intend_order, submit_order


class BotBusy(Exception):
    """Another worker has this bot; the next tick comes soon."""


@dataclass(frozen=True)
class Outcome:
    """What a run decided, and the order that it sent, if any."""

    decision: Decision
    order: Order | None = None


def run_bot(bot_id: int, *, now: datetime) -> Outcome:
    """Run one bot once. Raises BotBusy, and DoesNotExist for a bot that is deleted.

    What fails outside of us becomes the bot's own status and message; no other bot notices (T5).
    """
    clock = moving(now)
    try:
        bot = BotConfig.objects.with_state().get(pk=bot_id)
        view = look_at_series(bot.series, now=now)
        gateway = gateway_for(bot.account)
        view.for_bot(bot)  # a strategy is slow compared with a lock, so it is read before
        with locked_bot(bot_id) as locked:
            decision, order = _decide_and_intend(locked, view, now=clock())
        refusal = submit_order(order, gateway=gateway, now=clock()) if order else None
    except (BotBusy, SoftTimeLimitExceeded, BotConfig.DoesNotExist, BotState.DoesNotExist):
        raise
    except Exception as error:
        return _note_trouble(bot_id, error, now=clock())
    if refusal:
        decision = _note_trouble(bot_id, refusal, now=clock()).decision
    return Outcome(decision, order)


@contextmanager
def locked_bot(bot_id: int) -> Iterator[BotConfig]:
    """Hold the bot's state row until the block ends; raise BotBusy rather than queue."""
    with transaction.atomic(durable=True):
        try:
            state = BotState.objects.select_for_update(nowait=True, no_key=True).get(pk=bot_id)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise BotBusy(bot_id) from error
        yield bot_of(state)


def _decide_and_intend(bot: BotConfig, view: SeriesView, *, now: datetime) -> tuple[Decision, Order | None]:
    """Decide again, on fresh state, and write the order down. In the transaction that holds the bot's lock."""
    if bot.series != view.series:
        return Decision(Reason.NONE, "edited meanwhile: the next tick looks at its new candles"), None
    market = view.for_bot(bot)
    standing = replace(standings([bot], now=now)[bot.pk], record=record_since_start(bot))
    decision = decide(bot.setup, market, standing, now=now)
    made: Order | Denial | None = None
    if decision.act:
        intent = _intent(bot, decision.act, decision, view)
        made = intend_order(bot.position_id, intent, rules=view.rules, now=now)
    order = made if isinstance(made, Order) else None
    denial = made if isinstance(made, Denial) else None
    note_decision(
        bot.state,
        decision,
        now=now,
        order=order,
        denial=denial,
        candle_close_at=market.candle_close_at,
        price=market.price,
    )
    return decision, order


def _intent(bot: BotConfig, act: Act, decision: Decision, view: SeriesView) -> Intent:
    if act.is_entry:
        purpose, key = Order.Purpose.ENTRY, f"entry:{bot.strategy}@{bot.revision}:{bot.symbol}:{act.key}:{act.side}:0"
    else:
        purpose, key = Order.Purpose.EXIT, exit_key(bot.position, act.key)
    return Intent(
        purpose=purpose,
        side=act.side,
        quantity=act.quantity,
        price=view.price,
        price_at=view.price_at,
        signal_key=key,
        signal_at=view.candle_close_at,
        reason=f"{bot.name}: {decision.text}",
        wanted_by=bot.owner_id,
        leverage=bot.leverage,
        caps=_caps(bot),
    )


def _caps(bot: BotConfig) -> Caps:
    return Caps(
        max_notional=bot.initial_capital + max(bot.position.realized_pnl, Decimal(0)),
        per_minute=settings.MAX_BOT_ORDERS_PER_MINUTE,
        per_hour=settings.MAX_BOT_ENTRIES_PER_HOUR,
        counted_from=bot.state.enabled_at,
    )


def _note_trouble(bot_id: int, error: Exception, *, now: datetime) -> Outcome:
    decision = decision_about(error)
    # Whoever has the bot now writes its own status.
    with suppress(BotBusy), locked_bot(bot_id) as bot:
        note_decision(bot.state, decision, now=now)
    return Outcome(decision)
