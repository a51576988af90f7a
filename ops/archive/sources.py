"""What is archived, and what of it is deleted then.

Deleted is what nothing else is computed from. Orders, fills, fundings and trades stay: see docs/upkeep.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from trades.models import Event, ExternalOrder, Fill, Funding, Order, Trade


@dataclass(frozen=True)
class Source:
    """Some rows of one table, each of them in the month of its ``moment``."""

    moment: str
    rows: Callable[[], QuerySet]
    is_deleted: bool = False

    @property
    def table(self) -> str:
        return self.rows().model._meta.db_table

    def between(self, begin: datetime, end: datetime) -> QuerySet:
        return self.rows().filter(**{f"{self.moment}__gte": begin, f"{self.moment}__lt": end})

    def oldest(self) -> datetime | None:
        found: datetime | None = self.rows().order_by(self.moment).values_list(self.moment, flat=True).first()
        return found


def _finished_orders() -> QuerySet:
    return Order.objects.filter(finished_at__isnull=False)


def _loose_news() -> QuerySet:
    """News that belong to no order, and that nobody asks for: whether there was a liquidation is looked up for ever."""
    return Event.objects.filter(handled_at__isnull=False, order=None).exclude(kind=Event.Kind.LIQUIDATED)


SOURCES = (
    Source("finished_at", _finished_orders),
    Source("executed_at", Fill.objects.all),
    Source("paid_at", Funding.objects.all),
    Source("created_at", Trade.objects.all),
    Source("created_at", _loose_news, is_deleted=True),
    Source("gone_at", lambda: ExternalOrder.objects.filter(gone_at__isnull=False), is_deleted=True),
)
