"""What a bot's page fetches: the timeline, piece by piece or as a page, and the chart's data."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bots.models import BotConfig, Decision
from bots.services.timeline import PAGE
from bots.tests.factories import BotFactory
from bots.tests.recorded import recorded
from trades.models import Position
from trades.services.events import write_event
from trades.tests.factories import FillFactory, OrderFactory, TradeFactory

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


def trade(bot, times):
    """One more of everything that the pages show, so many times."""
    for _ in range(times):
        order = OrderFactory(position=bot.position, status="filled", proof_deadline=timezone.now())
        FillFactory(order=order)
        TradeFactory(order=order)
        write_event("order_filled", bot.position, "filled", now=timezone.now(), order=order)
        bot.cooldown_minutes += 1
        bot.save()
    BotConfig.history.update(history_user=bot.owner)


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


# session, user, bot
OPENED = 3


@pytest.mark.parametrize(
    ("name", "headers", "most"),
    [
        # readings, day, last decision; four kinds of the timeline; orders, trades; whose; the form's bot; switches
        ("change", {}, OPENED + 12),
        # decisions, orders, events, edits
        ("timeline", HTMX, OPENED + 4),
        # and the line that tells of kill switches
        ("timeline", {}, OPENED + 5),
        # price, protections, terms, trades, fills
        ("chart", {}, OPENED + 5),
    ],
)
def test_a_page_costs_as_many_queries_whatever_has_happened(admin, bot, name, headers, most):
    address = page_of(bot, name)
    trade(bot, 1)
    admin.get(address, headers=headers)  # content types and the like are read once

    few = queries(admin, address, headers)
    trade(bot, 2 * PAGE)
    think(bot, 2 * PAGE)
    many = queries(admin, address, headers)

    assert len(few) == len(many) == most, "\n".join(query["sql"][:200] for query in many)


def queries(client, address, headers):
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address, headers=headers).status_code == 200
    return asked.captured_queries


def test_a_chart_that_is_known_is_not_sent_again_until_something_happens(admin, bot):
    address = page_of(bot, "chart")
    first = admin.get(address)
    known = {"If-None-Match": first.headers["ETag"]}

    same = admin.get(address, headers=known)
    trade(bot, 1)
    other = admin.get(address, headers=known)

    assert (first.status_code, same.status_code, other.status_code) == (200, 304, 200)
    assert (same.content, same.headers["ETag"]) == (b"", first.headers["ETag"])
    assert all(
        "private" in one.headers["Cache-Control"] and "no-cache" in one.headers["Cache-Control"]
        for one in (first, same)
    )
    assert other.headers["ETag"] != first.headers["ETag"]
    assert len(other.json()["equity"]) > len(first.json()["equity"])
