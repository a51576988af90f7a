"""Accounts in the admin: keys go in and never come out; they are tested and wiped by the services."""

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from bots.tests.factories import BotFactory
from market import services
from market.models import ExchangeAccount
from market.tests.factories import ExchangeAccountFactory, UserFactory
from tradebot_site.tests.conftest import KEY, SECRET, full_bot
from trades.models import Order
from trades.tests.factories import FillFactory

LIST = "/admin/market/exchangeaccount/"
ADD = "/admin/market/exchangeaccount/add/"


def page_of(account):
    return reverse("admin:market_exchangeaccount_change", args=[account.pk])


def sent(**changes):
    return {"name": "an account", "environment": "paper", "market": "spot"} | changes


def test_keys_go_in_sealed_and_never_come_out(admin, db):
    owner = UserFactory()

    added = admin.post(ADD, sent(owner=owner.pk, new_api_key=KEY, new_api_secret=SECRET), follow=True)

    account = ExchangeAccount.objects.get()
    assert (account.api_key.reveal(), account.api_secret.reveal()) == (KEY, SECRET)
    for page in (added, admin.get(page_of(account)), admin.get(LIST), admin.get(f"{page_of(account)}../history/")):
        assert KEY not in page.content.decode()
        assert SECRET not in page.content.decode()
    assert KEY[-4:] in admin.get(LIST).content.decode()
    assert not any(KEY in entry.change_message or SECRET in entry.change_message for entry in LogEntry.objects.all())


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_a_paper_account_without_a_key_is_opened_with_play_money(admin, db, paper, market):
    page = admin.post(ADD, sent(owner=UserFactory().pk, market=market), follow=True)

    account = ExchangeAccount.objects.get()
    assert "opened at the paper exchange with 10,000 USDT" in page.content.decode()
    assert [(item.asset, item.free) for item in services.check_connection(account, now=timezone.now())] == [
        ("USDT", 10_000)
    ]


def test_without_the_paper_exchange_the_account_stays_without_a_key_and_says_so(admin, db, settings):
    settings.PAPER_URL = "http://127.0.0.1:9"

    page = admin.post(ADD, sent(owner=UserFactory().pk), follow=True)

    assert "has no key: the paper exchange opened no account" in page.content.decode()
    assert not ExchangeAccount.objects.get().api_key


def test_a_form_that_is_refused_does_not_show_the_key_that_was_typed(admin, db):
    page = admin.post(ADD, sent(name="", new_api_key=KEY, new_api_secret=SECRET))

    assert page.status_code == 200
    assert KEY not in page.content.decode()
    assert SECRET not in page.content.decode()


def test_empty_keys_leave_the_keys_and_what_workers_wrote_alone(admin, db):
    account = ExchangeAccountFactory(api_key=KEY, api_secret=SECRET, key_error="refused", state="halted")

    page = admin.post(page_of(account), sent(name="renamed", state="active"))

    account.refresh_from_db()
    assert page.status_code == 302, page.context["adminform"].form.errors
    assert (account.name, account.state, account.key_error) == ("renamed", "halted", "refused")
    assert account.api_key.reveal() == KEY


def test_a_new_key_forgets_what_the_exchange_said_of_the_old_one(admin, db):
    account = ExchangeAccountFactory(key_error="refused")

    admin.post(page_of(account), sent(new_api_key=KEY, new_api_secret=SECRET))

    account.refresh_from_db()
    assert (account.key_error, account.api_key.reveal()) == ("", KEY)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"new_api_key": KEY}, "new_api_secret", "in pairs"),
        ({"new_api_secret": SECRET}, "new_api_key", "in pairs"),
        ({"environment": "live"}, "environment", "live is switched off here; ENVIRONMENTS allows: paper"),
        ({"name": "taken"}, "name", "'taken' already"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(admin, db, changes, field, words):
    owner = ExchangeAccountFactory(name="taken").owner

    page = admin.post(ADD, sent(owner=owner.pk, **changes))

    assert words in page.context["adminform"].form.errors[field][0]
    assert ExchangeAccount.objects.count() == 1


def test_environment_and_owner_are_fixed_once_it_exists(admin, db):
    account = ExchangeAccountFactory()
    owner = account.owner

    admin.post(page_of(account), sent(environment="testnet", owner=UserFactory().pk))

    account.refresh_from_db()
    assert (account.environment, account.owner) == ("paper", owner)


def test_a_connection_is_tested_over_a_real_wire(admin, act, db, paper):
    api_key, api_secret = paper.create_account(USDT="1234.5")
    account = ExchangeAccountFactory(api_key=api_key, api_secret=api_secret, key_error="refused", name="mine")

    page = act(admin, LIST, "test_connection", account)

    assert "mine holds 1,234.5 USDT." in page.content.decode()
    account.refresh_from_db()
    assert account.key_error == ""


def test_a_wrong_key_is_told_and_remembered(admin, act, db, paper):
    account = ExchangeAccountFactory(api_key="wrong" * 8, api_secret="wrong" * 8)

    page = act(admin, LIST, "test_connection", account)

    account.refresh_from_db()
    assert account.key_error
    assert account.key_error[:20] in page.content.decode()


def test_keys_are_wiped_at_once_even_while_a_bot_runs(admin, act, db):
    account = BotFactory(desired_state="running").account

    html = act(admin, LIST, "wipe_keys", account).content.decode()

    assert f"Keys of {account.name} wiped." in html
    assert not ExchangeAccount.objects.get().api_key


def test_an_account_stays_while_anything_refers_to_it(admin, act, db):
    used, unused = full_bot().account, ExchangeAccountFactory()

    for account in (used, unused):
        admin.post(f"/admin/market/exchangeaccount/{account.pk}/delete/", {"post": "yes"})

    assert list(ExchangeAccount.objects.all()) == [used]


def test_wiping_forgets_keys_and_keeps_history(db):
    account = FillFactory().account
    BotFactory(account=account, desired_state="stopped")

    services.wipe_keys(account)

    saved = ExchangeAccount.objects.get(pk=account.pk)
    assert not saved.api_key
    assert not saved.api_secret
    assert Order.objects.exists()
    assert account.fills.exists()
