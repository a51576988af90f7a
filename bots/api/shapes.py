"""What watching a bot answers with."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from bots.api.rows import StateSerializer
from bots.models import BotConfig
from bots.services.foresight import Sight
from bots.services.performance import Performance
from bots.types import Reason, Status
from market.api.serializing import Amount, StrictSerializer
from market.rounding import plain
from market.types import Side


class NumbersField(serializers.DictField):
    """Values by their names."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=serializers.FloatField(), **kwargs)


class WatchedSerializer(StateSerializer):
    """Where a bot stands, and what its strategy reads in the candles that are known."""

    reading = serializers.CharField(help_text="The strategy's sentence about the newest candle that is known.")
    indicators = NumbersField(help_text="The strategy's values at that candle.")
    candle_close_at = serializers.DateTimeField(allow_null=True)
    trouble = serializers.CharField(help_text="Why there is no reading, or that it is old.")
    revision = serializers.IntegerField()


def sight_in(sight: Sight) -> dict[str, Any]:
    return {
        "reading": sight.text,
        "indicators": sight.indicators or {},
        "candle_close_at": sight.candle_close_at,
        "trouble": sight.trouble,
    }


class PeriodSerializer(StrictSerializer):
    days = serializers.IntegerField(min_value=1, max_value=366, default=30, help_text="So many days up to now.")


class EquityPointSerializer(serializers.Serializer):
    at = serializers.DateTimeField()
    equity = Amount()


class BotPerformanceSerializer(serializers.Serializer):
    """Amounts in quote asset, fees and funding included; of the period but for `lifetime`, which is all it ever did."""

    lifetime_realized_pnl = Amount()
    lifetime_fees = Amount()
    lifetime_funding = Amount()
    unrealized_pnl = Amount(allow_null=True, help_text="At the last price that a tick has seen.")
    current_equity = Amount(help_text="Its capital and all that it has earned, without what is still open.")
    since = serializers.DateTimeField(help_text="When the period begins.")
    is_whole = serializers.BooleanField(help_text="False: there were so many trades that only the newest are in it.")
    realized_pnl = Amount()
    fees = Amount()
    funding = Amount()
    trades = serializers.IntegerField(help_text="Orders that were executed.")
    positions_closed = serializers.IntegerField()
    wins = serializers.IntegerField(help_text="One that brought nothing is neither won nor lost.")
    losses = serializers.IntegerField()
    win_rate_percent = Amount(allow_null=True, help_text="Null of fewer than 4 closed positions.")
    average_win = Amount(allow_null=True)
    average_loss = Amount(allow_null=True)
    profit_factor = Amount(
        allow_null=True, help_text="Gross profit by gross loss; null without a loss, and of fewer than 4."
    )
    expectancy = Amount(
        allow_null=True, help_text="What a closed position brought on the average; null of fewer than 4."
    )
    longest_losing_streak = serializers.IntegerField(help_text="Positions closed with a loss, one after the other.")
    max_drawdown_percent = Amount(
        allow_null=True, help_text="Of the highest equity so far; null where the period began with none."
    )
    drawdown_percent = Amount(allow_null=True, help_text="The same now.")
    equity = EquityPointSerializer(many=True, help_text="After each trade and funding, the oldest first.")


def performance_of(bot: BotConfig, found: Performance, *, state: dict[str, Any]) -> dict[str, Any]:
    position, ends = bot.position, found.outcomes
    return {
        "lifetime_realized_pnl": plain(position.realized_pnl),
        "lifetime_fees": plain(position.fees),
        "lifetime_funding": plain(position.funding),
        "unrealized_pnl": state["unrealized_pnl"],
        "current_equity": plain(bot.initial_capital + position.realized_pnl),
        "since": found.since,
        "is_whole": found.is_whole,
        "realized_pnl": plain(found.realized_pnl),
        "fees": plain(found.fees),
        "funding": plain(found.funding),
        "trades": found.trades,
        "positions_closed": ends.closed,
        "wins": ends.won,
        "losses": ends.lost,
        "win_rate_percent": _told(ends.win_rate_percent, places=2),
        "average_win": _told(ends.average_win, places=8),
        "average_loss": _told(ends.average_loss, places=8),
        "profit_factor": _told(ends.profit_factor, places=4),
        "expectancy": _told(ends.expectancy, places=8),
        "longest_losing_streak": ends.longest_losing_streak,
        "max_drawdown_percent": _told(found.max_drawdown_percent, places=4),
        "drawdown_percent": _told(found.drawdown_percent, places=4),
        "equity": [{"at": at, "equity": plain(value)} for at, value in found.equity],
    }


def _told(figure: Decimal | None, *, places: int) -> str | None:
    return None if figure is None else plain(round(figure, places))


class DeniedSerializer(serializers.Serializer):
    code = serializers.CharField()
    limit = serializers.CharField(help_text="What is allowed.")
    value = serializers.CharField(help_text="What was found.")


class ThoughtSerializer(serializers.Serializer):
    """A decision as it was made."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    status = serializers.ChoiceField([item.value for item in Status])
    reason = serializers.ChoiceField([item.value for item in Reason])
    text = serializers.CharField()
    strategy = serializers.CharField()
    parameters = serializers.DictField()
    revision = serializers.IntegerField()
    indicators = NumbersField()
    candle_close_at = serializers.DateTimeField(allow_null=True)
    price = Amount(allow_null=True)
    order = serializers.IntegerField(allow_null=True)
    denied = DeniedSerializer(required=False)
    thought_again = serializers.IntegerField(required=False, help_text="In so many ticks since.")


class WouldOrderSerializer(serializers.Serializer):
    entry = serializers.BooleanField()
    side = serializers.ChoiceField([side.value for side in Side])
    quantity = Amount()


class WouldSerializer(serializers.Serializer):
    """What a run would decide now."""

    status = serializers.ChoiceField([item.value for item in Status])
    reason = serializers.ChoiceField([item.value for item in Reason])
    text = serializers.CharField()
    order = WouldOrderSerializer(allow_null=True)


class MarketSeenSerializer(serializers.Serializer):
    signal = serializers.CharField()
    text = serializers.CharField()
    price = Amount()
    candle_close_at = serializers.DateTimeField()
    indicators = NumbersField()


class ExplainedSerializer(serializers.Serializer):
    """What a bot thinks, since when, what it had thought before, and what it would do now."""

    bot = serializers.IntegerField()
    name = serializers.CharField()
    at = serializers.DateTimeField()
    advice = serializers.CharField(help_text="What to do about it.")
    decision = ThoughtSerializer(allow_null=True)
    events = serializers.ListField(child=serializers.CharField(), required=False)
    before = ThoughtSerializer(many=True)
    would = WouldSerializer()
    market = MarketSeenSerializer(allow_null=True, help_text="What it would see; null if the exchange does not say it.")


class PointSerializer(serializers.Serializer):
    time = serializers.IntegerField()
    value = serializers.FloatField(required=False)


class LineSerializer(serializers.Serializer):
    name = serializers.CharField()
    own_scale = serializers.BooleanField(help_text="Its values are no prices.")
    values = PointSerializer(many=True)


class ChartLevelSerializer(serializers.Serializer):
    kind = serializers.CharField()
    price = serializers.FloatField()


class DrawnFillSerializer(serializers.Serializer):
    time = serializers.IntegerField()
    side = serializers.ChoiceField([side.value for side in Side])
    purpose = serializers.CharField()
    price = serializers.FloatField()
    quantity = serializers.FloatField()


class ChartSerializer(serializers.Serializer):
    """Everything that is drawn; `note` says what is missing and why."""

    note = serializers.CharField()
    price = serializers.FloatField(allow_null=True)
    candles = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=5, max_length=5),
        help_text="Time, open, high, low, close.",
    )
    lines = LineSerializer(many=True)
    levels = ChartLevelSerializer(many=True)
    fills = DrawnFillSerializer(many=True)
    equity = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        help_text="Time, and what it had earned.",
    )
