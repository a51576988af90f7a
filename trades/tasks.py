"""Trade tasks: thin faces of the services."""

import logging

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from market.budget import Priority, spending_as
from trades import services
from trades.models import OrderByHand
from trades.transfers import TOO_OLD_TO_SEND

PACKET_EXPIRES = 30  # seconds: who is not read by then has the next round's first turn

logger = logging.getLogger(__name__)


@shared_task
@spending_as(Priority.RECONCILIATION)
def reconcile_orders() -> None:
    """Ask about orders in doubt (../shared/spec/order-protocol.md), and keep what is halted without entries.

    Before that, for it may take long: what was asked for by hand, and nobody has come to, is sent again.
    """
    for asked in services.asked_in_vain(now=timezone.now()):
        if not send_order_by_hand(asked):
            break
    services.withdraw_halted(now=timezone.now())
    services.reconcile_orders(now=timezone.now())


@shared_task
@spending_as(Priority.RECONCILIATION)
def book_fundings() -> int:
    """Book what was paid for holding futures, and look whether the exchange still holds what we believe."""
    return services.watch_futures(now=timezone.now())


@shared_task
@spending_as(Priority.RECONCILIATION)
def reconcile_accounts(everything: bool = False) -> dict[int, list[str]]:
    """Compare whole accounts with their exchange: nightly all, else those that need it; what differs, by account."""
    return services.reconcile_accounts(services.to_reconcile(everything=everything), now=timezone.now())


@shared_task
def sync_portfolios() -> int:
    """Have what accounts hold read, some of them every ten seconds until the next round; how many have a turn."""
    packets = services.packets_of_portfolios(now=timezone.now())
    for number, account_ids in enumerate(packets):
        later = (number * services.PACKET_EVERY).total_seconds()
        sync_packet.apply_async(args=(account_ids,), countdown=later, expires=later + PACKET_EXPIRES)
    return sum(map(len, packets))


@shared_task
@spending_as(Priority.PORTFOLIOS)
def sync_packet(account_ids: list[int]) -> int:
    """Read what some accounts hold; how many were read."""
    return services.sync_portfolios(account_ids, clock=timezone.now)


@shared_task
def execute_trade_async(asked_id: int) -> str:
    """Place what was asked for by hand (features A1, A2), once however often this is delivered."""
    asked = services.execute_asked(asked_id, now=timezone.now())
    return f"{asked.status}: {asked.message or asked.order_id}"


def send_order_by_hand(asked: OrderByHand) -> bool:
    """Send the task that places it. False: the broker is away, so it waits for the sweep in `reconcile_orders`."""
    left = asked.created_at + services.TOO_OLD - timezone.now()
    try:
        execute_trade_async.apply_async(
            args=(asked.pk,), task_id=str(asked.task_id), expires=max(left.total_seconds(), 1)
        )
    except (OperationalError, RedisError) as error:  # away, or full
        logger.warning("order by hand %s: waits for the sweep: the broker does not answer: %s", asked.pk, error)
        return False
    return True


@shared_task(expires=TOO_OLD_TO_SEND.total_seconds())
def transfer_between_wallets(transfer_id: int) -> str:
    """Send a transfer that is written down (`services.request_transfer`), once however often this is delivered."""
    return services.send_transfer(transfer_id, now=timezone.now()).status


@shared_task
def reconcile_transfers() -> None:
    """Look for transfers in doubt in the exchange's history; send or drop what was left behind."""
    services.reconcile_transfers(now=timezone.now())
