"""What a backtest is about: a bot that does not exist, with everything that its owner chose of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bots.models import Backtest, BotConfig
from bots.services.steering import CHANGEABLE
from bots.situation import Wish
from bots.validation import Surroundings
from market.models import ExchangeAccount
from market.rounding import plain

if TYPE_CHECKING:
    from django.db import models

COPIED = tuple(name for name in CHANGEABLE if name != "name")
NOWHERE = -1  # the number of an account that is in no table: it only says whose prices count


class Alone(Surroundings):
    """No other bot is in the way of one that does not exist."""

    def has_namesake(self, bot: BotConfig) -> bool:
        return False

    def neighbour(self, bot: BotConfig) -> str | None:
        return None


def subject_with(backtest: Backtest, values: Mapping[str, Any]) -> BotConfig:
    """The bot that these settings make where the backtest's prices are; never saved."""
    account = ExchangeAccount(
        pk=NOWHERE, owner_id=backtest.owner_id, environment=backtest.environment, market=backtest.market
    )
    bot = BotConfig(
        owner_id=backtest.owner_id,
        name=backtest.name,
        account=account,
        market=backtest.market,
        symbol=backtest.symbol,
        desired_state=Wish.RUN.value,
        **values,
    )
    bot.surroundings = Alone()
    return bot


def subject_of(backtest: Backtest) -> BotConfig:
    """The bot as it was written down."""
    return subject_with(backtest, {name: _field(name).to_python(value) for name, value in backtest.chosen.items()})


def copied(bot: BotConfig) -> dict[str, Any]:
    """What a backtest takes over of a bot, by field."""
    return {name: getattr(bot, name) for name in COPIED}


def as_json(bot: BotConfig) -> dict[str, Any]:
    """The same as it is kept."""
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in copied(bot).items()}


def _field(name: str) -> "models.Field[Any, Any]":
    field: Any = BotConfig._meta.get_field(name)
    return field
