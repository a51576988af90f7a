"""What a futures position pays, or receives, beside its fills: for being held, and for its liquidation."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction

from market.exchange.gateway import Gateway
from market.exchange.types import FundingReport
from market.models import ExchangeAccount
from trades.models import Event, Funding, Position

# One funding more than the last that is booked: of another symbol it may have come before its position was known here.
LOOK_BACK = timedelta(hours=9)


def book_fundings(account: ExchangeAccount, gateway: Gateway) -> int:
    """Book what was paid on futures positions since the last payment that is booked; return how many payments.

    The exchange is asked for fees of liquidations only where there was one.
    """
    booked = _book(account, Funding.Kind.FUNDING, gateway)
    if Event.objects.filter(kind=Event.Kind.LIQUIDATED, position__account=account).exists():
        booked += _book(account, Funding.Kind.LIQUIDATION, gateway)
    return booked


def _book(account: ExchangeAccount, kind: Funding.Kind, gateway: Gateway) -> int:
    last = account.fundings.filter(kind=kind).order_by("-paid_at").first()
    ask = gateway.fundings if kind == Funding.Kind.FUNDING else gateway.liquidation_fees
    payments = ask(since=last.paid_at - LOOK_BACK if last else account.created_at)
    return sum(_book_payment(account, kind, payment) for payment in _unknown(account, payments))


def _unknown(account: ExchangeAccount, payments: Iterable[FundingReport]) -> list[FundingReport]:
    payments = list(payments)
    ids = [payment.transaction_id for payment in payments]
    known = set(account.fundings.filter(transaction_id__in=ids).values_list("transaction_id", flat=True))
    return [payment for payment in payments if payment.transaction_id not in known]


def _book_payment(account: ExchangeAccount, kind: Funding.Kind, payment: FundingReport) -> bool:
    """Book one payment, unless somebody has meanwhile, or it is none of ours."""
    with transaction.atomic():
        position = _position_of(account, payment)
        if position is None or account.fundings.filter(transaction_id=payment.transaction_id).exists():
            return False
        Funding.objects.create(
            position=position,
            account=account,
            kind=kind,
            transaction_id=payment.transaction_id,
            amount=payment.amount,
            paid_at=payment.paid_at,
        )
        position.funding += payment.amount
        position.realized_pnl += payment.amount
        position.save(update_fields=["funding", "realized_pnl"])
    return True


def _position_of(account: ExchangeAccount, payment: FundingReport) -> Position | None:
    """The position, locked, that a payment belongs to: of those on its symbol the one that was opened last by then.

    There is one at a time; those of bots that were deleted stay.
    """
    held = account.positions.filter(symbol=payment.symbol, opened_at__lte=payment.paid_at)
    return held.select_for_update(no_key=True).order_by("-opened_at").first()
