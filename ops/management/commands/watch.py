"""`manage.py watch`: looks at everything every five seconds, and tells operators what is wrong (docs/alerts.md)."""

import logging
import os
import signal
import time
from typing import Any

from django.core.management.base import BaseCommand

from ops.alerts.watcher import EVERY_SECONDS, Watcher
from ops.metrics.service import begin_service

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Look at all parts of the system until SIGTERM, and tell operators what is wrong and what is well again."

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, _stop)
        begin_service()
        watcher = Watcher()
        logger.info("watch: looks every %g s", EVERY_SECONDS)
        try:
            while True:
                began = time.monotonic()
                watcher.turn()
                time.sleep(max(began + EVERY_SECONDS - time.monotonic(), 0))
        except (KeyboardInterrupt, SystemExit):
            logger.info("watch: stopped")
            logging.shutdown()
            os._exit(0)  # a thread that waits for a server that hangs would hold us


def _stop(*_: object) -> None:
    """Whatever is waited for at this moment."""
    raise SystemExit(0)
