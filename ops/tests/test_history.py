"""Made-up history: quick to make, spread over 90 days, and with books that agree with each other."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count, F, Max, Min, Sum
from django.utils import timezone

from bots.models import BotConfig, Decision
from market.paper.tests.server import PaperServer
from ops.audit import audit
from ops.fleet import seed_fleet
from trades.models import Fill, Order, Position, Trade

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def untouched_paper(tmp_path, settings, monkeypatch):
    """An exchange at which nobody has traded: the audit compares whole ledgers."""
    with PaperServer(tmp_path / "ledger.sqlite", token=settings.PAPER_ADMIN_TOKEN) as exchange:
        settings.PAPER_URL, settings.PAPER_LEDGER = exchange.url, str(exchange.ledger)
        monkeypatch.setenv("PAPER_URL", exchange.url)
        yield exchange


def seed(**numbers):
    sizes = {"bots": 7, "series": 4, "params": 2, **numbers}
    return seed_fleet(**sizes, now=timezone.now(), parameters={})


def test_its_books_agree_and_the_audit_has_nothing_to_say(untouched_paper):
    seed(trades=101, decisions=50)

    positions = Position.objects.annotate(
        earned=Sum("trades__realized_pnl"), paid=Sum("trades__commission_quote"), count=Count("trades")
    )
    assert (Trade.objects.count(), Order.objects.count(), Fill.objects.count()) == (100, 100, 100)
    for position in positions:
        assert (position.realized_pnl, position.fees) == (position.earned, position.paid)
        assert (position.quantity, position.round) == (0, position.count // 2)
        assert 14 <= position.count <= 16
    names = ("host", "port", "user", "password", "dbname")
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in names}
    findings = audit(parameters, untouched_paper.ledger)
    assert [told for told in (*findings.phantom, *findings.unequal) if not told.startswith("account ")] == []


def test_it_is_spread_over_90_days_until_now(paper):
    seed(trades=700, decisions=900)
    now = timezone.now()

    for rows in (Trade.objects, Decision.objects):
        found = rows.aggregate(first=Min("created_at"), last=Max("created_at"))
        assert now - 91 * DAY < found["first"] < now - 80 * DAY
        assert now - 2 * DAY < found["last"] < now
    assert Decision.objects.count() == 900
    assert Decision.objects.values("bot").distinct().count() == BotConfig.objects.count()
    exits = Trade.objects.filter(purpose="exit").values_list("position", "created_at", "quantity_filled", "side")
    assert {side for *_, side in exits} == {"SELL"}
    assert Order.objects.filter(filled_quantity=F("quantity"), status="filled").count() == 700
    assert Trade.objects.filter(realized_pnl__gt=Decimal(0)).exists()


def test_more_of_it_is_added_and_bots_that_hold_something_are_left_alone(paper):
    seed(trades=70)
    held = Position.objects.first()
    Position.objects.filter(pk=held.pk).update(quantity=1, entry_price=1)

    seed(trades=70)

    assert Trade.objects.count() == 140
    assert held.trades.count() == 10
    for position in Position.objects.annotate(earned=Sum("trades__realized_pnl")):
        assert position.realized_pnl == position.earned


@pytest.mark.parametrize("name", ["trades", "decisions"])
def test_a_number_below_zero_is_refused(name):
    with pytest.raises(CommandError, match=f"--{name} is -1, it must be at least 0"):
        call_command("seed_fleet", "--bots=1", f"--{name}=-1")
