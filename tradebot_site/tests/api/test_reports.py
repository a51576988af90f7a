"""Reports over HTTP: asked for once, made by a worker, read and downloaded by whom they belong to."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory, UserFactory
from ops import reports
from ops.models import Notification, Report
from ops.reports import Wanted
from tradebot_site.tests.people import client_of, person
from trades.tests.factories import OrderFactory, TradeFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent_reports")]
URL = "/api/v1/reports"


@pytest.fixture
def trader():
    return person("trader")


@pytest.fixture
def bot(trader):
    return BotFactory(account=ExchangeAccountFactory(owner=trader))


def post(user, body, **headers):
    return client_of(user).post(URL, body, content_type="application/json", headers=headers)


def ready(user, **wanted):
    today = timezone.now().date()
    wanted = {"kind": Report.Kind.DAILY, "first_day": today, "last_day": today} | wanted
    report = reports.ask_for_report(user, Wanted(**wanted), now=timezone.now())
    reports.make_report(report.pk, now=timezone.now())
    return report


def test_a_report_is_asked_for_made_and_read(trader, bot, sent_reports):
    order = OrderFactory(position=bot.position, purpose="exit")
    TradeFactory(order=order, realized_pnl=Decimal("7.5"), created_at=timezone.now())
    today = timezone.now().date().isoformat()

    answer = post(trader, {"kind": "daily", "bot": bot.pk, "first_day": today, "last_day": today})

    assert answer.status_code == 202, answer.json()
    told = answer.json()
    assert (told["status"], told["about"], told["bot"], told["owner"]) == ("waiting", "bot", bot.pk, "the-trader")
    assert sent_reports == [told["id"]]
    client = client_of(trader)
    assert client.get(f"{URL}/{told['id']}").json()["environments"] == []
    assert client.get(f"{URL}/{told['id']}/days.csv").status_code == 404
    reports.make_report(told["id"], now=timezone.now())
    found = client.get(f"{URL}/{told['id']}").json()
    (paper,) = found["environments"]
    assert (found["status"], paper["environment"], paper["sums"]["pnl"]) == ("ready", "paper", "7.5")
    assert (paper["figures"]["realized_pnl"], paper["figures"]["sharpe"]) == ("7.5", None)
    assert "sharpe" in paper["figures"]["insufficient_data"]
    assert [row["date"] for row in paper["days"]] == [today]
    (row,) = client.get(URL).json()["results"]
    assert (row["id"], "environments" in row) == (told["id"], False)


def test_the_same_key_asks_for_one_report(trader, bot, sent_reports):
    answers = [post(trader, {"kind": "weekly"}, **{"Idempotency-Key": "one"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert (Report.objects.count(), len(sent_reports)) == (1, 1)


def test_days_and_trades_are_downloaded(trader, bot):
    order = OrderFactory(position=bot.position, purpose="exit")
    TradeFactory(order=order, realized_pnl=Decimal("7.5"), created_at=timezone.now())
    report = ready(trader)

    days, trades = (client_of(trader).get(f"{URL}/{report.pk}/{name}.csv") for name in ("days", "trades"))

    assert days.headers["Content-Type"] == "text/csv"
    assert trades.headers["Content-Disposition"] == f'attachment; filename="report-{report.pk}-trades.csv"'
    heading, *rows = days.getvalue().decode().splitlines()
    assert (heading, len(rows)) == ("environment,date,pnl,fees,funding,trades,equity", 1)
    assert f"BTCUSDT,{bot.name},BUY,exit,50000,0.01,500,0,7.5" in trades.getvalue().decode()
    assert client_of(trader).get(f"{URL}/{report.pk}/days.csv?x=1").status_code == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        ({"kind": "hourly"}, "kind"),
        ({"kind": "daily", "symbol": "btc usdt"}, "symbol"),
        ({"kind": "daily", "strategy": "luck"}, "strategy"),
        ({"kind": "daily", "symbol": "BTCUSDT", "strategy": "macd"}, "strategy"),
        ({"kind": "daily", "first_day": "2026-01-01"}, "last_day"),
        ({"kind": "daily", "first_day": "2026-01-02", "last_day": "2026-01-01"}, "first_day"),
        ({"kind": "yearly", "first_day": "2024-01-01", "last_day": "2025-01-01"}, "first_day"),
        ({"kind": "daily", "first_day": "2999-01-01", "last_day": "2999-01-01"}, "last_day"),
        ({"kind": "daily", "bot": 987654321}, "bot"),
        ({"kind": "daily", "bot": True}, "bot"),
        ({"kind": "daily", "of_everybody": True}, "of_everybody"),
        ({"kind": "daily", "owner": 1}, "owner"),
    ],
)
def test_what_can_not_be_a_report_is_refused_by_its_field(trader, body, field):
    answer = post(trader, body)

    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert not Report.objects.exists()


def test_too_many_that_wait_are_refused(trader, monkeypatch):
    monkeypatch.setattr("ops.reports.asking.MOST_WAITING", 1)
    assert post(trader, {"kind": "daily"}).status_code == 202

    refused = post(trader, {"kind": "daily"})

    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_reports")


def test_operators_see_everybodys_and_ask_for_reports_of_everybodys_trading(trader, bot):
    operator = person("operator")
    TradeFactory(order=OrderFactory(position=bot.position), realized_pnl=3, created_at=timezone.now())
    mine, of_all = ready(trader), ready(operator, of_everybody=True)
    of_bot = post(operator, {"kind": "daily", "bot": bot.pk})

    assert (of_bot.status_code, of_bot.json()["of_everybody"]) == (202, True)
    seen = client_of(operator).get(f"{URL}?status=ready").json()["results"]
    assert [row["id"] for row in seen] == [of_all.pk, mine.pk]
    assert [row["id"] for row in client_of(operator).get(f"{URL}?owner=the-trader").json()["results"]] == [mine.pk]
    assert [row["id"] for row in client_of(trader).get(URL).json()["results"]] == [mine.pk]


def test_who_is_no_operator_any_more_sees_no_report_of_everybody(trader, bot):
    operator = person("operator")
    report = ready(operator, of_everybody=True)
    operator.groups.set(trader.groups.all())

    assert client_of(operator).get(f"{URL}/{report.pk}").status_code == 404
    assert client_of(operator).get(f"{URL}/{report.pk}/trades.csv").status_code == 404
    assert client_of(operator).get(URL).json()["results"] == []


def test_a_report_is_deleted_by_its_owner_alone(trader, bot):
    report = ready(trader)
    other = UserFactory(username="bob")
    other.groups.set(trader.groups.all())

    assert client_of(other).delete(f"{URL}/{report.pk}").status_code == 404
    assert client_of(trader).delete(f"{URL}/{report.pk}").status_code == 204
    assert not Report.objects.exists()


def test_many_reports_take_as_many_statements_as_one(trader, bot):
    client = client_of(trader)

    def statements():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(URL).status_code == 200
        return len(queries)

    ready(trader)
    statements()
    one = statements()
    for number in range(5):
        ready(trader, bot=bot, first_day=timezone.now().date() - timedelta(days=number))

    assert statements() == one <= 8


def send(user, report):
    return client_of(user).post(f"{URL}/{report.pk}/send", {}, content_type="application/json")


def test_a_report_is_sent_to_whoever_asks_and_only_when_there_is_a_mailbox(trader, bot, settings):
    report = ready(trader)
    without = send(trader, report)
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    trader.email = "anna@example.com"
    trader.save()

    asked = send(trader, report)

    assert (without.status_code, without.json()["code"]) == (409, "no_mailbox")
    assert (asked.status_code, asked.json()) == (202, {"sent_to": ["the address of the account"]})
    note = Notification.objects.get()
    assert (note.user, note.data) == (trader, {"report": report.pk})
    assert send(person("viewer"), report).status_code == 404
