"""The auditor compares transfers with the real paper exchange's ledger, and finds what is planted."""

import secrets
import sqlite3
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from market.tests.factories import ExchangeAccountFactory
from ops.audit import audit
from ops.tests.test_audit import CLEAN, copy_of
from trades.models import Transfer
from trades.services import request_transfer, send_transfer
from trades.transfers import TransferWish

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key(paper, settings):
    settings.TRANSFERS_ENABLED = True
    return paper.open_account(USDT="1000", futures={"USDT": "500"})


@pytest.fixture
def account(key):
    """An account that has moved 10 USDT to futures and 4 back, through us."""
    account = ExchangeAccountFactory(api_key=key["api_key"], api_secret=key["api_secret"])
    for amount, to_futures in (("10", True), ("4", False)):
        move(account, amount, to_futures=to_futures)
    return account


def move(account, amount, *, to_futures=True):
    name = secrets.token_hex(4)
    wish = TransferWish(account.owner_id, account.pk, "USDT", Decimal(amount), to_futures, name, "a test")
    transfer = send_transfer(request_transfer(wish, now=timezone.now()).pk, now=timezone.now())
    assert transfer.status == "done"


@pytest.fixture
def found(paper, key, tmp_path):
    """`found(*statements)`: what the auditor finds once the ledger was changed so."""

    def find(*statements):
        ledger = copy_of(paper.ledger, tmp_path, key["api_key"])
        with sqlite3.connect(ledger) as copy:
            for statement in statements:
                assert copy.execute(statement).rowcount
        names = ("host", "user", "dbname")
        parameters = {name: value for name, value in connection.get_connection_params().items() if name in names}
        return audit(parameters, ledger)

    return find


def by_hand(paper, key, amount, kind="MAIN_UMFUTURE"):
    status, _ = paper.signed("POST", "/sapi/v1/asset/transfer", key, type=kind, asset="USDT", amount=amount)
    assert status == 200


def test_transfers_of_ours_leave_the_audit_clean(account, found):
    assert found().counts == CLEAN


def test_transfers_of_the_owners_own_are_nobodys_mistake(account, found, paper, key):
    by_hand(paper, key, "11")
    by_hand(paper, key, "10", kind="UMFUTURE_MAIN")

    assert found().counts == CLEAN


def test_a_transfer_that_was_executed_twice_is_found(account, found, paper, key):
    by_hand(paper, key, "10")

    findings = found()

    assert len(findings.duplicated) == 1
    assert "has another one as" in findings.duplicated[0]


@pytest.mark.parametrize("status", ["rejected", "absent"])
def test_a_transfer_that_was_given_up_and_executed_is_lost(account, found, status):
    Transfer.objects.filter(amount=4).update(status=status, transaction_id=None)

    findings = found()

    assert len(findings.lost) == 1
    assert f"is {status}, account" in findings.lost[0]


def test_a_transfer_without_an_outcome_is_pending_and_not_lost(account, found):
    Transfer.objects.filter(amount=4).update(status="unknown", transaction_id=None)

    findings = found()

    assert findings.is_clean
    assert findings.pending == [f"transfer {Transfer.objects.get(amount=4).pk}"]


def test_a_transfer_that_the_exchange_does_not_know_is_a_phantom(account, found):
    Transfer.objects.filter(amount=4).update(transaction_id=10**9)

    findings = found()

    assert findings.phantom == [f"transfer {Transfer.objects.get(amount=4).pk}: {10**9} is not in the ledger"]


@pytest.mark.parametrize("change", [{"amount": 5}, {"asset": "USDC"}, {"to_futures": True}], ids=str)
def test_a_transfer_that_differs_is_found(account, found, change):
    Transfer.objects.filter(amount=4).update(**change)

    assert len(found().unequal) == 1


def test_money_that_left_one_wallet_only_is_found(account, found):
    findings = found("DELETE FROM deposits WHERE market = 'futures' AND amount LIKE '10%'")

    assert findings.phantom
    assert findings.unequal
