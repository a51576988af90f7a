"""A report that a schedule has made is a summary for its owner; any other is sent to whoever asks for it."""

from datetime import datetime

from django.contrib.auth.models import User

from ops.models import Channel, Report, Topic
from ops.notifications.wishes import Ways
from ops.notifications.writing import notify
from ops.reports.telling import message_of

TOPIC_OF_KIND = {Report.Kind.DAILY: Topic.DAILY_SUMMARY, Report.Kind.WEEKLY: Topic.WEEKLY_SUMMARY}


class NoMailbox(Exception):
    """There is no mail server, or no address, to send it to."""


def tell_summary(report: Report, *, now: datetime) -> None:
    """Tell the owner what it says, once, in the caller's transaction. What somebody has asked for is theirs to read."""
    topic = TOPIC_OF_KIND.get(Report.Kind(report.kind))
    if topic and report.by_schedule:
        _tell(report, report.owner_id, topic, key=f"report:{report.pk}", now=now)


def send_by_mail(report: Report, *, to: User, now: datetime) -> list[str]:
    """Send a report that is ready to all mailboxes of a user, who may read it, once a minute at most; which they are.

    Raises NoMailbox.
    """
    boxes = [channel for channel in Ways([to.pk], now=now).of(to.pk) if channel.kind == Channel.Kind.EMAIL]
    if not boxes:
        raise NoMailbox("there is no mail server (EMAIL_URL), or you have no channel by e-mail that is confirmed")
    topic = TOPIC_OF_KIND.get(Report.Kind(report.kind), Topic.WEEKLY_SUMMARY)
    key, ways = f"report:{report.pk}:asked:{now:%Y%m%d%H%M}", [channel.pk for channel in boxes]
    _tell(report, to.pk, topic, key=key, now=now, ways=ways)
    return [channel.hint for channel in boxes]


def _tell(report: Report, user: int, topic: Topic, *, key: str, now: datetime, ways: list[int] | None = None) -> None:
    said = message_of(report)
    notify([user], topic, said.text, key=key, now=now, title=said.subject, ways=ways, report=report.pk)
