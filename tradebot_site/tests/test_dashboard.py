"""The index: real figures, also while exchange or broker are away."""

from datetime import timedelta
from decimal import Decimal
from time import monotonic

import pytest
from celery import current_app
from django.utils import timezone

from bots.models import SeriesReading, Tick
from bots.tests.factories import BotFactory
from trades.models import Position

NOWHERE = "redis+socket:///nonexistent/redis.sock"


@pytest.fixture
def fleet(db):
    now = timezone.now()
    Tick.objects.create(slot=now, started_at=now - timedelta(seconds=5), finished_at=now)
    bot = BotFactory(state__status="running")
    Position.objects.filter(pk=bot.position_id).update(quantity=1, entry_price=100, realized_pnl=Decimal("-3.5"))
    SeriesReading.objects.create(
        environment="paper", market="spot", symbol="BTCUSDT", interval="1m", evaluated_at=now, price=110
    )
    BotFactory(state__status="waiting", state__reason="no signal")


def figures(page):
    return {card["title"]: card["value"] for card in page.context["cards"]}


def test_figures_are_those_of_the_fleet(admin, fleet):
    page = admin.get("/admin/")

    assert figures(page) == {
        "Bots": "2",
        "Open positions": "1",
        "Realised P&L": "-3.50 USDT",
        "Unrealised P&L": "+10.00 USDT",
        "Last tick": "5 s ago",
    }
    assert "running 1" in page.content.decode()
    assert "high_priority" in page.content.decode()


def test_an_empty_system_says_so(admin):
    assert figures(admin.get("/admin/"))["Last tick"] == "never"


def test_it_does_not_ask_the_exchange(admin, fleet, settings):
    settings.PAPER_URL = "http://127.0.0.1:9"
    begun = monotonic()

    page = admin.get("/admin/")

    assert figures(page)["Unrealised P&L"] == "+10.00 USDT"
    assert monotonic() - begun < 2


def test_it_survives_a_broker_that_is_away(admin, fleet, monkeypatch):
    away = current_app.connection_for_read(NOWHERE)
    monkeypatch.setattr(current_app, "connection_for_read", lambda **kwargs: away)
    begun = monotonic()

    page = admin.get("/admin/")

    assert "The broker does not answer" in page.content.decode()
    assert monotonic() - begun < 5


def test_the_sidebar_leads_only_where_one_may_go(staff, staff_client):
    staff.user_permissions.remove(*staff.user_permissions.filter(codename__endswith="_periodictask"))

    html = staff_client.get("/admin/").content.decode()

    assert "/admin/bots/botconfig/" in html
    assert "/admin/django_celery_beat/periodictask/" not in html


def test_every_link_of_the_sidebar_answers(admin):
    for group in admin.get("/admin/").context["sidebar_navigation"]:
        for item in group["items"]:
            assert admin.get(item["link"]).status_code == 200, item
