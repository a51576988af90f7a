"""A clock that a test moves, looks that it makes up, and an operator who is told."""

from datetime import timedelta

import pytest
from django.utils import timezone

from market.tests.factories import UserFactory
from ops import alerts
from ops.health import Finding, Level, causes
from ops.models import Alert, Notification

BAD, WARNING, WELL = Level.CRITICAL, Level.WARNING, Level.OK


def finding(check, level=BAD, subject="", text=""):
    return Finding(check, level, text or f"{check} {subject} is {level}", "Mend it.", subject)


class Days:
    """Looks at the system, one after the other."""

    def __init__(self):
        self.now = timezone.now()

    def monotonic(self):
        return self.now.timestamp()

    def look(self, *findings, after=5):
        """``after`` so many seconds this was found; a check alone is a critical finding."""
        self.now += timedelta(seconds=after)
        found = [finding(one) if isinstance(one, str) else one for one in findings]
        return alerts.update(causes.without_consequences(found, with_grace=True), now=self.now)

    def last(self, *findings, seconds):
        """The same is found every five seconds; how many messages came of it."""
        return sum(self.look(*findings) for _ in range(seconds // 5))

    @property
    def told(self):
        """Titles of what operators were told, in its order."""
        return list(Notification.objects.order_by("pk").values_list("title", flat=True))


@pytest.fixture
def operator(db):
    return UserFactory(username="operator", is_superuser=True)


@pytest.fixture
def days(operator, monkeypatch):
    days = Days()
    monkeypatch.setattr(causes, "monotonic", days.monotonic)
    causes.forget()
    yield days
    causes.forget()


@pytest.fixture
def only():
    """The only alert there is."""
    return Alert.objects.get
