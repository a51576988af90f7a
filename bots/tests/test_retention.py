"""Decisions go by the week."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from bots.models import Decision, Tick
from bots.services import drop_old_ticks, keep_decisions
from bots.tests.factories import BotFactory

pytestmark = pytest.mark.django_db
MONDAY = datetime(2031, 3, 3, tzinfo=UTC)
NOW = MONDAY + timedelta(days=2, hours=5)


def decide(at):
    return Decision.objects.create(bot=BotFactory(), status="waiting", text="a thought", created_at=at).pk


def table_of(decision):
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM bots_decision WHERE id = %s", [decision])
        return cursor.fetchone()[0]


def test_this_week_and_the_next_ones_have_tables():
    keep_decisions(now=NOW)

    assert table_of(decide(MONDAY)) == "bots_decision_w20310303"
    assert table_of(decide(MONDAY + timedelta(days=20))) == "bots_decision_w20310317"
    assert table_of(decide(MONDAY - timedelta(microseconds=1))) == "bots_decision_rest"


def test_a_week_is_dropped_when_its_last_decision_is_too_old(settings):
    settings.DECISIONS_KEPT_DAYS = 90
    keep_decisions(now=NOW)
    first, last = decide(MONDAY), decide(MONDAY + timedelta(days=7, microseconds=-1))

    kept = keep_decisions(now=MONDAY + timedelta(days=96, hours=23))
    assert (kept, Decision.objects.filter(pk__in=[first, last]).count()) == ([], 2)

    dropped = keep_decisions(now=MONDAY + timedelta(days=97))
    assert dropped == ["bots_decision_w20310303"]
    assert not Decision.objects.filter(pk__in=[first, last]).exists()


def test_doing_it_again_changes_nothing():
    keep_decisions(now=NOW)
    decision = decide(NOW)

    assert keep_decisions(now=NOW) == []
    assert Decision.objects.get().pk == decision


def test_decisions_from_before_a_week_had_a_table_stay_and_go_in_the_end():
    decision = decide(NOW)

    keep_decisions(now=NOW)
    assert table_of(decision) == "bots_decision_rest"

    keep_decisions(now=NOW + timedelta(days=91))
    assert not Decision.objects.exists()


def test_minutes_go_with_the_decisions_that_were_made_in_them(settings):
    settings.DECISIONS_KEPT_DAYS = 90
    for days in (89, 91):
        Tick.objects.create(slot=NOW - timedelta(days=days), started_at=NOW - timedelta(days=days))

    assert drop_old_ticks(now=NOW) == 1

    assert Tick.objects.get().started_at == NOW - timedelta(days=89)
