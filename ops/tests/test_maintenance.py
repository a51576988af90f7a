"""The database is kept in order beside everybody who trades, and everything that grows has somebody who drops it."""

import re
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection, models
from django.utils import timezone

from market.tests.factories import UserFactory
from ops import maintenance, tasks

DOC = Path(django_settings.BASE_DIR) / "docs" / "upkeep.md"


def test_every_table_with_a_moment_is_named_with_who_drops_it():
    dated = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if any(isinstance(field, models.DateField) for field in model._meta.concrete_fields)
    }

    named = set(re.findall(r"^\| `(\w+)` \|", DOC.read_text(), re.MULTILINE))

    assert dated <= named


@pytest.fixture
def much_deleted(db):
    """A table of which half is dead, and its name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE much_deleted WITH (autovacuum_enabled = false) AS SELECT generate_series(1, 5000) AS id"
        )
        cursor.execute("DELETE FROM much_deleted WHERE id > 2500")
    yield "much_deleted"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE much_deleted")


def state_of(table):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
    return next(row for row in maintenance.table_states() if row["table"] == table)


def row_of(told, table):
    return next(row for row in told["tables"] if row["table"] == table)


def freed(table):
    """What a run told, once nobody's look (autovacuum's ANALYZE has one) needs the dead rows any more."""
    told = tasks.database_maintenance()
    return told if row_of(told, table)["dead_after"] == 0 else None


@pytest.mark.django_db(transaction=True)
def test_dead_rows_are_freed_and_the_sizes_are_told(much_deleted, wait_until):
    wait_until(lambda: state_of(much_deleted)["dead"] == 2500)

    told = wait_until(lambda: freed(much_deleted))

    row = row_of(told, much_deleted)
    assert (row["dead_before"], row["dead_after"], row["trouble"]) == (2500, 0, "")
    assert row["bytes_before"] > 0
    assert told["bytes_after"] > 1_000_000
    assert state_of(much_deleted)["live"] == 2500
    with connection.cursor() as cursor:  # the bounds of the block are taken off again
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("2min",)


@pytest.mark.django_db(transaction=True)
def test_a_table_that_somebody_holds_is_left_out_and_nobody_waits(much_deleted, wait_until):
    wait_until(lambda: state_of(much_deleted)["dead"] == 2500)
    began = timezone.now()
    with closing(connection.copy()) as holder, holder.cursor() as other:
        other.execute("BEGIN; LOCK TABLE much_deleted IN ACCESS EXCLUSIVE MODE")
        told = tasks.database_maintenance()

    row = row_of(told, much_deleted)
    assert "lock timeout" in row["trouble"]
    assert timezone.now() - began < timedelta(seconds=8)
    assert state_of(much_deleted)["dead"] == 2500


def test_logins_that_are_over_go_and_the_others_stay(db):
    now = timezone.now()
    user = UserFactory()
    for name, hours in (("over", -1), ("lasts", 1)):
        Session.objects.create(session_key=name, session_data="", expire_date=now + timedelta(hours=hours))
    for name, minutes in (("long ago", 31), ("just now", 1)):
        attempt = AccessAttempt.objects.create(username=name, failures_since_start=1)
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=now - timedelta(minutes=minutes))
    for days in (399, 401):
        LogEntry.objects.create(user=user, action_flag=1, action_time=now - timedelta(days=days))

    assert maintenance.drop_old_logins(now=now) == {"sessions": 1, "failed logins": 1, "admin log": 1}

    assert Session.objects.get().session_key == "lasts"
    assert AccessAttempt.objects.get().username == "just now"
    assert LogEntry.objects.count() == 1
