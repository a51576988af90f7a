"""Each page and each action of the admin, for everybody: what is not in the tables below fails the test.

v, t, o, a: viewer, trader, operator, administrator get in. Anonymous and strangers never do.
"""

from typing import NamedTuple

import pytest
from axes.models import AccessAttempt
from django.contrib import admin as django_admin
from django.contrib.auth.models import Group
from django.test import RequestFactory
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from django_celery_results.models import TaskResult

from bots.models import BotConfig, SeriesReading
from bots.services import OPERATIONS
from market.models import ExchangeAccount, RiskLimits, Switch
from market.tests.factories import NOON, UserFactory
from ops.models import Alert, Change, DeadLetter, HealthReport, LogVerbosity
from tradebot_site.tests.conftest import KEY, SECRET, full_bot
from tradebot_site.tests.people import EVERYBODY, ROLES, client_of, person
from tradebot_site.urls import urlpatterns
from trades.models import Position, Trade


class Row(NamedTuple):
    """Who gets to the list, to a new row, and to each page of a row of one's own."""

    list: str
    add: str
    change: str
    delete: str
    history: str
    actions: dict[str, str] = {}
    more: dict[str, str] = {}  # pages beside these, of a row


STEERED = ("vtoa", "toa", "vtoa", "toa", "vtoa")
SWITCHED = {"halt": "toa", "reduce": "toa", "resume": "toa"}
READ = Row("vtoa", "", "vtoa", "", "vtoa")
SCHEDULE = Row("oa", "oa", "oa", "oa", "oa", {"delete_selected": "oa"})
MATRIX = {
    "bots.BotConfig": Row(
        *STEERED,
        dict.fromkeys(
            ["start", "stop", "flatten", "run_now", "pause", "resume", "reset_day", "clone", "change"],
            "toa",
        )
        | {"export": "vtoa"},
        {"chart": "vtoa", "timeline": "vtoa", "renew_webhook": "toa", "backtest": "toa"},
    ),
    "bots.SavedView": Row("vtoa", "vtoa", "vtoa", "vtoa", "vtoa", {"delete_selected": "vtoa"}),
    "bots.Backtest": Row(
        *("vtoa", "", "vtoa", "toa", "vtoa"), {"run_again": "toa", "cancel": "toa", "delete_selected": "toa"}
    ),
    "bots.Decision": READ,
    "bots.ExternalSignal": READ,
    "bots.Tick": Row("oa", "", "oa", "", "oa"),
    "bots.SeriesReading": READ,
    "market.ExchangeAccount": Row(
        *STEERED,
        SWITCHED | {"test_connection": "toa", "delete_selected": "toa"},
        {"test_account": "toa", "rotate_keys": "toa", "wipe_keys": "toa"},
    ),
    "market.RiskLimits": Row(*STEERED, {"delete_selected": "toa"}),
    # One's own switch exists already, so only those who may press others' add one.
    "market.Switch": Row("vtoa", "oa", "vtoa", "", "vtoa", SWITCHED),
    "market.SymbolRules": READ,
    "trades.Position": READ,
    "trades.Order": READ._replace(more={"ask_exchange": "toa"}),
    "trades.OrderByHand": READ,
    "trades.Fill": READ,
    "trades.Trade": READ,
    "trades.Transfer": READ,
    "trades.Event": READ,
    "ops.Change": READ,
    "ops.Report": Row(*("vtoa", "vtoa", "vtoa", "vtoa", "vtoa"), {"delete_selected": "vtoa"}, {"mail_report": "vtoa"}),
    "ops.LogVerbosity": Row("oa", "oa", "oa", "", "oa", {"switch_off": "oa"}),
    "ops.Notification": READ._replace(actions={"mark_read": "vtoa"}),
    "ops.Channel": Row(
        *("vtoa", "vtoa", "vtoa", "vtoa", "vtoa"),
        {},
        {"try_channel": "vtoa", "confirm_channel": "vtoa", "renew_secret": "vtoa"},
    ),
    "ops.Delivery": Row("oa", "", "oa", "", "oa", {"requeue": "oa"}),
    "ops.Alert": Row("oa", "", "oa", "", "oa", {}, {"acknowledge_this": "oa", "take_back_this": "oa"}),
    "ops.ApiToken": READ._replace(actions={"revoke": "vtoa"}),
    "django_celery_beat.PeriodicTask": SCHEDULE._replace(
        actions={"delete_selected": "oa", "enable": "oa", "disable": "oa", "run_now": "oa"},
        more={"run_this_now": "oa"},
    ),
    "django_celery_beat.IntervalSchedule": SCHEDULE,
    "django_celery_beat.CrontabSchedule": SCHEDULE,
    "ops.DeadLetter": Row(
        *("oa", "", "oa", "", "oa"),
        {"requeue": "oa", "discard": "oa"},
        {"requeue_this": "oa", "discard_this": "oa"},
    ),
    "ops.HealthReport": Row("oa", "", "oa", "", "oa"),
    "django_celery_results.TaskResult": Row("oa", "", "oa", "", "oa"),
    "auth.User": Row(
        *("a", "a", "a", "a", "a"),
        {"delete_selected": "a"},
        {"password_change": "a", "remove_second_factor": ""},  # that is for superusers
    ),
    "auth.Group": Row("a", "a", "a", "a", "a"),
    "axes.AccessAttempt": Row("a", "", "a", "", "a", {"unlock": "a"}),
}
FOR_STAFF = {"index", "password_change", "password_change_done", "search", "jsi18n"}
# Tested by themselves; and no model of ours has a page elsewhere.
OTHERS = (
    {"app_list", "autocomplete", "login", "logout", "view_on_site"}
    | {
        # What stands between a choice and what is done, files and rows that refresh: `test_bot_*.py`.
        f"bots_botconfig_{page}"
        for page in ("operate", "clone", "preview", "save", "live", "export", "import", "process_import")
    }
    | {"market_exchangeaccount_kill_switch", "market_switch_kill_switch", "django_celery_beat_periodictask_disable"}
    | {"ops_deadletter_settle", "ops_channel_preferences"}
)
OWNED = {
    "bots.BotConfig",
    "bots.Backtest",
    "bots.Decision",
    "bots.ExternalSignal",
    "market.ExchangeAccount",
    "market.RiskLimits",
    "market.Switch",
    "trades.Position",
    "trades.Order",
    "trades.OrderByHand",
    "trades.Fill",
    "trades.Trade",
    "trades.Transfer",
    "trades.Event",
    "ops.Change",
    "ops.ApiToken",
    "ops.Report",
    "ops.Notification",
    "ops.Channel",
    "bots.SavedView",
}
REGISTERED = {model._meta.label: model_admin for model, model_admin in django_admin.site._registry.items()}
PAGES = ("change", "delete", "history")
NAME, PNL, ITS_KEY = "canary-bot-of-another", "98765.43", "ANOTHERKEY-0123456789-stuv"
people = pytest.mark.parametrize("role", EVERYBODY)


def url(label, page, *args):
    return reverse(f"admin:{label.lower().replace('.', '_')}_{page}", args=args)


def named_urls():
    """The names of all pages of the admin."""
    return {pattern.name for pattern in _flat(django_admin.site.urls[0]) if getattr(pattern, "name", None)}


def _flat(patterns):
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _flat(pattern.url_patterns)
        else:
            yield pattern


def rows_of_nobody():
    interval = IntervalSchedule.objects.create(every=5, period="seconds")
    CrontabSchedule.objects.create(minute="0")
    PeriodicTask.objects.create(name="a schedule", task="bots.tasks.run_all_active_bots", interval=interval)
    IntervalSchedule.objects.create(every=7, period="days")  # by which nothing runs: it may be deleted
    TaskResult.objects.create(task_id="1", task_name="bots.tasks.run_bot", status="FAILURE")
    AccessAttempt.objects.create(username="guessed", failures_since_start=5)
    DeadLetter.objects.create(task="bots.tasks.run_bot", is_whole=True, first_failed_at=NOON, failed_at=NOON)
    HealthReport.objects.create(at=NOON, level="ok", findings=[])
    Group.objects.create(name="a group")
    LogVerbosity.objects.create(apps=["market"], reason="to see", started_at=NOON, until=NOON)
    Alert.objects.create(fingerprint="mail:", check_name="mail", severity="critical", last_seen_at=NOON, opened_at=NOON)


@pytest.fixture
def enter(everything):
    """`enter(role)` gives a client of that role, and its user, who owns a row of everything."""
    rows_of_nobody()

    def enter(role):
        if role == "anonymous":
            return client_of(None), None
        user = person(role)
        full_bot(owner=user, name=f"bot of {role}", symbol="ETHUSDT")
        SeriesReading.objects.create(
            environment="paper", market="spot", symbol="ETHUSDT", interval="1m", evaluated_at=NOON, price=1
        )
        return client_of(user), user

    return enter


def expected(who, role):
    if role not in ROLES:
        return 302
    return 200 if role[0] in who else 403


def own_row(label, user):
    """A row of the user's own where rows have owners; somebody's else."""
    model_admin = REGISTERED[label]
    rows = model_admin.model.objects.order_by("-pk")
    if label == "auth.Group":
        return rows.get(name="a group")
    if label == "auth.User":  # one's own row has rules of its own: `test_people.py`
        return rows.exclude(pk=user.pk if user else None).first()
    return rows.filter(model_admin.owned_by(user)).first() if user and label in OWNED else rows.first()


def test_every_page_of_the_admin_is_in_the_tables():
    in_tables = FOR_STAFF | OTHERS
    for label, row in MATRIX.items():
        prefix = label.lower().replace(".", "_")
        in_tables |= {f"{prefix}_{page}" for page in ("changelist", "add", *PAGES, *row.more)}
    assert named_urls() - {"auth_user_password_change"} == in_tables - {"auth_user_password_change"}


def test_every_page_beside_the_admin_is_known():
    """The pages have tests of their own, and so has the API; signals prove themselves by a secret."""
    assert {pattern.name for pattern in urlpatterns if getattr(pattern, "name", None)} == {
        "second-factor",
        "second-factor-renewal",
        "kill-switch-page",
        "kill-switch-banner",
        "dashboard-fragment",
        "ready",
        "signal-hook",
        "runbook",
    }


def test_every_model_is_in_the_table():
    assert set(MATRIX) == set(REGISTERED)
    assert {label for label, item in REGISTERED.items() if getattr(item, "owner_path", "")} == OWNED


@pytest.mark.parametrize("label", REGISTERED)
def test_every_action_is_in_the_table(admin_user, label):
    request = RequestFactory().get("/admin/")
    request.user = admin_user
    model_admin = REGISTERED[label]
    pages = ("actions_list", "actions_row", "actions_detail", "actions_submit_line")

    in_list = set(model_admin.get_actions(request))
    of_a_row = {
        action if isinstance(action, str) else str(action)
        for name in pages
        for action in getattr(model_admin, name, ())
    }

    assert in_list == set(MATRIX[label].actions)
    assert of_a_row - {"kill_switch"} <= set(MATRIX[label].more)  # it leads to a page of its own


@people
def test_lists_and_new_rows(enter, role):
    client, _ = enter(role)

    answers = {
        label: (client.get(url(label, "changelist")).status_code, client.get(url(label, "add")).status_code)
        for label in MATRIX
    }

    assert answers == {label: (expected(row.list, role), expected(row.add, role)) for label, row in MATRIX.items()}


@people
def test_pages_of_an_own_row(enter, role):
    client, user = enter(role)
    pages = [(label, page) for label, row in MATRIX.items() for page in (*PAGES, *row.more)]

    answers = {(label, page): client.get(_page(label, page, own_row(label, user))).status_code for label, page in pages}

    assert answers == {
        (label, page): expected((MATRIX[label]._asdict() | MATRIX[label].more)[page], role) for label, page in pages
    }


def _page(label, page, row):
    if page == "password_change":
        return reverse("admin:auth_user_password_change", args=[row.pk])
    return url(label, page, row.pk)


def test_staff_without_a_group_get_to_no_page_of_a_row_and_change_nothing(everything, broker):
    """Each address of the site, with ids of rows that exist, own ones where rows have owners, by GET and by POST."""
    rows_of_nobody()
    user = UserFactory(username="nobody-in-particular", is_staff=True)
    full_bot(owner=user, name="an own bot", symbol="ETHUSDT")
    client, before = client_of(user), Change.objects.count()
    rows = {label: own_row(label, user) for label in MATRIX}
    pages = [(label, page) for label, row in MATRIX.items() for page in (*PAGES, *row.more)]
    addresses = [_page(label, page, rows[label]) for label, page in pages]
    addresses += [url(label, page) for label in MATRIX for page in ("changelist", "add")]
    addresses += [
        *(url("bots.BotConfig", page) for page in ("clone", "preview", "save", "export", "import", "process_import")),
        *(url("bots.BotConfig", "operate", name) for name in OPERATIONS),
        url("market.ExchangeAccount", "kill_switch", rows["market.ExchangeAccount"].pk),
        f"{reverse('kill-switch-page')}?platform=1",
        f"{reverse('kill-switch-page')}?account={rows['market.ExchangeAccount'].pk}",
        f"{reverse('kill-switch-page')}?user={user.pk}",
    ]

    rules = url("market.SymbolRules", "changelist")  # what an exchange publishes is for all staff
    got_in = [
        (address, answer.request["REQUEST_METHOD"], answer.status_code)
        for address in addresses
        if not address.startswith(rules)
        for answer in (client.get(address), client.post(address, {"post": "yes"}))
        if answer.status_code not in (403, 404, 405) and answer.headers.get("Location") != reverse("admin:index")
    ]

    assert got_in == []
    assert client.get(f"{url('bots.BotConfig', 'live')}?ids={rows['bots.BotConfig'].pk}").content == b""
    assert Change.objects.count() == before
    assert broker("high_priority") == 0


@people
def test_actions_offered(enter, role):
    client, _ = enter(role)

    offered = {label: _offered(client.get(url(label, "changelist"))) for label in MATRIX}

    assert offered == {
        label: {name for name, who in row.actions.items() if role in ROLES and role[0] in who}
        for label, row in MATRIX.items()
    }


def _offered(page):
    form = page.context.get("action_form") if page.status_code == 200 else None
    return {name for name, _ in form.fields["action"].choices if name} if form else set()


@pytest.mark.parametrize("role", ["viewer", "trader"])
def test_a_row_of_somebody_else_is_not_there(enter, role):
    client, user = enter(role)

    for label in OWNED:
        model_admin = REGISTERED[label]
        own = model_admin.model.objects.filter(model_admin.owned_by(user))
        foreign = model_admin.model.objects.exclude(pk__in=own.values("pk"))
        assert foreign.exists(), label
        for row in foreign[:3]:
            for page in PAGES:
                assert client.get(url(label, page, row.pk)).status_code in (302, 403, 404), (page, row)


@pytest.mark.parametrize("role", ["operator", "administrator"])
def test_operators_see_rows_of_everybody(enter, role):
    client, user = enter(role)
    other = BotConfig.objects.exclude(owner=user).get().owner

    answers = {label: client.get(url(label, "change", own_row(label, other).pk)).status_code for label in OWNED}

    assert answers == dict.fromkeys(OWNED, 200)


@people
def test_pages_of_no_model(enter, role):
    client, _ = enter(role)

    answers = {page: client.get(reverse(f"admin:{page}")).status_code for page in FOR_STAFF}

    assert answers == {page: expected("vtoa", role) for page in FOR_STAFF}


@people
def test_kill_switches_by_the_api(enter, settings, role):
    settings.SECURE_SSL_REDIRECT = False
    client, user = enter(role)
    name = user.username if user else "nobody"
    other = BotConfig.objects.exclude(owner=user).first().owner.username if user else "somebody"

    def press(**whose):
        body = {"state": "halted", "reason": "a test"} | whose
        return client.post(reverse("kill-switch"), body, content_type="application/json").status_code

    answers = [press(scope="user", user=name), press(scope="user", user=other), press(scope="platform")]

    expected = {"anonymous": [401] * 3, "trader": [200, 404, 403], "operator": [200] * 3, "administrator": [200] * 3}
    assert answers == expected.get(role, [403] * 3)


@people
def test_pages_of_apps(enter, role):
    client, _ = enter(role)

    for app in {label.split(".")[0] for label in MATRIX}:
        is_seen = any(role[0] in row.list for label, row in MATRIX.items() if label.startswith(f"{app}."))
        answer = client.get(reverse("admin:app_list", args=[app]))
        assert answer.status_code == (302 if role not in ROLES else 200 if is_seen else 404), app


@people
def test_what_is_searched_for_a_form_is_what_one_may_see(enter, role):
    client, user = enter(role)
    asked = {"app_label": "market", "model_name": "risklimits", "field_name": "account"}

    answer = client.get(reverse("admin:autocomplete"), asked)

    if role not in ROLES:
        assert answer.status_code == 302
        return
    offered = {int(item["id"]) for item in answer.json()["results"]}
    accounts = ExchangeAccount.objects.all() if role[0] in "oa" else ExchangeAccount.objects.filter(owner=user)
    assert offered == set(accounts.values_list("pk", flat=True))


# --- what others have never shows -----------------------------------------------------------------------------------


@pytest.fixture
def canary(db):
    """Another user's bot, with words and figures that are looked for in every page."""
    bot = full_bot(name=NAME, symbol="SOLUSDT")
    bot.account.name, bot.account.api_key = "canary-account", ITS_KEY
    bot.account.save()
    Position.objects.filter(pk=bot.position_id).update(
        realized_pnl=PNL, quantity="1.23456789", entry_price="77.7771", smallest_quantity="0.001"
    )
    Trade.objects.update(realized_pnl=PNL)
    bot.name = f"{NAME}-renamed"
    bot.save()  # a change that the list of changes would tell
    return bot


def pages_of(client, user):
    """The HTML of every page that a user can open, by its address."""
    addresses = [reverse("admin:index"), f"{reverse('admin:search')}?s=canary"]
    for label in REGISTERED:
        addresses += [url(label, "changelist"), f"{url(label, 'changelist')}?q=canary", url(label, "add")]
        if row := own_row(label, user):
            addresses += [url(label, page, row.pk) for page in PAGES]
    pages = {address: client.get(address) for address in addresses}
    return {address: page.content.decode() for address, page in pages.items() if page.status_code == 200}


@pytest.mark.parametrize("role", ["viewer", "trader"])
def test_no_page_shows_what_another_user_has(enter, canary, role):
    client, user = enter(role)

    pages = pages_of(client, user)

    assert len(pages) > 40
    for address, html in pages.items():
        for word in (NAME, "canary-account", ITS_KEY, ITS_KEY[-4:], SECRET, PNL, "98,765", "77.7771"):
            assert word not in html, f"{word} in {address}"


@pytest.mark.parametrize("role", ["operator", "administrator"])
def test_an_operator_sees_all_of_it_but_keys(enter, canary, role):
    client, user = enter(role)

    pages = pages_of(client, user)

    everything = "".join(pages.values())
    assert NAME in everything
    assert "98,765.43" in everything
    assert KEY not in everything
    assert ITS_KEY not in everything
    assert (ITS_KEY[-4:] in everything) == (role == "administrator")
    assert SECRET not in everything


def test_what_a_viewer_sends_changes_nothing(enter, act, broker):
    client, user = enter("viewer")
    bot = BotConfig.objects.get(owner=user)
    account, limits, switch = bot.account, RiskLimits.objects.get(account=bot.account), Switch.objects.get(user=user)
    before = Change.objects.count()

    for action in MATRIX["bots.BotConfig"].actions:
        act(client, url("bots.BotConfig", "changelist"), action, bot)
    for action in MATRIX["market.ExchangeAccount"].actions:
        act(client, url("market.ExchangeAccount", "changelist"), action, account)
    for label, row in (
        ("bots.BotConfig", bot),
        ("market.ExchangeAccount", account),
        ("market.RiskLimits", limits),
        ("market.Switch", switch),
    ):
        assert client.post(url(label, "add"), {"name": "new"}).status_code == 403
        assert client.post(url(label, "change", row.pk), {"name": "new"}).status_code == 403
        assert client.post(url(label, "delete", row.pk), {"post": "yes"}).status_code == 403

    assert Change.objects.count() == before
    assert broker("high_priority") == 0
