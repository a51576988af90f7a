"""A worker as production runs it, with failpoints, shorter times, the strategy of the fleet, and perhaps a bug.

``python -m tests.chaos.system.worker worker -Q …``: what comes after the module is Celery's own command line.
"""

from __future__ import annotations

import http.client
import os
import sys
from datetime import timedelta
from typing import Any

from tests.system.strategy import trade_at_every_candle

# Every time of the order protocol, and what must stay in proportion to it, is divided by this: a lost request is proven
# absent after 4 s instead of 20. The exchange's own bound, recvWindow, is the protocol's VALID_FOR and shrinks with it.
FACTOR = 5
REDELIVERY_SECONDS = 8  # of what a killed worker held; much of it has been done again by then


def main() -> None:
    """Become a Celery worker."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
    _watch_gateways()  # before anybody imports the function that it replaces
    trade_at_every_candle()
    import django

    django.setup()
    _watch()
    _shorten(float(os.environ["CHAOS_FACTOR"]))
    if os.environ.get("CHAOS_PLANT"):
        from tests.chaos.system.plants import PLANTS

        PLANTS[os.environ["CHAOS_PLANT"]]()
    from celery.__main__ import main as celery

    sys.argv = ["celery", "-A", "tradebot_site", *sys.argv[1:]]
    celery()


def _watch_gateways() -> None:
    import market.exchange as door
    from tests.chaos.system.watching import WatchedGateway

    gateway_for = door.gateway_for

    def watched(account: Any, *args: Any) -> Any:
        return WatchedGateway(gateway_for(account, *args))

    door.gateway_for = watched  # type: ignore[assignment]


def _watch() -> None:
    from django.db.backends.postgresql.base import DatabaseWrapper

    from bots import services as bots
    from tests.chaos.system import watching
    from trades.models import Order, OrderByHand
    from trades.services.books import DatabaseBooks

    watching.watch_books(DatabaseBooks)
    watching.watch_intents(Order)
    watching.watch_wishes(OrderByHand)
    watching.watch_commits(DatabaseWrapper)
    watching.watch_sockets(http.client.HTTPConnection)
    watching.watch_tick(bots)


def _shorten(factor: float) -> None:
    """Divide what waits for the exchange, and for who has died, by the same factor."""
    import requests.adapters
    from celery import current_app as app

    from market import clock, prices, store
    from market.budget import budget
    from market.exchange import sorting
    from trades import protocol
    from trades.services import asked, asked_rows

    for name, value in vars(protocol).items():
        if isinstance(value, timedelta):
            setattr(protocol, name, value / factor)
    asked.TASK_DUE_AFTER /= factor
    asked_rows.TOO_OLD /= factor
    sorting.DEFAULT_SILENCE /= factor
    for market, weight in budget.DEFAULT_LIMITS.items():  # a minute of theirs is several of ours
        budget.DEFAULT_LIMITS[market] = round(weight * factor)
    clock.RENEW_AFTER /= factor
    prices.MAX_AGE /= factor
    store.FETCH_SECONDS = max(1, round(store.FETCH_SECONDS / factor))
    store.TAKE_OVER_SECONDS /= factor
    if factor > 1:
        app.conf.broker_transport_options["visibility_timeout"] = REDELIVERY_SECONDS

    send = requests.adapters.HTTPAdapter.send

    def hasty(self: Any, request: Any, **kwargs: Any) -> Any:
        connect, read = kwargs["timeout"]
        return send(self, request, **kwargs | {"timeout": (connect / factor, read / factor)})

    requests.adapters.HTTPAdapter.send = hasty  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    main()
