"""Writing down where a bot stands, and a decision when it is a new one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bots.decision import Decision as Decided
from bots.denials import REASON_OF_DENIAL
from bots.models import BotConfig, BotState, Decision
from bots.types import LASTING, Reason, Status
from market.ready import Ready
from market.writing import Writes
from trades.checks import Code, Denial
from trades.models import Event, Order
from trades.services.events import new_event, write_event, write_events

# These only say that the act is done, or under way: nothing an owner should be woken for.
QUIET_DENIALS = {Code.ALREADY_DONE, Code.ALREADY_OPEN, Code.EXIT_IN_FLIGHT, Code.ORDER_UNKNOWN}
STATUS_FIELDS = ("status", "reason", "message", "changed_at")
BOT = Ready(lambda bot_id: BotConfig.objects.select_related("position__terms", "account").filter(pk=bot_id), int)
EVENT_OF_STATUS = {Status.PAUSED: Event.Kind.BOT_PAUSED, Status.ERROR: Event.Kind.BOT_ERROR}
EVENT_OF_EXIT = {
    "stop_loss": Event.Kind.STOP_HIT,
    "trailing_stop": Event.Kind.STOP_HIT,
    "take_profit": Event.Kind.TARGET_HIT,
}


def with_state(bot: BotConfig, locked: BotState) -> BotConfig:
    """The bot, which knows its locked state."""
    bot.state = locked
    return bot


def is_news(state: BotState, status: Status, reason: Reason) -> bool:
    """A status with its reason is news; new indicator values for the same reason are not."""
    return (state.status, state.reason) != (status, reason)


def note_status(
    state: BotState, status: Status, reason: Reason, text: str, *, now: datetime, **besides: object
) -> None:
    """Set status, reason and message of one bot, and the fields ``besides``, in one statement.

    The caller holds its row, or is the only one to write it.
    """
    _set_status(state, status, reason, text, now=now)
    for name, value in besides.items():
        setattr(state, name, value)
    state.save(update_fields=[*STATUS_FIELDS, *besides])


def _set_status(state: BotState, status: Status, reason: Reason, text: str, *, now: datetime) -> None:
    state.status, state.reason, state.message, state.changed_at = status, reason, text[:400], now


def status_event(bot: BotConfig, status: Status, reason: Reason, text: str, *, now: datetime) -> Event | None:
    """The event, not saved yet, of a status that its owner should hear of; None for the others."""
    kind = EVENT_OF_STATUS.get(status)
    message = f"bot {bot.name} {status} ({reason}): {text}"
    return new_event(kind, bot.position, message, now=now, reason=reason) if kind else None


def denial_fields(denial: Denial | None) -> dict[str, str]:
    """Code, limit and value as a Decision keeps them."""
    if denial is None:
        return {}
    return {"denial_code": denial.code, "denial_limit": denial.limit[:60], "denial_value": denial.value[:60]}


def note_decision(
    state: BotState,
    decided: Decided,
    *,
    now: datetime,
    order: Order | None = None,
    denial: Denial | None = None,
    candle_close_at: datetime | None = None,
    price: Decimal | None = None,
    indicators: Mapping[str, float] | None = None,
) -> None:
    """Write down one decision of one bot with what came of it, if it is news or led to an order."""
    if denial:
        reason = REASON_OF_DENIAL.get(denial.code, Reason.ORDER_DENIED)
        decided = replace(Decided.because(reason, f"{denial.detail} ({decided.text})", denial), act=decided.act)
    status, reason, text = decided.status, decided.reason, decided.text
    if not order and not is_news(state, status, reason):
        return
    noted = Decision(
        bot_id=state.pk,
        status=status,
        reason=reason,
        text=text[:400],
        order_id=order.pk if order else None,
        strategy=state.bot.strategy,
        parameters=state.bot.parameters,
        revision=state.bot.revision,
        indicators=indicators or {},
        **denial_fields(decided.denial),
        candle_close_at=candle_close_at,
        price=price,
        created_at=now,
    )
    told = status_event(state.bot, status, reason, text, now=now)
    write_events([told] if told else [])
    position, name = state.bot.position, state.bot.name
    if denial and denial.code not in QUIET_DENIALS:
        said = {"code": denial.code, "limit": denial.limit, "value": denial.value}
        write_event(Event.Kind.ORDER_DENIED, position, f"bot {name}: {denial.detail}", now=now, **said)
    if order and order.attempt == 1 and decided.act and decided.act.key in EVENT_OF_EXIT:
        write_event(EVENT_OF_EXIT[decided.act.key], position, f"bot {name}: {text}", now=now, order=order)
    fields: tuple[str, ...] = STATUS_FIELDS
    if reason in LASTING:
        state.lockout, state.lockout_text = reason, text[:400]
        fields += ("lockout", "lockout_text")
    _set_status(state, status, reason, text, now=now)
    with Writes() as writes:
        writes.insert(noted)
        writes.update(state, *fields)
