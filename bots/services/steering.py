"""What users do with bots: make, change, start, stop, delete."""

from datetime import datetime

from django.db import transaction

from bots.models import BotConfig, BotQuerySet, BotState
from bots.services.external import drop_waiting
from bots.services.notes import bot_of, note_status
from bots.situation import Wish
from bots.types import Reason, Status
from market.history import change
from market.symbols import rules_for
from trades.models import Event, Position
from trades.services import forget_terms, take_back_unsent
from trades.services.events import write_event


class BotHoldsPosition(Exception):
    """A bot with an open position can't be deleted: stop and flatten it first."""


def create_bot(bot: BotConfig, *, now: datetime) -> BotConfig:
    """Save a new bot with its position and its state. Raises ValidationError, or UnknownSymbol."""
    bot.full_clean(exclude=["position"])
    account = bot.account
    rules = rules_for(account.environment, account.market, bot.symbol, now=now)
    with transaction.atomic():
        bot.position = Position.objects.create(
            account=account,
            symbol=bot.symbol,
            base_asset=rules.base_asset,
            quote_asset=rules.quote_asset,
            smallest_quantity=rules.smallest_quantity,
        )
        bot.save(force_insert=True)
        BotState.objects.create(bot=bot)
    return bot


def update_bot(bot: BotConfig) -> BotConfig:
    """Save an edited bot; it counts from the next run on. Raises ValidationError.

    Account and symbol are not written: they belong to the bot's history.
    """
    bot.full_clean()
    bot.revision += 1
    fixed = {"id", "owner", "account", "market", "symbol", "position", "desired_state", "created_at"}
    bot.save(update_fields=[field.name for field in bot._meta.fields if field.name not in fixed])
    forget_terms(bot.position_id)
    return bot


def start_bots(bots: BotQuerySet, *, now: datetime) -> int:
    """Let those among ``bots`` run that are stopped, or that a lasting limit holds back; return how many.

    Lasting limits (drawdown, losses in a row, repeated execution) count from here on.
    """
    started = 0
    for bot_id in bots.exclude(desired_state=Wish.RUN, state__lockout="").values_list("pk", flat=True):
        with transaction.atomic():
            bot = _locked(bot_id)
            change(bot, desired_state=Wish.RUN)
            BotState.objects.filter(pk=bot.pk).update(enabled_at=now, lockout="", lockout_text="")
            forget_terms(bot.position_id)
            note_status(bot.state, Status.PENDING, Reason.NONE, "started, waits for the next tick", now=now)
            write_event(Event.Kind.BOT_STARTED, bot.position, f"bot {bot.name} started", now=now)
        started += 1
    return started


def stop_bots(bots: BotQuerySet, *, flatten: bool, now: datetime) -> int:
    """Stop ``bots``, keeping what they hold or selling it; return how many changed.

    An entry that is written down but not sent is taken back in the same transaction, so that stop means stop even
    for a worker that is just about to send it.
    """
    wish = Wish.FLATTEN if flatten else Wish.STOP
    stopped = 0
    for bot_id in bots.exclude(desired_state=wish).values_list("pk", flat=True):
        with transaction.atomic():
            bot = _locked(bot_id)
            change(bot, desired_state=wish)
            take_back_unsent(bot.position_id, signal_exits=not flatten, now=now)
            drop_waiting(bot, now=now)
            text = "stopped, its position is to be closed" if flatten and bot.position.is_open else "stopped"
            note_status(bot.state, Status.STOPPED, Reason.NONE, text, now=now)
            write_event(Event.Kind.BOT_STOPPED, bot.position, f"bot {bot.name} {text}", now=now)
        stopped += 1
    return stopped


def delete_bot(bot: BotConfig) -> None:
    """Delete a flat, stopped bot. Its position, orders and trades stay (features D4). Raises BotHoldsPosition."""
    with transaction.atomic():
        current = _locked(bot.pk)
        position = Position.objects.select_for_update(no_key=True).get(pk=current.position_id)
        if position.is_open or position.orders.live().exists():
            raise BotHoldsPosition(f"{current.name} holds a position or has a live order: stop and flatten it first")
        current.delete()


def _locked(bot_id: int) -> BotConfig:
    """The bot, with its state row locked: a run that is under way ends first (milliseconds)."""
    state = BotState.objects.select_for_update(no_key=True).get(pk=bot_id)
    return bot_of(state)
