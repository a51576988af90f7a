"""A report that a schedule has made is a summary for its owner."""

from datetime import datetime

from ops.models import Report, Topic
from ops.notifications import notify
from ops.reports.telling import message_of

TOPIC_OF_KIND = {Report.Kind.DAILY: Topic.DAILY_SUMMARY, Report.Kind.WEEKLY: Topic.WEEKLY_SUMMARY}


def tell_summary(report: Report, *, now: datetime) -> None:
    """Tell the owner what it says, once, in the caller's transaction. What somebody has asked for is theirs to read."""
    topic = TOPIC_OF_KIND.get(Report.Kind(report.kind))
    if topic and report.by_schedule:
        said = message_of(report)
        notify([report.owner_id], topic, said.text, key=f"report:{report.pk}", now=now, title=said.subject)
