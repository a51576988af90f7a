"""A transfer through real processes: the command, the broker, a worker that is killed, one that takes over."""

import os
from datetime import timedelta

import pytest
from celery import current_app
from django.core.management import call_command
from django.db import connection
from django.db.models import F

from market.paper.tests.faults.conftest import Board
from market.tests.factories import ExchangeAccountFactory
from ops.stack.services import CELERY
from trades.models import Transfer
from trades.tasks import reconcile_transfers, transfer_between_wallets

pytestmark = pytest.mark.django_db(transaction=True)
TRANSFER = "/sapi/v1/asset/transfer"
WORKER = [*CELERY, "worker", "-Q", "payments", "-P", "solo", "-l", "INFO", "--without-mingle", "--without-gossip"]


@pytest.fixture
def board(paper):
    board = Board(paper)
    yield board
    board.clear()


@pytest.fixture
def worker(paper, spawn, settings):
    """`worker(name)` starts a worker of the queue `payments`, which is empty at first."""
    settings.TRANSFERS_ENABLED = True
    with current_app.connection_for_write() as broker:
        redis = broker.default_channel.client
        redis.delete("payments")
        yield _starter(spawn)
        redis.delete("unacked", "unacked_index")  # what the killed one had, else it is delivered to another test


def _starter(spawn):
    database = "postgresql://tradebot@/{host}/{dbname}".format(**connection.get_connection_params())
    environment = dict(os.environ) | {"DATABASE_URL": database, "TRANSFERS_ENABLED": "true"}
    return lambda name: spawn(WORKER, env=environment, name=name)


def status():
    return Transfer.objects.get().status


def test_a_worker_that_is_killed_after_the_exchange_moved_the_money_costs_nothing(paper, board, worker, wait_until):
    key = paper.open_account(USDT="1000", futures={"USDT": "500"})
    account = ExchangeAccountFactory(api_key=key["api_key"], api_secret=key["api_secret"])
    history = lambda: paper.signed("GET", TRANSFER, key, type="MAIN_UMFUTURE")[1]["rows"]  # noqa: E731
    board.add("delay_after", delay_seconds=120, match={"path": TRANSFER, "method": "POST"})

    arguments = ["--asset", "USDT", "--amount", "10", "--to", "futures", "--key", "rent"]
    first = worker("first")
    first.wait_for("ready.")  # once, a message that was sent while it started never came to it
    call_command("transfer", "--account", str(account.pk), *arguments)
    wait_until(history, timeout=60, message="the exchange has moved the money")
    first.kill()
    left = status()

    board.clear()
    worker("second")
    for _ in range(2):
        transfer_between_wallets.delay(Transfer.objects.get().pk)
    Transfer.objects.update(signed_at=F("signed_at") - timedelta(seconds=21))
    reconcile_transfers.delay()
    wait_until(lambda: status() == "done", timeout=60, message="the sweep finds it in the history")

    (moved,) = history()
    transfer = Transfer.objects.get()
    assert left == "submitted"
    assert (moved["tranId"], moved["amount"]) == (transfer.transaction_id, "10")
