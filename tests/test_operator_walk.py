"""An operator's first hour, in a real browser on the whole system: web, workers, beat, the paper exchange.

Log in with a second factor, create an account and bots, see one trade, read why another waits, stop and flatten, edit a
schedule and see the change take effect, press and release the kill switch.
"""

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import expect

from ops.browser import BrowserMissing, chromium, open_browser
from ops.stack import services
from ops.stack.testing import free_port
from tests.system import stack as stacks
from tests.system.stack import Stack
from tests.test_browser_admin import PASSWORD, SIZES, confirm, run_action, select
from tests.test_browser_people import shown_by_the_app

pytestmark = [pytest.mark.browser, pytest.mark.long]
CREATE_ROOT = (
    "import django; django.setup(); from django.contrib.auth.models import User;"
    f"User.objects.create_superuser('root', password={PASSWORD!r})"
)
TWO_TICKS = 140_000  # of beat, in milliseconds: with the first the account may not have been compared yet


def stack_of(directory: Path) -> Stack:
    stack = Stack(directory)
    strict = {"WEB_HOST": "127.0.0.1", "WEB_PORT": str(free_port()), "HTTPS_ONLY": "false", "DEMO": "0"}
    stack.environment |= strict | {"SECOND_FACTOR_REQUIRED": "true", "DJANGO_SETTINGS_MODULE": "tradebot_site.settings"}
    for service in services.after_migration(stack.environment):
        argv = service.argv
        if service.name == "web" or service.name.startswith("worker"):
            argv = [argv[0], "-m", "tests.system.trading", *argv[2:]]
        stack.add(replace(service, argv=argv))
    return stack


@pytest.fixture
def system():
    """The whole system, without a demo; one superuser, who has no second factor yet."""
    try:
        chromium()
    except BrowserMissing as error:
        pytest.skip(str(error))
    with stacks.temporary(stack_of, parent=Path(tempfile.gettempdir())) as stack:
        stack.run("manage.py", "prepare")
        stack.run("-c", CREATE_ROOT)
        stack.start("web", "worker-trading", "worker-background", "beat")
        known = "SELECT count(DISTINCT market) FROM market_symbolrules"
        stack.wait_until(lambda: one(stack, known) == 2, 60, "the symbols that `prepare` has asked for")
        yield stack


class Operator:
    """A person at a browser."""

    def __init__(self, page, site):
        self.page, self.site = page, site

    def open(self, path):
        self.page.goto(f"{self.site}{path}")

    def log_in(self, token=""):
        self.open("/admin/login/")
        for name, value in {"username": "root", "password": PASSWORD, "token": token}.items():
            self.page.fill(f"[name={name}]", value)
        self.page.click("#login-form [type=submit]")

    def set_up_second_factor(self):
        self.log_in()
        secret = self.page.locator("code").inner_text()
        self.page.fill("[name=token]", shown_by_the_app(secret, steps=-1))
        self.page.get_by_role("button", name="Confirm").click()
        self.page.get_by_text("I have them").click()
        self.page.context.clear_cookies()
        self.log_in(shown_by_the_app(secret))
        expect(self.page.get_by_text("Bots by status")).to_be_visible()

    def create_account(self):
        self.open("/admin/market/exchangeaccount/add/")
        self.page.locator("select[name=owner]").select_option(label="root")
        self.page.fill("[name=name]", "first")
        self.page.locator("[name=_save]").first.click()
        expect(self.page.get_by_text("was opened at the paper exchange with 10,000 USDT")).to_be_visible()

    def create_bot(self, name, symbol, strategy):
        self.open("/admin/bots/botconfig/add/")
        self.page.locator("select[name=owner]").select_option(label="root")
        self.page.locator("select[name=account]").select_option(label="root: first (paper spot)")
        self.page.locator("select[name=strategy]").select_option(strategy)
        self.page.locator("select[name=interval]").select_option("1m")
        for field, value in {"name": name, "symbol": symbol, "initial_capital": "1000", "sizing_value": "20"}.items():
            self.page.fill(f"[name={field}]", value)
        self.page.locator("[name=_save]").first.click()
        expect(self.page.get_by_text("was added successfully")).to_be_visible()

    def operate(self, operation, *names):
        self.open("/admin/bots/botconfig/")
        for name in names:
            select(self.page, name)
        run_action(self.page, operation)
        confirm(self.page)

    def row(self, name):
        return self.page.locator("tr", has_text=name)

    def press(self, label, reason):
        self.open("/admin/kill-switch/?platform=1")
        self.page.get_by_label(label).check()
        self.page.get_by_label("Reason").fill(reason)
        self.page.get_by_label("I am sure").check()
        self.page.get_by_role("button", name="Press it").click()


@pytest.mark.timeout(420)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_an_operators_first_hour(system, size):
    troubles, hosts, site = [], set(), services.web_url(system.environment)
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        operator = Operator(page, site)

        operator.set_up_second_factor()
        operator.create_account()
        operator.create_bot("eager", "BTCUSDT", "always")
        operator.create_bot("patient", "ETHUSDT", "rsi_reversion")
        operator.operate("start", "eager", "patient")
        expect(page.get_by_text("Bots started: 2.")).to_be_visible()

        # With beat's next tick the one trades, the other says why not. The list tells by itself.
        expect(operator.row("eager").get_by_text(re.compile(r"BTC from"))).to_be_visible(timeout=TWO_TICKS)
        expect(operator.row("patient").get_by_text("waiting (no signal)")).to_be_visible(timeout=TWO_TICKS)
        page.get_by_text("patient", exact=True).click()
        expect(page.locator("#timeline").get_by_text(re.compile(r"RSI \d")).first).to_be_visible()
        expect(page.locator("#bot-chart canvas").first).to_be_visible()

        operator.operate("flatten", "eager")
        operator.operate("run_now", "eager")
        for told in ("flat", "stopped"):  # by its order; by the tick that finds nothing more to do
            expect(operator.row("eager").get_by_text(told, exact=True)).to_be_visible(timeout=TWO_TICKS)

        # A schedule is edited, and beat works by it.
        operator.open("/admin/django_celery_beat/intervalschedule/add/")
        page.fill("[name=every]", "2")
        page.locator("select[name=period]").select_option("seconds")
        page.locator("[name=_save]").first.click()
        operator.open("/admin/django_celery_beat/periodictask/")
        page.get_by_role("link", name="measure-clocks").click()
        page.locator("select[name=interval]").select_option(label="every 2 seconds")
        page.locator("[name=_save]").first.click()
        expect(page.get_by_text("was changed successfully")).to_be_visible()
        sent = "SELECT total_run_count FROM django_celery_beat_periodictask WHERE name = 'measure-clocks'"
        before = one(system, sent)
        system.wait_until(lambda: one(system, sent) >= before + 3, 30, "beat works by the new interval")

        operator.press("Halt: no orders at all", "absurd prices")
        expect(page.get_by_text("The platform is halted: absurd prices")).to_be_visible()
        operator.press("Release: trade again", "all is well")
        expect(page.get_by_text("Nothing is stopped.")).to_be_visible()
        operator.open("/admin/ops/change/")
        expect(page.get_by_text("every 2 seconds").first).to_be_visible()  # who changed what is told
        wide = page.evaluate("document.documentElement.scrollWidth")

    assert troubles == []
    assert hosts == {urlsplit(site).netloc}
    assert wide <= size[0]
    assert system.died == []


def one(system, sql):
    """The one value that a statement asks for."""

    with psycopg.connect(**system.database, autocommit=True) as database:
        return database.execute(sql).fetchone()[0]
