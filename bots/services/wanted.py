"""Which market data the fleet needs."""

from django.conf import settings

from bots.models import SERIES_FIELDS, BotConfig
from market.types import Series


def wanted_series() -> set[Series]:
    """The series of all active bots, in the environments that are switched on."""
    rows = BotConfig.objects.active().filter(account__environment__in=settings.ENVIRONMENTS).order_by()
    return {Series(*names) for names in rows.values_list(*SERIES_FIELDS).distinct()}
