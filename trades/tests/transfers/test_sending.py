"""A transfer at the real paper exchange: sent once, whoever delivers it and whatever the line does."""

from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from market.exchange.adapter import SpotGateway
from market.models import ExchangeAccount
from trades.models import Transfer
from trades.services import send_transfer
from trades.tasks import transfer_between_wallets
from trades.tests.transfers.conftest import TRANSFER

pytestmark = pytest.mark.django_db(transaction=True)
TO_FUTURES = (Decimal(990), Decimal(510))
NOTHING_MOVED = (Decimal(1000), Decimal(500))
POST = {"path": TRANSFER, "method": "POST"}
SEND = SpotGateway.transfer


@pytest.mark.parametrize(
    ("to_futures", "money"), [(True, ("989.98765432", "510.01234568")), (False, ("1010.01234568", "489.98765432"))]
)
def test_money_moves_exactly_and_the_row_names_the_exchanges_transaction(wallets, to_futures, money):
    transfer = wallets.move("10.01234568", to_futures=to_futures)

    saved = Transfer.objects.get()
    assert (saved.status, [saved.transaction_id]) == ("done", wallets.history)
    assert saved.finished_at >= saved.signed_at >= saved.created_at
    assert wallets.money == tuple(map(Decimal, money))
    assert transfer.status == "done"


def test_an_account_for_futures_moves_money_too(open_wallets):
    wallets = open_wallets(market="futures")

    wallets.move("10", to_futures=False)

    assert wallets.money == (Decimal(1010), Decimal(490))


def test_a_task_that_is_delivered_twice_moves_money_once(wallets):
    transfer = wallets.ask()

    said = [transfer_between_wallets(transfer.pk) for _ in range(2)]

    assert said == ["done", "done"]
    assert wallets.money == TO_FUTURES


def test_no_transaction_is_open_while_the_exchange_is_spoken_to(wallets, monkeypatch):
    seen = []

    def watching(self, *args, **kwargs):
        seen.append(transaction.get_connection().in_atomic_block)
        return SEND(self, *args, **kwargs)

    monkeypatch.setattr(SpotGateway, "transfer", watching)
    wallets.move()

    assert seen == [False]


# --- on a bad line ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "drop_after"},
        {"fault": "error_after", "like": "internal"},
        {"fault": "error_after", "like": "timeout"},
        {"fault": "error_after", "like": "unavailable"},
        {"fault": "html_after"},
        {"fault": "truncated", "keep_percent": 20},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_a_transfer_whose_answer_is_lost_is_found_in_the_history(wallets, board, sweep, fault):
    board.add(**fault, match=POST)

    in_doubt = wallets.move()
    sweep(1)

    done = Transfer.objects.get()
    assert in_doubt.status == "unknown"
    assert (done.status, [done.transaction_id], done.error) == ("done", wallets.history, "")
    assert wallets.money == TO_FUTURES


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "drop_before"},
        {"fault": "error_before", "like": "internal"},
        {"fault": "error_before", "like": "timeout"},
        {"fault": "error_before", "like": "unavailable"},
        {"fault": "error_before", "like": "bad_gateway"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_a_transfer_that_is_lost_on_its_way_is_absent_after_two_looks_and_never_sent_again(
    wallets, board, sweep, fault
):
    board.add(**fault, match=POST, times=1)
    wallets.move()

    statuses = []
    for second in (1, 60, 70, 71, 96):
        sweep(second)
        statuses.append(Transfer.objects.get().status)

    assert statuses == ["unknown"] * 4 + ["absent"]
    assert wallets.money == NOTHING_MOVED
    assert wallets.history == []


def test_after_an_absent_transfer_the_same_may_be_asked_for_with_a_new_key(wallets, board, sweep):
    board.add("drop_before", match=POST, times=1)
    wallets.move()
    sweep(70, 96)

    wallets.move()

    assert sorted(Transfer.objects.values_list("status", flat=True)) == ["absent", "done"]
    assert wallets.money == TO_FUTURES


def test_a_transfer_that_arrives_late_is_found(wallets, board, sweep, wait_until, monkeypatch):
    monkeypatch.setattr("market.exchange.adapter.client.TIMEOUT_SECONDS", (2, 0.5))
    board.add("delay_before", delay_seconds=1.5, match=POST)

    in_doubt = wallets.move()
    sweep(1)
    early = Transfer.objects.get().status
    wait_until(lambda: wallets.history)
    sweep(5)

    assert (in_doubt.status, early) == ("unknown", "unknown")
    assert Transfer.objects.get().status == "done"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"fault": "error_before", "status": 400, "code": -5013, "msg": "insufficient balance"}, "(-5013)"),
        ({"fault": "too_many_requests"}, "(-1003)"),
        ({"fault": "key_revoked"}, "(-2015)"),
    ],
    ids=lambda part: part["fault"] if isinstance(part, dict) else "",
)
def test_a_clear_no_ends_it_and_nothing_moves(wallets, board, sweep, unspent, fault, error):
    board.add(**fault, match=POST)

    transfer = wallets.move()
    sweep(1, 70, 100)

    assert (transfer.status, Transfer.objects.get().status) == ("rejected", "rejected")
    assert error in transfer.error
    unspent()  # the exchange's silence holds for all of us, and for the look at the wallets
    assert wallets.money == NOTHING_MOVED


def test_what_was_free_when_it_was_asked_for_and_is_no_more_is_rejected_by_the_exchange(wallets):
    transfer = wallets.ask("1000")
    wallets.by_hand("1")

    transfer = send_transfer(transfer.pk, now=timezone.now())

    assert (transfer.status, transfer.error) == ("rejected", "Asset transfer failed: insufficient balance (-5013)")


def test_silence_that_the_exchange_asks_for_is_kept_by_the_account(wallets, board):
    board.add("too_many_requests", retry_after_seconds=30, match=POST)

    wallets.move()

    assert ExchangeAccount.objects.get().is_cooling(timezone.now())


def test_a_key_that_may_not_transfer_may_still_trade(wallets, board):
    board.add("key_revoked", match=POST)

    wallets.move()

    assert ExchangeAccount.objects.get().key_error == ""


# --- what comes up between asking and sending ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "reason"),
    [
        (lambda settings: ExchangeAccount.objects.update(state="halted"), "not sent: the account is halted"),
        (lambda settings: setattr(settings, "TRANSFERS_ENABLED", False), "not sent: transfers are switched off"),
    ],
    ids=["halted", "switched off"],
)
def test_a_switch_stops_what_is_already_written_down(wallets, settings, switch, reason):
    transfer = wallets.ask()
    switch(settings)

    transfer = send_transfer(transfer.pk, now=timezone.now())

    assert (transfer.status, transfer.error) == ("rejected", reason)
    assert wallets.history == []


def test_nothing_is_sent_while_the_clocks_disagree(wallets, board):
    board.add("clock_skew", skew_ms=2500)

    transfer = wallets.move()

    assert transfer.status == "rejected"
    assert transfer.error.startswith("not sent: the exchange's clock is +2.5 s off ours, 1 s are allowed")
    assert wallets.history == []


def test_a_worker_that_froze_after_its_claim_moves_nothing_when_it_wakes_up(wallets, later):
    transfer = wallets.ask()

    transfer = send_transfer(transfer.pk, now=later(-7))  # its clock stood still: what it signs is 7 s old

    assert (transfer.status, "(-1021)" in transfer.error) == ("rejected", True)
    assert wallets.history == []


def test_an_exchange_that_is_away_leaves_it_intended_and_the_sweep_sends_it(wallets, board, sweep, later, monkeypatch):
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    transfer = wallets.ask()
    away = board.add("drop_before", match={"path": "/api/v3/time"})

    waiting = send_transfer(transfer.pk, now=timezone.now())
    board.clear(away["id"])
    sweep(0)
    too_early = Transfer.objects.get().status
    Transfer.objects.update(created_at=later(-6))
    sweep(0)

    assert (waiting.status, too_early, Transfer.objects.get().status) == ("intended", "intended", "done")
    assert wallets.money == TO_FUTURES


def test_what_was_left_behind_too_long_is_never_sent(wallets, sweep, later):
    wallets.ask()
    Transfer.objects.update(created_at=later(-601))

    sweep(0)

    transfer = Transfer.objects.get()
    assert (transfer.status, transfer.error) == ("rejected", "not sent: too old when it was found")
    assert wallets.history == []
