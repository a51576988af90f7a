"""The filters of the bots' list."""

from django.http import HttpRequest

from bots.models import BotConfig
from bots.types import Reason, Status
from market.access import sees_all
from market.admin.filters import (
    MANY,
    account_filter,
    chosen,
    dropdown,
    environment_filter,
    interval_filter,
    market_filter,
    owner_filter,
)


def symbols_of_bots(request: HttpRequest) -> list[tuple[str, str]]:
    bots = BotConfig.objects.all() if sees_all(request.user) else BotConfig.objects.filter(owner=request.user.pk)
    names = bots.order_by("symbol").values_list("symbol", flat=True).distinct()[:MANY]
    return [(name, name) for name in names]


BOT_FILTERS = [
    dropdown("status", "state__status", lambda request: [(item.value, item.value) for item in Status]),
    dropdown("reason", "state__reason", lambda request: [(item.value, item.value) for item in Reason if item]),
    chosen("desired_state"),
    dropdown("entries", "entries_paused", lambda request: [(True, "paused"), (False, "not paused")]),
    owner_filter("owner"),
    account_filter("account"),
    chosen("strategy"),
    dropdown("symbol", "symbol", symbols_of_bots),
    interval_filter(),
    environment_filter("account__environment"),
    market_filter("market"),
]
