"""Backtests are kept for a while."""

from datetime import datetime, timedelta

from django.conf import settings

from bots.models import Backtest

PER_ROUND = 50  # each may have a hundred parts


def drop_old_backtests(*, now: datetime) -> int:
    """Forget those that ended BACKTESTS_KEPT_DAYS ago, some at a time; return how many."""
    old = Backtest.objects.filter(ended_at__lt=now - timedelta(days=settings.BACKTESTS_KEPT_DAYS)).order_by("pk")
    dropped = 0
    while keys := list(old.values_list("pk", flat=True)[:PER_ROUND]):
        Backtest.objects.filter(pk__in=keys).delete()
        dropped += len(keys)
    return dropped
