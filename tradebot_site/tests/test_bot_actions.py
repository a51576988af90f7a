"""What an operator does with bots: start, stop, run, delete."""

import html
from decimal import Decimal

import pytest
from celery import current_app
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from bots.models import BotConfig, BotState, Webhook
from bots.services import OPERATIONS
from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory
from tradebot_site.tests.conftest import answer, full_bot
from trades.models import Event, Order, Position, Trade
from trades.tests.factories import OrderFactory

LIST = "/admin/bots/botconfig/"


def test_start_starts_the_chosen_and_counts_them(admin, confirmed, db):
    stopped, running, other = (BotFactory(desired_state=wish) for wish in ("stopped", "running", "stopped"))

    page = confirmed(admin, LIST, "start", stopped, running)

    assert "Bots started: 1." in page.content.decode()
    assert BotState.objects.get(pk=stopped.pk).status == "pending"
    assert BotConfig.objects.get(pk=stopped.pk).desired_state == "running"
    assert BotConfig.objects.get(pk=other.pk).desired_state == "stopped"
    assert Event.objects.get().kind == "bot_started"


@pytest.mark.parametrize(("action", "wish"), [("stop", "stopped"), ("flatten", "flattened")])
def test_stop_stops_and_takes_back_what_is_not_sent(admin, confirmed, db, action, wish):
    bot = BotFactory()
    order = OrderFactory(position=bot.position)

    page = confirmed(admin, LIST, action, bot)

    assert "Bots stopped: 1" in page.content.decode()
    assert BotConfig.objects.get().desired_state == wish
    assert Order.objects.get(pk=order.pk).status == Order.Status.CANCELED


def test_run_now_sends_a_task_for_each_chosen_bot(admin, confirmed, db, broker):
    bots = [BotFactory(), BotFactory()]
    BotFactory()

    page = confirmed(admin, LIST, "run_now", *bots)

    assert "Bots sent to the workers: 2." in page.content.decode()
    assert broker("high_priority") == 2
    assert BotConfig.history.filter(changes=[["run", "", "asked for"]], history_user__isnull=False).count() == 2


def test_run_now_says_so_when_the_broker_is_away(admin, confirmed, db, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(current_app.amqp, "send_task_message", away)
    page = confirmed(admin, LIST, "run_now", BotFactory())

    assert "The broker does not answer" in page.content.decode()
    assert "sent to the workers: 0" in page.content.decode()


@pytest.mark.parametrize("action", [*OPERATIONS, "change", "clone"])
def test_actions_need_the_right_to_change(act, db, staff, staff_client, action):
    bot = full_bot(owner=staff, desired_state="stopped")
    shown = act(staff_client, LIST, action, bot)
    codenames = ["change_botconfig", "add_botconfig"]
    staff.user_permissions.remove(*staff.user_permissions.filter(codename__in=codenames))

    refused = act(staff_client, LIST, action, bot)
    late = answer(staff_client, shown)

    assert "frozen" not in (refused.context or {})
    assert late.status_code == 403
    assert BotConfig.objects.get().desired_state == "stopped"


def test_a_deleted_bot_leaves_its_history(admin, db):
    bot = full_bot(desired_state="stopped")
    Order.objects.update(status="filled", proof_deadline=timezone.now())

    asked = admin.get(f"/admin/bots/botconfig/{bot.pk}/delete/")
    admin.post(f"/admin/bots/botconfig/{bot.pk}/delete/", {"post": "yes"})

    assert "orders, fills and trades stay" in asked.content.decode()
    assert not BotConfig.objects.exists()
    assert (Position.objects.count(), Order.objects.count(), Trade.objects.count()) == (1, 1, 1)


def test_a_bot_that_holds_a_position_or_a_live_order_stays(admin, db):
    holding, ordering = full_bot(), full_bot()
    Position.objects.filter(pk=holding.position_id).update(quantity=1, entry_price=1)

    for bot in (holding, ordering):
        page = admin.post(f"/admin/bots/botconfig/{bot.pk}/delete/", {"post": "yes"}, follow=True)
        assert "stop and" in page.content.decode()

    assert BotConfig.objects.count() == 2


def test_dust_that_nobody_can_sell_does_not_keep_a_bot(admin, db):
    bot = BotFactory(desired_state="stopped")
    Position.objects.update(quantity=Decimal("0.00000517"), entry_price=1)

    admin.post(f"/admin/bots/botconfig/{bot.pk}/delete/", {"post": "yes"})

    assert not BotConfig.objects.exists()
    assert Position.objects.exists()


def test_bots_are_not_deleted_in_bulk(admin, act, db):
    bot = BotFactory()

    act(admin, LIST, "delete_selected", bot)

    assert BotConfig.objects.exists()


# Webhooks


def webhook_page(bot):
    return reverse("admin:bots_botconfig_renew_webhook", args=[bot.pk])


def test_a_new_webhook_secret_is_asked_for_and_shown_this_once(staff, staff_client):
    bot = BotFactory(account=ExchangeAccountFactory(owner=staff))

    asked = staff_client.get(webhook_page(bot))
    assert "is void at once" in asked.content.decode()
    assert not Webhook.objects.exists()
    page = staff_client.post(webhook_page(bot))

    webhook = Webhook.objects.get()
    secret = webhook.secret.reveal()
    assert secret in html.unescape(page.content.decode())
    assert f"http://testserver/hooks/v1/bots/{webhook.public_id}/signal" in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    assert secret not in str(staff_client.cookies)
    for url in (LIST, f"{LIST}{bot.pk}/change/", webhook_page(bot), "/admin/"):
        assert secret not in html.unescape(staff_client.get(url).content.decode())


def test_operators_do_not_get_the_secret_of_an_owner_and_strangers_do_not_get_the_page(admin, staff_client):
    bot = BotFactory()

    assert (admin.post(webhook_page(bot)).status_code, staff_client.post(webhook_page(bot)).status_code) == (403, 403)
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("number", ["abc", "999999", "1e9"])
def test_the_webhook_of_a_bot_that_does_not_exist_is_nobodys(admin, db, number):
    page = webhook_page(BotFactory()).split("/")
    page[-3] = number

    assert admin.get("/".join(page)).status_code == 403
