"""Signals from outside: written down when they come, heard in the bot's own run, found again when that was lost.

Only a run that holds the bot's lock says what became of a signal: of an entry in the transaction that writes its order
down.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from bots.external import Action
from bots.models import BotConfig, ExternalSignal
from bots.recipe import Recipe
from bots.situation import MarketView, side_held
from bots.strategies import STRATEGIES
from market.rules import Rules
from market.types import Market, Side
from trades.checks.market import SIGNAL_VALID_FOR
from trades.models import Order, Position
from trades.services import take_back_unsent

Outcome = ExternalSignal.Outcome
MICROSECOND = timedelta(microseconds=1)
# When nobody has heard a signal by the first, its task was lost; from the second on the tick alone sends it again.
LOST_AFTER, LEFT_TO_THE_TICK_AFTER = timedelta(seconds=5), timedelta(seconds=60)


class NotListening(Exception):
    """The bot does not act on signals now; the message says why."""


class IdReused(Exception):
    """The sender has given this id to a different signal before."""


def receive_signal(
    bot: BotConfig, action: Action, *, sender_id: str, sent_at: datetime, now: datetime
) -> tuple[ExternalSignal, bool]:
    """Write a signal down, once for each id; with it whether it is new.

    Raises NotListening, and IdReused. In a transaction of its own, or the caller's.
    """
    known = _known(bot, action, sender_id)
    if known:
        return known, False
    if not bot.listens:
        raise NotListening(f"the bot's strategy is {bot.strategy}, which takes no signals")
    if not bot.is_active:
        raise NotListening(f"the bot is {bot.get_desired_state_display()}")
    try:
        with transaction.atomic():
            made = ExternalSignal.objects.create(
                bot=bot, sender_id=sender_id, action=action, sent_at=min(sent_at, now), received_at=now
            )
    except IntegrityError:  # the same came at the same time
        known = _known(bot, action, sender_id)
        if known is None:
            raise
        return known, False
    return made, True


def _known(bot: BotConfig, action: Action, sender_id: str) -> ExternalSignal | None:
    known = ExternalSignal.objects.filter(bot=bot, sender_id=sender_id).first()
    if known and known.action != action:
        raise IdReused(f"the id {sender_id!r} belongs to a signal {known.action} already")
    return known


@dataclass(frozen=True)
class Heard:
    """What is asked of a bot from outside just now: to leave what it holds, and to enter."""

    leaving: Sequence[ExternalSignal] = ()
    entering: ExternalSignal | None = None

    def seen_in(self, market: MarketView, bot: BotConfig) -> MarketView:
        """The market with these signals instead of the strategy's."""
        newest = self.leaving[-1] if self.leaving else self.entering
        if newest is None:
            return market
        seen = replace(market, text=str(newest), indicators={"signal": float(newest.pk)})
        if self.entering:
            act, sent_at = self.entering.act, self.entering.sent_at
            seen = replace(seen, signal=act.signal, candle_close_at=sent_at, key=f"post-{self.entering.pk}")
        opened_at = bot.position.opened_at
        if self.leaving and opened_at:
            # It may have come while the entry was under way, and is due all the same.
            left_at = max(newest.received_at, opened_at + MICROSECOND)
            is_long = bot.position.quantity > 0
            seen = replace(seen, left_long_at=left_at if is_long else None, left_short_at=None if is_long else left_at)
        return seen

    def note(self, order: Order, *, now: datetime) -> None:
        """Remember which order came of it. An entry is made once, whatever becomes of its order."""
        if order.purpose != Order.Purpose.ENTRY:
            _change(self.leaving, order_id=order.pk)
        elif self.entering:
            _change([self.entering], order_id=order.pk, outcome=Outcome.ORDERED, handled_at=now)


def hear(bot: BotConfig, rules: Rules, *, now: datetime) -> Heard:
    """What the signals that wait ask of a bot, whose lock the caller holds; what is done with is settled.

    Exits are due until nothing is left to leave, however old they are, and go before entries. An entry is made on the
    sender's last word only, and while it is valid.
    """
    recent = Q(handled_at=None) | Q(sent_at__gte=now - SIGNAL_VALID_FOR)
    known = list(bot.external_signals.filter(recent).order_by("sent_at", "pk"))
    waiting = [signal for signal in known if signal.handled_at is None]
    if not waiting:
        return Heard()
    if not bot.is_active:
        _settle(waiting, Outcome.STOPPED, now=now)
        return Heard()
    held, may_open = _holding(bot, rules)
    last = _last_word(known)
    repeated = _repeated(_leaving(waiting, held, last))
    _settle(repeated, Outcome.SUPERSEDED, now=now)  # else they pile up while the account is halted
    waiting = [signal for signal in waiting if signal not in repeated]
    leaving = _leaving(waiting, held, last)
    if may_open and last is None:
        take_back_unsent(bot.position_id, signal_exits=False, now=now)  # its worker died, and the sweep would send it
    entering = last if last in waiting else None
    for signal in waiting:
        outcome = _no_entry(signal, bot, last=last, held=held if not leaving else None, now=now)
        if outcome and signal is entering:
            entering = None
        if outcome and signal not in leaving and not may_open:
            _settle([signal], Outcome.LEFT if signal.order_id and not signal.act.enters else outcome, now=now)
    return Heard(leaving, entering)


def _leaving(waiting: Sequence[ExternalSignal], held: Side | None, last: ExternalSignal | None) -> list[ExternalSignal]:
    """What asks to leave what is held, in the order in which it was sent.

    To turn is not meant any more where the last word is to be where we are, unless the exit is under way.
    """
    stays = last is not None and last.act.enters is held
    return [
        signal
        for signal in waiting
        if held and signal.act.leaves(held) and not (stays and signal.act.enters and signal.order_id is None)
    ]


def _repeated(leaving: Sequence[ExternalSignal]) -> list[ExternalSignal]:
    """Exits of which nothing came yet, and that a newer exit says once more. A turn does not: it may be taken back."""
    exits = [signal for signal in leaving if signal.act.enters is None]
    return [signal for signal in exits[:-1] if signal.order_id is None]


def _holding(bot: BotConfig, rules: Rules) -> tuple[Side | None, bool]:
    """What side is held, and whether an entry is under way that may change that.

    In one statement: between two of them the entry could be booked, and an exit be taken for one with nothing to leave.
    """
    entries = Order.objects.live().filter(position=OuterRef("pk"), purpose=Order.Purpose.ENTRY)
    position = Position.objects.annotate(may_open=Exists(entries)).get(pk=bot.position_id)
    return side_held(position.quantity, rules, futures=bot.market == Market.FUTURES), position.may_open


def _last_word(known: Sequence[ExternalSignal]) -> ExternalSignal | None:
    """The newest entry, unless something newer says to leave that way; in the order in which they were sent."""
    last = None
    for signal in known:
        if signal.act.enters:
            last = signal
        elif last and last.act.enters and signal.act.leaves(last.act.enters):
            last = None
    return last


def _no_entry(
    signal: ExternalSignal, bot: BotConfig, *, last: ExternalSignal | None, held: Side | None, now: datetime
) -> Outcome | None:
    """Why nothing is, or will be, entered on a signal; None when it asks for an entry that may be made."""
    side = signal.act.enters
    if side is None:
        return Outcome.NOTHING_TO_LEAVE
    if signal is not last:
        return Outcome.SUPERSEDED
    if now - signal.sent_at > _valid_for(bot):
        return Outcome.EXPIRED
    return Outcome.HELD_ALREADY if held is side else None


def _valid_for(bot: BotConfig) -> timedelta:
    """How long an entry may wait. Parameters that can't be read keep a bot from entering, and must not from leaving."""
    try:
        return timedelta(seconds=Recipe(bot.strategy, bot.parameters).parameters["valid_seconds"])
    except (TypeError, ValueError, OverflowError):
        return SIGNAL_VALID_FOR


def drop_waiting(bot: BotConfig, *, now: datetime) -> None:
    """Stop means stop: what a bot was told and has not done yet is not done when it starts again.

    The caller holds its lock.
    """
    bot.external_signals.filter(handled_at=None).update(outcome=Outcome.STOPPED, handled_at=now)


def waiting_bots(*, now: datetime, lost_only: bool = False) -> tuple[list[int], list[int]]:
    """The bots for which signals wait: those that may have to leave, and those that only enter.

    ``lost_only``: of the last minute, and so long ago that a worker should have heard them.
    """
    waiting = ExternalSignal.objects.filter(handled_at=None)
    if lost_only:
        waiting = waiting.filter(received_at__range=(now - LEFT_TO_THE_TICK_AFTER, now - LOST_AFTER))
    rows = waiting.order_by("pk").values_list("pk", "bot_id", "bot__strategy", "bot__market", "action")
    deaf, leaving, entering = list[int](), dict[int, None](), dict[int, None]()
    for pk, bot_id, strategy, market, action in rows:
        if strategy not in STRATEGIES or not STRATEGIES[strategy].listens:
            deaf.append(pk)
        elif Action(action).may_leave(market):
            leaving[bot_id] = None
        else:
            entering[bot_id] = None
    if deaf:
        waiting.filter(pk__in=deaf).update(outcome=Outcome.OTHER_STRATEGY, handled_at=now)
    return list(leaving), [bot_id for bot_id in entering if bot_id not in leaving]


def drop_old_signals(*, now: datetime) -> int:
    """Forget signals that are done with and as old as the oldest decisions; return how many."""
    oldest = now - timedelta(days=settings.DECISIONS_KEPT_DAYS)
    return ExternalSignal.objects.filter(received_at__lt=oldest, handled_at__isnull=False).delete()[0]


def _settle(signals: Sequence[ExternalSignal], outcome: Outcome, *, now: datetime) -> None:
    _change(signals, outcome=outcome, handled_at=now)


def _change(signals: Sequence[ExternalSignal], **changes: object) -> None:
    if signals:
        ExternalSignal.objects.filter(pk__in=[signal.pk for signal in signals]).update(**changes)
