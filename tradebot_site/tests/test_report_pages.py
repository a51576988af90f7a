"""Reports in the admin: asked for by a form, read with charts, downloaded, deleted."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory, UserFactory
from ops.models import Report
from ops.reports import Wanted, ask_for_report, make_report
from tradebot_site.tests.people import client_of, person
from trades.tests.factories import OrderFactory, TradeFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent_reports")]
LIST, ADD = "/admin/ops/report/", "/admin/ops/report/add/"


@pytest.fixture
def trader():
    return person("trader")


@pytest.fixture
def bot(trader):
    return BotFactory(account=ExchangeAccountFactory(owner=trader), name="the trend")


def test_a_report_is_asked_for_by_a_form(trader, bot, sent_reports):
    others = BotFactory(account=ExchangeAccountFactory(owner=UserFactory(username="bob")), name="bob's own")
    client = client_of(trader)
    form = client.get(ADD).content.decode()
    assert "the trend" in form
    assert "bob&#x27;s own" not in form
    assert "of_everybody" not in form

    answer = client.post(ADD, {"kind": "weekly", "bot": bot.pk, "symbol": "", "strategy": ""})

    assert answer.status_code == 302, answer.context["errors"]
    report = Report.objects.get()
    assert (report.owner, report.bot, report.about, report.status) == (trader, bot, "bot", "waiting")
    assert (sent_reports, (report.last_day - report.first_day).days) == ([report.pk], 6)
    page = client.get(reverse("admin:ops_report_change", args=[report.pk])).content.decode()
    assert "data-reload-seconds" in page
    refused = client.post(ADD, {"kind": "weekly", "bot": others.pk, "symbol": "", "strategy": ""})
    assert (refused.status_code, Report.objects.count()) == (200, 1)


def test_what_can_not_be_a_report_is_said_at_its_field(trader, bot):
    day = timezone.now().date()
    told = {"kind": "daily", "bot": bot.pk, "symbol": "BTCUSDT", "first_day": day, "last_day": day + timedelta(days=1)}

    page = client_of(trader).post(ADD, told).content.decode()

    assert "A report is about one thing; bot is named, too." in page
    assert "It is after today" in page
    assert not Report.objects.exists()


@pytest.mark.parametrize("symbol", ["ß" * 30, "BTC USDT", "<b>"])
def test_what_is_no_symbol_is_said_at_its_field(trader, symbol):
    page = client_of(trader).post(ADD, {"kind": "weekly", "symbol": symbol}).content.decode()

    assert "is no symbol" in page
    assert not Report.objects.exists()


def test_too_many_that_wait_are_refused_in_words(trader, monkeypatch):
    monkeypatch.setattr("ops.reports.asking.MOST_WAITING", 0)

    page = client_of(trader).post(ADD, {"kind": "weekly"}, follow=True).content.decode()

    assert "wait to be made, the most that may." in page


def test_an_operator_asks_for_one_of_everybodys_trading(bot):
    operator = person("operator")

    client_of(operator).post(ADD, {"kind": "weekly", "bot": bot.pk})

    assert (Report.objects.get().owner, Report.objects.get().of_everybody) == (operator, True)


def test_the_page_of_a_report_shows_figures_charts_and_files(trader, bot):
    order = OrderFactory(position=bot.position, purpose="exit")
    TradeFactory(order=order, realized_pnl=Decimal("7.5"), created_at=timezone.now())
    today = timezone.now().date()
    wanted = Wanted(Report.Kind.DAILY, first_day=today, last_day=today)
    report = ask_for_report(trader, wanted, now=timezone.now())
    make_report(report.pk, now=timezone.now())

    page = client_of(trader).get(reverse("admin:ops_report_change", args=[report.pk])).content.decode()

    for told in ("7.50 USDT", "insufficient data", "Sharpe", 'data-pnl="report-paper"', "backtest-equity-data"):
        assert told in page, told
    for name in ("days", "trades"):
        address = reverse(f"report-{name}", args=[report.pk])
        assert f'href="{address}"' in page
        assert client_of(trader).get(address).status_code == 200
    assert "all of the-trader" in client_of(trader).get(LIST).content.decode()


def test_a_report_is_deleted_on_its_page(trader):
    report = ask_for_report(trader, Wanted(Report.Kind.DAILY), now=timezone.now())

    client_of(trader).post(reverse("admin:ops_report_delete", args=[report.pk]), {"post": "yes"})

    assert not Report.objects.exists()


def test_a_report_is_sent_by_mail_from_its_page_when_somebody_says_yes(trader, bot, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "ops.admin.reports.reports.send_by_mail", lambda report, **_: asked.append(report) or ["a…@b.c"]
    )
    report = ask_for_report(trader, Wanted(Report.Kind.DAILY), now=timezone.now())
    client, page = client_of(trader), reverse("admin:ops_report_mail_report", args=[report.pk])
    assert "nothing to send" in client.get(page, follow=True).content.decode()
    make_report(report.pk, now=timezone.now())

    question = client.get(page)
    answer = client.post(page, follow=True).content.decode()

    assert question.status_code == 200
    assert "On its way" not in question.content.decode()
    assert asked == [report]
    assert "It is on its way to a…@b.c." in answer
    assert client_of(person("viewer")).get(page).status_code == 404


def test_without_a_mailbox_the_page_says_what_is_missing(trader, bot):
    report = ask_for_report(trader, Wanted(Report.Kind.DAILY), now=timezone.now())
    make_report(report.pk, now=timezone.now())

    page = client_of(trader).post(reverse("admin:ops_report_mail_report", args=[report.pk]), follow=True)

    assert "Not sent: there is no mail server (EMAIL_URL)" in page.content.decode()
