"""`manage.py transfer` and its task: written down here, sent by a worker of the queue `payments`."""

import json

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from kombu.exceptions import OperationalError

from trades.models import Transfer
from trades.tasks import transfer_between_wallets

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def payments():
    """`payments()` takes the next task out of the queue of the real broker, empty at first, and tells its headers."""
    with current_app.connection_for_write() as broker:
        redis = broker.default_channel.client
        redis.delete("payments")

        def take():
            message = redis.lpop("payments")
            return json.loads(message)["headers"] if message else None

        yield take
        redis.delete("payments")


def call(wallets, *extra, amount="10", to="futures", key="rent"):
    of_account = ("--account", str(wallets.account.pk), "--asset", "USDT")
    call_command("transfer", *of_account, "--amount", amount, "--to", to, "--key", key, *extra)


def test_the_command_hands_the_transfer_to_the_queue_of_payments_and_tells_its_outcome_when_asked_again(
    wallets, payments, capsys
):
    call(wallets, "--json")
    handed_over = payments()
    transfer_between_wallets(Transfer.objects.get().pk)
    call(wallets, "--json")

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert handed_over["task"] == "trades.tasks.transfer_between_wallets"
    assert (first["status"], first["amount"], first["to"]) == ("intended", "10", "futures")
    assert (second["status"], [second["transaction_id"]]) == ("done", wallets.history)
    assert payments() is None


def test_the_command_tells_people_in_a_sentence(wallets, payments, capsys):
    call(wallets, to="spot", amount="5")

    transfer = Transfer.objects.get()
    sentence = f"transfer {transfer.pk} of 5 USDT to spot on account {wallets.account.pk}: intended\n"
    assert capsys.readouterr().out == sentence


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": "5000"}, "amount: 5000: above what may leave the spot wallet: 1000 USDT is free"),
        ({"amount": "-5"}, "amount: -5: below the smallest"),
        ({"amount": "much"}, "much is no amount"),
    ],
)
def test_a_denial_is_an_error_of_the_command(wallets, payments, change, message):
    with pytest.raises(CommandError, match=message):
        call(wallets, **change)

    assert payments() is None
    assert not Transfer.objects.exists()


def test_an_account_that_does_not_exist_is_an_error_of_the_command(db):
    options = ["--asset", "USDT", "--amount", "1", "--to", "spot", "--key", "k"]

    with pytest.raises(CommandError, match="account: 0: there is none of this id"):
        call_command("transfer", "--account", "0", *options)


def test_without_a_broker_the_transfer_is_left_to_the_sweep(wallets, monkeypatch, capsys):
    monkeypatch.setattr(current_app.amqp, "send_task_message", refuse)

    call(wallets)

    said = capsys.readouterr()
    assert "the sweep will send it" in said.err
    assert said.out.endswith(": intended\n")


def refuse(*args, **kwargs):
    raise OperationalError("nobody listens")
