import os
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from bots.services import keep_decisions
from bots.tasks import run_all_active_bots
from market.exchange.errors import ExchangeError
from market.tasks import warmup_futures_symbols_cache, warmup_spot_symbols_cache
from ops.demo import seed_demo
from ops.roles import create_groups
from ops.schedules import create_schedules


class Command(BaseCommand):
    help = "Before the fleet starts: migrate, create schedules and groups, with DEMO=1 the demo, and a first tick."

    def handle(self, **_: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        self.stdout.write(f"schedules created: {create_schedules()}")
        self.stdout.write(f"groups created: {create_groups()}")
        keep_decisions(now=timezone.now())
        if os.environ.get("DEMO") == "1":
            try:
                started = seed_demo(admin_password=os.environ["ADMIN_PASSWORD"], now=timezone.now())
            except ExchangeError as error:
                raise CommandError(str(error)) from error
            self.stdout.write(f"demo bots started: {started}")
        # Beat comes to these with the next minutes; nobody wants to look at an idle fleet until then, nor be told
        # that a symbol is unknown.
        for task in (warmup_spot_symbols_cache, warmup_futures_symbols_cache, run_all_active_bots):
            task.delay()
