"""A worker as production runs it, which knows the fleet's strategy and looks at its watch.

``python -m tests.bench.orders.worker worker -Q …``: what comes after the module is Celery's own command line.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.system.strategy import trade_at_every_candle


def main() -> None:
    """Become a Celery worker."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
    trade_at_every_candle()
    import django

    django.setup()
    _watch()
    from celery.__main__ import main as celery

    sys.argv = ["celery", "-A", "tradebot_site", *sys.argv[1:]]
    celery()


def _watch() -> None:
    from celery.signals import task_postrun, task_prerun

    from bots.services import run
    from market.exchange.adapter import SpotGateway
    from tests.bench.orders.stopwatch import Stopwatch
    from trades.services.books import DatabaseBooks

    watch = Stopwatch(Path(os.environ["BENCH_TIMES"]))
    task_prerun.connect(watch.begin, weak=False)
    task_postrun.connect(watch.end, weak=False)
    run.locked_bot = watch.timed_block("intended", run.locked_bot)
    DatabaseBooks.claim = watch.timed("claimed", DatabaseBooks.claim)
    SpotGateway.submit = watch.timed("exchange", SpotGateway.submit)
    DatabaseBooks.record = watch.timed("booked", DatabaseBooks.record)


if __name__ == "__main__":
    main()
