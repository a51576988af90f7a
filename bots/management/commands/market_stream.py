from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from bots.services.wanted import wanted_series
from market import telemetry
from market.feed import service


class Command(BaseCommand):
    help = (
        "Keep candles, quotes and prices of all active bots fresh by websocket, until SIGTERM. A second one stands by."
    )

    def handle(self, **_: Any) -> None:
        telemetry.begin_service(host=settings.METRICS_HOST, port=settings.METRICS_PORT)
        service.run(wanted_series)
