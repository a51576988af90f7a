"""A backtest as people start it and look at it: a real browser, gunicorn and worker, candles of the paper exchange."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from bots.models import Backtest, BotConfig
from bots.tests.factories import BotFactory
from market.tests.factories import UserFactory
from ops.browser import open_browser
from tests.browsing import serious
from tests.test_backtests import worker
from tests.test_browser_admin import PASSWORD, SIZES, site
from tests.test_browser_bot import PAINTED

__all__ = ["site", "worker"]
pytestmark = pytest.mark.browser


@pytest.fixture
def bot(transactional_db, paper, broker) -> BotConfig:
    admin = UserFactory(username="root", is_staff=True, is_superuser=True)
    admin.set_password(PASSWORD)
    admin.save()
    return BotFactory(name="alpha", account__owner=admin, interval="5m")


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_backtest_is_started_on_the_page_of_a_bot_and_drawn(site, bot, worker, size):
    worker()
    troubles = []
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(f"{site}/admin/login/?next=/admin/bots/botconfig/{bot.pk}/change/")
        page.fill("[name=username]", "root")
        page.fill("[name=password]", PASSWORD)
        page.click("[type=submit]")

        # Asked for on the bot's page; what is wrong is said at its field.
        page.goto(f"{site}/admin/bots/botconfig/{bot.pk}/backtest/")
        page.fill("[name=fee_percent]", "7")
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_text("less than or equal to 5")).to_be_visible()
        asking = serious(page)
        page.fill("[name=fee_percent]", "0.05")
        page.get_by_role("button", name="Start").click()

        # Its page renews itself until there is a result.
        expect(page.locator("#backtest-equity canvas").first).to_be_visible(timeout=60_000)
        painted = page.locator("#backtest-equity canvas").first.evaluate(PAINTED)
        expect(page.get_by_text("Deepest fall")).to_be_visible()
        with page.expect_download() as download:
            page.get_by_text("trades.csv").click()
        found, wide = serious(page), page.evaluate("document.documentElement.scrollWidth")
        lines = Path(download.value.path()).read_text().splitlines()

    done = Backtest.objects.get()
    assert (done.status, str(done.fee_percent)) == ("done", "0.0500")
    assert len(lines) == done.closed + 1
    assert painted > 100
    assert (asking, found, troubles) == ([], [], [])
    assert wide <= size[0]
