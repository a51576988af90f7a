"""One id, from a request to the exchange, and verbose logging for a while: with real processes."""

import os
from datetime import timedelta

import pytest
import requests
from celery import current_app
from django.db import connections
from django.utils import timezone
from django_redis import get_redis_connection

from market.logs.reading import read, read_all
from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory
from ops import verbosity
from ops.stack import services
from ops.stack.services import CELERY
from ops.tokens import make_token
from tests.failing_tasks import fail
from tests.test_browser_admin import database_url
from tradebot_site.tests.people import person
from trades.models import Order

pytestmark = pytest.mark.django_db(transaction=True)
QUEUES = "high_priority,default,data_sync"
WORKER = [*CELERY, "worker", "-Q", QUEUES, "-c", "1", "-n", "logs@here", "-l", "INFO"]
WORKER += ["--include", "tests.failing_tasks", "--without-mingle", "--without-gossip"]
BUY = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.01", "order_type": "market"}


@pytest.fixture
def order_of(paper, broker):
    """A trader with an account at the paper exchange; the token and the id of their program."""
    get_redis_connection("default").flushdb()
    SymbolRulesFactory()
    paper.set_price("BTCUSDT", "50000.00")
    api_key, api_secret = paper.create_account()
    user = person("trader")
    ExchangeAccountFactory(owner=user, api_key=api_key, api_secret=api_secret)
    _, token = make_token(user, name="follow", scope="trade", lives=timedelta(hours=1), now=timezone.now())
    yield user, token, (api_key, api_secret)
    paper.set_price("BTCUSDT", None)
    connections.close_all()


def lines_with(child, **fields):
    return [line for line in read_all(child.text) if fields.items() <= line.items()]


def test_one_id_leads_from_a_request_to_the_exchange_while_verbose_and_then_it_is_quiet_again(
    order_of, spawn, free_port, tmp_path, wait_until
):
    user, token, keys = order_of
    environment = dict(os.environ) | {"DATABASE_URL": database_url(), "LOG_DIR": str(tmp_path / "logs")}
    environment |= {"HTTPS_ONLY": "false", "PYTHONWARNINGS": "ignore"}  # Celery warns of being root
    started = services.web(environment | {"WEB_HOST": "127.0.0.1", "WEB_PORT": str(free_port)})
    web = spawn(started.argv, env=started.environment, name="web")
    worker = spawn(WORKER, env=environment, name="worker")
    verbose = verbosity.switch_on(
        ["market", "trades"], length=timedelta(minutes=5), reason="to follow an order", by=user, now=timezone.now()
    )
    web.wait_for("Booting worker")
    worker.wait_for(" ready.")

    headers = {"Authorization": f"Token {token}", "X-Request-ID": "followed-request-1"}
    url = f"http://127.0.0.1:{free_port}/api/tasks/execute-trade"
    answer = requests.post(url, json=BUY, headers=headers, timeout=20)
    late = fail.apply_async(("too late",), expires=timezone.now() - timedelta(minutes=1)).id
    fail.delay("paper", api_secret="s3cret")
    task_id = answer.json()["task_id"]
    wait_until(lambda: lines_with(worker, event="failed"), 40, f"all is done: {worker.text}")

    ids = {"request_id": "followed-request-1"}
    order = Order.objects.get()
    (asked,) = lines_with(web, logger="gunicorn.access", **ids)
    assert (asked["event"], asked["status"], asked["user"]) == ("POST /api/tasks/execute-trade", 202, user.pk)
    task = {"task": "trades.tasks.execute_trade_async", "task_id": task_id}
    lifecycle = [line["event"] for line in lines_with(worker, logger="tasks", **ids, **task)]
    assert lifecycle == ["received", "succeeded"]
    (sent,) = lines_with(worker, event="exchange call POST /api/v3/order: 200", **ids, **task)
    assert (sent["order"], sent["account"], sent["weight"]) == (order.client_order_id, order.account_id, 0)
    assert 0 < sent["ms"] < 10_000
    became = lines_with(worker, logger="trades.services.orders", order=order.client_order_id, **ids, **task)
    assert [line["event"] for line in became] == ["entry BUY: filled"]
    assert [line["event"] for line in lines_with(worker, task_id=late)] == ["expired"]
    (failed,) = lines_with(worker, logger="tasks", event="failed")
    assert (failed["error"], failed["level"]) == ("RuntimeError: no luck with paper, password=***", "warning")
    assert "request_id" not in failed

    # Switched off before its time, everybody hears of it.
    assert verbosity.switch_off(verbose, now=timezone.now())
    wait_until(lambda: is_quiet(worker, wait_until), 12, "the worker has heard of it")

    files = {path.name for path in (tmp_path / "logs").iterdir()}
    assert files == {"web.log", "celery_worker.log", "celery_tasks.log"}
    kept = read_all((tmp_path / "logs" / "celery_tasks.log").read_text())
    assert [line["event"] for line in kept if line.get("task_id") == task_id] == ["received", "succeeded"]
    for child in (web, worker):
        assert [line for line in child.text.splitlines() if line and not read(line)] == []
        assert not [secret for secret in (token, *keys, "hunter2", "s3cret") if secret in child.text]


def is_quiet(worker, wait_until):
    """Whether a task that asks the exchange for the time says nothing of its calls."""
    task_id = current_app.send_task("market.tasks.measure_clocks", queue="data_sync").id
    wait_until(lambda: lines_with(worker, event="succeeded", task_id=task_id), 20, worker.text)
    return not [line for line in lines_with(worker, task_id=task_id) if line["level"] == "debug"]
