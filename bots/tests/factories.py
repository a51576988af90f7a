"""The smallest valid rows of this app; a test spells out only what it is about."""

from decimal import Decimal

import factory

from bots.models import BotConfig, BotState
from bots.situation import Wish
from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory
from market.types import Market
from trades.tests.factories import PositionFactory


class BotFactory(factory.django.DjangoModelFactory):
    """A running bot on BTCUSDT, flat, with its state; on spot the symbol's rules exist."""

    class Meta:
        model = BotConfig
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"bot {n}")
    account = factory.SubFactory(ExchangeAccountFactory)
    owner = factory.LazyAttribute(lambda bot: bot.account.owner)
    symbol = "BTCUSDT"
    interval = "1m"
    position = factory.LazyAttribute(lambda bot: PositionFactory(account=bot.account, symbol=bot.symbol))
    desired_state = Wish.RUN.value
    initial_capital = Decimal(1000)
    sizing_mode = "percent"
    sizing_value = Decimal(50)

    @factory.post_generation
    def rules(bot, create: bool, extracted: object, **kwargs: object) -> None:  # noqa: N805
        if create and bot.market == Market.SPOT:
            SymbolRulesFactory(symbol=bot.symbol)

    @factory.post_generation
    def state(bot, create: bool, extracted: object, **kwargs: object) -> None:  # noqa: N805
        if create:
            BotState.objects.create(bot=bot, **kwargs)
