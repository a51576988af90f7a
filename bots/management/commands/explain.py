import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from bots.management.bots import bot_named
from bots.services.explaining import explain


class Command(BaseCommand):
    help = "Tell why a bot does, or did, what it does: its decision at a moment, and those before."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("bot", help="its id, or its name when only one bot has it")
        parser.add_argument("--at", help="a moment, such as 2026-11-21T12:00Z; now if it is left out")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        told = explain(bot_named(options["bot"]), at=_moment(options["at"]))
        if options["json"]:
            self.stdout.write(json.dumps(told))
            return
        self.stdout.write(f"bot {told['bot']} {told['name']} at {told['at']}")
        if told["decision"] is None:
            self.stdout.write("has not decided anything yet: did a tick see it?")
            return
        for decision in (told["decision"], *told["before"]):
            self._print(decision)
        for line in told["events"]:
            self.stdout.write(f"  {line}")

    def _print(self, decision: dict[str, Any]) -> None:
        reason = f" ({decision['reason']})" if decision["reason"] else ""
        again = decision.get("thought_again")
        since = f", and the same for {again} ticks more" if again else ""
        self.stdout.write(f"{decision['at']} {decision['status']}{reason}: {decision['text']}{since}")
        values = ", ".join(f"{name} {value:.8g}" for name, value in decision["indicators"].items())
        details = [f"decision {decision['id']}", f"{decision['strategy']} revision {decision['revision']}", values]
        if decision.get("denied"):
            details.append("denied {code}: {value}, allowed {limit}".format(**decision["denied"]))
        if decision["order"]:
            details.append(f"order {decision['order']}")
        self.stdout.write(f"    {'; '.join(filter(None, details))}")


def _moment(text: str | None) -> Any:
    if text is None:
        return timezone.now()
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        raise CommandError(f"--at: {text!r} is no moment; 2026-11-21T12:00Z is one")
    return at if at.tzinfo else at.replace(tzinfo=timezone.get_default_timezone())
