import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand
from django.urls import reverse
from django.utils import timezone

from bots import services
from bots.management.bots import bot_named


class Command(BaseCommand):
    help = "Give a bot, for its owner, a new secret for signals by POST. Printed this once; the old one is void."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("bot", help="its id, or its name when only one bot has it")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        bot = bot_named(options["bot"])
        webhook, secret = services.renew_webhook(bot, by=bot.owner, now=timezone.now())
        path = reverse("signal-hook", args=[webhook.public_id])
        told = {"bot": bot.pk, "path": path, "secret": secret}
        self.stdout.write(json.dumps(told) if options["json"] else f"POST to {path}\nsecret {secret}")
