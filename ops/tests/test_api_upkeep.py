"""What the API leaves behind is dropped when nobody can ask for it any more."""

from datetime import timedelta

import pytest
from django.utils import timezone

from market import dropping
from market.access import TokenScope
from market.models import IdempotentAnswer
from market.tests.factories import UserFactory
from ops import tasks, tokens
from ops.models import ApiToken
from ops.schedules import SCHEDULES

pytestmark = pytest.mark.django_db


def test_old_answers_and_expired_tokens_go_and_what_counts_stays(monkeypatch):
    monkeypatch.setattr(dropping, "CHUNK", 2)
    user, now = UserFactory(), timezone.now()
    for name, lives in (("over", timedelta(seconds=-1)), ("good", timedelta(hours=1))):
        tokens.make_token(user, name=name, scope=TokenScope.READ, lives=lives, now=now - timedelta(days=1))
    for number in range(6):
        ago = timedelta(hours=24 if number else 23)
        IdempotentAnswer.objects.create(user=user, key=f"{number}", fingerprint="", claimed_at=now - ago)

    dropped = tasks.keep_api_rows()

    assert dropped == {"answers": 5, "tokens": 1}
    assert [token.name for token in ApiToken.objects.all()] == ["good"]
    assert [answer.key for answer in IdempotentAnswer.objects.all()] == ["0"]
    assert "ops.tasks.keep_api_rows" in {schedule.task for schedule in SCHEDULES}
