"""One bot's page as its owner uses it: a real browser, a real gunicorn, a bot that has traded on the paper exchange."""

from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from bots import services
from bots.models import BotConfig
from bots.strategies import STRATEGIES, Signal
from bots.tests.conftest import clean_cache, saying
from bots.tests.factories import BotFactory
from market.tests.factories import UserFactory
from ops.browser import open_browser
from tests.test_browser_admin import PASSWORD, SIZES, site
from tests.test_browser_bots import serious
from trades.models import Order

__all__ = ["clean_cache", "site"]
pytestmark = pytest.mark.browser


@pytest.fixture
def bot(transactional_db, paper, monkeypatch):
    """A bot that holds something with a stop beneath it; its strategy is an ordinary one by now."""
    admin = UserFactory(username="root", is_staff=True, is_superuser=True)
    admin.set_password(PASSWORD)
    admin.save()
    key, secret = paper.create_account()
    keys = {"account__owner": admin, "account__api_key": key, "account__api_secret": secret}
    monkeypatch.setitem(STRATEGIES, "buying", saying(Signal.ENTER_LONG, "buying"))
    made = BotFactory(name="alpha", owner=admin, strategy="buying", stop_loss_percent=Decimal(2), **keys)
    outcome = services.run_bot(made.pk, now=timezone.now())
    status = outcome.order.status if outcome.order else "no order"
    assert status == Order.Status.FILLED, f"{status}: {outcome.decision.text}"
    BotConfig.objects.update(strategy="ema_rsi", parameters={"ema_fast": 7})
    return made


def parameters_of_saved():
    return BotConfig.objects.values_list("strategy", "parameters").get()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_bots_page_draws_tells_and_takes_parameters(site, bot, size):
    troubles, hosts = [], set()
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(f"{site}/admin/login/?next=/admin/bots/botconfig/{bot.pk}/change/")
        page.fill("[name=username]", "root")
        page.fill("[name=password]", PASSWORD)
        page.click("[type=submit]")

        # The chart is drawn, and says in words what it shows.
        expect(page.locator("#bot-chart canvas").first).to_be_visible()
        for words in ("close ", "ema fast ", "rsi ", "entry ", "stop ", "1 fills shown"):
            expect(page.locator("#bot-chart-note")).to_contain_text(words)
        painted = page.locator("#bot-chart canvas").first.evaluate(PAINTED)

        # Why it did what it did.
        timeline = page.locator("#timeline")
        expect(timeline.get_by_text("buying says so").first).to_be_visible()
        expect(timeline.get_by_text("entry BUY").first).to_be_visible()
        timeline.get_by_text("orders", exact=True).click()
        expect(timeline.get_by_text("running")).to_have_count(0)
        timeline.get_by_text("more").first.click()
        expect(timeline.get_by_text("client order id").first).to_be_visible()
        found = serious(page)

        # Only the parameters of its strategy are asked for; what is out of bounds is said at its field, and kept.
        expect(page.locator("[name=ema_rsi__ema_fast]")).to_have_value("7")
        expect(page.locator("[name=macd__macd_fast]")).to_be_hidden()
        page.locator("[name=ema_rsi__ema_fast]").fill("900")
        page.locator("[name=_continue]").click()
        expect(page.get_by_text("ema_fast: 900 is above the maximum 100.")).to_be_visible()
        expect(page.locator("[name=ema_rsi__ema_fast]")).to_have_value("900")
        page.locator("[name=ema_rsi__ema_fast]").fill("8")
        page.locator("[name=_continue]").click()
        expect(page.get_by_text("was changed successfully")).to_be_visible()

        # Another strategy brings its own.
        page.locator("select[name=strategy]").select_option("rsi_reversion")
        expect(page.locator("[name=ema_rsi__ema_fast]")).to_be_hidden()
        page.locator("[name=rsi_reversion__rsi_period]").fill("9")
        page.locator("[name=_continue]").click()
        expect(page.get_by_text("was changed successfully")).to_be_visible()
        expect(page.locator("#timeline").get_by_text("→").first).to_be_visible()  # who changed it is told, too
        wide = page.evaluate("document.documentElement.scrollWidth")

    assert painted > 100
    assert parameters_of_saved() == ("rsi_reversion", {"rsi_period": 9})
    assert found == []
    assert troubles == []
    assert hosts == {urlsplit(site).netloc}
    assert wide <= size[0]


# How many points of a canvas are not transparent.
PAINTED = """canvas => {
    const points = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return points.filter((value, index) => index % 4 === 3 && value > 0).length;
}"""
