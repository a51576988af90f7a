"""What is counted of orders; docs/metrics.md says what each one means."""

from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from market.metrics import EXCHANGES
from market.telemetry import OTHER, Counter, Histogram
from trades.lifecycle import OrderPurpose, OrderStatus
from trades.models import Order

DENIED = "denied"  # beside the statuses: what was refused by ourselves is no order
OUTCOMES = len(OrderStatus) + 1

ORDERS = Counter(
    "tradebot_orders_total",
    "Orders by the status that they have come to; denied: refused by our own checks",
    *("environment", "market", "purpose", "outcome"),
    most=EXCHANGES * len(OrderPurpose) * OUTCOMES,
)
ORDER_SECONDS = Histogram(
    "tradebot_order_seconds",
    "An order from being written down to the exchange's answer",
    *("environment", "market"),
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
    most=EXCHANGES,
)
CANDLE_TO_ORDER_SECONDS = Histogram(
    "tradebot_candle_to_order_seconds",
    "From the close of the candle whose signal is acted on to the exchange's answer",
    "market",
    buckets=(0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 60),
    most=2,
)
FILLS = Counter("tradebot_fills_total", "Executions booked", "environment", "market", most=EXCHANGES)


def count_outcome(order: Order, outcome: str) -> None:
    """Count an order that has come to a status."""
    ORDERS.inc(purpose=order.purpose, outcome=outcome, **_exchange_of(order))


def count_taken_back(orders: QuerySet[Order]) -> None:
    """Count orders that one statement has canceled before they were sent."""
    places = orders.order_by().values_list("account__environment", "account__market", "purpose")
    for environment, market, purpose, count in places.annotate(count=Count("pk")):
        ORDERS.inc(count, environment=environment, market=market, purpose=purpose, outcome=OrderStatus.CANCELED)


def count_report(order: Order, before: str, fills: int, *, now: datetime) -> None:
    """Count what a booked report has changed: the status that was ``before``, and so many new fills."""
    exchange = _exchange_of(order)
    if order.status != before:
        count_outcome(order, order.status)
    if fills:
        FILLS.inc(fills, **exchange)
    if before == OrderStatus.SUBMITTED:
        ORDER_SECONDS.observe((now - order.created_at).total_seconds(), **exchange)


def count_no(order: Order, *, now: datetime) -> None:
    """Count an order that got a clear no for its answer."""
    count_outcome(order, OrderStatus.REJECTED)
    ORDER_SECONDS.observe((now - order.created_at).total_seconds(), **_exchange_of(order))


def _exchange_of(order: Order) -> dict[str, Any]:
    """Where it is traded, as far as that is known without asking: between claim and send nothing may go wrong."""
    position = order._state.fields_cache.get("position")
    account = position and position._state.fields_cache.get("account")
    return {name: getattr(account, name, OTHER) for name in ("environment", "market")}
