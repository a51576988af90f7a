from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection

from bots import services
from bots.models import BotConfig, BotState
from bots.tests.factories import BotFactory
from market.tests.factories import NOON, ExchangeAccountFactory, SymbolRulesFactory, entry
from trades.models import Event, Position
from trades.tests.factories import OrderFactory, PositionFactory, TradeFactory

pytestmark = pytest.mark.django_db(transaction=True)


def unsaved(**changes):
    SymbolRulesFactory()
    account = changes.pop("account", None) or ExchangeAccountFactory()
    fields = {
        "owner": account.owner,
        "account": account,
        "name": "a bot",
        "symbol": "BTCUSDT",
        "initial_capital": Decimal(1000),
        "sizing_mode": "percent",
        "sizing_value": Decimal(50),
    }
    return BotConfig(**(fields | changes))


def test_a_new_bot_gets_a_position_and_a_state():
    bot = services.create_bot(unsaved(), now=NOON)

    assert (bot.position.symbol, bot.position.base_asset, bot.position.account) == ("BTCUSDT", "BTC", bot.account)
    assert bot.state.status == "stopped"


def test_many_new_bots_are_made_all_or_none():
    account = ExchangeAccountFactory()
    bots = [unsaved(account=account, name=name) for name in ("first", "second", "second")]

    with pytest.raises(ValidationError, match="one of them: somebody makes the same bot right now"):
        services.save_new(bots, now=NOON)

    assert not BotConfig.objects.exists()
    assert not Position.objects.exists()


def test_many_new_bots_are_made_like_one():
    account = ExchangeAccountFactory(market="futures")
    SymbolRulesFactory(market="futures", symbol="BTCUSDT")
    SymbolRulesFactory(market="futures", symbol="ETHUSDT", entry=entry("ETHUSDT"))
    bots = [unsaved(account=account, name=symbol, symbol=symbol) for symbol in ("BTCUSDT", "ETHUSDT")]

    services.save_new(bots, now=NOON)

    found = BotConfig.objects.order_by("name").select_related("position", "state")
    said = [(bot.market, bot.position.base_asset, bot.state.status, bot.position.account) for bot in found]
    assert said == [("futures", asset, "stopped", account) for asset in ("BTC", "ETH")]
    assert [bot.history.get().history_type for bot in found] == ["+", "+"]


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"parameters": {"ema_fast": 30}}, "parameters", "ema_fast: 30 must be below ema_slow 21."),
        ({"parameters": [1]}, "parameters", 'parameters: a JSON object is needed, for example {"ema_fast": 9}.'),
        ({"leverage": 0}, "leverage", "leverage: 0 must be 1 on spot."),
        ({"leverage": 2}, "leverage", "leverage: 2 must be 1 on spot."),
        ({"symbol": "BTCUSD"}, "symbol", "symbol: 'BTCUSD' is unknown on paper spot; known are BTCUSDT …"),
        ({"sizing_value": Decimal(0)}, "sizing_value", "sizing_value: 0 must be above 0."),
        ({"sizing_value": Decimal(101)}, "sizing_value", "sizing_value: 101 percent must be at most 100."),
        (
            {"sizing_value": Decimal("0.4")},
            "sizing_value",
            "sizing_value: an entry would be worth 4.00 USDT, below the minimum of 5 USDT on BTCUSDT.",
        ),
        (
            {"sizing_mode": "base", "sizing_value": Decimal("0.000001")},
            "sizing_value",
            "sizing_value: 0.000001 BTC is below the minimum 0.00001 of BTCUSDT.",
        ),
        (
            {"sizing_mode": "quote", "sizing_value": Decimal(1001)},
            "sizing_value",
            "sizing_value: 1001 is above the initial capital 1000.",
        ),
        (
            {"sizing_mode": "risk", "sizing_value": Decimal(1)},
            "stop_loss_percent",
            "stop_loss_percent: risk per trade needs a stop loss to measure the risk by.",
        ),
        (
            {"stop_loss_percent": Decimal(0)},
            "stop_loss_percent",
            "0 must be above 0 and at most 100.",
        ),
        ({"daily_target_perc": Decimal(1001)}, "daily_target_perc", "must be above 0 and at most 1000."),
        ({"max_drawdown_percent": Decimal(101)}, "max_drawdown_percent", "must be above 0 and at most 100."),
        ({"max_consecutive_losses": 0}, "max_consecutive_losses", "0 must be at least 1; empty switches it off."),
        ({"time_zone": "Mars"}, "time_zone", "'Mars' is no time zone; Europe/Berlin is one."),
        ({"strategy": "luck"}, "strategy", "strategy: 'luck' is unknown; there is ema_rsi, rsi_reversion, macd,"),
        ({"interval": "7m"}, "interval", "Value '7m' is not a valid choice."),
    ],
)
def test_an_impossible_bot_is_refused_with_field_value_and_bound(change, field, message):
    with pytest.raises(ValidationError) as refused:
        services.create_bot(unsaved(**change), now=NOON)

    assert any(message in text for text in refused.value.message_dict[field])
    assert not Position.objects.exists()


def test_a_bot_cannot_use_another_users_account():
    with pytest.raises(ValidationError, match="it belongs to another user than the bot"):
        services.create_bot(unsaved(owner=ExchangeAccountFactory().owner), now=NOON)


@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("account_id", lambda: ExchangeAccountFactory().pk, "bot_account_of_owner"),
        ("position_id", lambda: PositionFactory().pk, "bot_position_of_account"),
        ("symbol", lambda: "ETHUSDT", "bot_position_of_account"),
    ],
)
def test_the_database_itself_keeps_owner_account_and_position_together(column, value, constraint):
    bot = BotFactory()

    with pytest.raises(IntegrityError, match=constraint), connection.cursor() as cursor:
        cursor.execute(f"UPDATE bots_botconfig SET {column} = %s WHERE id = %s", [value(), bot.pk])


def test_an_edit_counts_as_a_revision_and_leaves_account_and_symbol_alone():
    bot = services.create_bot(unsaved(), now=NOON)
    bot.sizing_value = Decimal(20)
    bot.symbol = "BTCUSDT"

    services.update_bot(bot)

    saved = BotConfig.objects.get()
    assert (saved.sizing_value, saved.revision, saved.desired_state) == (20, 2, "stopped")


def test_an_edit_of_what_somebody_has_changed_meanwhile_is_refused():
    mine = services.create_bot(unsaved(), now=NOON)
    theirs = BotConfig.objects.get()
    theirs.stop_loss_percent = Decimal(7)
    services.update_bot(theirs)

    mine.sizing_value = Decimal(20)
    with pytest.raises(ValidationError, match="changed it meanwhile"):
        services.update_bot(mine)

    saved = BotConfig.objects.get()
    assert (saved.stop_loss_percent, saved.sizing_value, saved.revision) == (7, theirs.sizing_value, 2)


def test_starting_and_stopping_is_told_and_counted_once():
    BotFactory(desired_state="stopped")
    bots = BotConfig.objects.all()

    counts = [
        services.start_bots(bots, now=NOON),
        services.start_bots(bots, now=NOON),
        services.stop_bots(bots, flatten=False, now=NOON),
        services.stop_bots(bots, flatten=False, now=NOON),
    ]

    assert counts == [1, 0, 1, 0]
    assert list(Event.objects.order_by("pk").values_list("kind", flat=True)) == ["bot_started", "bot_stopped"]
    assert BotState.objects.get().status == "stopped"


@pytest.mark.parametrize("make", ["position", "order"])
def test_a_bot_that_holds_something_cannot_be_deleted(make):
    bot = BotFactory()
    if make == "position":
        Position.objects.update(quantity=Decimal("0.01"))
    else:
        OrderFactory(position=bot.position)

    with pytest.raises(services.BotHoldsPosition, match="stop and flatten it first"):
        services.delete_bot(bot)

    assert BotConfig.objects.exists()


def test_history_outlives_the_bot():
    bot = BotFactory()
    TradeFactory(order=OrderFactory(position=bot.position, status="filled", proof_deadline=NOON))

    services.delete_bot(bot)

    assert not BotConfig.objects.exists()
    assert Position.objects.get().trades.count() == 1
