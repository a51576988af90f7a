"""The list of bots while somebody looks at it: what its rows tell, how they stay up to date, and at what cost."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots.models import BotConfig, BotState, SavedView, SeriesReading
from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory
from trades.models import Position
from trades.tests.factories import OrderFactory, TradeFactory

LIST = "/admin/bots/botconfig/"


def booked(bot, pnl, *, hours=1, purpose="exit"):
    at = timezone.now() - timedelta(hours=hours)
    order = OrderFactory(position=bot.position, purpose=purpose, status="filled", proof_deadline=at)
    TradeFactory(order=order, realized_pnl=Decimal(pnl), created_at=at)


def live(client, *bots):
    return client.get(f"{LIST}live/", {"ids": ",".join(str(bot.pk) for bot in bots)})


def cell_of(page, bot, name):
    found = re.search(
        rf'<span id="bot-{bot.pk}-{name}".*?>(.*?)(?=<span id="bot-|</td>|$)', page.content.decode(), re.S
    )
    return " ".join(re.sub("<[^>]+>", " ", found[1]).split())


def test_the_day_stands_beside_the_limits_of_the_bot(admin, db):
    bot = BotFactory(max_daily_loss_perc=5, daily_target_perc=3, max_daily_trades=4, time_zone="UTC")
    BotState.objects.update(day_from=timezone.now() - timedelta(hours=2))
    free = BotFactory()
    booked(bot, "-12.30", purpose="entry")
    booked(bot, "-500", hours=3)

    page = admin.get(LIST)

    assert cell_of(page, bot, "today") == "-12.30 of -50.00 USDT 1 of 4 trades, target +30.00"
    assert cell_of(page, free, "today") == "0.00 USDT 0 trades"


def test_a_line_shows_what_a_bot_earned_in_seven_days(admin, db):
    lost, none = BotFactory(), BotFactory()
    booked(lost, "5", hours=30)
    booked(lost, "-12.5")
    booked(lost, "99", hours=24 * 8)  # before

    html = admin.get(LIST).content.decode()

    assert html.count("<polyline") == 1
    assert 'aria-label="-7.50 USDT in 7 days"' in html
    assert none.position.trades.count() == 0


def test_paused_entries_are_seen_whatever_the_status_tells(admin, db):
    holding = BotFactory(entries_paused=True, state__status="running")
    flat = BotFactory(entries_paused=True, state__status="paused", state__reason="entries paused")

    page = admin.get(LIST, {"entries": "True"})

    assert cell_of(page, holding, "status") == "running entries paused"
    assert cell_of(page, flat, "status") == "paused (entries paused)"
    assert len(admin.get(LIST, {"entries": "False"}).context["cl"].result_list) == 0


def test_the_rows_of_a_page_are_asked_for_at_once_and_each_is_put_in_its_place(admin, db):
    bots = [BotFactory(), BotFactory()]
    page = admin.get(LIST)
    BotState.objects.filter(pk=bots[0].pk).update(status="error", reason="price fetch", message="it is <b>down</b>")

    fragment = admin.get(page.context["cl"].live_url)

    html = fragment.content.decode()
    assert f'hx-get="{page.context["cl"].live_url}"' in page.content.decode()
    assert html.count('hx-swap-oob="true"') == 8
    assert cell_of(fragment, bots[0], "status") == "error (price fetch)"
    assert "it is &lt;b&gt;down&lt;/b&gt;" in html
    assert "no-store" in fragment.headers["Cache-Control"]
    for name in ("status", "holding", "today", "last_run"):
        assert cell_of(fragment, bots[1], name) == cell_of(page, bots[1], name)


def test_a_strangers_bot_has_no_cells(staff, staff_client, db):
    own, strange = BotFactory(account=ExchangeAccountFactory(owner=staff)), BotFactory()

    html = live(staff_client, own, strange).content.decode()

    assert f"bot-{own.pk}-" in html
    assert f"bot-{strange.pk}-" not in html


@pytest.mark.parametrize("ids", ["", "x", "1,,2", "1;2", "9" * 30, ",".join(["1"] * 51), "²"])
def test_what_names_no_bots_is_refused(admin, db, ids):
    assert admin.get(f"{LIST}live/", {"ids": ids}).status_code == 400


def test_who_may_not_see_bots_is_told_nothing(staff, staff_client, client, db):
    bot = BotFactory(account=ExchangeAccountFactory(owner=staff))
    staff.user_permissions.remove(*staff.user_permissions.filter(codename__endswith="botconfig"))

    assert live(staff_client, bot).content == b""
    assert live(client, bot).status_code == 302


def queries_of(client, url):
    client.get(url)  # content types and the like are read once
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in queries]


def fleet(count):
    """So many bots more, each with a position, trades, and a day in one of many time zones, some of them reset."""
    zones = ("UTC", "Europe/Berlin", "Asia/Tokyo", "America/New_York")
    account = ExchangeAccountFactory()
    for number in range(count):
        bot = BotFactory(account=account, symbol=f"C{number % 9}USDT", time_zone=zones[number % 4])
        BotState.objects.filter(pk=bot.pk).update(day_from=timezone.now() - timedelta(minutes=number % 60))
        Position.objects.filter(pk=bot.position_id).update(quantity=1, entry_price=1)
        if number % 5 == 0:
            booked(bot, "1")


def test_list_and_fragment_cost_as_many_queries_with_200_bots_as_with_20(admin, admin_user, db):
    SavedView.objects.create(user=admin_user, name="mine", query="status=error")
    SeriesReading.objects.create(
        environment="paper", market="spot", symbol="C1USDT", interval="1m", evaluated_at=timezone.now(), price=2
    )
    costs = []
    for more in (20, 180):
        fleet(more)
        url = admin.get(LIST).context["cl"].live_url
        costs.append((queries_of(admin, LIST), queries_of(admin, url)))

    (few, few_live), (many, many_live) = costs
    assert BotConfig.objects.count() == 200
    assert len(few) == len(many) == 12, "\n".join(sql[:150] for sql in many)
    assert len(few_live) == len(many_live) == 5, "\n".join(sql[:150] for sql in many_live)


def test_asking_for_a_confirmation_costs_as_many_queries_with_200_bots_as_with_20(admin, db):
    costs = []
    for more in (20, 180):
        fleet(more)
        data = {"action": "flatten", "_selected_action": [BotConfig.objects.first().pk], "select_across": "1"}
        with CaptureQueriesContext(connection) as queries:
            assert admin.post(LIST, data).status_code == 200
        costs.append(len(queries))

    assert costs[0] == costs[1] == 19, "\n".join(query["sql"][:150] for query in queries)
