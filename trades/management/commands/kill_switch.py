import argparse
import json
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from market.models import ExchangeAccount
from market.switches import SwitchState
from trades import services

STATES = {"halt": SwitchState.HALTED, "reduce": SwitchState.REDUCING, "resume": SwitchState.ACTIVE}


class Command(BaseCommand):
    help = (
        "Press a kill switch: halt (no orders; open entries are canceled), reduce (exits only), resume."
        " It works while Redis is away, and for tasks that are queued already."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("state", choices=STATES)
        target = parser.add_mutually_exclusive_group(required=True)
        target.add_argument("--platform", action="store_true", help="all trading")
        target.add_argument("--user", metavar="NAME", help="all accounts of one user")
        target.add_argument("--account", metavar="ID", type=int, help="one account")
        parser.add_argument("--reason", required=True, help="why; owners and operators read it")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        target = _target(options)
        done = services.press(target, STATES[options["state"]], by=None, reason=options["reason"], now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps({"target": str(target), **vars(done)}))
            return
        self.stdout.write(f"{target} is {done.state}")
        if done.state is SwitchState.HALTED:
            self.stdout.write(
                f"entries taken back: {done.taken_back}, canceled: {done.canceled}, left to the sweep: {done.pending}"
            )


def _target(options: dict[str, Any]) -> services.Target:
    if options["platform"]:
        return services.PLATFORM
    if options["user"]:
        user = get_user_model().objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"there is no user {options['user']}")
        return services.Target(user=user)
    account = ExchangeAccount.objects.select_related("owner").filter(pk=options["account"]).first()
    if account is None:
        raise CommandError(f"there is no account {options['account']}")
    return services.Target(account=account)
