"""What is downloaded of a report: the trades of its period, as many as there are."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from market.rounding import plain
from market.spreadsheets import escaped
from ops.figures import Part, traded_environments
from ops.models import Report
from ops.reports.making import period_of, scope_of
from trades.models import Trade

TRADE_COLUMNS = (
    *("created_at", "environment", "market", "symbol", "bot", "side", "purpose", "price", "quantity"),
    *("quote_quantity", "commission_quote", "realized_pnl", "binance_order_id"),
)
AT_A_TIME = 2_000


def trade_rows(report: Report) -> Iterator[tuple[Any, ...]]:
    """The heading, then a row for each trade, the oldest first, as the books have them now."""
    yield TRADE_COLUMNS
    scope, period = scope_of(report), period_of(report)
    for environment in traded_environments(scope):
        rows: Q = Part(scope, environment).rows
        trades = Trade.objects.filter(rows, environment=environment)
        trades = trades.filter(created_at__gte=period.begin, created_at__lt=period.end)
        columns = trades.order_by("created_at", "pk").values_list(
            *("created_at", "environment", "market", "symbol", "position__bot__name", "side", "purpose", "price"),
            *("quantity_filled", "quote_quantity", "commission_quote", "realized_pnl", "binance_order_id"),
        )
        for at, *texts, price, quantity, worth, fee, pnl, number in columns.iterator(chunk_size=AT_A_TIME):
            amounts = map(plain, (price, quantity, worth, fee, pnl))
            yield (at.isoformat(), *(escaped(text or "") for text in texts), *amounts, number)
