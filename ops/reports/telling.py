"""A report in words: what a message about it says."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.template.loader import render_to_string

from ops.models import Report

UNKNOWN = "insufficient data"
MONEY = ("total_pnl", "realized_pnl", "unrealized_pnl", "average_win", "average_loss", "expectancy", "best", "worst")
# In the order in which they are read; the unit stands behind.
LABELS = {
    "total_pnl": "Total P&L",
    "realized_pnl": "Realised P&L",
    "unrealized_pnl": "Unrealised P&L",
    "return_percent": "Return",
    "closed": "Positions closed",
    "win_rate_percent": "Win rate",
    "average_win": "Average win",
    "average_loss": "Average loss",
    "profit_factor": "Profit factor",
    "expectancy": "Expectancy",
    "best": "Best",
    "worst": "Worst",
    "longest_losing_streak": "Longest losing streak",
    "sharpe": "Sharpe",
    "sortino": "Sortino",
    "calmar": "Calmar",
    "cagr_percent": "Growth of a year (CAGR)",
    "volatility_percent": "Volatility of a year",
    "max_drawdown_percent": "Maximum drawdown",
    "max_drawdown_days": "Days of that drawdown",
    "drawdown_percent": "Drawdown at the end",
    "var_95_percent": "Value at risk of a day, 95 %",
    "var_99_percent": "Value at risk of a day, 99 %",
    "expected_shortfall_95_percent": "Expected shortfall, 95 %",
    "expected_shortfall_99_percent": "Expected shortfall, 99 %",
    "exposure_percent": "Exposure",
}


class Message(NamedTuple):
    subject: str
    text: str


def message_of(report: Report) -> Message:
    """What a message about a report says."""
    told = [(found, list(in_words(found))) for found in report.environments]
    context = {"report": report, "told": told}
    subject = f"{report.get_kind_display().capitalize()} report: {report.subject}, {report.days_text}"
    return Message(subject, render_to_string("reports/message.txt", context).strip() + "\n")


def in_words(found: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Label and value of each figure; what says nothing says so."""
    for name, label in LABELS.items():
        yield label, value_of(name, found["figures"].get(name), found["quote_asset"])


def value_of(name: str, value: Any, quote_asset: str) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, int):
        return str(value)
    number = f"{float(value):,.2f}"
    return f"{number} %" if name.endswith("_percent") else f"{number} {quote_asset}" if name in MONEY else number
