"""Trade tasks: thin faces of the services."""

from celery import shared_task
from django.utils import timezone

from trades import services
from trades.transfers import TOO_OLD_TO_SEND


@shared_task
def reconcile_orders() -> None:
    """Ask the exchange for orders in doubt (../shared/spec/order-protocol.md)."""
    services.reconcile_orders(now=timezone.now())


@shared_task
def reconcile_accounts(everything: bool = False) -> dict[int, list[str]]:
    """Compare whole accounts with their exchange: nightly all, else those that need it; what differs, by account."""
    return services.reconcile_accounts(services.to_reconcile(everything=everything), now=timezone.now())


@shared_task(expires=TOO_OLD_TO_SEND.total_seconds())
def transfer_between_wallets(transfer_id: int) -> str:
    """Send a transfer that is written down (`services.request_transfer`), once however often this is delivered."""
    return services.send_transfer(transfer_id, now=timezone.now()).status


@shared_task
def reconcile_transfers() -> None:
    """Look for transfers in doubt in the exchange's history; send or drop what was left behind."""
    services.reconcile_transfers(now=timezone.now())
