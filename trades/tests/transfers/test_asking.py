"""Asking for a transfer: what is denied leaves no trace, and a key is one transfer."""

from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.utils import timezone

from market.exchange.adapter import FuturesGateway
from market.exchange.types import Balance
from market.models import ExchangeAccount
from market.tests.factories import NOON, ExchangeAccountFactory, UserFactory
from trades.models import Transfer
from trades.services import request_transfer
from trades.tests.factories import PositionFactory, TransferFactory
from trades.transfers import KeyTaken, TransferDenied

pytestmark = pytest.mark.django_db(transaction=True)


def denial(wallets, *args, **changes):
    with pytest.raises(TransferDenied) as denied:
        wallets.ask(*args, **changes)
    return str(denied.value)


def test_what_was_asked_for_is_written_down_and_nothing_moves(wallets):
    transfer = wallets.ask("12.5", key="rent", asked_by="ann")

    saved = Transfer.objects.get()
    assert saved == transfer
    assert (saved.status, saved.amount, saved.asset, saved.to_futures) == ("intended", Decimal("12.5"), "USDT", True)
    assert (saved.owner, saved.environment, saved.asked_by) == (wallets.account.owner, "paper", "ann")
    assert wallets.history == []


def test_all_that_is_free_may_go_and_not_a_digit_more(wallets):
    beyond = denial(wallets, "1000.00000001")
    back = denial(wallets, "500.1", to_futures=False)
    all_of_it = wallets.ask("1000")

    assert beyond == "amount: 1000.00000001: above what may leave the spot wallet: 1000 USDT is free"
    assert back == "amount: 500.1: above what may leave the futures wallet: 500 USDT is free"
    assert all_of_it.status == "intended"


def test_profits_that_are_not_realised_yet_can_not_leave(wallets, monkeypatch):
    monkeypatch.setattr(FuturesGateway, "balances", lambda self: [Balance("USDT", Decimal(120), Decimal(-20))])

    assert "futures wallet: 100 USDT is free" in denial(wallets, "100.1", to_futures=False)
    assert wallets.ask("100", to_futures=False)


def test_coins_that_bots_hold_can_not_leave(wallets, settings):
    settings.MAX_TRANSFER = {"BTC": Decimal(5)}
    wallets.paper.admin("POST", "/paper/deposits", {"account": wallets.key["api_key"], "asset": "BTC", "amount": "1"})
    PositionFactory(account=wallets.account, quantity=Decimal("0.4"))

    message = denial(wallets, "0.7", asset="BTC")

    assert "spot wallet: 1 BTC is free, of which bots hold 0.4" in message
    assert wallets.ask("0.6", asset="BTC")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": Decimal("20000")}, "amount: 20000: above MAX_TRANSFER, 10000 USDT at once"),
        ({"asset": "BTC"}, "asset: BTC: is not transferred here"),
        ({"account_id": 0}, "account: 0: is no account of yours"),
    ],
)
def test_a_wish_out_of_bounds_is_denied_and_leaves_nothing(wallets, change, message):
    assert message in denial(wallets, **change)
    assert not Transfer.objects.exists()
    assert wallets.history == []


def test_transfers_are_off_unless_somebody_switches_them_on(wallets, settings):
    settings.TRANSFERS_ENABLED = False

    assert denial(wallets) == "TRANSFERS_ENABLED: false: transfers between wallets are switched off here"


def test_an_account_of_somebody_else_does_not_exist(wallets):
    stranger = UserFactory()

    assert denial(wallets, owner_id=stranger.pk) == f"account: {wallets.account.pk}: is no account of yours"


def test_an_account_of_somebody_else_is_refused_by_the_database_too(wallets):
    with pytest.raises(IntegrityError, match="transfer_account_of_owner"):
        TransferFactory(account=wallets.account, owner=UserFactory())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state": "halted"}, "the account is halted"),
        ({"cooldown_until": NOON.replace(year=2100)}, "the exchange asked for silence"),
        ({"environment": "testnet"}, "environment testnet is switched off here"),
        ({"api_key": ""}, "its spot wallet can't be read: account"),
    ],
)
def test_an_account_that_may_not_is_denied(wallets, change, message):
    ExchangeAccount.objects.update(**change)

    assert message in denial(wallets)
    assert not Transfer.objects.exists()


def test_an_environment_without_wallets_is_denied(wallets, settings):
    settings.ENVIRONMENTS = ["paper", "testnet"]
    ExchangeAccount.objects.update(environment="testnet")

    assert "testnet has no transfers between wallets" in denial(wallets)


def test_an_account_that_is_reducing_may_move_money(wallets):
    ExchangeAccount.objects.update(state="reducing")

    assert wallets.ask().status == "intended"


def test_a_wallet_that_can_not_be_read_is_denied(wallets, board, monkeypatch):
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    board.add("drop_before", match={"path": "/api/v3/account"})

    assert "its spot wallet can't be read" in denial(wallets)


@pytest.mark.parametrize("status", ["intended", "done"])
def test_the_same_key_is_the_same_transfer_however_it_stands(wallets, status):
    first = wallets.ask(key="rent") if status == "intended" else wallets.move(key="rent")
    ExchangeAccount.objects.update(state="halted")  # telling what there is does no harm

    again = wallets.ask(key="rent")

    assert (again.pk, again.status) == (first.pk, status)
    assert Transfer.objects.count() == 1


def test_a_rejected_transfer_is_not_tried_again_under_its_key(wallets, board):
    board.add("error_before", status=400, code=-5013, msg="Asset transfer failed", match={"path": "/sapi/*"}, times=1)
    rejected = wallets.move(key="rent")

    again = wallets.move(key="rent")

    assert (again.pk, again.status) == (rejected.pk, "rejected")
    assert wallets.history == []


@pytest.mark.parametrize(
    "change",
    [{"amount": Decimal("10.00000001")}, {"to_futures": False}, {"asset": "BTC"}, {"account_id": 0}],
    ids=lambda change: next(iter(change)),
)
def test_the_same_key_with_other_content_is_an_error_that_names_both(wallets, change):
    first = wallets.ask(key="rent")
    other = wallets.wish(key="rent", **change)

    with pytest.raises(KeyTaken) as taken:
        request_transfer(other, now=timezone.now())

    assert f"transfer {first.pk} of 10 USDT to futures on account {wallets.account.pk}" in str(taken.value)
    assert other.content in str(taken.value)


def test_a_key_belongs_to_its_owner(wallets, open_wallets):
    first, second = wallets.ask(key="rent"), open_wallets().ask(key="rent")

    assert first.pk != second.pk


def test_an_account_has_one_transfer_at_a_time(wallets):
    first = wallets.ask("10")

    message = denial(wallets, "20")

    assert f"transfer {first.pk} of 10 USDT to futures on account {wallets.account.pk} has no outcome yet" in message
    assert Transfer.objects.count() == 1


def test_two_equal_transfers_of_one_owner_are_not_live_at_once(wallets, open_wallets):
    first = wallets.ask("10")
    other = open_wallets(owner=wallets.account.owner)

    assert f"{first} has no outcome yet: one at a time" in denial(other, "10")
    assert other.ask("11").status == "intended"


def test_two_owners_do_not_wait_for_each_other(wallets, open_wallets):
    wallets.ask("10")

    assert open_wallets().ask("10").status == "intended"


def test_one_transaction_of_the_exchange_is_claimed_once(wallets):
    done = wallets.move()
    account = ExchangeAccountFactory(owner=wallets.account.owner)

    with pytest.raises(IntegrityError, match="transfer_claimed_once"):
        TransferFactory(account=account, transaction_id=done.transaction_id)


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"amount": 0}, "transfer_amount_positive"),
        ({"idempotency_key": ""}, "transfer_has_key"),
        ({"status": "done", "signed_at": NOON, "proof_deadline": NOON}, "transfer_done_has_transaction"),
        ({"status": "unknown"}, "transfer_sent_has_deadline"),
    ],
)
def test_a_row_that_can_not_be_is_refused_by_the_database(db, values, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        TransferFactory(**values)
