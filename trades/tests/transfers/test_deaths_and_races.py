"""Workers that die between any two steps, and workers and callers that meet."""

import threading
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from market.exchange.adapter import SpotGateway
from trades.models import Transfer
from trades.services import request_transfer, send_transfer
from trades.transfers import TransferDenied

pytestmark = pytest.mark.django_db(transaction=True)
TO_FUTURES = (Decimal(990), Decimal(510))
NOTHING_MOVED = (Decimal(1000), Decimal(500))
SEND = SpotGateway.transfer


def die(*args, **kwargs):
    raise KeyboardInterrupt


def die_after_sending(self, *args, **kwargs):
    SEND(self, *args, **kwargs)
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("name", "dies", "left_as", "becomes", "money"),
    [
        ("trades.services.transfers._claim", die, "intended", "done", TO_FUTURES),
        ("market.exchange.adapter.SpotGateway.transfer", die, "submitted", "absent", NOTHING_MOVED),
        ("market.exchange.adapter.SpotGateway.transfer", die_after_sending, "submitted", "done", TO_FUTURES),
        ("trades.services.transfers.finish", die, "submitted", "done", TO_FUTURES),
    ],
    ids=["before the claim", "before the send", "after the send", "before the record"],
)
def test_a_worker_that_dies_leaves_what_the_sweep_can_finish(
    wallets, sweep, later, monkeypatch, name, dies, left_as, becomes, money
):
    transfer = wallets.ask()
    with monkeypatch.context() as dying:
        dying.setattr(name, dies)
        with pytest.raises(KeyboardInterrupt):
            send_transfer(transfer.pk, now=timezone.now())
    left = Transfer.objects.get().status

    Transfer.objects.update(created_at=later(-6))  # it was left behind a while ago
    sweep(0, 22, 70, 100)

    assert (left, Transfer.objects.get().status) == (left_as, becomes)
    assert wallets.money == money
    assert len(wallets.history) == (0 if money == NOTHING_MOVED else 1)


def test_a_death_while_it_is_written_down_leaves_nothing(wallets, monkeypatch):
    with monkeypatch.context() as dying:
        dying.setattr("trades.services.transfers._write_down", die)
        with pytest.raises(KeyboardInterrupt):
            wallets.ask()

    assert not Transfer.objects.exists()
    assert wallets.history == []


# --- races -----------------------------------------------------------------------------------------------------


def at_once(*acts):
    """Run them in threads of their own; what each returned, or raised."""
    results = [None] * len(acts)

    def run(number, act):
        try:
            results[number] = act()
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def move_whatever_it_was(self, status, **changes):
    return bool(Transfer.objects.filter(pk=self.pk).update(status=status, **changes))


@pytest.mark.parametrize(("guarded", "moved"), [(False, 2), (True, 1)])
def test_two_workers_at_once_move_money_once_thanks_to_the_compare_and_set(wallets, monkeypatch, guarded, moved):
    transfer = wallets.ask()
    both, prepare = threading.Barrier(2, timeout=20), SpotGateway.prepare

    def meet(self):
        prepare(self)
        if threading.current_thread() not in met:
            met.add(threading.current_thread())
            both.wait()

    met = set()
    monkeypatch.setattr(SpotGateway, "prepare", meet)
    if not guarded:
        monkeypatch.setattr(Transfer, "move", move_whatever_it_was)
    work = lambda: send_transfer(transfer.pk, now=timezone.now()).status  # noqa: E731
    at_once(work, work)

    assert len(wallets.history) == moved


def test_two_callers_with_one_key_at_once_get_one_transfer(wallets, monkeypatch):
    both, free = threading.Barrier(2, timeout=20), SpotGateway.balances

    def meet(self):
        both.wait()
        return free(self)

    monkeypatch.setattr(SpotGateway, "balances", meet)
    wish = wallets.wish()
    ask = lambda: request_transfer(wish, now=timezone.now()).pk  # noqa: E731
    first, second = at_once(ask, ask)

    assert first == second == Transfer.objects.get().pk


def test_of_two_callers_with_two_keys_at_once_one_has_to_wait(wallets, monkeypatch):
    both, free = threading.Barrier(2, timeout=20), SpotGateway.balances

    def meet(self):
        both.wait()
        return free(self)

    monkeypatch.setattr(SpotGateway, "balances", meet)
    results = at_once(lambda: wallets.ask("10"), lambda: wallets.ask("20"))

    assert sorted(type(result).__name__ for result in results) == ["Transfer", TransferDenied.__name__]
    assert Transfer.objects.count() == 1
