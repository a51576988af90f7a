"""The admin as people use it: a real browser, a real gunicorn, the test database."""

import os
import sys
from urllib.parse import urlsplit

import pytest
from django.db import connections
from playwright.sync_api import expect

from bots.models import BotConfig
from bots.tests.factories import BotFactory
from market.tests.factories import UserFactory
from ops.browser import BrowserMissing, chromium, open_browser
from ops.stack.services import answers

PASSWORD = "correct horse battery"
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
pytestmark = pytest.mark.browser


def database_url() -> str:
    """The test database, for another process. Its host is a directory, which needs the short form of a URL."""
    params = connections["default"].get_connection_params()
    return f"postgresql://{params['user']}@/{params['host']}/{params['dbname']}"


def serve(spawn, free_port, wait_until) -> str:
    """Start a gunicorn on the test database; its address."""
    environment = dict(os.environ) | {"DATABASE_URL": database_url(), "HTTPS_ONLY": "false", "DEBUG": "false"}
    argv = [sys.executable, "-m", "gunicorn", "tradebot_site.wsgi", "--threads", "2", "--no-control-socket"]
    spawn([*argv, "--bind", f"127.0.0.1:{free_port}"], env=environment, name="gunicorn")
    url = f"http://127.0.0.1:{free_port}"
    wait_until(lambda: answers(f"{url}/health"), 30, "gunicorn answers")
    return url


@pytest.fixture
def site(transactional_db, spawn, free_port, wait_until):
    """The address of a gunicorn on the test database."""
    try:
        chromium()
    except BrowserMissing as error:
        pytest.skip(str(error))
    return serve(spawn, free_port, wait_until)


@pytest.fixture
def fleet(transactional_db):
    """What a browser test needs is made, and read, outside of playwright's event loop."""
    admin = UserFactory(username="root", is_staff=True, is_superuser=True)
    admin.set_password(PASSWORD)
    admin.save()
    BotFactory(name="alpha", desired_state="stopped")
    BotFactory(name="beta", desired_state="running", state__status="running")


def select(page, name):
    """Tick the box of a bot's row, which is a card on a phone."""
    page.locator("tr", has_text=name).locator("input.action-select").check()


def run_action(page, name):
    page.locator("select[name=action]").select_option(name)
    page.locator("button[name=index], button:has-text('Run')").first.click()


def confirm(page):
    """Press the button of the page that says what would be done."""
    page.locator("button[name=confirm]").click()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_an_operator_logs_in_and_starts_and_stops_a_bot(site, fleet, size):
    troubles, hosts = [], set()
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("requestfailed", lambda request: troubles.append(f"{request.url}: {request.failure}"))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))

        page.goto(f"{site}/")
        page.fill("[name=username]", "root")
        page.fill("[name=password]", PASSWORD)
        page.click("[type=submit]")
        expect(page.get_by_text("Bots by status")).to_be_visible()

        page.goto(f"{site}/admin/bots/botconfig/")
        expect(page.get_by_text("alpha", exact=True)).to_be_visible()
        select(page, "alpha")
        run_action(page, "start")
        confirm(page)
        expect(page.get_by_text("Bots started: 1.")).to_be_visible()
        expect(page.locator("tr", has_text="alpha").get_by_text("pending")).to_be_visible()

        select(page, "beta")
        run_action(page, "stop")
        confirm(page)
        expect(page.get_by_text("Bots stopped: 1; what they hold is kept.")).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth")

        page.get_by_text("alpha", exact=True).click()
        expect(page.get_by_role("heading", name="Timeline")).to_be_visible()

    assert dict(BotConfig.objects.values_list("name", "desired_state")) == {"alpha": "running", "beta": "stopped"}
    assert troubles == []
    assert hosts == {urlsplit(site).netloc}
    assert wide <= size[0]  # nothing sticks out sideways
