"""What is asked for by hand, and what is told of it, as JSON."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from market.api.serializing import Amount, StrictSerializer
from trades.lifecycle import CUT_SHORT, NEVER_WERE, OrderStatus
from trades.models import Order, OrderByHand, Trade

UNDER_WAY = (OrderStatus.INTENDED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
MOST_LEVERAGE = 125  # of any exchange; what is allowed here is checked when it is placed


class AnyCase(serializers.ChoiceField):
    """One of some words, in small letters or in capital ones."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(data.lower() if isinstance(data, str) else data)


@extend_schema_field({"type": "string", "enum": ["buy", "sell"], "description": "In any case."})
class SideField(AnyCase):
    """Which way."""


@extend_schema_field({"type": "string", "enum": ["market", "limit"], "description": "In any case."})
class TypeField(AnyCase):
    """At which price."""


class WantedSerializer(StrictSerializer):
    """An order as it is asked for."""

    user_id = serializers.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="In whose name; operators may name another user."
    )
    account = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text="May be left out when there is only one on which the symbol can be traded.",
    )
    symbol = serializers.RegexField(r"^[A-Za-z0-9]{1,30}$", help_text="BTCUSDT, in any case.")
    side = SideField(["buy", "sell"])
    quantity = Amount(help_text="In base asset; above 0.")
    order_type = TypeField(["market", "limit"])
    price = Amount(required=False, help_text="The limit, in quote asset, of a limit order.")
    leverage = serializers.IntegerField(default=1, min_value=1, max_value=MOST_LEVERAGE, help_text="On futures.")

    def validate_symbol(self, symbol: str) -> str:
        return symbol.upper()

    def validate_quantity(self, quantity: Decimal) -> Decimal:
        return _positive(quantity)

    def validate_price(self, price: Decimal) -> Decimal:
        return _positive(price)

    def validate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if (wanted["order_type"] == "limit") != ("price" in wanted):
            wrong = "is needed of a limit order." if wanted["order_type"] == "limit" else "is none of a market order's."
            raise serializers.ValidationError({"price": [wrong]})
        return wanted


def _positive(amount: Decimal) -> Decimal:
    if amount <= 0:
        raise serializers.ValidationError("must be above 0.")
    return amount


class AskedSerializer(serializers.Serializer):
    """That it is written down."""

    task_id = serializers.UUIDField()
    status = serializers.CharField(help_text="pending; of a key that was used before, what its task tells now.")
    message = serializers.CharField()


class ResultSerializer(serializers.Serializer):
    """The order, as our books have it at this moment."""

    order_id = serializers.IntegerField()
    order_status = serializers.CharField(help_text="open: it rests at the exchange, perhaps with a part filled.")
    trade_id = serializers.IntegerField(allow_null=True, help_text="Once something of it is filled.")
    executed_price = Amount(allow_null=True, help_text="The average so far, in quote asset.")
    executed_quantity = Amount(help_text="So far, in base asset.")


class FailureSerializer(serializers.Serializer):
    """Why it failed."""

    code = serializers.CharField()
    detail = serializers.CharField()


class TaskSerializer(serializers.Serializer):
    """What has become of what was asked for."""

    task_id = serializers.UUIDField()
    status = serializers.CharField(help_text="pending, running, success or failed")
    result = ResultSerializer(allow_null=True)
    error = FailureSerializer(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)


def state_of(asked: OrderByHand) -> dict[str, Any]:
    """How it stands. Once there is an order its own row is the truth: it goes on changing."""
    told: dict[str, Any] = {"task_id": asked.task_id, "started_at": asked.started_at}
    if asked.order is None:
        failure = None if asked.is_unfinished else {"code": asked.code, "detail": asked.message}
        status = asked.status if asked.is_unfinished else "failed"
        return told | {"status": status, "result": None, "error": failure, "completed_at": asked.completed_at}
    failure = _failure_of(asked.order)
    is_under_way = asked.order.status in UNDER_WAY
    status = "running" if is_under_way else "failed" if failure else "success"
    completed_at: datetime | None = None if is_under_way else asked.order.finished_at or asked.completed_at
    return told | {
        "status": status,
        "result": _result_of(asked.order),
        "error": failure,
        "completed_at": completed_at,
    }


def _result_of(order: Order) -> dict[str, Any]:
    trade: Trade | None = getattr(order, "trade", None)
    return {
        "order_id": order.pk,
        "order_status": order.status,
        "trade_id": trade.pk if trade else None,
        "executed_price": trade.price if trade else None,
        "executed_quantity": order.filled_quantity,
    }


def _failure_of(order: Order) -> dict[str, str] | None:
    """Why nothing was executed that should have been; None also where its owner has canceled it."""
    if order.filled_quantity or order.status not in (*NEVER_WERE, *CUT_SHORT):
        return None
    if order.status == OrderStatus.ABSENT:
        return {"code": "absent", "detail": "It never reached the exchange."}
    if order.status in CUT_SHORT and order.exchange_order_id is None:
        return {"code": "not_sent", "detail": order.error or "It was taken back before it was sent."}
    if order.status == OrderStatus.CANCELED and order.cancel_requested_at:
        return None
    return {"code": str(order.status), "detail": order.error or f"The exchange says: {order.status}, nothing filled."}
