"""Summaries: what a schedule has reported is told to its owner, once."""

import pytest

from market.tests.factories import NOON
from ops import reports
from ops.models import Delivery, Notification, Report, Topic
from trades.tests.factories import TradeFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "topic", "mails"), [("daily", Topic.DAILY_SUMMARY, 0), ("weekly", Topic.WEEKLY_SUMMARY, 1)]
)
def test_a_scheduled_report_is_a_summary(anna, mail, kind, topic, mails):
    first, last = reports.last_period(Report.Kind(kind), now=NOON)
    trade = TradeFactory(order__position__account__owner=anna, created_at=NOON.replace(day=last.day))
    (report,) = reports.schedule_reports(Report.Kind(kind), now=NOON)

    assert [reports.make_report(report.pk, now=NOON) for _ in range(2)] == [True, False]

    note = Notification.objects.get()
    assert (note.user, note.topic, note.title.startswith(f"{kind.capitalize()} report")) == (anna, topic, True)
    assert "Realised P&L" in note.text
    assert Delivery.objects.count() == mails
    assert trade.created_at.date() >= first


def test_what_somebody_asked_for_is_no_summary(anna):
    report = reports.ask_for_report(anna, reports.Wanted(Report.Kind.WEEKLY), now=NOON)

    assert reports.make_report(report.pk, now=NOON)
    assert not Notification.objects.exists()
