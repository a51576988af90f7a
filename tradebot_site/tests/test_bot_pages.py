"""The list of bots and the page of one: what they tell, and at what cost."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from bots.advice import OF_DENIAL, OF_REASON
from bots.models import BotState, Decision, SeriesReading
from bots.recipe import Recipe
from bots.tests.factories import BotFactory
from bots.types import STATUS_OF, Reason
from tradebot_site.tests.conftest import full_bot
from trades.models import Position, TermsInForce
from trades.tests.factories import OrderFactory, TradeFactory

LIST = "/admin/bots/botconfig/"


def page_of(bot):
    return reverse("admin:bots_botconfig_change", args=[bot.pk])


def read(bot, price, **kwargs):
    return SeriesReading.objects.create(
        environment="paper", market="spot", symbol=bot.symbol, interval=bot.interval, price=price, **kwargs
    )


def test_the_list_tells_position_profit_and_the_day(admin, db):
    bot = BotFactory(name="the bot", state__status="waiting", state__reason="no signal")
    Position.objects.filter(pk=bot.position_id).update(quantity=Decimal("0.5"), entry_price=Decimal(50_000))
    read(bot, Decimal(50_100), evaluated_at=timezone.now() - timedelta(seconds=20))
    for pnl, purpose in (("-3.5", "entry"), ("20", "exit")):
        order = OrderFactory(position=bot.position, purpose=purpose, status="filled", proof_deadline=timezone.now())
        TradeFactory(order=order, realized_pnl=Decimal(pnl), created_at=timezone.now())

    html = admin.get(LIST).content.decode()

    for words in ("waiting (no signal)", "0.5 BTC from 50,000", "+50.00 USDT", "+16.50 USDT", "1 trade"):
        assert words in html, words
    assert re.search(r"2\d s ago", html)


@pytest.mark.parametrize("count", [5, 50])
def test_a_page_of_bots_costs_as_many_queries_whatever_their_number(admin, db, count):
    for number in range(count):
        bot = BotFactory(symbol=f"C{number % 7}USDT", time_zone=("UTC", "Europe/Berlin")[number % 2])
        OrderFactory(position=bot.position)
    SeriesReading.objects.create(
        environment="paper", market="spot", symbol="C1USDT", interval="1m", evaluated_at=timezone.now(), price=1
    )
    admin.get(LIST)  # content types and the like are read once

    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = admin.get(LIST)

    assert page.content.decode().count("action-select") >= count
    # session, user; views; count, bots; readings, days, earnings; symbols, owners, accounts of the filters; switches
    assert len(queries) == 12, "\n".join(query["sql"][:150] for query in queries)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "alpha"}, True),
        ({"q": "omega"}, False),
        ({"status": "error"}, True),
        ({"status": "running"}, False),
        ({"reason": "price fetch"}, True),
        ({"symbol": "BTCUSDT"}, True),
        ({"symbol": "' OR 1=1"}, False),
        ({"interval": "1m"}, True),
        ({"interval": "1d"}, False),
        ({"environment": "live"}, False),
        ({"account": "no number"}, False),
        ({"desired_state__exact": "running"}, True),
        ({"strategy__exact": "ema_rsi"}, True),
    ],
)
def test_search_and_filters_find_what_they_name(admin, db, query, found):
    BotFactory(name="alpha", state__status="error", state__reason="price fetch")

    page = admin.get(LIST, query)

    assert ("alpha" in [bot.name for bot in page.context["cl"].result_list]) is found


def test_a_bots_page_tells_where_it_stands(admin, db):
    bot = full_bot(name="the bot", state__status="error", state__reason="price fetch", state__message="it is down")
    key = Recipe(bot.strategy, bot.parameters).key
    read(bot, Decimal(50_000), evaluated_at=timezone.now(), texts={key: "EMA fast 1 > EMA slow 2"})

    html = admin.get(page_of(bot)).content.decode()

    for words in ("error (price fetch)", "Last error: it is down", "EMA fast 1 &gt; EMA slow 2", "a thought"):
        assert words in html, words
    assert f"position__id__exact={bot.position_id}" in html


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason])
def test_a_bots_page_tells_what_to_do_about_each_reason(admin, db, reason):
    bot = BotFactory(state__status=STATUS_OF[reason], state__reason=reason)

    page = admin.get(page_of(bot))

    assert escape(OF_REASON[reason]) in page.content.decode()


def test_a_bots_page_tells_what_to_do_about_the_denial_behind_its_reason(admin, db):
    bot = BotFactory(state__status="waiting", state__reason="risk limit reached")
    denied = {"status": "waiting", "reason": "risk limit reached"}
    for number, code in enumerate(("exposure", "notional_cap")):
        at = timezone.now() + timedelta(seconds=number)
        Decision.objects.create(bot=bot, **denied, denial_code=code, created_at=at)

    assert page_told(admin, bot) == OF_DENIAL["notional_cap"]
    BotState.objects.update(reason="balance too low")
    assert page_told(admin, bot) == OF_REASON["balance too low"]


def page_told(admin, bot):
    return admin.get(page_of(bot)).context["page"].advice


def test_dust_is_no_position(admin, db):
    bot = BotFactory()
    Position.objects.update(quantity=Decimal("0.00000517"), entry_price=Decimal(50_000))

    for page in (admin.get(LIST), admin.get(page_of(bot))):
        assert "flat" in page.content.decode()
        assert "dust: 0.00000517 BTC" in page.content.decode()


def test_lists_behind_a_bots_page_hold_only_its_rows(admin, db):
    bot, other = full_bot(name="the bot"), full_bot(name="other")

    orders = admin.get("/admin/trades/order/", {"position__id__exact": bot.position_id})
    decisions = admin.get("/admin/bots/decision/", {"bot__id__exact": bot.pk})

    assert [row.position_id for row in orders.context["cl"].result_list] == [bot.position_id]
    assert [row.bot_id for row in decisions.context["cl"].result_list] == [bot.pk]
    assert other.position.orders.exists()


def test_the_page_of_a_futures_bot_tells_terms_liquidation_and_funding(admin, db):
    bot = BotFactory(account__market="futures", leverage=5)
    before = admin.get(page_of(bot)).content.decode()
    holding = {"quantity": Decimal("-0.5"), "entry_price": Decimal(50_000), "funding": Decimal("-1.25"), "round": 3}
    Position.objects.filter(pk=bot.position_id).update(**holding)
    TermsInForce.objects.create(
        position=bot.position, leverage=5, is_isolated=True, liquidation_price=Decimal(59_760), liquidation_round=3
    )

    html = admin.get(page_of(bot)).content.decode()

    assert "leverage is set before the first entry" in before
    for words in ("5x isolated", "liquidation at 59,760", "funding -1.25", "-0.5 BTC"):
        assert words in html, words
