"""After doubt only the exchange's history tells: whose an entry is, and when its absence proves something."""

import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from market.exchange.adapter import SpotGateway
from market.exchange.types import TransferReport
from market.locks import advisory_lock
from market.models import ExchangeAccount
from market.tests.factories import NOON
from trades.models import Transfer
from trades.services import reconcile_transfers, send_transfer, settle_transfer
from trades.services.transfer_sweep import SWEEP_LOCK
from trades.tests.transfers.conftest import TRANSFER
from trades.transfers import TransferDenied

pytestmark = pytest.mark.django_db(transaction=True)
POST = {"path": TRANSFER, "method": "POST"}
HISTORY = {"path": TRANSFER, "method": "GET"}


def in_doubt(wallets, board, *, arrived, **changes):
    """A transfer without an answer, which has arrived or not."""
    board.add("drop_after" if arrived else "drop_before", match=POST, times=1)
    return wallets.move(**changes)


def status_of(transfer):
    return Transfer.objects.get(pk=transfer.pk).status


@pytest.mark.parametrize("arrived", [True, False])
def test_of_two_equal_transfers_close_together_each_is_its_own(wallets, board, sweep, arrived):
    first = wallets.move("10")
    second = in_doubt(wallets, board, arrived=arrived)

    sweep(1, 70, 100)

    second.refresh_from_db()
    assert len(wallets.history) == (2 if arrived else 1)
    if arrived:
        assert (second.status, sorted([first.transaction_id, second.transaction_id])) == (
            "done",
            sorted(wallets.history),
        )
    else:
        assert (second.status, second.transaction_id) == ("absent", None)


def test_two_accounts_that_are_one_at_the_exchange_do_not_claim_each_others(wallets, board, sweep):
    one = wallets.account
    futures = ExchangeAccount.objects.create(
        owner=one.owner,
        name="the same at the exchange",
        market="futures",
        api_key=one.api_key,
        api_secret=one.api_secret,
    )
    lost = in_doubt(wallets, board, arrived=False)
    with pytest.raises(TransferDenied, match=f"{lost} has no outcome yet"):
        wallets.ask(account_id=futures.pk)
    sweep(70, 100)
    wallets.move(account_id=futures.pk)

    sweep(101)

    assert status_of(lost) == "absent"
    assert len(wallets.history) == 1


def test_the_owners_own_transfers_of_other_times_or_amounts_are_not_taken_for_ours(wallets, board, sweep, later):
    wallets.by_hand("10")
    wallets.by_hand("11")
    wallets.by_hand("10", kind="UMFUTURE_MAIN")
    transfer = in_doubt(wallets, board, arrived=False)
    Transfer.objects.update(signed_at=later(5), proof_deadline=later(70))  # the owner was there 5 s before

    sweep(1, 71, 97)

    assert status_of(transfer) == "absent"


def test_when_it_may_be_either_of_two_only_a_person_can_tell(wallets, board, sweep, later):
    ours = in_doubt(wallets, board, arrived=True)
    strangers = wallets.by_hand("10")
    sweep(1, 70, 100)
    told = Transfer.objects.get()

    settle_transfer(ours.pk, min(wallets.history), now=later(101))

    assert told.status == "unknown"
    assert all(str(number) in told.error for number in wallets.history)
    settled = Transfer.objects.get()
    assert (settled.status, settled.error) == ("done", "")
    assert settled.transaction_id != strangers


def test_what_was_settled_as_absent_stays_absent(wallets, board, sweep, later):
    transfer = in_doubt(wallets, board, arrived=False)
    wallets.by_hand("10")  # which looks like ours
    with pytest.raises(TransferDenied, match="may still arrive until"):
        settle_transfer(transfer.pk, None, now=later(60))
    settle_transfer(transfer.pk, None, now=later(70))

    sweep(71, 100)

    assert status_of(transfer) == "absent"


def test_a_transaction_of_another_transfer_can_not_be_settled_on(wallets, board, later):
    done = wallets.move("10")
    transfer = in_doubt(wallets, board, arrived=False)

    with pytest.raises(TransferDenied, match=f"transaction: {done.transaction_id}: is another transfer's"):
        settle_transfer(transfer.pk, done.transaction_id, now=later(70))
    with pytest.raises(TransferDenied, match=f"transfer: {done.pk}: is done, there is nothing to settle"):
        settle_transfer(done.pk, 5, now=later(70))

    assert status_of(transfer) == "unknown"


def test_the_command_that_settles_refuses_and_tells_why(wallets, board, capsys):
    transfer = in_doubt(wallets, board, arrived=False)

    with pytest.raises(CommandError, match="may still arrive until"):
        call_command("settle_transfer", str(transfer.pk), "--absent")
    with pytest.raises(CommandError, match="there is none of this id"):
        call_command("settle_transfer", "0", "--absent")
    Transfer.objects.update(signed_at=NOON.replace(year=2020), proof_deadline=NOON.replace(year=2020))
    call_command("settle_transfer", str(transfer.pk), "--absent", "--json")

    assert '"status": "absent"' in capsys.readouterr().out


def test_a_question_that_fails_proves_nothing(wallets, board, sweep, monkeypatch):
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    transfer = in_doubt(wallets, board, arrived=False)
    board.add("error_before", match=HISTORY)

    sweep(70, 100, 300)

    assert status_of(transfer) == "unknown"


def test_a_history_that_is_late_calls_it_absent_and_finds_it_after_all(wallets, board, sweep, monkeypatch):
    transfer = in_doubt(wallets, board, arrived=True)
    with monkeypatch.context() as late:
        late.setattr(SpotGateway, "transfers", lambda self, **_: [])
        sweep(70, 100)
    missing = status_of(transfer)

    sweep(130)

    found = Transfer.objects.get()
    assert missing == "absent"
    assert (found.status, [found.transaction_id]) == ("done", wallets.history)


def test_an_absent_transfer_is_not_looked_for_for_ever(wallets, board, sweep, later):
    in_doubt(wallets, board, arrived=False)
    sweep(70, 100)

    assert [reconcile_transfers(now=later(second)) for second in (130, 699, 701)] == [1, 1, 0]


def test_what_is_under_way_at_the_exchange_is_neither_done_nor_absent(wallets, board, sweep, monkeypatch):
    transfer = in_doubt(wallets, board, arrived=False)
    pending = TransferReport(5, "USDT", transfer.amount, to_futures=True, at=transfer.signed_at, is_booked=False)
    monkeypatch.setattr(SpotGateway, "transfers", lambda self, **_: [pending])

    sweep(70, 100, 130)

    assert status_of(transfer) == "unknown"


def test_a_transfer_is_done_when_the_sweep_was_faster_than_the_reply(wallets, sweep, monkeypatch):
    send = SpotGateway.transfer

    def slow(self, *args, **kwargs):
        transaction_id = send(self, *args, **kwargs)
        sweep(22)
        return transaction_id

    monkeypatch.setattr(SpotGateway, "transfer", slow)
    wallets.move()

    done = Transfer.objects.get()
    assert (done.status, [done.transaction_id]) == ("done", wallets.history)


def test_a_reply_that_comes_after_it_was_called_absent_is_believed(wallets, sweep, monkeypatch):
    send = SpotGateway.transfer

    def frozen(self, *args, **kwargs):
        sweep(70, 100)
        assert Transfer.objects.get().status == "absent"
        return send(self, *args, **kwargs)

    monkeypatch.setattr(SpotGateway, "transfer", frozen)
    wallets.move()

    done = Transfer.objects.get()
    assert (done.status, [done.transaction_id]) == ("done", wallets.history)


def test_a_silenced_account_is_not_asked(wallets, board, later):
    in_doubt(wallets, board, arrived=True)
    ExchangeAccount.objects.update(cooldown_until=later(60))

    assert reconcile_transfers(now=later(1)) == 0
    assert Transfer.objects.get().status == "unknown"


def test_one_that_can_not_be_asked_for_does_not_keep_the_others_waiting(open_wallets, board, sweep):
    dead, healthy = open_wallets(), open_wallets()
    lost, there = in_doubt(dead, board, arrived=True), in_doubt(healthy, board, arrived=True, amount="20")
    ExchangeAccount.objects.filter(pk=dead.account.pk).update(api_key="")

    sweep(1)

    assert (status_of(lost), status_of(there)) == ("unknown", "done")


def test_the_sweep_goes_on_while_transfers_are_switched_off_or_the_account_is_halted(wallets, board, sweep, settings):
    transfer = in_doubt(wallets, board, arrived=True)
    settings.TRANSFERS_ENABLED = False
    ExchangeAccount.objects.update(state="halted")

    sweep(1)

    assert status_of(transfer) == "done"


def test_one_sweep_runs_at_a_time(wallets, board, later):
    in_doubt(wallets, board, arrived=True)
    looked_at = []

    def sweep():
        looked_at.append(reconcile_transfers(now=later(1)))
        connection.close()

    with advisory_lock(SWEEP_LOCK) as ours:
        thread = threading.Thread(target=sweep)
        thread.start()
        thread.join(10)

    assert ours
    assert looked_at == [0]


def test_a_transfer_that_has_its_outcome_is_left_alone(wallets, later):
    done = wallets.move()

    assert reconcile_transfers(now=later(100)) == 0
    assert send_transfer(done.pk, now=timezone.now()).status == "done"
    assert len(wallets.history) == 1
