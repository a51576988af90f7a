"""Payments that are no fills: each is booked once, to the position that was held then."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import pytest

from market.exchange.types import FundingReport
from market.tests.factories import NOON, ExchangeAccountFactory
from trades.models import Event, Funding
from trades.services.events import write_event
from trades.services.fundings import book_fundings
from trades.tests.factories import PositionFactory

HOURS_8 = timedelta(hours=8)


@dataclass
class Payments:
    """A gateway with a history of payments."""

    paid: list[FundingReport] = field(default_factory=list)
    fees: list[FundingReport] = field(default_factory=list)
    asked_for_fees: int = 0

    def pay(self, number, amount, *, symbol="BTCUSDT", at=NOON):
        self.paid.append(FundingReport(number, symbol, "USDT", Decimal(amount), at))

    def fundings(self, *, since):
        return [report for report in self.paid if report.paid_at >= since]

    def liquidation_fees(self, *, since):
        self.asked_for_fees += 1
        return [report for report in self.fees if report.paid_at >= since]


@pytest.fixture
def account(db):
    account = ExchangeAccountFactory(market="futures")
    account.created_at = NOON - timedelta(days=30)
    return account


def position_since(account, opened_at, **values):
    return PositionFactory(account=account, opened_at=opened_at, **values)


def booked():
    return list(Funding.objects.order_by("pk").values_list("position", "amount"))


def test_a_payment_is_booked_once_and_is_part_of_what_was_earned(account):
    position = position_since(account, NOON - HOURS_8, realized_pnl=Decimal(-1))
    gateway = Payments()
    gateway.pay(1, "-0.25")

    counts = [book_fundings(account, gateway) for _ in range(3)]

    position.refresh_from_db()
    assert counts == [1, 0, 0]
    assert (position.funding, position.realized_pnl) == (Decimal("-0.25"), Decimal("-1.25"))


def test_a_payment_belongs_to_the_bot_that_held_the_symbol_then(account):
    former = position_since(account, NOON - 3 * HOURS_8)
    present = position_since(account, NOON - HOURS_8)
    gateway = Payments()
    for number, at in enumerate((NOON - 2 * HOURS_8, NOON)):
        gateway.pay(number, "1", at=at)

    book_fundings(account, gateway)

    assert booked() == [(former.pk, 1), (present.pk, 1)]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT"])
def test_what_was_paid_on_nothing_of_ours_is_left_alone(account, symbol):
    position_since(account, NOON + HOURS_8)
    gateway = Payments()
    gateway.pay(1, "1", symbol=symbol)

    assert book_fundings(account, gateway) == 0


def test_a_payment_whose_position_was_not_known_yet_is_booked_later(account):
    position_since(account, NOON - HOURS_8)
    gateway = Payments()
    gateway.pay(1, "1", symbol="ETHUSDT", at=NOON - HOURS_8)
    gateway.pay(2, "1")
    book_fundings(account, gateway)
    late = position_since(account, NOON - 2 * HOURS_8, symbol="ETHUSDT")

    book_fundings(account, gateway)

    assert booked()[-1] == (late.pk, 1)


def test_fees_of_liquidations_are_asked_for_where_there_was_one(account):
    position = position_since(account, NOON - HOURS_8)
    gateway = Payments(fees=[FundingReport(7, "BTCUSDT", "USDT", Decimal(-3), NOON)])
    book_fundings(account, gateway)
    assert gateway.asked_for_fees == 0
    write_event(Event.Kind.LIQUIDATED, position, "a liquidation", now=NOON)

    book_fundings(account, gateway)

    assert Funding.objects.get().kind == "liquidation"
    position.refresh_from_db()
    assert position.realized_pnl == -3
