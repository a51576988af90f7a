"""Trade tasks: thin faces of the services."""

from celery import shared_task
from django.utils import timezone

from market.budget import Priority, spending_as
from trades import services


@shared_task
@spending_as(Priority.RECONCILIATION)
def reconcile_orders() -> None:
    """Ask the exchange for orders in doubt (../shared/spec/order-protocol.md)."""
    services.reconcile_orders(now=timezone.now())


@shared_task
@spending_as(Priority.RECONCILIATION)
def reconcile_accounts(everything: bool = False) -> dict[int, list[str]]:
    """Compare whole accounts with their exchange: nightly all, else those that need it; what differs, by account."""
    return services.reconcile_accounts(services.to_reconcile(everything=everything), now=timezone.now())
