"""Production's worker, which knows a strategy that always enters, and counts the statements that it sends.

``python -m tests.bench.tick.worker worker -Q …``: what comes after the module is Celery's own command line.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from tests.system.strategy import trade_at_every_candle


def main() -> None:
    """Become a Celery worker."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
    trade_at_every_candle()
    import django

    django.setup()
    _count_statements(Path(os.environ["BENCH_COUNTS"]))
    from celery.__main__ import main as celery

    sys.argv = ["celery", "-A", "tradebot_site", *sys.argv[1:]]
    celery()


def _count_statements(folder: Path) -> None:
    """A file for each process with the number of its statements so far."""
    import psycopg
    from celery.signals import task_postrun

    sent = [0]

    def counted(name: str) -> None:
        original = getattr(psycopg.Cursor, name)

        def count(*args: Any, **kwargs: Any) -> Any:
            sent[0] += 1
            return original(*args, **kwargs)

        setattr(psycopg.Cursor, name, count)

    for name in ("execute", "copy"):
        counted(name)

    @cache
    def file_of(pid: int) -> int:
        return os.open(folder / str(pid), os.O_CREAT | os.O_WRONLY)

    def tell(**_: Any) -> None:
        os.pwrite(file_of(os.getpid()), b"%12d" % sent[0], 0)  # once for each task: it must not cost what is measured

    task_postrun.connect(tell, weak=False)


if __name__ == "__main__":
    main()
