"""The receiver that docs/webhooks-sent.md shows believes what we send, and nothing else."""

import os
import re
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.utils import timezone

from bots.signing import new_secret
from ops.notifications.senders.webhook import body_of, signed_headers
from ops.tests.notifications.sending import make_message

PAGE = Path(__file__).parents[3] / "docs" / "webhooks-sent.md"


@pytest.fixture
def receiver_of_the_page(free_port, wait_until):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    secret = new_secret()
    told = os.environ | {"SECRET": secret, "PORT": str(free_port)}
    process = subprocess.Popen([sys.executable, "-c", code], env=told, stdout=subprocess.PIPE, text=True)

    def post(headers, body):
        connection = HTTPConnection("127.0.0.1", free_port, timeout=10)
        connection.request("POST", "/", body=body.encode(), headers=headers)
        return connection.getresponse().status

    def answers():
        try:
            return post({}, "")
        except OSError:
            return None

    wait_until(answers)
    yield secret, post, process
    process.kill()
    process.wait()


def test_the_receiver_of_the_page_works(receiver_of_the_page):
    secret, post, process = receiver_of_the_page
    body = body_of(make_message())
    headers = signed_headers([secret], "dlv_7", body, now=timezone.now())

    assert post(signed_headers([new_secret()], "dlv_7", body, now=timezone.now()), body) == 401
    assert post(headers, body.replace("Bought", "Sold")) == 401
    assert [post(headers, body) for _ in range(2)] == [204, 204]
    assert post(signed_headers([new_secret(), secret], "dlv_8", body, now=timezone.now()), body) == 204

    process.kill()
    assert process.stdout.read().splitlines() == ["trade_executed Bought 0.01 BTC"] * 2
