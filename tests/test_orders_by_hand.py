"""An order by hand with a real worker over a real broker, from the request to the exchange and back."""

import os
import sys

import pytest
from django.db import connection
from django.test import Client
from django_redis import get_redis_connection
from kombu.exceptions import OperationalError

from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory
from tradebot_site.tests.people import client_of, person
from trades.models import Order, OrderByHand
from trades.tasks import execute_trade_async

pytestmark = pytest.mark.django_db(transaction=True)
WORKER = [sys.executable, "-m", "celery", "-A", "tradebot_site", "worker", "-Q", "high_priority", "-c", "2"]
BUY = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.01", "order_type": "market"}


@pytest.fixture
def trader(paper, settings, broker) -> Client:
    """A trader with an account at the paper exchange, where BTC stands at 50,000."""
    settings.SECURE_SSL_REDIRECT = False
    get_redis_connection("default").flushdb()
    SymbolRulesFactory()
    paper.set_price("BTCUSDT", "50000.00")
    api_key, api_secret = paper.create_account()
    user = person("trader")
    ExchangeAccountFactory(owner=user, api_key=api_key, api_secret=api_secret)
    yield client_of(user)
    paper.set_price("BTCUSDT", None)


@pytest.fixture
def worker(spawn):
    """Starts one that works on the test's own database."""
    database = "postgresql://tradebot@/{host}/{dbname}".format(**connection.get_connection_params())
    environment = dict(os.environ) | {"DATABASE_URL": database}
    return lambda: spawn([*WORKER, "--without-mingle", "--without-gossip"], env=environment, name="worker")


def post(client, key="", **changes):
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.post("/api/tasks/execute-trade", BUY | changes, content_type="application/json", headers=headers)
    assert answer.status_code == 202
    return answer.json()["task_id"]


def told(client, task_id):
    return client.get(f"/api/tasks/status/{task_id}").json()


def test_orders_are_placed_watched_and_canceled_through_the_api(trader, worker, wait_until):
    worker()
    bought, again = post(trader, "a"), post(trader, "a")
    wait_until(lambda: told(trader, bought)["status"] == "success", timeout=40, message="it is bought")
    refused = post(trader, quantity="0.00000001")  # not beside the first: that has no clear outcome for a moment
    wait_until(lambda: told(trader, refused)["status"] == "failed", timeout=10, message="it is refused")
    resting = post(trader, order_type="limit", price="49000")
    wait_until(lambda: told(trader, resting)["status"] == "success", timeout=10, message="it rests")

    before = told(trader, resting)["result"]
    canceled = trader.post(f"/api/v1/orders/{before['order_id']}/cancel", content_type="application/json")

    assert again == bought
    assert told(trader, bought)["result"]["executed_quantity"] == "0.01"
    assert told(trader, refused)["error"]["code"] == "filter"
    assert (before["order_status"], before["executed_quantity"]) == ("open", "0")
    assert (canceled.status_code, canceled.json()["order_status"]) == (200, "canceled")
    assert told(trader, resting)["result"]["order_status"] == "canceled"
    assert Order.objects.count() == 2


def test_what_was_asked_for_while_the_broker_was_away_is_sent_by_the_sweep(trader, worker, wait_until, monkeypatch):
    from trades import services, tasks

    def away(*args, **kwargs):
        raise OperationalError("away")

    with monkeypatch.context() as broken:
        broken.setattr(execute_trade_async, "apply_async", away)
        task_id = post(trader)
    monkeypatch.setattr("trades.services.asked.TASK_DUE_AFTER", services.TOO_OLD * 0)
    worker()

    tasks.reconcile_orders()
    tasks.reconcile_orders()  # before the first one's task is done: it is sent twice

    wait_until(lambda: told(trader, task_id)["status"] == "success", timeout=40, message="it is bought")
    assert Order.objects.count() == OrderByHand.objects.count() == 1
