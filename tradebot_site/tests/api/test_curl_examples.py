"""Every curl of docs/api.md is run as it stands there, against a real server: what it needs is made before."""

import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as site
from django.utils import timezone

from bots.tests.factories import BotFactory
from market.symbols import warm_symbols
from market.tests.factories import ExchangeAccountFactory
from market.types import Environment, Market
from tradebot_site.tests.people import PASSWORD, person
from trades.models import OrderByHand

pytestmark = pytest.mark.django_db(transaction=True)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
TOLD = "\n%{http_code}"
TASK = "5f0c1d5e-6e0f-4f0e-9f43-0d4a5c1e7a10"


def examples() -> list[str]:
    """The commands, one after the other, each on one line."""
    blocks = BLOCK.findall((site.BASE_DIR / "docs" / "api.md").read_text())
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


@pytest.fixture
def caller(live_server, paper, settings, broker) -> SimpleNamespace:
    """`admin`, who can log in as the docs say; an account on which one may trade; and bot 7."""
    settings.SECURE_SSL_REDIRECT = False
    admin = person("operator")
    admin.username = "admin"
    admin.save()
    api_key, api_secret = paper.create_account()
    keys = {"api_key": api_key, "api_secret": api_secret, "reconciled_at": timezone.now()}
    account = ExchangeAccountFactory(owner=admin, **keys)
    BotFactory(pk=7, account=account, desired_state="stopped")
    warm_symbols(Environment.PAPER, Market.SPOT, now=timezone.now())
    return SimpleNamespace(url=live_server.url, variables={})


def run(caller: Any, command: str) -> tuple[int, Any]:
    """What curl is answered, status and body."""
    text = command.replace('"password": "…"', f'"password": "{PASSWORD}"').replace("curl ", f"curl -w '{TOLD}' ", 1)
    if TASK in text:
        text = text.replace(TASK, str(OrderByHand.objects.latest("pk").task_id))
    done = subprocess.run(
        ["bash", "-c", text], capture_output=True, text=True, timeout=30, check=True, env=caller.variables
    )  # fmt: skip
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body) if body else None


def test_every_example_is_answered_as_it_is_meant(caller):
    refused, token = {}, ""
    for command in examples():
        name, is_set, value = command.partition("=")
        if is_set and name.isupper():
            known = {"API": f"{caller.url}/api", "TOKEN": token}
            caller.variables[name] = known[name]
            assert value == ("…" if name == "TOKEN" else "http://127.0.0.1:8000/api")
            continue
        assert command.startswith("curl "), command
        status, body = run(caller, command)
        if status >= 300:
            refused[command] = status, body
        token = (body or {}).get("token", token)

    assert refused == {}


def test_none_is_overlooked():
    text = Path(site.BASE_DIR / "docs" / "api.md").read_text()
    assert sum(line.startswith("curl ") for line in examples()) == text.count("curl ") >= 5
