"""The index: real figures of what one owns, shared by all who look, also while exchange, broker or Redis are away."""

import json
import re
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from time import monotonic

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_redis import get_redis_connection

from bots.models import BotConfig, SeriesReading, Tick
from bots.tests.factories import BotFactory
from market.models import AccountBalances
from market.tests.factories import ExchangeAccountFactory, UserFactory
from ops import figures, liveness
from ops.figures.sharing import remembered
from trades.models import Event, Funding, Position
from trades.tests.factories import OrderFactory, TradeFactory

NOWHERE = "redis+socket:///nonexistent/redis.sock"


@pytest.fixture(autouse=True)
def forgotten():
    """No figure of another test."""
    redis = get_redis_connection("default")
    for key in redis.scan_iter("figures:*"):
        redis.delete(key)


@pytest.fixture
def fleet(db):
    now = timezone.now()
    Tick.objects.create(slot=now, started_at=now - timedelta(seconds=5), finished_at=now)
    bot = BotFactory(state__status="running", initial_capital=1000)
    Position.objects.filter(pk=bot.position_id).update(quantity=1, entry_price=100, realized_pnl=Decimal("-3.5"))
    SeriesReading.objects.create(
        environment="paper", market="spot", symbol="BTCUSDT", interval="1m", evaluated_at=now, price=110
    )
    BotFactory(state__status="waiting", state__reason="no signal", initial_capital=1000)
    return bot


def cards(page):
    return {card["title"]: card["value"] for card in page.context["cards"]}


def text(page):
    return " ".join(page.content.decode().split())


def test_figures_are_those_of_the_fleet(admin, fleet):
    page = admin.get("/admin/")

    shown = cards(page)
    seconds, ago = shown.pop("Last tick").split(maxsplit=1)
    assert (5 <= int(seconds) < 60, ago) == (True, "s ago")  # it began 5 s before the fixture
    assert shown == {
        "Equity": "2,006.50 USDT",
        "P&L today": "0.00 USDT",
        "P&L in 7 days": "0.00 USDT",
        "P&L in 30 days": "0.00 USDT",
        "Unrealised P&L": "+10.00 USDT",
        "At the exchange": "unknown",
        "Bots": "2",
        "Open alerts": "0",
    }
    assert "running 1" in text(page)
    assert "high_priority" in text(page)
    assert "?environment=paper&amp;status=waiting&amp;reason=no+signal" in text(page)
    (row,) = page.context["exposure"]
    assert (row["symbol"], row["net"], row["worth"], row["unrealized"]) == ("BTCUSDT", "1", "110.00", "+10.00")


def test_profit_is_summed_by_day_with_funding_and_only_what_was_booked_then(admin, fleet):
    midnight = datetime.combine(timezone.now().date(), time(), UTC)
    for days, pnl in ((0, 1), (6, 10), (7, 100), (29, 1_000), (30, 10_000)):
        order = OrderFactory(position=fleet.position, purpose="exit")
        TradeFactory(order=order, realized_pnl=pnl, created_at=midnight - timedelta(days=days))
    Funding.objects.create(
        position=fleet.position, account=fleet.account, transaction_id=1, amount=Decimal("-0.25"), paid_at=midnight
    )

    page = admin.get("/admin/")

    shown = cards(page)
    assert shown["P&L today"] == "+0.75 USDT"
    assert shown["P&L in 7 days"] == "+10.75 USDT"
    assert shown["P&L in 30 days"] == "+1,110.75 USDT"
    chart = page.context["chart"]
    assert (len(chart["days"]), chart["earned"][0], chart["earned"][-1], chart["sums"][-1]) == (30, 1000, 0.75, 1110.75)


def test_play_money_and_real_money_are_never_added_up(admin, fleet, settings):
    settings.ENVIRONMENTS = ["paper", "testnet"]
    other = BotFactory(account=ExchangeAccountFactory(environment="testnet"), initial_capital=5)
    now = timezone.now()
    OrderFactory(position=fleet.position, status="filled", purpose="exit", created_at=now, proof_deadline=now)

    first, second = admin.get("/admin/"), admin.get("/admin/?environment=paper")

    assert (cards(first)["Equity"], cards(first)["Bots"]) == ("5.00 USDT", "1")
    assert (cards(second)["Equity"], cards(second)["Bots"]) == ("2,006.50 USDT", "2")
    filled = [page.context["outcomes"]["rows"][0]["day"] for page in (first, second)]
    assert filled == ["0", "1"]
    for page in (first, second):  # what leads on leads to rows of that environment
        named = {
            card["href"].partition("environment=")[2].partition("&")[0] for card in page.context["cards"][:-2]
        }  # tick and alerts are of all
        assert named == {page.context["environment"]}
    assert first.context["environments"] == ["testnet", "paper"]
    assert BotConfig.objects.get(pk=other.pk)


def test_staff_see_their_own_figures_and_nothing_of_the_machinery(staff, staff_client, admin, fleet):
    BotFactory(account=ExchangeAccountFactory(owner=staff), initial_capital=7, state__status="paused",
               state__reason="kill switch")  # fmt: skip
    now = timezone.now()
    for kind in ("bot_error", "order_denied"):
        Event.objects.create(kind=kind, position=fleet.position, message="not yours", created_at=now)
    order = OrderFactory(
        position=fleet.position, purpose="exit", status="unknown", created_at=now, signed_at=now, proof_deadline=now
    )
    TradeFactory(order=order, realized_pnl=5, created_at=now)
    Funding.objects.create(position=fleet.position, account=fleet.account, transaction_id=1, amount=3, paid_at=now)
    Position.objects.filter(pk=fleet.position_id).update(naked_since=now)
    BotConfig.objects.filter(pk=fleet.pk).update(stop_loss_percent=1)

    mine, all_of_it = staff_client.get("/admin/"), admin.get("/admin/")

    assert (cards(mine)["Equity"], cards(mine)["Bots"]) == ("7.00 USDT", "1")
    assert cards(all_of_it)["Bots"] == "3"
    assert mine.context["machinery"] is None
    assert "not yours" not in text(mine)
    assert "not yours" in text(all_of_it)
    assert mine.context["exposure"] == []
    assert (cards(mine)["P&L today"], cards(all_of_it)["P&L today"]) == ("0.00 USDT", "+8.00 USDT")
    assert (cards(mine)["Unrealised P&L"], mine.context["chart"]["sums"][-1]) == ("0.00 USDT", 0)
    for page, expected in ((mine, ("0", "0", "0 open")), (all_of_it, ("1", "1", "1 open"))):
        outcomes = page.context["outcomes"]
        denied = {row["name"]: row["day"] for row in outcomes["rows"]}["denied"]
        unknown = {row["name"]: row["count"] for row in outcomes["live"]}["unknown"]
        assert (denied, unknown, outcomes["naked"][:6]) == expected
    assert figures.order_outcomes(staff.pk, "paper", now=now)["day"] == {"denied": 0}


def test_what_accounts_held_when_last_asked_is_added_up_by_owner(staff, staff_client, admin, fleet):
    now = timezone.now()
    for owner, equity in ((staff, 100), (staff, None), (fleet.owner, 1000)):
        account = ExchangeAccountFactory(owner=owner)
        AccountBalances.objects.create(account=account, equity=equity, equity_at=equity and now - timedelta(minutes=3))

    mine, everybodys = staff_client.get("/admin/"), admin.get("/admin/")

    assert (cards(mine)["At the exchange"], cards(everybodys)["At the exchange"]) == ("100.00 USDT", "1,100.00 USDT")
    assert "in 1 accounts, as of 3 min ago; 1 more are not known" in text(mine)


def test_outcomes_of_orders_tell_what_went_wrong(admin, fleet):
    now = timezone.now()
    for status, hours in (("rejected", 0.5), ("rejected", 5), ("canceled", 30)):
        then = now - timedelta(hours=hours)
        OrderFactory(position=fleet.position, status=status, purpose="exit", created_at=then, proof_deadline=now)
    OrderFactory(position=fleet.position, status="unknown", purpose="exit", created_at=now, proof_deadline=now)
    Event.objects.create(kind="order_denied", position=fleet.position, message="too much", created_at=now)

    outcomes = admin.get("/admin/").context["outcomes"]

    rows = {row["name"]: (row["hour"], row["day"], row["bad"]) for row in outcomes["rows"]}
    assert rows["rejected"] == ("1", "2", True)
    assert rows["denied"] == ("1", "1", True)
    assert rows["canceled"] == ("0", "0", False)
    assert {row["name"]: row["count"] for row in outcomes["live"]}["unknown"] == "1"


def test_its_parts_come_anew_and_send_who_is_logged_out_to_the_login(admin, client, fleet):
    part = admin.get("/admin/dashboard/cards/")
    chart = admin.get("/admin/dashboard/chart/?environment=paper")
    out = client.get("/admin/dashboard/cards/")

    assert "<html" not in part.content.decode()
    assert "Equity" in part.content.decode()
    assert "pnl-of-days" in chart.content.decode()
    assert part["Cache-Control"] == "no-store"
    assert (out.headers.get("HX-Refresh"), out.content) == ("true", b"")
    assert admin.get("/admin/dashboard/nothing/").status_code == 404


def test_ten_viewers_cost_what_one_costs(admin, fleet):
    admin.get("/admin/")
    with CaptureQueriesContext(connection) as queries:
        for _ in range(10):
            admin.get("/admin/dashboard/cards/")
            admin.get("/admin/dashboard/panels/")

    assert not [query["sql"] for query in queries if "trades_" in query["sql"] or "bots_" in query["sql"]]


def test_the_number_of_statements_does_not_grow_with_the_fleet(admin, fleet):
    admin.get("/admin/")  # what Django remembers from then on
    counts = []
    for _ in range(2):
        forget_all()
        with CaptureQueriesContext(connection) as queries:
            admin.get("/admin/")
        counts.append(len(queries))
        for number in range(5):
            BotFactory(state__status="error", state__reason="price fetch", symbol=f"S{number}USDT")

    assert counts[0] == counts[1] <= 40


def forget_all():
    redis = get_redis_connection("default")
    for key in redis.scan_iter("figures:*"):
        redis.delete(key)


def test_what_is_kept_belongs_to_one_owner(db):
    one, two = UserFactory().pk, UserFactory().pk

    assert remembered("x", one, lambda: "mine", seconds=5) == "mine"
    assert remembered("x", two, lambda: "yours", seconds=5) == "yours"
    assert remembered("x", None, lambda: None, seconds=5) is None
    assert remembered("x", None, lambda: "computed again", seconds=5) is None


def test_an_empty_system_says_so(admin):
    page = admin.get("/admin/")

    assert cards(page)["Last tick"] == "never"
    assert cards(page)["Bots"] == "0"
    assert "Nothing is held." in text(page)


def test_it_does_not_ask_the_exchange(admin, fleet, settings):
    settings.PAPER_URL = "http://127.0.0.1:9"
    begun = monotonic()

    page = admin.get("/admin/")

    assert cards(page)["Unrealised P&L"] == "+10.00 USDT"
    assert monotonic() - begun < 2


def test_without_a_price_equity_is_unknown_and_not_made_up(admin, fleet):
    SeriesReading.objects.update(price=None)

    page = admin.get("/admin/")

    assert (cards(page)["Unrealised P&L"], cards(page)["Equity"]) == ("unknown", "unknown")
    assert page.context["exposure"][0]["worth"] == "100.00"  # what it cost


def test_it_survives_a_broker_that_is_away(admin, fleet, monkeypatch):
    away = current_app.connection_for_read(NOWHERE)
    monkeypatch.setattr(current_app, "connection_for_read", lambda **kwargs: away)
    begun = monotonic()

    page = admin.get("/admin/")

    assert "The broker does not answer" in text(page)
    assert monotonic() - begun < 5


def test_workers_that_fell_silent_and_queues_without_one_are_named(admin, fleet):
    assert "No worker has been seen for an hour." in text(admin.get("/admin/"))
    assert "No worker takes from: high_priority" in text(admin.get("/admin/"))


def test_a_worker_that_lives_and_one_that_fell_silent_are_told_apart(admin, fleet):
    now, redis = timezone.now(), get_redis_connection("default")
    for name, seconds in (("quick@here", 3), ("gone@here", 300)):
        line = {"at": (now - timedelta(seconds=seconds)).isoformat(), "queues": ["trading"], "pid": 1}
        redis.hset(liveness.KEY, name, json.dumps(line))

    page = text(admin.get("/admin/"))
    redis.delete(liveness.KEY)

    assert re.search(r'quick@here <b class="tb-success">alive</b>, seen \d s ago', page)
    assert "gone@here: silent, last seen 5 min ago" in page
    assert "No worker takes from: high_priority, data_sync" in page


def test_figures_of_environments_are_the_owners(db):
    owner: User = UserFactory()
    ExchangeAccountFactory(owner=owner, environment="testnet")
    ExchangeAccountFactory()

    assert figures.environments(owner.pk) == ["testnet"]
    assert figures.environments(None) == ["testnet", "paper"]


def test_the_sidebar_leads_only_where_one_may_go(staff, staff_client):
    staff.user_permissions.remove(*staff.user_permissions.filter(codename__endswith="_periodictask"))

    html = staff_client.get("/admin/").content.decode()

    assert "/admin/bots/botconfig/" in html
    assert "/admin/django_celery_beat/periodictask/" not in html


def test_every_link_of_the_sidebar_answers(admin):
    for group in admin.get("/admin/").context["sidebar_navigation"]:
        for item in group["items"]:
            assert admin.get(item["link"]).status_code == 200, item
