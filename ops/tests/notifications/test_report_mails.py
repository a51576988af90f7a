"""Reports by e-mail, through a real mail server: the figures as a table, the days as a file."""

import csv
import io
from datetime import timedelta
from email.header import decode_header, make_header

import pytest
from django.contrib.auth.models import Permission

from market.tests.factories import NOON, UserFactory
from ops import notifications, reports
from ops.models import Delivery, Notification, Report
from trades.tests.factories import TradeFactory

pytestmark = pytest.mark.django_db
WEEKLY = Report.Kind.WEEKLY


def sent(now=NOON):
    return [notifications.deliver(pk, clock=lambda: now) for pk in Delivery.objects.values_list("pk", flat=True)]


def parts_of(mail):
    return {part.get_content_type(): part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()}


@pytest.fixture
def traded(anna):
    _, last = reports.last_period(WEEKLY, now=NOON)
    at = NOON.replace(day=last.day)
    return TradeFactory(order__position__account__owner=anna, created_at=at, realized_pnl=-7)


@pytest.fixture
def ready(anna, traded):
    report = reports.ask_for_report(anna, reports.Wanted(WEEKLY), now=NOON)
    assert reports.make_report(report.pk, now=NOON)
    return Report.objects.get(pk=report.pk)


def test_a_scheduled_report_arrives_with_a_table_a_text_and_a_file_of_its_days(anna, mail, settings, traded):
    settings.SITE_URL = "https://bots.example.com"
    (report,) = reports.schedule_reports(WEEKLY, now=NOON)
    reports.make_report(report.pk, now=NOON)

    assert sent() == ["sent"]

    (arrived,) = mail.taken
    parts = parts_of(arrived)
    html = parts["text/html"].decode()
    head, *days = csv.reader(io.StringIO(parts["text/csv"].decode()))
    files = [part.get_filename() for part in arrived.walk() if part.get_filename()]
    assert str(make_header(decode_header(arrived["Subject"]))).startswith("[TradeBot] Weekly report: all of anna's")
    assert "Realised P&L: -7.00 USDT" in parts["text/plain"].decode()
    for said in (
        "Realised P&amp;L</td>",
        "-7.00 USDT</td>",
        f"{settings.SITE_URL}/admin/ops/report/{report.pk}/change/",
    ):
        assert said in html
    assert files == [f"report-{report.pk}-days.csv"]
    assert (len(days), dict(zip(head, days[-1], strict=True))["pnl"]) == (7, "-7")


def test_whoever_asks_is_sent_it_once_a_minute(anna, mail, ready):
    for seconds in (0, 20, 60):
        assert reports.send_by_mail(ready, to=anna, now=NOON + timedelta(seconds=seconds)) == [
            "the address of the account"
        ]

    sent(NOON + timedelta(minutes=2))

    assert [mail["To"] for mail in mail.taken] == ["anna@example.com"] * 2
    assert all("text/csv" in parts_of(mail) for mail in mail.taken)


def test_without_a_mailbox_it_says_so_and_tells_nothing(anna, ready):
    with pytest.raises(reports.NoMailbox, match="no mail server"):
        reports.send_by_mail(ready, to=anna, now=NOON)

    assert not Notification.objects.exists()


def test_who_may_not_see_it_any_more_when_it_is_sent_gets_no_figures(mail, ready):
    bob = UserFactory(username="bob", email="bob@example.com")
    bob.user_permissions.add(Permission.objects.get(codename="see_all_rows"))
    reports.send_by_mail(ready, to=bob, now=NOON)
    bob.user_permissions.clear()

    assert sent() == ["sent"]

    assert "text/csv" not in parts_of(mail.taken[0])


def test_news_of_a_report_that_is_gone_are_just_told(anna, mail, ready):
    reports.send_by_mail(ready, to=anna, now=NOON)
    ready.delete()

    assert sent() == ["sent"]

    parts = parts_of(mail.taken[0])
    assert ("text/csv" in parts, "Realised P&amp;L: -7.00" in parts["text/html"].decode()) == (False, True)


def test_a_bot_s_name_is_no_html(anna, mail, ready):
    ready.figures["environments"][0]["worst"] = [{"name": "<b>x", "symbol": "BTCUSDT", "pnl": "-7", "funding": "0"}]
    ready.save()
    reports.send_by_mail(ready, to=anna, now=NOON)

    sent()

    html = parts_of(mail.taken[0])["text/html"].decode()
    assert "&lt;b&gt;x" in html
    assert "<b>x" not in html
