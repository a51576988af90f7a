"""A typed client is made from the schema, and a program written with it trades over a real wire."""

import compileall
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import timezone
from openapi_python_client import MetaType, generate
from openapi_python_client.config import Config, ConfigFile

from bots.models import BotConfig
from market.symbols import warm_symbols
from market.tests.factories import ExchangeAccountFactory
from market.types import Environment, Market
from tradebot_site.api.pages import schema
from tradebot_site.tests.people import PASSWORD, person

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "trade_client"
PROGRAM = Path(__file__).parent / "program.py"


@pytest.fixture
def client_at(tmp_path):
    """The directory in which `trade_client` lies; nothing of the schema was left out."""
    document = tmp_path / "schema.json"
    document.write_text(json.dumps(schema(), default=str))
    made = Config.from_sources(
        ConfigFile(post_hooks=[]),
        MetaType.NONE,
        document,
        "utf-8",
        overwrite=False,
        output_path=tmp_path / "trade_client",
    )
    assert list(generate(config=made)) == []
    return tmp_path


def test_a_program_with_the_generated_client_trades(client_at, live_server, paper, settings):
    settings.SECURE_SSL_REDIRECT = False
    trader = person("trader")
    api_key, api_secret = paper.create_account()
    account = ExchangeAccountFactory(owner=trader, api_key=api_key, api_secret=api_secret)
    warm_symbols(Environment.PAPER, Market.SPOT, now=timezone.now())
    program = client_at / "program.py"
    program.write_text(PROGRAM.read_text())

    done = subprocess.run(
        [sys.executable, program, live_server.url, trader.username, PASSWORD, str(account.pk)],
        capture_output=True, text=True, check=False, cwd=client_at,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-3000:]
    bot = BotConfig.objects.get()
    assert done.stdout == f"bot {bot.pk}\n"
    assert (bot.name, bot.owner, bot.desired_state) == ("of a program", trader, "stopped")


def test_the_programs_types_fit_the_generated_client(client_at):
    (client_at / "program.py").write_text(PROGRAM.read_text())

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "", "--follow-imports", "silent", "--strict", "program.py"],
        capture_output=True, text=True, check=False, cwd=client_at,
    )  # fmt: skip

    assert checked.returncode == 0, checked.stdout
    assert compileall.compile_dir(client_at / NAME, quiet=2)
