"""Backtests with real workers over a real broker: from the request to the files, and through the death of a worker."""

import os
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_redis import get_redis_connection
from kombu.exceptions import OperationalError

from bots import tasks
from bots.models import Backtest, BacktestPart, BotConfig
from bots.services.backtests import holding
from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory
from tradebot_site.tests.people import client_of, person

pytestmark = pytest.mark.django_db(transaction=True)
WORKER = [sys.executable, "-m", "celery", "-A", "tradebot_site", "worker", "-Q", "analytics", "-c", "1"]


@pytest.fixture
def bot(paper, settings, broker) -> BotConfig:
    """A trader's bot on the candles of the paper exchange."""
    settings.SECURE_SSL_REDIRECT = False
    get_redis_connection("default").flushdb()
    return BotFactory(account=ExchangeAccountFactory(owner=person("trader")), stop_loss_percent=2)


@pytest.fixture
def client(bot) -> Client:
    return client_of(bot.owner)


@pytest.fixture
def worker(spawn):
    """Starts one that works on the test's own database."""
    database = "postgresql://tradebot@/{host}/{dbname}".format(**connection.get_connection_params())
    environment = dict(os.environ) | {"DATABASE_URL": database}
    return lambda: spawn([*WORKER, "--without-mingle", "--without-gossip"], env=environment, name="worker")


def ask(client, bot, days):
    end = timezone.now()
    body = {"bot": bot.pk, "begin_at": (end - timedelta(days=days)).isoformat(), "end_at": end.isoformat()}
    answer = client.post("/api/v1/backtests", body, content_type="application/json")
    assert answer.status_code == 202
    return answer.json()["id"]


def told(client, backtest_id):
    return client.get(f"/api/v1/backtests/{backtest_id}").json()


def test_a_backtest_is_run_by_a_worker_and_read_as_a_file(client, bot, worker, wait_until):
    worker()

    asked = ask(client, bot, days=3)
    wait_until(lambda: told(client, asked)["status"] == "done", timeout=60, message="it is done")

    done = told(client, asked)
    lines = client.get(f"/api/v1/backtests/{asked}/trades.csv").getvalue().decode().splitlines()
    assert done["figures"]["candles"] >= 3 * 1440 - 1
    assert len(lines) == done["closed"] + 1 > 1


def test_a_backtest_whose_worker_is_killed_is_finished_once_by_another(client, bot, worker, wait_until, monkeypatch):
    first, asked = worker(), ask(client, bot, days=200)
    wait_until(lambda: told(client, asked)["status"] != "queued", timeout=60, message="it is under way")

    first.kill()
    killed_at = told(client, asked)
    worker()
    tasks.resume_minute()
    missed = told(client, asked)["status"]
    monkeypatch.setattr(holding, "LOST_AFTER", timedelta())
    tasks.resume_minute()
    monkeypatch.undo()
    wait_until(lambda: told(client, asked)["status"] == "done", timeout=120, message="it is done")

    done = told(client, asked)
    parts = BacktestPart.objects.filter(backtest=asked, kind="days")
    assert (killed_at["status"], missed, done["attempts"]) == ("running", "running", 2)
    assert sum(len(part.rows) for part in parts) in (200, 201)
    assert done["figures"]["candles"] >= 200 * 1440 - 1


def test_what_was_asked_for_while_the_broker_was_away_is_sent_by_the_sweep(
    client, bot, worker, wait_until, monkeypatch
):
    def away(*args, **kwargs):
        raise OperationalError("away")

    with monkeypatch.context() as broken:
        broken.setattr(tasks.run_backtest, "apply_async", away)
        asked = ask(client, bot, days=1)
    worker()

    with monkeypatch.context() as later:
        later.setattr(holding, "LOST_AFTER", timedelta())
        tasks.resume_minute()
        tasks.resume_minute()  # before the first one is done: it is sent twice

    wait_until(lambda: told(client, asked)["status"] == "done", timeout=60, message="it is done")
    assert told(client, asked)["attempts"] == 1
    assert Backtest.objects.count() == 1


def test_a_backtest_that_is_canceled_lets_its_worker_go(client, bot, worker, wait_until):
    worker()
    long, short = ask(client, bot, days=400), ask(client, bot, days=1)
    wait_until(lambda: told(client, long)["status"] != "queued", timeout=60, message="it is under way")

    canceled = client.post(f"/api/v1/backtests/{long}/cancel", content_type="application/json")
    wait_until(lambda: told(client, short)["status"] == "done", timeout=30, message="the other one has its turn")

    assert canceled.status_code == 200
    assert (told(client, long)["status"], BacktestPart.objects.filter(backtest=long).exists()) == ("canceled", False)
