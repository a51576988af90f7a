from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tradebot_site.event_stream import service


class Command(BaseCommand):
    help = "Tell whoever watches what happens to their bots (GET /api/v1/events), until SIGTERM."

    def handle(self, **_: Any) -> None:
        try:
            service.run()
        except service.CannotListen as error:
            raise CommandError(str(error)) from error
