"""What users do with a bot: make, copy, change, delete."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from bots.models import BotConfig, BotState
from bots.services.operating import locked_bot_in_turn
from bots.services.owners import require_own
from market import services as market_services
from market.history import note_made, tell
from market.models import ExchangeAccount
from market.rules import Rules
from market.symbols import rules_for
from market.types import Market
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


class BotChanged(ValidationError):
    """Somebody has changed it since it was read."""


def create_bot(bot: BotConfig, *, now: datetime, by: User | None = None) -> BotConfig:
    """Save a new bot with its position and its state. Raises ValidationError, UnknownSymbol, NotYourBot."""
    require_own(bot, by)
    bot.full_clean(exclude=["position"])
    save_new([bot], now=now, by=by)
    return bot


def validate_new(bot: BotConfig) -> None:
    """Raise ValidationError unless it can be made: of one whose owner, account and `surroundings` have been looked up.

    The constraints say no more than `validation` does, and Django would ask the database for each of them.
    """
    bot.full_clean(exclude=["position", "owner", "account"], validate_unique=False, validate_constraints=False)


def require_room(more: int, *, by: User | None) -> None:
    """Raise ValidationError unless the caller may have so many bots more; in the transaction that makes them."""
    mine = BotConfig.objects.filter(owner=by)
    market_services.require_room(mine, more=more, most=settings.MAX_BOTS_PER_OWNER, by=by)


def save_new(bots: Sequence[BotConfig], *, now: datetime, by: User | None = None) -> None:
    """Save new bots that have been validated, each with its position and its state: all of them or none.

    Raises ValidationError, UnknownSymbol, and ExchangeError while rules of a symbol are unknown and nobody answers.
    """
    where = [(bot.account.environment, bot.account.market, bot.symbol) for bot in bots]
    rules = {symbol: rules_for(*symbol, now=now) for symbol in dict.fromkeys(where)}
    positions = [_position_of(bot, rules[symbol]) for bot, symbol in zip(bots, where, strict=True)]
    try:
        with transaction.atomic():
            require_room(len(bots), by=by)
            for bot, position in zip(bots, Position.objects.bulk_create(positions), strict=True):
                bot.position, bot.market = position, bot.account.market
            BotConfig.objects.bulk_create(bots)
            BotState.objects.bulk_create([BotState(bot=bot) for bot in bots])
            note_made(bots)
    except IntegrityError as error:  # found free a moment ago
        which = bots[0].name if len(bots) == 1 else "one of them"
        raise ValidationError(f"{which}: somebody makes the same bot right now; try it again") from error


def _position_of(bot: BotConfig, rules: Rules) -> Position:
    return Position(
        account=bot.account,
        symbol=bot.symbol,
        base_asset=rules.base_asset,
        quote_asset=rules.quote_asset,
        smallest_quantity=rules.smallest_quantity,
    )


def clone_bot(
    bot: BotConfig, *, name: str, account: ExchangeAccount, symbol: str, now: datetime, by: User | None = None
) -> BotConfig:
    """Make a bot with the same settings: of the same owner, stopped, with a position of its own. Raises as create_bot.

    What was done to the first, a pause of its entries or a reset of its day, is not done to the second.
    """
    settings = {field: getattr(bot, field) for field in CHANGEABLE} | {"name": name}
    copy = create_bot(BotConfig(owner=bot.owner, account=account, symbol=symbol, **settings), now=now, by=by)
    tell(copy, "cloned from", "", bot.name)
    return copy


def free_name(bot: BotConfig) -> str:
    """A name for a copy that the owner has not given yet."""
    begins = bot.name[:40]
    named = BotConfig.objects.filter(owner=bot.owner_id, name__startswith=begins)
    taken = set(named.values_list("name", flat=True))
    numbered = (f"{begins} copy{f' {number}' if number > 1 else ''}" for number in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)


def update_bot(bot: BotConfig, *, by: User | None = None) -> BotConfig:
    """Save an edited bot; it counts from the next run on. Raises ValidationError, BotChanged, NotYourBot.

    Account and symbol are not written: they belong to the bot's history.
    """
    require_own(bot, by)
    bot.full_clean()
    try:
        with transaction.atomic():
            if locked_revision(bot) != bot.revision:
                raise BotChanged(f"{bot.name}: somebody has changed it meanwhile; load it anew")
            return save_changes(bot, CHANGEABLE)
    except IntegrityError as error:  # found free a moment ago
        raise ValidationError({"name": f"name: {bot.owner} has a bot named {bot.name!r} already."}) from error


def locked_revision(bot: BotConfig) -> int | None:
    """The revision that the database has, kept until the transaction ends; None: deleted. Runs do not wait for it."""
    rows = BotConfig.objects.filter(pk=bot.pk).select_for_update(no_key=True)
    return rows.values_list("revision", flat=True).first()


def save_changes(bot: BotConfig, fields: Collection[str]) -> BotConfig:
    """Write fields of a bot that has been validated. It counts as a revision."""
    bot.revision += 1
    bot.save(update_fields=[*fields, "revision"])
    if bot.market == Market.FUTURES:
        forget_terms(bot.position_id)
    return bot


def delete_bot(bot: BotConfig, *, by: User | None = None) -> None:
    """Delete a flat, stopped bot. Its position, orders and trades stay (features D4).

    Raises BotHoldsPosition, NotYourBot.
    """
    with transaction.atomic():
        current = locked_bot_in_turn(bot.pk)
        require_own(current, by)
        position = Position.objects.select_for_update(no_key=True).get(pk=current.position_id)
        if position.is_open or position.orders.live().exists():
            raise BotHoldsPosition(f"{current.name} holds a position or has a live order: stop and flatten it first")
        current.delete()
