"""A trader, what is theirs, and what is somebody else's."""

import pytest

from bots.models import BotConfig
from bots.tests.factories import BotFactory
from market.models import ExchangeAccount
from market.tests.factories import ExchangeAccountFactory
from tradebot_site.tests.api.bots.caller import Caller, caller


@pytest.fixture
def trader(db) -> Caller:
    return caller("trader")


@pytest.fixture
def account(trader) -> ExchangeAccount:
    return ExchangeAccountFactory(owner=trader.user, name="mine")


@pytest.fixture
def bot(account) -> BotConfig:
    """A running bot of the trader's."""
    return BotFactory(account=account, name="the bot")


@pytest.fixture
def stranger(db) -> BotConfig:
    """Somebody else's."""
    return BotFactory(name="strangers-bot", symbol="ETHUSDT")
