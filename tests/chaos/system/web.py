"""The web server as production runs it, with failpoints and a shorter time: ``gunicorn tests.chaos.system.web``."""

from __future__ import annotations

import os

from tests.system.strategy import trade_at_every_candle

trade_at_every_candle()  # before models load

from tradebot_site.wsgi import application  # noqa: E402


def _watch() -> None:
    from django.db.backends.postgresql.base import DatabaseWrapper

    from market.api import idempotency
    from tests.chaos.system import watching
    from trades.models import OrderByHand

    watching.watch_wishes(OrderByHand)
    watching.watch_commits(DatabaseWrapper)
    # The key of a request that died counts for so long; its sender comes again and again.
    idempotency.AT_WORK /= float(os.environ["CHAOS_FACTOR"])


_watch()

__all__ = ["application"]
