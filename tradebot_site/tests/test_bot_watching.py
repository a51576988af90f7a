"""What a bot's page fetches: the timeline, piece by piece or as a page, and the chart's data."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from bots.models import Decision
from bots.services.timeline import PAGE
from bots.tests.factories import BotFactory
from bots.tests.recorded import recorded
from trades.models import Position

HTMX = {"HX-Request": "true"}


def page_of(bot, name="change"):
    return reverse(f"admin:bots_botconfig_{name}", args=[bot.pk])


@pytest.fixture
def bot(db, monkeypatch):
    """A bot that holds something; the candles of its series are known."""
    monkeypatch.setattr("bots.services.charting.kept_candles", lambda series: recorded("spot", "BTCUSDT"))
    made = BotFactory(name="alpha")
    Position.objects.filter(pk=made.position_id).update(quantity=Decimal("0.5"), entry_price=Decimal(50_000))
    return made


def think(bot, count):
    now = timezone.now()
    Decision.objects.bulk_create(
        Decision(bot=bot, status="waiting", text=f"thought {number};", created_at=now - timedelta(seconds=number))
        for number in range(count)
    )


def test_htmx_gets_a_piece_and_everybody_else_a_whole_page(admin, bot):
    think(bot, PAGE + 1)
    address = page_of(bot, "timeline")
    older = admin.get(address, headers=HTMX).context["timeline"]["older"]

    pieces = [admin.get(link, headers=HTMX) for link in (address, older)]
    pages = [admin.get(link) for link in (address, older)]

    for answer in pieces:
        assert "<html" not in answer.content.decode()
    for answer in pages:
        html = answer.content.decode()
        assert all(part in html for part in ("<html", "Timeline of alpha", 'id="timeline"', page_of(bot)))
    assert all(f"thought {PAGE};" in answer.content.decode() for answer in (pieces[1], pages[1]))
    assert all("HX-Request" in answer.headers["Vary"] for answer in pieces + pages)


@pytest.mark.parametrize(
    "before",
    ["nonsense", "2026-01-01T00:00:00,event,1", "2026-01-01T00:00:00Z,gossip,1", "2026-01-01T00:00:00Z,event,x"],
)
def test_a_place_that_is_none_is_refused(admin, bot, before):
    answer = admin.get(page_of(bot, "timeline"), {"before": before}, headers=HTMX)

    assert (answer.status_code, answer.content[:7]) == (400, b"before:")
