"""Pictures of the admin for README and docs, taken from a running stack."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bots.models import BotConfig
from ops.browser import BrowserMissing, open_browser

WIDE, NARROW, TALL = (1440, 1000), (390, 844), (1440, 1800)


class Command(BaseCommand):
    help = "Write pictures of the running admin to docs/images."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        port = os.environ.get("WEB_PORT") or "8000"
        parser.add_argument("--url", default=f"http://127.0.0.1:{port}", help="where the site answers")
        parser.add_argument("--to", type=Path, default=Path(settings.BASE_DIR) / "docs" / "images")
        parser.add_argument("--user", default="admin")

    def handle(self, **options: Any) -> None:
        password = os.environ.get("ADMIN_PASSWORD")
        if not password:
            raise CommandError("ADMIN_PASSWORD is missing: run this beside `make up`, or set it")
        options["to"].mkdir(parents=True, exist_ok=True)
        wanted = list(pictures())  # playwright runs an event loop, in which Django refuses queries
        with _site(options["url"], options["user"], password) as page:
            for name, path, size in wanted:
                page.set_viewport_size({"width": size[0], "height": size[1]})
                page.goto(f"{options['url']}{path}", wait_until="networkidle")
                target = options["to"] / f"{name}.png"
                page.screenshot(path=target)
                self.stdout.write(f"{target} ({target.stat().st_size // 1024} kB)")


def pictures() -> Iterator[tuple[str, str, tuple[int, int]]]:
    """Name, path and size of each. The bot shown traded most recently, and holds something if any does."""
    yield "dashboard", "/admin/", WIDE
    yield "dashboard-mobile", "/admin/", NARROW
    yield "bots", "/admin/bots/botconfig/", WIDE
    yield "bots-mobile", "/admin/bots/botconfig/", NARROW
    traded = BotConfig.objects.filter(position__trades__isnull=False).order_by("-position__trades__created_at")
    bot = traded.filter(state__status="running").first() or traded.first()
    if bot:
        yield "bot", f"/admin/bots/botconfig/{bot.pk}/change/", TALL
        yield "account", f"/admin/market/exchangeaccount/{bot.account_id}/change/", WIDE
    yield "orders", "/admin/trades/order/", WIDE
    yield "kill-switch", "/admin/kill-switch/?platform=1", WIDE
    yield "schedules", "/admin/django_celery_beat/periodictask/", WIDE
    yield "changes", "/admin/ops/change/", WIDE


@contextmanager
def _site(url: str, user: str, password: str) -> Iterator[Any]:
    """A page that is logged in. CommandError when there is no browser, no site, or no entrance."""
    try:
        with open_browser() as browser:
            page = browser.new_page()
            try:
                page.goto(f"{url}/admin/login/")
            except Exception as error:  # playwright's own class, which may not be importable
                raise CommandError(f"{url} does not answer: `make up` first, or name another with --url") from error
            page.fill("[name=username]", user)
            page.fill("[name=password]", password)
            page.click("[type=submit]")
            if "/login/" in page.url:
                raise CommandError(f"{url} refuses user {user} with ADMIN_PASSWORD")
            yield page
    except BrowserMissing as error:
        raise CommandError(str(error)) from error
