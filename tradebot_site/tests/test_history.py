"""The history: who changed what, from → to. Of people; workers leave none, and secrets never show."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import ModelEntry

from bots import services, tasks
from bots.models import BotConfig
from bots.tests.factories import BotFactory
from market.admin.history import RecordedAdmin
from market.history import drop_old_changes, recorded_models
from market.models import ExchangeAccount, RiskLimits, Switch
from market.services import note_balances, rotate_secrets, set_keys, wipe_keys
from market.switches import SwitchState
from market.tests.factories import NOON, ExchangeAccountFactory, UserFactory
from ops.models import Change
from tradebot_site.tests.conftest import KEY, SECRET
from tradebot_site.tests.people import client_of, group_of, person
from tradebot_site.tests.test_bot_form import sent
from tradebot_site.tests.test_controls import pressed
from trades.admin.press import page_of as page_of_switches
from trades.services import press
from trades.services.kill_switch import Target

CHANGES = "/admin/ops/change/"


def last(row):
    """Kind, who and changes of the last thing that has happened to a row."""
    record = row.history.latest()
    return record.history_type, record.history_user, record.changes


def page_of(row):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


@pytest.fixture
def bot(db):
    return BotFactory(name="alpha", desired_state="stopped", stop_loss_percent="1.5")


def test_an_edit_is_told_from_what_to_what_and_by_whom(admin, admin_user, bot):
    admin.post(page_of(bot), sent(bot, name="alpha", stop_loss_percent="2.5"))

    kind, who, changes = last(bot)
    assert (kind, who) == ("~", admin_user)
    assert ["stop loss percent", "1.5", "2.5"] in changes


def test_a_form_that_is_saved_unchanged_leaves_nothing(admin, db):
    limits = RiskLimits.objects.create(user=UserFactory(), max_exposure=5)

    page = admin.post(page_of(limits), {"user": limits.user_id, "max_exposure": "5.00", "time_zone": "UTC"})

    assert page.status_code == 302
    assert limits.history.count() == 1


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("start", "stopped, position kept", "running"),
        ("stop", "running", "stopped, position kept"),
        ("flatten", "running", "stopped, position closed"),
    ],
)
def test_starting_and_stopping_is_told(admin, admin_user, confirmed, bot, action, before, after):
    if before == "running":
        BotConfig.objects.update(desired_state="running")

    confirmed(admin, "/admin/bots/botconfig/", action, bot)

    assert last(bot) == ("~", admin_user, [["desired state", before, after]])


def test_what_is_deleted_keeps_its_history(admin, admin_user, bot):
    admin.post(f"/admin/bots/botconfig/{bot.pk}/delete/", {"post": "yes"})

    assert not BotConfig.objects.exists()
    assert BotConfig.history.filter(id=bot.pk).latest().history_type == "-"
    assert "alpha" in admin.get(f"/admin/bots/botconfig/{bot.pk}/history/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_pressing_a_switch_is_told(admin, admin_user):
    account, (switch, _) = ExchangeAccountFactory(), Switch.objects.get_or_create(user=None)

    pressed(admin, page_of_switches(accounts=[account.pk]), "halted")
    pressed(admin, page_of_switches(platform=True), "reducing")

    kind, who, changes = last(account)
    assert (kind, who) == ("~", admin_user)
    assert ["state", "Active", "halted (no orders at all)"] in changes
    assert ["state", "Active", "reducing (exits only)"] in last(switch)[2]


@pytest.mark.django_db(transaction=True)
def test_what_nobody_did_was_the_system(admin):
    account = ExchangeAccountFactory()

    press(Target(account=account), SwitchState.HALTED, by=None, reason="drift", now=NOON)

    assert last(account)[1] is None
    page = admin.get(f"/admin/market/exchangeaccount/{account.pk}/history/")
    assert "the system" in page.content.decode()


def test_schedules_are_told(admin, admin_user, act, db):
    every = IntervalSchedule.objects.create(every=30, period="seconds")
    of = {"task": "bots.tasks.run_all_active_bots", "interval": every, "enabled": False}
    task = PeriodicTask.objects.create(name="the tick", **of)

    act(admin, "/admin/django_celery_beat/periodictask/", "enable", task)

    assert last(task) == ("~", admin_user, [["Enabled", "no", "yes"]])


def test_what_somebody_once_did_to_anothers_bot_is_not_told_to_him_for_ever(bot):
    operator = person("operator")
    bot.name = "a name of today"
    bot._history_user = operator
    bot.save()
    client = client_of(operator)
    assert "a name of today" in client.get(CHANGES).content.decode()

    operator.groups.set([group_of("trader")])

    assert "a name of today" not in client_of(operator).get(CHANGES).content.decode()


def test_beat_leaves_no_history_and_pays_nothing_for_it(db):
    every = IntervalSchedule.objects.create(every=30, period="seconds")
    task = PeriodicTask.objects.create(name="the tick", task="bots.tasks.run_all_active_bots", interval=every)
    entry = next(ModelEntry(task))

    with CaptureQueriesContext(
        connection,
    ) as asked:
        entry.save()

    assert PeriodicTask.objects.get().total_run_count == 1
    assert task.history.count() == 1
    assert not [query for query in asked.captured_queries if "historical" in query["sql"]]
    # Its own row, its own check that the name is free, and the schedule: no look at what it was.
    assert len([query for query in asked.captured_queries if query["sql"].startswith("SELECT")]) == 3


def test_groups_and_flags_of_users_are_told(admin, admin_user, db):
    user = person("trader")
    form = {
        "username": user.username,
        "is_active": "on",
        "is_staff": "on",
        "groups": [group_of("operator").pk],
    }

    page = admin.post(page_of(user), form | {"date_joined_0": "2026-01-01", "date_joined_1": "00:00"})

    assert page.status_code == 302, page.context["adminform"].form.errors
    told = [change for record in user.history.filter(history_user=admin_user) for change in record.changes]
    assert ["groups", "trader", ""] in told
    assert ["groups", "", "operator"] in told


def test_a_new_password_is_told_without_the_password(admin, db):
    user = person("trader")
    old = user.password

    words = {"password1": "another horse battery", "password2": "another horse battery"}
    admin.post(f"/admin/auth/user/{user.pk}/password/", words | {"usable_password": "true"})

    user.refresh_from_db()
    assert user.password != old
    assert last(user)[2] == [["password", "", "changed"]]
    assert user.password not in str(list(user.history.values()))


def test_a_login_leaves_no_history(client, db):
    user = person("trader")
    before = user.history.count()

    client.force_login(user)

    user.refresh_from_db()
    assert user.last_login
    assert user.history.count() == before


def test_new_keys_are_told_and_their_values_are_nowhere(admin, db):
    account = ExchangeAccountFactory()

    set_keys(account, api_key=KEY, api_secret=SECRET, by=None)
    set_told = last(account)[2]
    wipe_keys(account, by=None)

    assert set_told == last(account)[2] == [["api key", "", "changed"], ["api secret", "", "changed"]]
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(t::text, ' ') FROM market_historicalexchangeaccount t")
        (everything,) = cursor.fetchone()
    stored = ExchangeAccount.objects.get()
    for word in (KEY, SECRET, KEY[-4:], "gAAAA", stored.api_key.token or KEY):
        assert word not in everything


def test_a_new_seal_is_no_new_key(db):
    account = ExchangeAccountFactory(api_key=KEY, api_secret=SECRET)

    rotate_secrets()

    account.refresh_from_db()
    assert account.api_key.reveal() == KEY
    assert account.history.count() == 1


def test_what_workers_write_of_an_account_is_no_history(db):
    account = ExchangeAccountFactory()

    with CaptureQueriesContext(connection) as asked:
        note_balances(account, [], now=NOON)

    assert len(asked) == 2  # the account's row, and the copy of what it holds
    assert account.history.count() == 1


# --- the pages ------------------------------------------------------------------------------------------------------


def test_every_model_with_a_history_has_its_page_and_is_in_the_list_of_changes(db):
    recorded = {
        model for model in django_admin.site._registry if hasattr(model._meta, "simple_history_manager_attribute")
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_viewdef('ops_change'::regclass)")
        listed = set(re.findall(r"'([a-z_.]+)'::text AS model", cursor.fetchone()[0]))

    assert {model._meta.label_lower for model in recorded} == listed
    assert all(isinstance(django_admin.site._registry[model], RecordedAdmin) for model in recorded)


def test_the_page_of_a_bot_shows_its_changes(admin, confirmed, bot):
    confirmed(admin, "/admin/bots/botconfig/", "start", bot)

    html = admin.get(f"/admin/bots/botconfig/{bot.pk}/history/").content.decode()

    assert "desired state: stopped, position kept → running" in html
    assert "root" in html
    assert "Revert" not in html


@pytest.mark.parametrize("nonsense", ["x", "99999999", "1' OR 1"])
def test_a_history_of_nothing_is_not_found(admin, db, nonsense):
    assert admin.get(f"/admin/bots/botconfig/{nonsense}/history/").status_code == 404


def test_the_list_shows_everything_newest_first(admin, confirmed, bot):
    confirmed(admin, "/admin/bots/botconfig/", "start", bot)

    page = admin.get(CHANGES)

    shown = list(page.context["cl"].result_list)
    assert (shown[0].model, shown[0].row, shown[0].kind) == ("bots.botconfig", str(bot.pk), "~")
    assert "desired state: stopped, position kept → running" in page.content.decode()
    assert {change.model for change in shown} >= {"bots.botconfig", "market.exchangeaccount", "auth.user"}


def test_owners_see_what_was_done_to_theirs_and_what_they_did(confirmed, bot):
    trader, operator = person("trader"), person("operator")
    mine = BotFactory(account=ExchangeAccountFactory(owner=trader), name="mine", desired_state="stopped")
    confirmed(client_of(operator), "/admin/bots/botconfig/", "start", mine)
    confirmed(client_of(operator), "/admin/bots/botconfig/", "start", bot)

    html = client_of(trader).get(CHANGES).content.decode()

    assert "mine" in html
    assert "the-operator" in html  # who has started it
    assert "alpha" not in html


def test_operators_see_no_changes_of_users(db):
    person("trader")

    shown = client_of(person("operator")).get(CHANGES).context["cl"].result_list
    to_administrators = client_of(person("administrator")).get(CHANGES).context["cl"].result_list

    assert not [change for change in shown if change.model.startswith("auth.")]
    assert [change for change in to_administrators if change.model == "auth.user"]


def test_the_list_counts_nothing_and_reads_its_page_along_the_indexes(admin, bot):
    with CaptureQueriesContext(connection) as asked:
        admin.get(f"{CHANGES}?o=2")  # one who asks for another order gets the one that has an index

    statements = [query["sql"] for query in asked if 'FROM "ops_change"' in query["sql"]]
    (page,) = [sql for sql in statements if not sql.startswith("EXPLAIN")]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a handful of rows are quicker sorted
        cursor.execute(f"EXPLAIN {page}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert not any("COUNT(" in sql for sql in statements)
    assert "Merge Append" in plan
    assert "historicalbotconfig_history_date" in plan


def test_what_goes_with_its_account_or_its_user_is_told_with_its_name(admin, db):
    account, user = ExchangeAccountFactory(name="mine"), UserFactory(username="ada")
    RiskLimits.objects.create(account=account)
    RiskLimits.objects.create(user=user)
    Switch.objects.create(user=user)

    answer = admin.post(page_of(account).replace("/change/", "/delete/"), {"post": "yes"})
    user_id = user.pk
    user.delete()

    assert answer.status_code == 302
    gone = {(change.title, change.whose) for change in Change.objects.filter(kind="-")}
    assert gone >= {
        (f"risk limits of {account}", account.owner_id),
        ("risk limits of ada", user_id),
        ("kill switch of ada", user_id),
    }


def test_changes_go_when_they_are_old_also_those_of_what_is_gone(bot, settings):
    settings.CHANGES_KEPT_DAYS = 400
    group = Group.objects.create(name="gone")
    group.delete()
    for model in recorded_models():
        model.history.update(history_date=NOON)
    services.start_bots(BotConfig.objects.all(), now=NOON)
    BotConfig.history.filter(history_type="~").update(history_date=NOON + timedelta(seconds=1))

    before = Change.objects.count()
    early = drop_old_changes(now=NOON + timedelta(days=400))
    late = drop_old_changes(now=NOON + timedelta(days=400, seconds=1))

    assert before > 4
    assert (early, late) == (0, before - 1)
    assert [(change.model, change.kind) for change in Change.objects.all()] == [("bots.botconfig", "~")]


def test_the_hourly_task_drops_old_changes_in_chunks(bot, monkeypatch):
    monkeypatch.setattr("market.dropping.CHUNK", 2)
    BotConfig.history.update(history_date=timezone.now() - timedelta(days=401))
    for _ in range(3):
        BotFactory()
    BotConfig.history.filter(id__gt=bot.pk).update(history_date=timezone.now() - timedelta(days=402))

    tasks.keep_decisions()

    assert not BotConfig.history.exists()
    assert User.history.exists()


def test_the_list_costs_as_many_queries_whatever_its_length(admin, bot):
    admin.get(CHANGES)

    def queries():
        with CaptureQueriesContext(connection) as asked:
            assert admin.get(CHANGES).status_code == 200
        return len(asked)

    few = queries()
    for _ in range(20):
        services.start_bots(BotConfig.objects.all(), now=NOON)
        services.stop_bots(BotConfig.objects.all(), flatten=False, now=NOON)

    assert queries() == few <= 8
