"""A real worker, a real broker, and a real mail server that has its moods."""

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone

from market.tests.factories import UserFactory
from ops import notifications, tasks
from ops.dead_letters import Seen, requeue
from ops.models import DeadLetter, Delivery, Notification, Topic
from ops.notifications.delivering import LEASE
from ops.notifications.storms import AT_ONCE
from ops.stack.services import CELERY
from tests.test_browser_admin import database_url
from trades.models import Event
from trades.services.events import new_event
from trades.tests.factories import PositionFactory

pytestmark = pytest.mark.django_db(transaction=True)
WORKER = [*CELERY, "worker", "-Q", "notifications", "-c", "2", "-l", "INFO", "-n", "teller@here"]
WORKER += ["--without-mingle", "--without-gossip"]
Status = Delivery.Status
MANY = int(os.environ.get("NOTIFICATIONS", "200"))  # 10000 takes some minutes


@pytest.fixture
def worker(spawn, broker, settings):
    """`worker()` starts one that knows the mail server."""

    def start():
        known = {"DATABASE_URL": database_url(), "EMAIL_URL": settings.EMAIL_URL, "EMAIL_TIMEOUT": "1"}
        child = spawn(WORKER, env=dict(os.environ) | known, name="worker")
        child.wait_for(" ready.")
        return child

    yield start
    connections.close_all()


@pytest.fixture
def until_all_is(wait_until):
    """`until_all_is("sent")` does what beat would do, until all deliveries are."""

    def wait(*statuses, timeout=60):
        def done():
            tasks.distribute_notifications()
            return not Delivery.objects.exclude(status__in=statuses).exists()

        wait_until(done, timeout, Delivery.objects.values_list("status", "attempts", "last_error"))

    return wait


def test_what_happens_is_told_by_mail_once_each(worker, mail, until_all_is):
    worker()
    for number in range(20):
        position = PositionFactory(account__owner=UserFactory(email=f"user{number}@example.com"))
        news = [new_event(Event.Kind.BOT_ERROR, position, f"{n}", now=timezone.now()) for n in range(4)]
        Event.objects.bulk_create(news)

    tasks.distribute_notifications()
    until_all_is(Status.SENT)

    assert Counter(Counter(mail.ids).values()) == {1: 80}
    assert Counter(Counter(it["To"] for it in mail.taken).values()) == {4: 20}


def test_a_server_that_hangs_for_a_while_loses_nothing_and_gets_nothing_twice(worker, mail, until_all_is, wait_until):
    mail.mood = "hang"
    worker()
    users = User.objects.bulk_create(UserFactory.build_batch(MANY // AT_ONCE, email="a@example.com"))
    for number in range(AT_ONCE):
        news = [new_event(Event.Kind.BOT_ERROR, None, f"{number}", user=user, now=timezone.now()) for user in users]
        Event.objects.bulk_create(news)

    tasks.distribute_notifications()
    wait_until(lambda: tasks.distribute_notifications() and mail.hung >= 4, 30)
    mail.mood = "take"
    until_all_is(Status.SENT, timeout=60 + MANY / 10)

    assert len(mail.taken) == len(set(mail.ids)) == Notification.objects.count() == MANY
    assert mail.hung < 20


def test_a_worker_that_is_killed_while_it_sends_is_replaced(worker, mail, until_all_is, wait_until, anna):
    mail.mood = "silent"
    child = worker()
    notifications.notify([anna.pk], Topic.BOT_ERROR, "x", key="1", now=timezone.now())
    tasks.distribute_notifications()
    wait_until(lambda: mail.taken, 20)

    for task in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split():
        os.kill(int(task), signal.SIGKILL)
    mail.mood = "take"
    delivery = Delivery.objects.get()
    assert delivery.status == Status.SENDING
    assert delivery.next_try_at > timezone.now()
    Delivery.objects.update(next_try_at=delivery.next_try_at - LEASE, queued_at=delivery.queued_at - LEASE)
    until_all_is(Status.SENT)

    assert len(mail.ids) == 2
    assert len(set(mail.ids)) == 1
    assert Delivery.objects.get().attempts == 2


def test_what_failed_for_good_is_a_dead_letter_that_an_operator_sends_again(
    worker, mail, until_all_is, wait_until, anna, operator
):
    mail.mood = "no such mailbox"
    worker()
    notifications.notify([anna.pk], Topic.BOT_ERROR, "x", key="1", now=timezone.now())
    until_all_is(Status.FAILED)
    letter = wait_until(DeadLetter.objects.first, 10)
    assert letter.task == "ops.tasks.send_email_notification"
    assert letter.args == [Delivery.objects.get().pk]

    mail.mood = "take"
    requeue(Seen.of(letter), by=operator, now=timezone.now())
    until_all_is(Status.SENT)

    assert len(mail.taken) == 1
    assert Notification.objects.filter(user=operator).count() == 1
