"""The whole minute with real processes: beat, worker, paper exchange over HTTP, PostgreSQL, Redis."""

import os
import sys

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from bots.models import BotState, Tick
from market.paper.tests.server import PaperServer
from ops.audit import audit
from ops.statistics import fleet_statistics, is_healthy
from trades.models import Fill, Order, Trade

pytestmark = pytest.mark.django_db(transaction=True)
CELERY = [sys.executable, "-m", "celery", "-A", "tradebot_site"]


@pytest.fixture
def exchange(tmp_path, settings, monkeypatch):
    """A paper exchange for this test alone, so that its whole ledger can be audited."""
    with PaperServer(tmp_path / "ledger.sqlite", token=settings.PAPER_ADMIN_TOKEN) as running:
        for name, value in {"PAPER_URL": running.url, "PAPER_LEDGER": str(running.ledger)}.items():
            monkeypatch.setenv(name, value)
            setattr(settings, name, value)
        yield running


def test_beat_and_worker_make_a_fleet_trade_and_the_ledger_agrees(exchange, spawn, wait_until, monkeypatch):
    parameters = connection.get_connection_params()
    children = dict(os.environ) | {
        "DATABASE_URL": "postgresql://tradebot@/{host}/{dbname}".format(**parameters),
    }
    monkeypatch.setenv("DEMO", "1")
    monkeypatch.setenv("ADMIN_PASSWORD", "for a test only")
    call_command("prepare")

    queues = "high_priority,trading,data_sync,default"
    worker = spawn([*CELERY, "worker", "-Q", queues, "-c", "2", "--without-mingle", "--without-gossip"], env=children)
    beat = spawn([*CELERY, "beat", "--pidfile=", "-l", "info"], env=children, name="beat")

    wait_until(Trade.objects.exists, timeout=60, message="the first tick, sent by prepare, trades")
    wait_until(
        lambda: Tick.objects.filter(finished_at__isnull=False).count() >= 2, timeout=75, message="beat's own tick"
    )
    assert "run-all-active-bots-every-minute" in beat.text
    moving = Order.objects.live().exclude(status="open")  # stops rest for as long as their positions
    wait_until(lambda: not moving.exists(), timeout=20, message="all orders have their outcome")
    statistics = fleet_statistics(now=timezone.now())
    findings = audit({name: parameters[name] for name in ("host", "user", "dbname")}, exchange.ledger)
    assert statistics["trades"] > 0
    assert statistics["last_tick_age_seconds"] < 70
    assert is_healthy(statistics)
    trades = Trade.objects.count()  # read before the fills: the fleet goes on meanwhile
    assert Fill.objects.count() >= trades
    assert set(Trade.objects.values_list("market", flat=True)) == {"spot", "futures"}
    assert findings.is_clean, findings  # something may be pending
    assert not BotState.objects.filter(status__in=("error", "pending")).exists()
    assert worker.process.poll() is None
