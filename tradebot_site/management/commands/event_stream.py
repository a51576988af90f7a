import logging
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ops.metrics.service import begin_service
from tradebot_site.event_stream import service


class Command(BaseCommand):
    help = "Tell whoever watches what happens to their bots (GET /api/v1/events), until SIGTERM."

    def handle(self, **_: Any) -> None:
        begin_service()
        try:
            service.run()
        except service.CannotListen as error:
            raise CommandError(str(error)) from error
        # All is said. To take an interpreter of this size apart lasts seconds on a busy machine, and a thread that
        # waits for a database that hangs would be in its way.
        logging.shutdown()
        self.stdout.flush()
        os._exit(0)
