"""The cockpit in a browser, wide and narrow: kill switch, schedule, accounts; nothing in the way of anybody."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from playwright.sync_api import expect

from bots.models import SeriesReading, Tick
from bots.tests.factories import BotFactory
from market.models import ExchangeAccount, Switch
from market.tests.factories import UserFactory
from ops.browser import open_browser
from ops.models import DeadLetter
from tests.browsing import serious
from tests.test_browser_admin import PASSWORD, SIZES, site  # noqa: F401 - a fixture
from trades.models import Event, Position
from trades.tests.factories import OrderFactory, TradeFactory

pytestmark = pytest.mark.browser


@pytest.fixture
def fleet(transactional_db):
    """What a browser test needs is made, and read, outside of playwright's event loop."""
    admin = UserFactory(username="root", is_staff=True, is_superuser=True)
    admin.set_password(PASSWORD)
    admin.save()
    now = timezone.now()
    Tick.objects.create(slot=now, started_at=now, finished_at=now, bots=2)
    bot = BotFactory(name="alpha", desired_state="running", state__status="waiting", state__reason="no signal")
    Position.objects.filter(pk=bot.position_id).update(quantity=1, entry_price=100)
    SeriesReading.objects.create(
        environment="paper", market="spot", symbol="BTCUSDT", interval="1m", evaluated_at=now, price=110
    )
    TradeFactory(order=OrderFactory(position=bot.position, purpose="exit", status="canceled"), created_at=now)
    OrderFactory(
        position=bot.position, status="unknown", purpose="exit", created_at=now, signed_at=now,
        proof_deadline=now + timedelta(seconds=20),
    )  # fmt: skip
    Event.objects.create(kind="order_unknown", position=bot.position, message="no answer", created_at=now)
    every = IntervalSchedule.objects.create(every=30, period="seconds")
    IntervalSchedule.objects.create(every=45, period="seconds")
    PeriodicTask.objects.create(name="the tick", task="bots.tasks.run_all_active_bots", interval=every, queue="trading")
    return bot


@pytest.fixture
def visit(site, fleet):  # noqa: F811
    """`visit(size)` gives a page that is logged in; what went wrong on it is told at the end."""
    troubles, hosts = [], set()

    def log_in(browser, size):
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(f"{site}/")
        page.fill("[name=username]", "root")
        page.fill("[name=password]", PASSWORD)
        page.click("[type=submit]")
        return page

    yield log_in
    assert troubles == []
    assert hosts == {urlsplit(site).netloc}


def assert_fits(page, size):
    """Nothing sticks out sideways."""
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0], page.url


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_an_operator_presses_and_releases_the_kill_switch(site, visit, size):  # noqa: F811
    with open_browser() as browser:
        page = visit(browser, size)
        expect(page.get_by_text("Nothing is stopped.")).to_be_visible()
        page.get_by_role("link", name="Kill switch", exact=True).click()
        page.get_by_role("button", name="Press it").click()
        expect(page.get_by_text("This field is required.").first).to_be_visible()  # a reason, and being sure

        page.get_by_label("Halt: no orders at all").check()
        page.get_by_label("Reason").fill("absurd prices")
        page.get_by_label("I am sure").check()
        page.get_by_role("button", name="Press it").click()
        expect(page.get_by_text("the platform is halted.")).to_be_visible()

        page.goto(f"{site}/admin/trades/order/")
        expect(page.get_by_text("The platform is halted: absurd prices")).to_be_visible()
        expect(page.get_by_text("by root")).to_be_visible()
        assert_fits(page, size)
        page.get_by_role("link", name="Change", exact=True).click()
        page.get_by_label("Release: trade again").check()
        page.get_by_label("Reason").fill("all is well")
        page.get_by_label("I am sure").check()
        page.get_by_role("button", name="Press it").click()
        expect(page.get_by_text("the platform is active.")).to_be_visible()
        assert page.url == f"{site}/admin/trades/order/"
        expect(page.get_by_text("Nothing is stopped.")).to_be_visible()

    assert Switch.objects.get().state == "active"
    assert [event.data["reason"] for event in Event.objects.filter(kind="kill_switch").order_by("pk")] == [
        "absurd prices",
        "all is well",
    ]


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_an_operator_edits_a_schedule(site, visit, size):  # noqa: F811
    with open_browser() as browser:
        page = visit(browser, size)
        page.goto(f"{site}/admin/django_celery_beat/periodictask/")
        page.get_by_role("link", name="the tick").click()
        page.locator("select[name=interval]").select_option(label="every 45 seconds")
        page.locator("[name=kwargs]").fill('{"nonsense": 1}')
        page.locator("[name=_save]").first.click()
        expect(page.get_by_text("unexpected keyword argument 'nonsense'").first).to_be_visible()
        page.locator("[name=kwargs]").fill("{}")
        page.locator("[name=_save]").first.click()
        expect(page.get_by_text("was changed successfully")).to_be_visible()
        assert_fits(page, size)

    assert PeriodicTask.objects.get().interval.every == 45


def test_the_dashboard_renews_itself_without_being_loaded_again(visit, fleet):
    with open_browser() as browser:
        page = visit(browser, SIZES["desktop"])
        expect(page.get_by_text("waiting 1")).to_be_visible()
        page.evaluate("window.loadedOnce = true")
        first = page.locator("#cards").get_by_text("as of").inner_text()

        expect(page.locator("#cards").get_by_text("as of")).not_to_have_text(first, timeout=12_000)

        assert page.evaluate("window.loadedOnce") is True
        drawn = page.evaluate("Chart.getChart(document.querySelector('canvas[data-pnl]')).data.labels.length")
        assert drawn == 30


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_nothing_is_in_the_way_of_anybody(site, visit, fleet, size, theme):  # noqa: F811
    account, order = fleet.account, fleet.position.orders.first()
    task = PeriodicTask.objects.get()
    letter = DeadLetter.objects.create(
        task="bots.tasks.run_bot", queue="high_priority", args=[1, False], is_whole=True, error="ValueError: no",
        traceback="File\n  line", first_failed_at=timezone.now(), failed_at=timezone.now(),
    )  # fmt: skip
    Switch.objects.update_or_create(user=None, defaults={"state": "reducing", "reason": "a test"})
    paths = [
        "/admin/",
        "/admin/kill-switch/?platform=1",
        "/admin/market/exchangeaccount/",
        f"/admin/market/exchangeaccount/{account.pk}/change/",
        f"/admin/market/exchangeaccount/{account.pk}/test/",
        f"/admin/market/exchangeaccount/{account.pk}/rotate/",
        f"/admin/market/exchangeaccount/{account.pk}/wipe/",
        "/admin/market/exchangeaccount/add/",
        "/admin/trades/order/",
        f"/admin/trades/order/{order.pk}/change/",
        "/admin/trades/trade/",
        "/admin/django_celery_beat/periodictask/",
        f"/admin/django_celery_beat/periodictask/{task.pk}/change/",
        "/admin/django_celery_results/taskresult/",
        "/admin/ops/deadletter/",
        f"/admin/ops/deadletter/{letter.pk}/change/",
        f"/admin/ops/deadletter/{letter.pk}/requeue/",
        "/admin/runbook/#order-unknown",
    ]
    found = []
    with open_browser() as browser:
        page = visit(browser, size)
        page.evaluate(f"localStorage.setItem('adminTheme', JSON.stringify('{theme}'))")
        for path in paths:
            page.goto(f"{site}{path}", wait_until="load")
            assert ("dark" in page.evaluate("document.documentElement.className")) == (theme == "dark")
            found += [(path, *told) for told in serious(page)]
            assert_fits(page, size)

    assert found == []
    assert ExchangeAccount.objects.exists()
