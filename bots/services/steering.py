"""What users do with a bot: make, copy, change, delete."""

from collections.abc import Collection
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from bots.models import BotConfig, BotState
from bots.services.operating import locked_bot_in_turn
from market.history import tell
from market.models import ExchangeAccount
from market.symbols import rules_for
from trades.models import Position
from trades.services import forget_terms

# What a bot is, and what it is told by operations, is not edited.
FIXED = {"id", "owner", "account", "market", "symbol", "position", "desired_state", "entries_paused", "created_at"}
# What an owner may choose anew, in the order of the model.
CHANGEABLE = tuple(
    field.name
    for field in BotConfig._meta.fields
    if field.name not in {*FIXED, "revision"} and not getattr(field, "generated", False)
)


class BotHoldsPosition(Exception):
    """A bot with an open position can't be deleted: stop and flatten it first."""


def create_bot(bot: BotConfig, *, now: datetime) -> BotConfig:
    """Save a new bot with its position and its state. Raises ValidationError, or UnknownSymbol."""
    bot.full_clean(exclude=["position"])
    account = bot.account
    rules = rules_for(account.environment, account.market, bot.symbol, now=now)
    try:
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
    except IntegrityError as error:  # found free a moment ago
        raise ValidationError(f"{bot.name}: somebody makes the same bot right now; try it again") from error
    return bot


def clone_bot(bot: BotConfig, *, name: str, account: ExchangeAccount, symbol: str, now: datetime) -> BotConfig:
    """Make a bot with the same settings: of the same owner, stopped, with a position of its own. Raises as create_bot.

    What was done to the first, a pause of its entries or a reset of its day, is not done to the second.
    """
    settings = {field: getattr(bot, field) for field in CHANGEABLE} | {"name": name}
    copy = create_bot(BotConfig(owner=bot.owner, account=account, symbol=symbol, **settings), now=now)
    tell(copy, "cloned from", "", bot.name)
    return copy


def update_bot(bot: BotConfig) -> BotConfig:
    """Save an edited bot; it counts from the next run on. Raises ValidationError, also if it has changed since.

    Account and symbol are not written: they belong to the bot's history.
    """
    bot.full_clean()
    with transaction.atomic():
        if locked_revision(bot) != bot.revision:
            raise ValidationError(f"{bot.name}: somebody has changed it meanwhile; load it anew")
        return save_changes(bot, CHANGEABLE)


def locked_revision(bot: BotConfig) -> int | None:
    """The revision that the database has, kept until the transaction ends; None: deleted. Runs do not wait for it."""
    rows = BotConfig.objects.filter(pk=bot.pk).select_for_update(no_key=True)
    return rows.values_list("revision", flat=True).first()


def save_changes(bot: BotConfig, fields: Collection[str]) -> BotConfig:
    """Write fields of a bot that has been validated. It counts as a revision."""
    bot.revision += 1
    bot.save(update_fields=[*fields, "revision"])
    forget_terms(bot.position_id)
    return bot


def delete_bot(bot: BotConfig) -> None:
    """Delete a flat, stopped bot. Its position, orders and trades stay (features D4). Raises BotHoldsPosition."""
    with transaction.atomic():
        current = locked_bot_in_turn(bot.pk)
        position = Position.objects.select_for_update(no_key=True).get(pk=current.position_id)
        if position.is_open or position.orders.live().exists():
            raise BotHoldsPosition(f"{current.name} holds a position or has a live order: stop and flatten it first")
        current.delete()
