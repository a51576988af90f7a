"""The web server as production runs it, with failpoints and a shorter time: ``gunicorn tests.chaos.system.web``."""

from __future__ import annotations

from datetime import timedelta

from tests.system.strategy import trade_at_every_candle

AT_WORK_SECONDS = 3
trade_at_every_candle()  # before models load

from tradebot_site.wsgi import application  # noqa: E402


def _watch() -> None:
    from django.db.backends.postgresql.base import DatabaseWrapper

    from market.api import idempotency
    from tests.chaos.system import watching
    from trades.models import OrderByHand

    watching.watch_wishes(OrderByHand)
    watching.watch_commits(DatabaseWrapper)
    # The key of a request that died counts for so long. Shorter than some requests take: then the same one is worked on
    # twice at once, and what it asked for has to be one order all the same.
    idempotency.AT_WORK = timedelta(seconds=AT_WORK_SECONDS)


_watch()

__all__ = ["application"]
