"""The list of bots as an operator uses it: a real browser, a real gunicorn, on a desktop and on a phone."""

import csv
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from bots.models import BotConfig, BotState
from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory, UserFactory
from ops.browser import open_browser
from tests.browsing import serious
from tests.test_browser_admin import PASSWORD, SIZES, confirm, run_action, select, site

__all__ = ["site"]
pytestmark = pytest.mark.browser


@pytest.fixture
def fleet(transactional_db):
    """Two bots of the operator's own; made, and read, outside of playwright's event loop."""
    admin = UserFactory(username="root", is_staff=True, is_superuser=True)
    admin.set_password(PASSWORD)
    admin.save()
    account = ExchangeAccountFactory(owner=admin)
    BotFactory(name="alpha", account=account, desired_state="stopped")
    BotFactory(name="beta", account=account, state__status="running")


def meanwhile(work):
    """Change the database while the browser is open, as a worker would."""
    thread = Thread(target=work)
    thread.start()
    thread.join()


def is_trouble(request):
    """Whether a request failed that nobody cut off: a download ends its navigation, a navigation what is refreshed."""
    return request.failure != "net::ERR_ABORTED"


def row(page, name):
    return page.locator("tr", has_text=name)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_an_operator_starts_pauses_clones_changes_and_exports(site, fleet, size, tmp_path):
    troubles, hosts, found = [], set(), {}
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("requestfailed", lambda request: troubles.append(request.url) if is_trouble(request) else None)
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))

        page.goto(f"{site}/admin/login/?next=/admin/bots/botconfig/")
        page.fill("[name=username]", "root")
        page.fill("[name=password]", PASSWORD)
        page.click("[type=submit]")

        # Start: the page says what it will do, and the row tells what became of it without a reload.
        select(page, "alpha")
        run_action(page, "start")
        expect(page.get_by_text("1 bot will change")).to_be_visible()
        found["confirmation"] = serious(page)
        confirm(page)
        expect(page.get_by_text("Bots started: 1.")).to_be_visible()
        expect(row(page, "alpha").get_by_text("pending")).to_be_visible()
        found["list"] = serious(page)
        meanwhile(lambda: BotState.objects.filter(bot__name="alpha").update(status="waiting", reason="no signal"))
        expect(row(page, "alpha").get_by_text("waiting (no signal)")).to_be_visible(timeout=15_000)

        # Pause.
        select(page, "beta")
        run_action(page, "pause")
        confirm(page)
        expect(row(page, "beta").get_by_text("entries paused")).to_be_visible()

        # Clone.
        select(page, "alpha")
        run_action(page, "clone")
        page.get_by_label("Name").fill("gamma")
        confirm(page)
        expect(page.get_by_text("Bots cloned: 1; the copies are stopped.")).to_be_visible()

        # Change settings of two, with a look at the difference.
        select(page, "beta")
        select(page, "gamma")
        run_action(page, "change")
        page.locator("[name=change_stop_loss_percent]").check()
        page.locator("[name=stop_loss_percent]").fill("2.5")
        found["settings"] = serious(page)
        page.locator("button[name=preview]").click()
        expect(page.get_by_text("stop_loss_percent: none → 2.5")).to_have_count(2)
        found["difference"] = serious(page)
        confirm(page)
        expect(page.get_by_text("Bots changed: 2.")).to_be_visible()

        # A view is saved and stands above the list.
        page.goto(f"{site}/admin/bots/botconfig/?reason=entries+paused")
        page.get_by_text("Save this view").click()
        page.fill("[name=name]", "held back")
        page.locator("[name=_save]").click()
        expect(page.get_by_role("link", name="held back")).to_be_visible()
        expect(page.get_by_text("alpha", exact=True)).to_have_count(0)

        # Export, and what was exported is what is there.
        page.goto(f"{site}/admin/bots/botconfig/")
        select(page, "gamma")
        with page.expect_download() as download:
            run_action(page, "export")
        file = Path(tmp_path / "bots.csv")
        download.value.save_as(file)
        page.goto(f"{site}/admin/bots/botconfig/import/")
        page.set_input_files("[name=import_file]", file)
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_text("0 new, 0 changed, 1 unchanged")).to_be_visible()
        found["import"] = serious(page)
        page.goto(f"{site}/admin/bots/botconfig/")
        wide = page.evaluate("document.documentElement.scrollWidth")

    rows = list(csv.DictReader(file.open()))
    assert [(line["name"], line["stop_loss_percent"]) for line in rows] == [("gamma", "2.5")]
    assert dict(BotConfig.objects.values_list("name", "entries_paused")) == {
        "alpha": False,
        "beta": True,
        "gamma": False,
    }
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert troubles == []
    assert hosts == {urlsplit(site).netloc}
    assert wide <= size[0]  # nothing sticks out sideways
