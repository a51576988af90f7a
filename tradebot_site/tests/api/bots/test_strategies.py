"""Strategies with what they take, indicators on demand, and the summary over all bots."""

import json

import pytest
from django.utils import timezone

from bots.models import BotState, SeriesReading
from bots.strategies import STRATEGIES
from bots.tests.factories import BotFactory
from market.exchange.errors import ExchangeUnavailable
from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory
from tradebot_site.tests.api.bots.caller import caller
from trades.models import Position

pytestmark = pytest.mark.django_db


def test_every_strategy_tells_what_it_takes_and_a_bot_takes_the_defaults(trader, bot):
    status, told = trader.get("strategies")

    assert (status, [strategy["name"] for strategy in told]) == (200, list(STRATEGIES))
    ema_rsi = next(strategy for strategy in told if strategy["name"] == "ema_rsi")
    assert ema_rsi["parameters"][0] == {
        "name": "ema_fast",
        "type": "integer",
        "default": 9,
        "minimum": 2.0,
        "maximum": STRATEGIES["ema_rsi"].parameters[0].maximum,
        "choices": [],
        "help": STRATEGIES["ema_rsi"].parameters[0].help,
    }
    for strategy in told:
        parameters = {parameter["name"]: parameter["default"] for parameter in strategy["parameters"]}
        changed = trader.patch(f"bots/{bot.pk}", strategy=strategy["name"], parameters=parameters)
        assert changed[0] == 200, changed
        assert trader.get(f"strategies/{strategy['name']}") == (200, strategy)


def test_a_strategy_that_is_none_is_not_found(trader):
    assert trader.get("strategies/luck")[0] == 404
    assert trader.get("strategies", colour="red")[0] == 400


QUESTION = {"environment": "paper", "market": "spot", "symbol": "BTCUSDT", "interval": "1m", "strategy": "ema_rsi"}


def test_indicators_are_read_as_a_tick_reads_them(trader, paper):
    status, told = trader.get("indicators", **QUESTION, parameters=json.dumps({"ema_fast": 5}))

    assert status == 200, told
    assert told["parameters"] | {"ema_fast": 5} == told["parameters"]
    assert told["indicators"].keys() == {"ema_fast", "ema_slow", "rsi"}
    assert (told["trouble"], "EMA fast" in told["text"]) == ("", True)
    assert told["signal"] in ("nothing", "enter_long", "enter_short", "exit_long", "exit_short")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"symbol": "NOPEUSDT"}, "symbol"),
        ({"environment": "moon"}, "environment"),
        ({"market": "flea"}, "market"),
        ({"interval": "7m"}, "interval"),
        ({"strategy": "luck"}, "strategy"),
        ({"parameters": "{"}, "parameters"),
        ({"parameters": "[" * 900}, "parameters"),
        ({"parameters": "7"}, "parameters"),
        ({"parameters": '{"ema_fast": NaN}'}, "parameters"),
        ({"parameters": '{"ema_fast": 1}'}, "parameters"),
        ({"parameters": '{"luck": 1}'}, "parameters"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_question_about_indicators_that_makes_no_sense_is_refused(trader, paper, changes, field):
    SymbolRulesFactory()

    status, told = trader.get("indicators", **QUESTION | changes)

    assert (status, list(told["fields"])) == (400, [field])


def test_an_exchange_that_is_away_is_said(trader, monkeypatch):
    def away(*args, **kwargs):
        raise ExchangeUnavailable("no answer")

    monkeypatch.setattr("bots.services.indicators.look_at_series", away)

    status, told = trader.get("indicators", **QUESTION)

    assert (status, told["code"]) == (503, "unavailable")


def test_the_summary_tells_each_environment_for_itself(trader, bot, account, stranger):
    testnet = ExchangeAccountFactory(owner=trader.user, name="testnet", environment="testnet")
    BotFactory(account=testnet, initial_capital=500, name="on testnet")
    BotState.objects.filter(pk=bot.pk).update(status="paused", reason="kill switch")
    Position.objects.filter(pk=bot.position_id).update(quantity="0.01", entry_price="50000", realized_pnl="5")
    SeriesReading.objects.create(
        environment="paper", market="spot", symbol="BTCUSDT", interval="1m", evaluated_at=timezone.now(), price=51_000
    )

    status, told = trader.get("summary")

    assert (status, [one["environment"] for one in told["environments"]]) == (200, ["testnet", "paper"])
    on_testnet, on_paper = told["environments"]
    assert (on_testnet["bots"], on_testnet["capital"], on_testnet["exposure"]) == (1, "500", "0")
    assert on_paper["by_status"]["paused"] == 1
    assert on_paper["by_reason"] == [{"status": "paused", "reason": "kill switch", "count": 1}]
    names = ("bots", "positions_open", "capital", "realized_pnl", "unrealized_pnl", "equity", "exposure", "today_pnl")
    assert {name: on_paper[name] for name in names} == {
        "bots": 1,
        "positions_open": 1,
        "capital": "1000",
        "realized_pnl": "5",
        "unrealized_pnl": "10",
        "equity": "1015",
        "exposure": "510",
        "today_pnl": "0",
    }
    assert on_paper["symbols"] == [
        {
            "symbol": "BTCUSDT",
            "market": "spot",
            "positions": 1,
            "net": "0.01",
            "worth": "510",
            "unrealized_pnl": "10",
        }
    ]
    assert (len(on_paper["daily_pnl"]), on_paper["orders"]["day"]) == (30, {"denied": 0})


def test_an_operators_summary_is_about_everybody_and_who_has_nothing_sees_nothing(bot, stranger):
    assert caller("operator").get("summary")[1]["environments"][0]["bots"] == 2
    assert caller("viewer").get("summary")[1]["environments"] == []
    assert caller("stranger").get("summary")[0] == 403
