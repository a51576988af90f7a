"""A signal by POST with a real worker: nobody waits for the minute."""

import os
import sys

import pytest
from django.db import connection

from bots.models import ExternalSignal
from bots.tests.factories import BotFactory
from bots.tests.webhooks import Sender
from trades.models import Position

pytestmark = pytest.mark.django_db(transaction=True)
WORKER = [sys.executable, "-m", "celery", "-A", "tradebot_site", "worker", "-Q", "high_priority", "-c", "1"]


def test_a_post_enters_and_another_leaves_without_a_tick(paper, spawn, wait_until, settings, broker):
    settings.SECURE_SSL_REDIRECT = False
    api_key, api_secret = paper.create_account()
    bot = BotFactory(strategy="webhook_signal", account__api_key=api_key, account__api_secret=api_secret)
    sender, parameters = Sender(bot), connection.get_connection_params()
    database = "postgresql://tradebot@/{host}/{dbname}".format(**parameters)
    spawn([*WORKER, "--without-mingle", "--without-gossip"], env=dict(os.environ) | {"DATABASE_URL": database})

    assert sender.told("long").status_code == 202
    position = Position.objects.filter(pk=bot.position_id)
    wait_until(lambda: position.get().is_open, timeout=40, message="it enters")
    assert sender.signed("exit").status_code == 202
    wait_until(lambda: not position.get().is_open, timeout=20, message="it leaves")

    entry, leaving = ExternalSignal.objects.order_by("pk")
    assert (entry.outcome, leaving.order_id is None) == ("ordered", False)
