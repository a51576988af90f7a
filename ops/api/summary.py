"""All bots of the caller in a few figures, environment by environment: play money and real money are never added up."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from bots.types import Reason, Status
from market.access import sees_all
from market.api.access import Need, reads
from market.api.filtering import require_known
from market.api.serializing import Amount
from market.api.views import ApiView
from market.rounding import plain, round_down
from market.types import Environment, Market
from ops import figures
from ops.figures.sharing import Owner
from trades.pnl import PLACES


class ReasonCountSerializer(serializers.Serializer):
    status = serializers.ChoiceField([item.value for item in Status])
    reason = serializers.ChoiceField([item.value for item in Reason])
    count = serializers.IntegerField()


class HeldSymbolSerializer(serializers.Serializer):
    """Open positions of one symbol."""

    symbol = serializers.CharField()
    market = serializers.ChoiceField([item.value for item in Market])
    positions = serializers.IntegerField()
    net = Amount(help_text="In base asset; short positions are subtracted.")
    worth = Amount(help_text="At the last price; what they cost where there is none.")
    unrealized_pnl = Amount(allow_null=True)


class DayPnlSerializer(serializers.Serializer):
    day = serializers.DateField()
    pnl = Amount()


class OrderCountsSerializer(serializers.Serializer):
    """By status, denials among them."""

    hour = serializers.DictField(child=serializers.IntegerField(), help_text="Of the last hour.")
    day = serializers.DictField(child=serializers.IntegerField(), help_text="Of the last 24 hours.")
    live = serializers.DictField(child=serializers.IntegerField(), help_text="At work now.")


class EnvironmentSummarySerializer(serializers.Serializer):
    """Amounts in quote asset (USDT). Null: a price is missing."""

    environment = serializers.ChoiceField([item.value for item in Environment])
    bots = serializers.IntegerField()
    by_status = serializers.DictField(child=serializers.IntegerField())
    by_reason = ReasonCountSerializer(many=True)
    positions_open = serializers.IntegerField()
    positions_without_stop = serializers.IntegerField()
    capital = Amount(help_text="Of all bots.")
    realized_pnl = Amount(help_text="Of all positions ever, those by hand among them.")
    unrealized_pnl = Amount(allow_null=True)
    equity = Amount(allow_null=True)
    exposure = Amount(help_text="What open positions are worth.")
    today_pnl = Amount(help_text="Booked since midnight (UTC), fees and funding included.")
    daily_pnl = DayPnlSerializer(many=True, help_text="Of the last 30 days (UTC), the oldest first.")
    symbols = HeldSymbolSerializer(many=True, help_text="The largest first.")
    more_symbols = serializers.IntegerField(help_text="So many more are not shown.")
    orders = OrderCountsSerializer()


class SummarySerializer(serializers.Serializer):
    at = serializers.DateTimeField()
    environments = EnvironmentSummarySerializer(many=True, help_text="Where there are accounts, the realest first.")


class SummaryView(ApiView):
    """What the dashboard shows; some seconds old at most."""

    needs: ClassVar[dict[str, Need]] = {"get": reads("bots.view_botconfig")}

    @extend_schema(
        operation_id="summary_retrieve",
        summary="All bots in a few figures",
        description="The caller's own, an operator's everybody's; each environment for itself.",
        responses={200: SummarySerializer},
    )
    def get(self, request: Request) -> Response:
        require_known(request, set())
        owner, now = None if sees_all(request.user) else request.user.pk, timezone.now()
        told = [_summary(owner, environment, now=now) for environment in figures.environments(owner)]
        return Response({"at": now, "environments": told})


def _summary(owner: Owner, environment: str, *, now: datetime) -> dict[str, Any]:
    reasons = figures.bots_by_reason(owner, environment)
    held = figures.holdings(owner, environment)
    days = figures.daily_pnl(owner, environment, now=now)
    orders = figures.order_outcomes(owner, environment, now=now)
    counts = {status.value: 0 for status in Status}
    for status, _, count in reasons:
        counts[status] += count
    return {
        "environment": environment,
        "bots": sum(counts.values()),
        "by_status": counts,
        "by_reason": [{"status": status, "reason": reason, "count": count} for status, reason, count in reasons],
        "positions_open": held["positions"],
        "positions_without_stop": orders["naked"],
        "capital": _amount(held["capital"]),
        "realized_pnl": _amount(held["realized"]),
        "unrealized_pnl": _amount(held["unrealized"]),
        "equity": _amount(held["equity"]),
        "exposure": _amount(held["exposure"]),
        "today_pnl": plain(days[-1][1]),
        "daily_pnl": [{"day": day, "pnl": plain(pnl)} for day, pnl in days],
        "symbols": [_symbol(row) for row in held["symbols"]],
        "more_symbols": held["more_symbols"],
        "orders": {name: orders[name] for name in ("hour", "day", "live")},
    }


def _symbol(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "symbol": row["symbol"],
        "market": row["market"],
        "positions": row["positions"],
        "net": _amount(row["net"]),
        "worth": _amount(row["worth"]),
        "unrealized_pnl": _amount(row["unrealized"]),
    }


def _amount(told: str | None) -> str | None:
    """As figures are kept, amounts are texts; products of two have more places than an amount has."""
    return None if told is None else plain(round_down(Decimal(told), PLACES))
