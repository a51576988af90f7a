"""What a bot on futures may be: its leverage, its stop, its symbol for itself."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection

from bots import services
from bots.models import BotConfig
from bots.tests.factories import BotFactory
from bots.tests.test_steering import unsaved
from market.tests.factories import NOON, ExchangeAccountFactory, SymbolRulesFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account():
    """A futures account, and the rules of two symbols."""
    for symbol in ("BTCUSDT", "ETHUSDT"):
        SymbolRulesFactory(market="futures", symbol=symbol)
    return ExchangeAccountFactory(market="futures")


def create(account, **changes):
    return services.create_bot(unsaved(account=account, **({"leverage": 5} | changes)), now=NOON)


def test_a_bot_knows_the_market_of_its_account(account):
    assert create(account).market == "futures"
    assert services.create_bot(unsaved(), now=NOON).market == "spot"


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"leverage": 0}, "leverage", "leverage: 0 must be at least 1 and at most 20 on this platform."),
        ({"leverage": 21}, "leverage", "leverage: 21 must be at least 1 and at most 20 on this platform."),
        (
            {"leverage": 10, "stop_loss_percent": Decimal(10)},
            "stop_loss_percent",
            "stop_loss_percent: 10 is farther away than the liquidation at leverage 10, which is at most 10.00 percent",
        ),
        (
            {"leverage": 10, "trailing_stop_percent": Decimal(12)},
            "trailing_stop_percent",
            "trailing_stop_percent: 12 is farther away than the liquidation at leverage 10",
        ),
        ({"symbol": "SOLUSDT"}, "symbol", "'SOLUSDT' is unknown on paper futures; known are BTCUSDT, ETHUSDT …"),
        (
            {"sizing_mode": "quote", "sizing_value": Decimal("0.8"), "leverage": 5},
            "sizing_value",
            "an entry would be worth 4.00 USDT, below the minimum of 5 USDT on BTCUSDT.",
        ),
        (
            {"sizing_mode": "quote", "sizing_value": Decimal(1001)},
            "sizing_value",
            "sizing_value: 1001 is above the initial capital 1000.",
        ),
    ],
)
def test_an_impossible_bot_is_refused_with_field_value_and_bound(account, change, field, message):
    with pytest.raises(ValidationError) as refused:
        create(account, **change)

    assert any(message in text for text in refused.value.message_dict[field])


@pytest.mark.parametrize(
    "change",
    [
        {"leverage": 20, "stop_loss_percent": Decimal(3)},
        {"leverage": 10, "margin_type": "cross", "stop_loss_percent": Decimal(30)},  # the capital stands behind it
        {"leverage": 10, "stop_loss_percent": Decimal(20), "trailing_stop_percent": Decimal(2)},  # the tighter counts
        {"leverage": 1, "stop_loss_percent": Decimal(100)},
        {"sizing_mode": "quote", "sizing_value": Decimal(1), "leverage": 5},
    ],
)
def test_what_can_work_is_taken(account, change):
    assert create(account, **change).pk


def test_crossed_margin_is_of_futures_only():
    with pytest.raises(ValidationError, match="margin_type: cross is of futures; on spot there is no margin"):
        services.create_bot(unsaved(margin_type="cross"), now=NOON)


def test_a_second_bot_on_the_same_account_and_symbol_is_refused(account):
    first = create(account, name="first")

    with pytest.raises(ValidationError, match="the bot 'first' trades BTCUSDT on this account already"):
        create(account, name="second")

    assert create(account, name="third", symbol="ETHUSDT").pk
    assert create(ExchangeAccountFactory(market="futures")).pk
    services.update_bot(first)  # it is no neighbour of itself
    services.delete_bot(first)
    assert create(account, name="fourth").pk


def test_spot_bots_share_a_symbol():
    account = ExchangeAccountFactory()

    bots = [services.create_bot(unsaved(account=account, name=name), now=NOON) for name in ("first", "second")]

    assert len(bots) == 2


def test_the_database_itself_keeps_a_symbol_for_one_bot(account):
    first = create(account)

    with pytest.raises(IntegrityError, match="bot_one_per_futures_symbol"):
        BotFactory(account=account, owner=first.owner)


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_the_database_itself_keeps_the_markets_of_bot_and_account_together(market):
    BotFactory(account__market=market)
    other = "spot" if market == "futures" else "futures"

    with pytest.raises(IntegrityError, match="bot_market_of_account"), connection.cursor() as cursor:
        cursor.execute("UPDATE bots_botconfig SET market = %s", [other])
    assert BotConfig.objects.get().market == market
