"""What is around many bots, asked at once, is what each of them would be told."""

import pytest

from bots.models import BotConfig
from bots.services import KnownSurroundings
from bots.tests.factories import BotFactory
from bots.validation import Surroundings
from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def accounts():
    spot = ExchangeAccountFactory(name="spot")
    futures = ExchangeAccountFactory(name="futures", owner=spot.owner, market="futures")
    BotFactory(name="a", account=spot)
    BotFactory(name="b", account=futures, symbol="BTCUSDT")
    SymbolRulesFactory(market="futures", symbol="ETHUSDT")
    return {"spot": spot, "futures": futures}


def around(accounts):
    return KnownSurroundings(
        owners=[accounts["spot"].owner],
        names=["a", "b", "new"],
        accounts=accounts.values(),
        symbols={"BTCUSDT", "ETHUSDT", "NOPE"},
    )


def said_of(bot, surroundings):
    neighbour = surroundings.neighbour(bot) if bot.account.market == "futures" else None  # on spot nobody asks
    return surroundings.has_namesake(bot), neighbour, surroundings.rules(bot)


@pytest.mark.parametrize("name", ["a", "b", "new"])
@pytest.mark.parametrize("market", ["spot", "futures"])
@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "NOPE"])
def test_of_a_new_bot_the_same_is_said(accounts, name, market, symbol):
    account = accounts[market]
    bot = BotConfig(owner=account.owner, name=name, account=account, market=market, symbol=symbol)

    assert said_of(bot, around(accounts)) == said_of(bot, Surroundings())


@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("becomes", ["a", "b", "new"])
def test_of_a_bot_that_is_there_the_same_is_said(accounts, name, becomes):
    bot = BotConfig.objects.get(name=name)
    bot.name = becomes

    assert said_of(bot, around(accounts)) == said_of(bot, Surroundings())


def test_one_that_is_made_meanwhile_is_known_to_the_next(accounts, django_assert_num_queries):
    known, futures = around(accounts), accounts["futures"]
    first, second = (
        BotConfig(owner=futures.owner, name=name, account=futures, symbol="ETHUSDT") for name in ("first", "second")
    )
    with django_assert_num_queries(0):
        known.take_in(first)

        assert known.neighbour(second) == "first"
