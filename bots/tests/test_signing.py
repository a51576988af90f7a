"""Signatures are those of standard-webhooks, and what our page tells senders to do works."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bots.models import ExternalSignal
from bots.signing import new_secret, signature
from bots.tests.factories import BotFactory
from bots.tests.webhooks import Sender

PAGE = Path(__file__).parents[2] / "docs" / "strategies" / "webhook_signal.md"


def test_a_signature_is_that_of_other_implementations():
    """An example that the libraries of standard-webhooks test themselves with."""
    given = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        sender_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp="1614265330",
        body=b'{"test": 2432232314}',
    )

    assert given == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_are_long_and_never_the_same():
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert all(re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret) for secret in secrets)


def example(language):
    (code,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return code


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("language", "command"), [("sh", ["bash", "-ec"]), ("python", [sys.executable, "-c"])])
def test_the_examples_of_the_page_work(live_server, settings, broker, language, command):
    settings.SECURE_SSL_REDIRECT = False
    sender = Sender(BotFactory(strategy="webhook_signal"))
    told = os.environ | {"URL": live_server.url + sender.url, "SECRET": sender.secret}

    ran = subprocess.run(
        [*command, example(language)], check=False, env=told, capture_output=True, text=True, timeout=60
    )

    assert '"outcome":"waiting"' in ran.stdout.replace(" ", ""), ran.stderr
    assert ExternalSignal.objects.get().action == "enter_long"
    assert broker("high_priority") == 1


@pytest.mark.django_db(transaction=True)
def test_the_message_for_tradingview_works(settings, broker):
    settings.SECURE_SSL_REDIRECT = False
    sender = Sender(BotFactory(strategy="webhook_signal"))
    filled = example("json").replace("whsec_...", sender.secret)
    for name, value in {
        "{{ticker}}": "BTCUSDT",
        "{{timenow}}": sender.now(),
        "{{strategy.order.id}}": "Long",
        "{{strategy.market_position}}": "long",
    }.items():
        filled = filled.replace(name, value)

    assert "{{" not in filled
    assert sender.post(filled).status_code == 202
    assert ExternalSignal.objects.get().action == "enter_long"
