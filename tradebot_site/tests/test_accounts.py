"""Accounts in the admin: keys go in and never come out; they are tested and wiped by the services."""

from dataclasses import replace

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from bots.tests.factories import BotFactory
from market import services
from market.exchange.types import KeyPermissions
from market.models import AccountBalances, ExchangeAccount
from market.tests.factories import NOON, ExchangeAccountFactory, UserFactory
from tradebot_site.tests.conftest import KEY, SECRET, full_bot
from tradebot_site.tests.people import client_of, person
from trades.models import Order
from trades.tests.factories import FillFactory

LIST = "/admin/market/exchangeaccount/"
ADD = "/admin/market/exchangeaccount/add/"


def page_of(account):
    return reverse("admin:market_exchangeaccount_change", args=[account.pk])


def asking(account, name):
    return f"{LIST}{account.pk}/{name}/"


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


def test_a_new_pair_takes_the_place_of_the_old_one_once_the_exchange_has_answered_to_it(admin, db, paper):
    api_key, api_secret = paper.create_account(USDT="77")
    account = ExchangeAccountFactory(api_key=KEY, api_secret=SECRET, key_error="refused")

    page = admin.post(asking(account, "rotate"), {"api_key": api_key, "api_secret": api_secret}, follow=True)

    account.refresh_from_db()
    assert (account.api_key.reveal(), account.key_error, account.free_quote) == (api_key, "", 77)
    assert f"has a new key, …{api_key[-4:]}: it holds 77 USDT." in page.content.decode()
    assert api_key not in page.content.decode()
    assert api_secret not in page.content.decode()


def test_the_page_shows_what_it_held_when_last_asked_and_asks_nobody(admin, db, settings):
    account = ExchangeAccountFactory()
    rows = [["USDT", "12", "1"], ["XYZ", "2", "0"]]
    told = {"rows": rows, "synced_at": NOON, "equity": 13, "unpriced": ["XYZ"], "trouble": "it was away"}
    AccountBalances.objects.create(account=account, **told)
    settings.PAPER_URL = "http://127.0.0.1:9"

    page = " ".join(admin.get(page_of(account)).content.decode().split())

    for said in ("13 USDT, 2 XYZ", "13.00 USDT, without XYZ", "2026-11-21 12:00:30 UTC; since then: it was away"):
        assert said in page


def test_a_wrong_pair_is_refused_with_the_likely_causes_and_the_old_one_stays(admin, db, paper):
    account = ExchangeAccountFactory(api_key=KEY, api_secret=SECRET, name="mine")
    wrong = "wrong-key-" * 6

    page = admin.post(asking(account, "rotate"), {"api_key": wrong, "api_secret": wrong})

    account.refresh_from_db()
    (said,) = page.context["form"].non_field_errors()
    assert "key or secret has a typing error" in said
    assert "restricted to other addresses" in said
    assert "The old pair stays." in said
    assert (account.api_key.reveal(), account.key_error) == (KEY, "")
    assert wrong not in page.content.decode()


def test_a_pair_that_nobody_can_test_now_is_not_taken(admin, db, settings):
    settings.PAPER_URL = "http://127.0.0.1:9"
    account = ExchangeAccountFactory(api_key=KEY, api_secret=SECRET)

    page = admin.post(asking(account, "rotate"), {"api_key": "k" * 20, "api_secret": "s" * 20})
    half = admin.post(asking(account, "rotate"), {"api_key": "k" * 20, "api_secret": ""})

    account.refresh_from_db()
    assert page.context["form"].non_field_errors()
    assert "api_secret" in half.context["form"].errors
    assert account.api_key.reveal() == KEY


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
    assert "may trade: yes; may withdraw: no; restricted to our addresses: " in page.content.decode()
    account.refresh_from_db()
    assert account.key_error == ""


def test_a_wrong_key_is_told_and_remembered(admin, act, db, paper):
    account = ExchangeAccountFactory(api_key="wrong" * 8, api_secret="wrong" * 8)

    page = act(admin, LIST, "test_connection", account)

    account.refresh_from_db()
    assert account.key_error
    assert account.key_error[:20] in page.content.decode()


def test_keys_are_wiped_at_once_even_while_a_bot_runs_when_the_name_is_typed(admin, db):
    account = BotFactory(desired_state="running").account

    refused = admin.post(asking(account, "wipe"), {"name": "another"})
    kept = ExchangeAccount.objects.get().api_key
    html = admin.post(asking(account, "wipe"), {"name": account.name}, follow=True).content.decode()

    assert f"name: &#x27;another&#x27; is not &#x27;{account.name}&#x27;." in refused.content.decode()
    assert kept
    assert f"Keys of {account.name} wiped." in html
    assert not ExchangeAccount.objects.get().api_key


def test_connections_of_many_are_tested_twenty_at_once_and_no_more(admin, act, db, monkeypatch):
    asked = []
    monkeypatch.setattr("market.services.examine", lambda account, now: (asked.append(account.pk), ([], None))[1])
    accounts = [ExchangeAccountFactory() for _ in range(21)]

    refused = act(admin, LIST, "test_connection", *accounts).content.decode()
    before = list(asked)
    act(admin, LIST, "test_connection", *accounts[:20])

    assert "Nothing is tested: these are more than 20 accounts" in refused
    assert before == []
    assert sorted(asked) == [account.pk for account in accounts[:20]]


def test_the_page_of_an_account_tests_its_connection_and_tells_all_it_learned(admin, db, paper):
    api_key, api_secret = paper.create_account(USDT="12")
    account = ExchangeAccountFactory(api_key=api_key, api_secret=api_secret)

    asked = admin.get(asking(account, "test"))
    told = admin.post(asking(account, "test"))

    facts = dict(told.context["facts"])
    assert asked.context["facts"] == []
    assert "holds 12 USDT." in told.content.decode()
    assert facts["may trade"] == "yes"
    assert facts["may withdraw"] == "no"
    assert "ms ahead of ours" in facts["the exchange's clock"]
    assert " of " in facts["request weight of this minute"]
    assert api_key not in told.content.decode()


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"may_withdraw": True}, "may withdraw", "yes: make a key that can only trade"),
        ({"is_ip_restricted": False}, "restricted to our addresses", "no: restrict the key to ours"),
        ({"may_trade_spot": False}, "may trade", "no: allow it to trade spot"),
    ],
)
def test_what_a_key_should_not_is_said_with_the_cure(admin, act, db, monkeypatch, changes, name, words):
    good = KeyPermissions(
        may_trade_spot=True, may_trade_futures=False, may_withdraw=False, may_transfer=False, is_ip_restricted=True
    )
    monkeypatch.setattr("market.services.keys._ask", lambda account, **_: ([], replace(good, **changes)))
    account = ExchangeAccountFactory(api_key=KEY, api_secret=SECRET)

    facts = dict(admin.post(asking(account, "test")).context["facts"])
    listed = act(admin, LIST, "test_connection", account).content.decode()

    assert facts[name] == words
    assert f"{name}: {words}" in listed


@pytest.mark.parametrize(
    ("role", "is_own", "is_shown"),
    [("operator", False, False), ("operator", True, True), ("administrator", False, True)],
)
def test_the_end_of_a_key_is_for_its_owner_and_administrators(act, db, monkeypatch, role, is_own, is_shown):
    monkeypatch.setattr("market.services.keys._ask", lambda account, **_: ([], None))
    user = person(role)
    account = ExchangeAccountFactory(api_key=KEY, api_secret=SECRET, **({"owner": user} if is_own else {}))
    without = ExchangeAccountFactory(api_key="", name="without")
    client = client_of(user)

    pages = [
        client.get(LIST),
        client.get(page_of(account)),
        client.post(asking(account, "test")),
        act(client, LIST, "test_connection", account),
    ]

    for page in pages:
        assert page.status_code == 200
        assert (f"…{KEY[-4:]}" in page.content.decode()) == is_shown
        assert "…" in page.content.decode()
    assert "none" in client.get(page_of(without)).content.decode()


@pytest.mark.parametrize("page", ["test", "rotate", "wipe", "kill-switch"])
def test_the_pages_of_a_strangers_account_are_not_there(staff, staff_client, db, page):
    account = ExchangeAccountFactory(api_key=KEY, api_secret=SECRET)
    data = {"name": account.name, "api_key": "k" * 20, "api_secret": "s" * 20}

    answers = [
        staff_client.get(asking(account, page), follow=True),
        staff_client.post(asking(account, page), data, follow=True),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert ExchangeAccount.objects.get().api_key.reveal() == KEY


@pytest.mark.parametrize("page", ["test", "rotate", "wipe", "kill-switch"])
def test_who_may_only_look_changes_no_account(staff, staff_client, page):
    account = ExchangeAccountFactory(owner=staff, api_key=KEY, api_secret=SECRET)
    staff.user_permissions.set(staff.user_permissions.filter(codename__startswith="view_"))

    answer = staff_client.post(asking(account, page), {"name": account.name}, follow=True)

    assert answer.status_code == 403
    assert ExchangeAccount.objects.get().api_key.reveal() == KEY


@pytest.mark.parametrize(("typed", "consents"), [("", False), ("an acount", False), ("an account", True)])
def test_real_money_needs_the_accounts_name_once_more(admin, db, settings, typed, consents):
    settings.ENVIRONMENTS = ["paper", "live"]
    owner = UserFactory()

    page = admin.post(ADD, sent(owner=owner.pk, environment="live", live_consent=typed))

    account = ExchangeAccount.objects.filter(environment="live", live_consent_at__isnull=False).first()
    assert bool(account) == consents
    assert ExchangeAccount.objects.exists() == consents
    if not consents:
        assert "type the account&#x27;s name, &#x27;an account&#x27;, to trade real money" in page.content.decode()
        assert '<option value="live" selected' in page.content.decode()


def test_where_real_money_is_switched_off_nobody_is_asked_for_consent(admin, db):
    assert "live_consent" not in admin.get(ADD).content.decode()


def test_without_an_account_the_list_says_what_to_do(admin, db):
    assert "No exchange accounts yet" in admin.get(LIST).content.decode()

    ExchangeAccountFactory()

    assert "No exchange accounts yet" not in admin.get(LIST).content.decode()
    assert "No exchange accounts yet" not in admin.get(f"{LIST}?q=nothing").content.decode()


def test_an_account_stays_while_anything_refers_to_it(admin, act, db):
    used, unused = full_bot().account, ExchangeAccountFactory()

    for account in (used, unused):
        admin.post(f"/admin/market/exchangeaccount/{account.pk}/delete/", {"post": "yes"})

    assert list(ExchangeAccount.objects.all()) == [used]


def test_wiping_forgets_keys_and_keeps_history(db):
    account = FillFactory().account
    BotFactory(account=account, desired_state="stopped")

    services.wipe_keys(account, by=account.owner)

    saved = ExchangeAccount.objects.get(pk=account.pk)
    assert not saved.api_key
    assert not saved.api_secret
    assert Order.objects.exists()
    assert account.fills.exists()
