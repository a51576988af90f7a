"""The wallet that both markets share: permissions of the key, transfers."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from market.exchange.errors import NotConfigured, OrderRejected, OutcomeUnknown
from market.exchange.hosts import BINANCE
from market.exchange.types import (
    KeyPermissions,
)
from market.tests.exchange.orders import move

MINUTE = timedelta(minutes=1)


def held(gateway) -> dict[str, Decimal]:
    return {balance.asset: balance.free + balance.locked for balance in gateway.balances()}


def test_a_key_of_paper_may_trade_and_transfer_but_not_withdraw(gateway):
    assert gateway.permissions() == KeyPermissions(
        may_trade_spot=True,
        may_trade_futures=True,
        may_withdraw=False,
        may_transfer=True,
        is_ip_restricted=False,
    )


def test_a_transfer_moves_money_and_is_listed_in_its_direction(spot, futures):
    began = timezone.now() - MINUTE

    there = move(spot, "1234.5")
    back = move(futures, "0.5", to_futures=False)

    assert (held(spot)["USDT"], held(futures)["USDT"]) == (Decimal("98766"), Decimal("51234"))
    for gateway in (spot, futures):
        (to_futures,) = gateway.transfers(to_futures=True, since=began)
        (to_spot,) = gateway.transfers(to_futures=False, since=began)
        assert (to_futures.transaction_id, to_futures.amount, to_futures.to_futures) == (there, Decimal("1234.5"), True)
        assert (to_spot.transaction_id, to_spot.amount, to_spot.to_futures) == (back, Decimal("0.5"), False)
        assert abs(to_spot.at - timezone.now()) < MINUTE
    assert spot.transfers(to_futures=True, since=timezone.now() + MINUTE) == []


def test_transfers_are_listed_oldest_first_however_many_there_are(spot):
    made = [move(spot, str(number)) for number in range(1, 203)]

    listed = spot.transfers(to_futures=True, since=timezone.now() - MINUTE)

    assert [report.transaction_id for report in listed] == made


def test_a_transfer_of_more_than_there_is_is_rejected(gateway):
    with pytest.raises(OrderRejected) as caught:
        move(gateway, "1000000000", to_futures=gateway.market == "spot")

    assert caught.value.code == -5013


@pytest.mark.parametrize("name", ["drop_after", "truncated", "html_after"])
def test_a_transfer_with_a_spoilt_answer_is_in_doubt_and_was_done_once(spot, fault, name):
    fault(name, match={"path": "/sapi/v1/asset/transfer", "method": "POST"}, times=1)

    with pytest.raises(OutcomeUnknown):
        move(spot)

    assert [report.amount for report in spot.transfers(to_futures=True, since=timezone.now() - MINUTE)] == [10]


@pytest.mark.parametrize("kind", ["permissions", "transfer", "transfers"])
def test_the_testnet_has_no_wallet(gateway, kind):
    testnet = type(gateway)(BINANCE["testnet"], api_key="key", api_secret="secret")
    calls = {
        "permissions": testnet.permissions,
        "transfer": lambda: move(testnet),
        "transfers": lambda: testnet.transfers(to_futures=True, since=timezone.now()),
    }

    with pytest.raises(NotConfigured, match="no wallets"):
        calls[kind]()
