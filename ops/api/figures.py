"""The figures of P1 as JSON: the same names wherever they are told."""

from rest_framework import serializers

from market.api.serializing import Amount


class SumsSerializer(serializers.Serializer):
    """What was booked in some time."""

    pnl = Amount(help_text="Realised P&L, net of fees, without funding.")
    fees = Amount(help_text="Commissions, in `pnl` already.")
    funding = Amount(help_text="Futures: received less paid.")
    trades = serializers.IntegerField()


class FiguresSerializer(serializers.Serializer):
    """What `docs/reports.md` explains. Percentages of risk are of equity: capital, and all that is booked."""

    total_pnl = Amount(allow_null=True)
    realized_pnl = Amount(help_text="Booked in the period, fees and funding included.")
    unrealized_pnl = Amount(allow_null=True, help_text="What closing all that is open would add; null if not known.")
    closed = serializers.IntegerField()
    won = serializers.IntegerField()
    lost = serializers.IntegerField()
    win_rate_percent = Amount(allow_null=True)
    average_win = Amount(allow_null=True)
    average_loss = Amount(allow_null=True)
    gross_profit = Amount()
    gross_loss = Amount()
    profit_factor = Amount(allow_null=True)
    expectancy = Amount(allow_null=True)
    best = Amount(allow_null=True)
    worst = Amount(allow_null=True)
    longest_losing_streak = serializers.IntegerField()
    days = serializers.IntegerField(help_text="Of the series of equity.")
    return_percent = Amount(allow_null=True, help_text="Time-weighted: what was put in is no return.")
    cagr_percent = Amount(allow_null=True)
    volatility_percent = Amount(allow_null=True, help_text="Of a year.")
    sharpe = Amount(allow_null=True)
    sortino = Amount(allow_null=True)
    calmar = Amount(allow_null=True)
    max_drawdown_percent = Amount(allow_null=True)
    max_drawdown_days = serializers.IntegerField(allow_null=True)
    drawdown_percent = Amount(allow_null=True)
    var_95_percent = Amount(allow_null=True)
    var_99_percent = Amount(allow_null=True)
    expected_shortfall_95_percent = Amount(allow_null=True)
    expected_shortfall_99_percent = Amount(allow_null=True)
    exposure_percent = Amount(allow_null=True, help_text="The share of the time in which something was held.")
    insufficient_data = serializers.ListField(
        child=serializers.CharField(), help_text="The figures that are null since too little is known for them."
    )


_MISSING = [
    *("win_rate_percent", "average_loss", "profit_factor", "expectancy", "cagr_percent", "sharpe", "sortino", "calmar"),
    *("volatility_percent", "var_95_percent", "var_99_percent"),
    *("expected_shortfall_95_percent", "expected_shortfall_99_percent"),
]
FIGURES = {
    "total_pnl": "14",
    "realized_pnl": "12.5",
    "unrealized_pnl": "1.5",
    "closed": 2,
    "won": 2,
    "lost": 0,
    "average_win": "6.25",
    "gross_profit": "12.5",
    "gross_loss": "0",
    "best": "8",
    "worst": "4.5",
    "longest_losing_streak": 0,
    "days": 12,
    "return_percent": "1.25",
    "max_drawdown_percent": "0.3",
    "max_drawdown_days": 2,
    "drawdown_percent": "0",
    "exposure_percent": "41.5",
    **dict.fromkeys(_MISSING),
    "insufficient_data": _MISSING,
}
