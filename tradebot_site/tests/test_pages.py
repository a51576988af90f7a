"""Every page of every model answers, shows no secret, and what is there to be read can't be written."""

import html

import pytest
from axes.models import AccessAttempt
from django.contrib import admin as django_admin
from django.contrib.auth.models import Group
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from django_celery_results.models import TaskResult

from bots.models import Backtest, BotConfig, Decision, ExternalSignal, SavedView, SeriesReading, Tick
from market.admin.base import OwnedAdmin
from market.models import ExchangeAccount, RiskLimits, Switch, SymbolRules
from market.tests.factories import NOON
from ops.models import Alert, ApiToken, Change, DeadLetter, Delivery, HealthReport, LogVerbosity, Notification, Report
from tradebot_site.tests.conftest import KEY, SECRET
from trades.models import Event, Fill, Order, OrderByHand, Position, Trade, Transfer

TRADES = [Position, Order, OrderByHand, Fill, Trade, Transfer, Event]
OURS = [
    BotConfig,
    Backtest,
    Report,
    Decision,
    ExternalSignal,
    SavedView,
    SeriesReading,
    Tick,
    ExchangeAccount,
    Switch,
    RiskLimits,
    SymbolRules,
    *TRADES,
]
READ_ONLY = [
    Decision,
    ExternalSignal,
    SeriesReading,
    Tick,
    SymbolRules,
    *TRADES,
    TaskResult,
    Change,
    AccessAttempt,
    DeadLetter,
    Alert,
    ApiToken,
    Notification,
    Delivery,
    HealthReport,
]
REGISTERED = sorted(django_admin.site._registry, key=lambda model: model._meta.label)


def url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def rows(everything):
    """One row of the models of others, too."""
    Group.objects.create(name="a group")
    interval = IntervalSchedule.objects.create(every=5, period="seconds")
    CrontabSchedule.objects.create(minute="0")
    PeriodicTask.objects.create(name="a schedule", task="bots.tasks.run_all_active_bots", interval=interval)
    AccessAttempt.objects.create(username="guessed", failures_since_start=5)
    TaskResult.objects.create(task_id="1", task_name="bots.tasks.run_bot", status="FAILURE")
    LogVerbosity.objects.create(apps=["market"], reason="to see", started_at=NOON, until=NOON)
    DeadLetter.objects.create(task="bots.tasks.run_bot", is_whole=True, first_failed_at=NOON, failed_at=NOON)
    Alert.objects.create(fingerprint="mail:", check_name="mail", severity="critical", last_seen_at=NOON, opened_at=NOON)
    HealthReport.objects.create(at=NOON, level="ok", findings=[])


def test_all_of_our_models_are_in_the_admin():
    assert set(OURS) <= set(REGISTERED)


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_list_answers_and_shows_no_secret(admin, rows, model):
    page = admin.get(url(model, "changelist"))

    assert page.status_code == 200
    assert_no_secret(page)


# The administrator who looks is a change, and the platform's switch is always there.
MAY_BE_EMPTY = [
    model
    for model, model_admin in django_admin.site._registry.items()
    if isinstance(model_admin, OwnedAdmin) and model not in (Change, Switch)
]


@pytest.mark.parametrize("model", MAY_BE_EMPTY, ids=lambda model: model._meta.label)
def test_an_empty_list_says_what_to_do_and_one_that_is_filtered_that_nothing_matches(admin, model):
    empty = admin.get(url(model, "changelist")).content.decode()
    told = html.escape(django_admin.site._registry[model].nothing_yet)

    assert told
    assert told in empty
    if not django_admin.site._registry[model].search_fields:
        return
    searched = admin.get(url(model, "changelist"), {"q": "nothing"}).content.decode()
    assert "Nothing matches" in searched
    assert told not in searched


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_page_of_a_row_answers_and_shows_no_secret(admin, rows, model):
    page = admin.get(url(model, "change", model.objects.first().pk))

    assert page.status_code == 200
    assert_no_secret(page)


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_add_page_answers_unless_the_rows_are_there_to_be_read(admin, rows, model):
    page = admin.get(url(model, "add"))

    assert page.status_code == (403 if model in [*READ_ONLY, Backtest] else 200)  # that is asked for on a bot's page


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model._meta.label)
def test_what_is_there_to_be_read_refuses_changes(admin, rows, model):
    row = model.objects.first()
    before = model.objects.filter(pk=row.pk).values().get()

    assert admin.post(url(model, "change", row.pk), {"symbol": "X", "status": "X"}).status_code == 403
    assert admin.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    admin.post(url(model, "changelist"), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})

    assert model.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_numbers_have_no_18_decimals(admin, rows, model):
    for page in (
        admin.get(url(model, "changelist")),
        admin.get(url(model, "change", model.objects.first().pk)),
    ):
        assert "0000000000" not in page.content.decode()
        assert "(&#x27;" not in page.content.decode()  # nor is a tuple shown


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_lists_can_be_searched_and_every_filter_answers(admin, rows, model):
    model_admin = django_admin.site._registry[model]
    if model_admin.search_fields:
        assert admin.get(url(model, "changelist"), {"q": "x"}).status_code == 200
    page = admin.get(url(model, "changelist"))
    for spec in page.context["cl"].filter_specs:
        for name in spec.expected_parameters():
            assert admin.get(url(model, "changelist"), {name: "1"}).status_code in (200, 302)


def test_nobody_else_gets_in(client, db):
    page = client.get("/admin/bots/botconfig/")

    assert page.status_code == 302
    assert "/admin/login/" in page["Location"]


def assert_no_secret(page):
    html = page.content.decode()
    assert KEY not in html
    assert SECRET not in html
