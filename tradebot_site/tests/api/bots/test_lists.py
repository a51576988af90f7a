"""Bots at a glance: the list with states, its filters, its statements, and that it says what the models say."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots.api.rows import BotRowSerializer
from bots.models import BotConfig, BotState, SeriesReading
from bots.services.figures import figures
from bots.services.glances import glances
from bots.tests.factories import BotFactory
from bots.tests.fleets import Dealer
from market.rounding import plain
from market.tests.factories import ExchangeAccountFactory
from tradebot_site.tests.api.bots.caller import caller
from trades.models import Position
from trades.pnl import EXACT, PLACES
from trades.tests.factories import OrderFactory, TradeFactory

pytestmark = pytest.mark.django_db


def names(answer):
    status, told = answer
    assert status == 200, told
    return [bot["name"] for bot in told["results"]]


def reading_of(bot, price="50100", **fields):
    environment, market = bot.series.exchange
    return SeriesReading.objects.create(
        environment=environment,
        market=market,
        symbol=bot.symbol,
        interval=bot.interval,
        evaluated_at=timezone.now(),
        price=price,
        **fields,
    )


def test_a_bot_is_listed_with_where_it_stands(trader, bot):
    BotState.objects.update(status="error", reason="price fetch", message="no price", changed_at=timezone.now())
    Position.objects.update(quantity="0.01", entry_price="50000", realized_pnl="12.50", opened_at=timezone.now())
    reading = reading_of(bot)

    status, told = trader.get("bots")

    row = told["results"][0]
    assert (status, told["next"], told["previous"]) == (200, None, None)
    assert {name: row[name] for name in ("id", "name", "owner", "account", "account_name", "environment")} == {
        "id": bot.pk,
        "name": "the bot",
        "owner": "the-trader",
        "account": bot.account_id,
        "account_name": "mine",
        "environment": "paper",
    }
    assert row["state"] | {"changed_at": "", "opened_at": ""} == {
        "status": "error",
        "reason": "price fetch",
        "text": "no price",
        "changed_at": "",
        "lockout": "",
        "lockout_text": "",
        "last_error_message": "no price",
        "in_position": True,
        "side": "long",
        "current_position_size_coins": "0.01",
        "entry_price": "50000",
        "opened_at": "",
        "price": "50100",
        "unrealized_pnl": "1",
        "realized_pnl": "12.5",
        "daily_pnl": "0",
        "daily_trades_count": 0,
        "last_run_at": f"{reading.evaluated_at:%Y-%m-%dT%H:%M:%S.%f}Z",
    }


def test_the_list_says_what_models_and_figures_say(db):
    now = timezone.now()
    bots = Dealer(7, now).bots(120)
    for bot in bots[:100]:
        trade = TradeFactory(
            order=OrderFactory(position=bot.position, status="filled", proof_deadline=now),
            binance_order_id=10**9 + bot.pk,
            created_at=now - timedelta(hours=bot.pk % 40),
            realized_pnl=Decimal(bot.pk) / 7,
            purpose="entry" if bot.pk % 3 else "exit",
        )
        BotState.objects.filter(pk=bot.pk).update(day_from=trade.created_at if bot.pk % 5 else None)
    for series_of in {bot.series: bot for bot in bots}.values():
        reading_of(series_of, price="50100.123456789123456789")
    Position.objects.filter(pk=bots[0].position_id).update(quantity="0.3", entry_price="0.1")
    Position.objects.filter(pk=bots[1].position_id).update(quantity="-0.123456789123456789", entry_price="1.1")
    bots = list(BotConfig.objects.with_state().select_related("owner"))
    known = figures(bots, now=now)

    told = {row["id"]: row for row in glances(((bot.pk, bot.time_zone) for bot in bots), now=now)}

    for bot in bots:
        state, figure = told[bot.pk]["state"], known[bot.pk]
        with localcontext(EXACT):
            unrealized = figure.unrealized_pnl(bot)
            unrealized = unrealized and unrealized.quantize(PLACES, ROUND_HALF_UP)
        assert {name: state[name] for name in ("status", "reason", "text", "lockout", "in_position")} == {
            "status": bot.state.status,
            "reason": bot.state.reason,
            "text": bot.state.message,
            "lockout": bot.state.lockout,
            "in_position": bot.state.in_position,
        }
        assert state["current_position_size_coins"] == plain(bot.state.current_position_size_coins)
        assert state["entry_price"] == (plain(bot.state.entry_price) if bot.state.in_position else None)
        assert state["unrealized_pnl"] == (
            plain(unrealized) if bot.state.in_position and unrealized is not None else None
        )
        assert Decimal(state["daily_pnl"]) == figure.day.pnl
        assert state["daily_trades_count"] == figure.day.trades
    assert any(Decimal(row["state"]["daily_pnl"]) for row in told.values())
    assert {row["state"]["side"] for row in told.values()} == {None, "long", "short"}


def test_what_is_listed_is_what_the_schema_says(trader, bot):
    row = trader.get("bots")[1]["results"][0]
    fields = BotRowSerializer().fields

    assert set(row) == set(fields)
    assert set(row["state"]) == set(fields["state"].fields)


@pytest.mark.parametrize("count", [1, 30])
def test_a_list_takes_four_statements_whatever_its_length(trader, bot, count):
    for number in range(count - 1):
        BotFactory(account=bot.account, name=f"bot {number}")
    trader.get("bots")  # notes the token's use

    with CaptureQueriesContext(connection) as queries:
        assert len(names(trader.get("bots"))) == count

    assert len(queries) == 4, [query["sql"] for query in queries]  # token, rights, page, glances


def test_pages_follow_each_other_in_any_order(trader, account):
    for number in range(5):
        BotFactory(account=account, name=f"bot {number}", symbol=["AUSDT", "BUSDT"][number % 2])

    for ordering in ("id", "-id", "name", "-name", "symbol", "-symbol"):
        seen, query = [], {"ordering": ordering, "page_size": 2}
        while True:
            status, told = trader.get("bots", **query)
            assert status == 200
            seen += [bot[ordering.strip("-")] for bot in told["results"]]
            if told["next"] is None:
                break
            query["cursor"] = told["next"].partition("cursor=")[2].partition("&")[0].replace("%3D", "=")
        assert seen == sorted(seen, reverse=ordering.startswith("-"))
        assert len(seen) == 5


def test_bots_are_found_by_what_they_are_and_where_they_stand(trader, account):
    futures = ExchangeAccountFactory(owner=trader.user, name="futures", market="futures", environment="testnet")
    BotFactory(account=account, name="Alpha", state__status="paused", state__reason="kill switch")
    BotFactory(account=futures, name="beta", symbol="ETHUSDT", strategy="macd", desired_state="stopped")

    for query, found in [
        ({"status": "paused"}, ["Alpha"]),
        ({"reason": "kill switch"}, ["Alpha"]),
        ({"symbol": "ETHUSDT"}, ["beta"]),
        ({"market": "futures"}, ["beta"]),
        ({"environment": "paper"}, ["Alpha"]),
        ({"strategy": "macd"}, ["beta"]),
        ({"desired_state": "running"}, ["Alpha"]),
        ({"entries_paused": "true"}, []),
        ({"account": futures.pk}, ["beta"]),
        ({"search": "ALPH"}, ["Alpha"]),
        ({"search": "%"}, []),
        ({"owner": "the-trader", "ordering": "name"}, ["Alpha", "beta"]),
        ({"status": "paused", "market": "futures"}, []),
    ]:
        assert names(trader.get("bots", **query)) == found, query


def test_others_bots_are_for_operators_alone(trader, bot, stranger):
    operator = caller("operator")

    assert names(trader.get("bots")) == ["the bot"]
    assert names(trader.get("bots", owner=stranger.owner.username)) == []
    assert names(trader.get("bots", account=stranger.account_id)) == []
    assert sorted(names(operator.get("bots"))) == ["strangers-bot", "the bot"]
    assert names(operator.get("bots", owner=stranger.owner.username)) == ["strangers-bot"]


def test_single_fields_are_shown_if_asked(trader, bot):
    assert trader.get("bots", fields="id,name")[1]["results"] == [{"id": bot.pk, "name": "the bot"}]

    status, told = trader.get("bots", fields="id,secret")
    assert (status, list(told["fields"])) == (400, ["fields"])
    assert "secret" in told["detail"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"colour": "red"}, "is not known here"),
        ({"status": "asleep"}, "asleep"),
        ({"account": "x"}, "Enter a whole number"),
        ({"account": 10**30}, "less than or equal"),
        ({"ordering": "state"}, "'state' is not possible"),
        ({"page_size": 1000}, "'1000' is no number from 1 to 200"),
        ({"search": "x" * 61}, "at most 60 characters"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(trader, query, words):
    status, told = trader.get("bots", **query)

    assert (status, told["code"], list(told["fields"])) == (400, "invalid", list(query))
    assert words in told["detail"]


def test_who_only_looks_may_list_and_who_is_nobody_may_not(bot):
    assert caller("viewer", "read").get("bots")[0] == 200
    assert caller("stranger").get("bots")[0] == 403
    assert trader_without_token() == 401


def trader_without_token():
    from django.test import Client

    return Client().get("/api/v1/bots").status_code


def test_single_fields_of_one_bot_are_shown_if_asked(trader, bot):
    assert trader.get(f"bots/{bot.pk}", fields="id,stop_loss_percent") == (
        200,
        {"id": bot.pk, "stop_loss_percent": None},
    )
    assert trader.get(f"bots/{bot.pk}", colour="red")[0] == 400
