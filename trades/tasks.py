"""Trade tasks: thin faces of the services."""

from celery import shared_task
from django.utils import timezone

from trades import services


@shared_task
def reconcile_orders() -> None:
    """Ask the exchange for orders in doubt (../shared/spec/order-protocol.md)."""
    services.reconcile_orders(now=timezone.now())


@shared_task
def book_fundings() -> int:
    """Book what was paid for holding futures, and look whether the exchange still holds what we believe."""
    return services.watch_futures(now=timezone.now())


@shared_task
def reconcile_accounts(everything: bool = False) -> dict[int, list[str]]:
    """Compare whole accounts with their exchange: nightly all, else those that need it; what differs, by account."""
    return services.reconcile_accounts(services.to_reconcile(everything=everything), now=timezone.now())
