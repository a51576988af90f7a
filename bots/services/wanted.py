"""Which market data the fleet needs, and how late it is."""

from datetime import datetime, timedelta

from django.conf import settings

from bots.models import SERIES_FIELDS, BotConfig, SeriesReading
from market.types import Series


def wanted_series() -> set[Series]:
    """The series of all active bots, in the environments that are switched on."""
    rows = BotConfig.objects.active().filter(account__environment__in=settings.ENVIRONMENTS).order_by()
    return {Series(*names) for names in rows.values_list(*SERIES_FIELDS).distinct()}


def candles_overdue(*, now: datetime) -> dict[tuple[str, str], timedelta]:
    """By environment and market on which bots are active: since when the candle is closed that ticks have not seen.

    Of the worst series. One that no tick has looked at yet is not late.
    """
    names = ("environment", "market", "symbol", "interval", "candle_close_at")
    seen = {Series(*place): at for *place, at in SeriesReading.objects.values_list(*names)}
    overdue: dict[tuple[str, str], timedelta] = {}
    for series in wanted_series():
        closed_at = seen.get(series)
        late = now - closed_at - series.duration if closed_at else timedelta()
        overdue[series.exchange] = max(late, overdue.get(series.exchange, timedelta()))
    return overdue
