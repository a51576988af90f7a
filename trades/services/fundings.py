"""Funding: what a futures position pays or receives for being held, every eight hours."""

from django.db import transaction

from market.exchange.gateway import Gateway
from market.models import ExchangeAccount
from trades.models import Funding


def book_fundings(account: ExchangeAccount, gateway: Gateway) -> int:
    """Book what was paid for holding futures positions since the last payment that is booked; return how many.

    A payment belongs to the position of its symbol: on futures there is one for each account and symbol.
    """
    last = account.fundings.order_by("-paid_at").first()
    booked = 0
    for payment in gateway.fundings(since=last.paid_at if last else account.created_at):
        with transaction.atomic():
            position = account.positions.select_for_update(no_key=True).filter(symbol=payment.symbol).first()
            if position is None or account.fundings.filter(transaction_id=payment.transaction_id).exists():
                continue
            Funding.objects.create(
                position=position,
                account=account,
                transaction_id=payment.transaction_id,
                amount=payment.amount,
                paid_at=payment.paid_at,
            )
            position.funding += payment.amount
            position.realized_pnl += payment.amount
            position.save(update_fields=["funding", "realized_pnl"])
            booked += 1
    return booked
