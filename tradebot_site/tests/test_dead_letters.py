"""Dead letters in the admin: found, read, and settled after a page that says what will happen."""

from datetime import timedelta

import pytest
from celery import current_app
from django.contrib.admin.models import LogEntry
from django.utils import timezone
from kombu.exceptions import OperationalError

from ops import dead_letters
from ops.dead_letters import Failure, keeping
from ops.models import DeadLetter
from tradebot_site.tests.people import client_of, person

LIST = "/admin/ops/deadletter/"
TASK = "bots.tasks.protect_bot"
State = DeadLetter.State


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(keeping, "_next_at", 0.0)


def kept(*args, task=TASK, ago=timedelta(0), **changes):
    told = {"task_id": f"id-{args}", "queue": "high_priority", "worker": "w@here", "error": "ValueError: <b>no</b>"}
    failure = Failure(task=task, args=list(args), **told | {"traceback": 'File "x.py"\n  boom'} | changes)
    assert dead_letters.keep(failure, now=timezone.now() - ago)
    return DeadLetter.objects.get(task_id=f"id-{args}")


def text(page):
    return " ".join(page.content.decode().split())


def pressed(client, page):
    """Press the button of a page that asks."""
    shown = {"frozen": page.context["frozen"], "next": page.context["back"]}
    return client.post(page.context["address"], shown, follow=True)


def test_the_list_is_filtered_by_task_state_and_day_and_searched(admin, db):
    today, old = kept(1), kept(2, ago=timedelta(days=3), task="bots.tasks.run_bot", error="KeyError: lost")
    DeadLetter.objects.filter(pk=old.pk).update(state=State.DISCARDED)
    day = timezone.now().date().isoformat()

    def found(query):
        return [letter.pk for letter in admin.get(f"{LIST}?{query}").context["cl"].result_list]

    assert found("") == [today.pk, old.pk]
    assert found("state__exact=waiting") == [today.pk]
    assert found("state__exact=discarded") == [old.pk]
    assert found("task=bots.tasks.run_bot") == [old.pk]
    assert found(f"failed_at_from={day}") == [today.pk]
    assert found("q=KeyError") == [old.pk]
    assert found(f"q={today.task_id}") == [today.pk]


def test_the_list_needs_a_bounded_number_of_queries(admin, db, django_assert_max_num_queries):
    for number in range(60):
        kept(number)

    with django_assert_max_num_queries(6):
        assert len(admin.get(LIST).context["cl"].result_list) == 50


def test_its_page_tells_all_of_it_and_escapes_it(admin, db):
    letter = kept(7, kwargs={"note": "<script>"})

    page = admin.get(f"{LIST}{letter.pk}/change/")

    for words in ("boom", "&lt;b&gt;no&lt;/b&gt;", "&lt;script&gt;", "high_priority", "w@here", letter.task_id, "yes"):
        assert words in text(page), words


def test_a_requeue_is_asked_for_counted_and_sent(admin, admin_user, act, broker, db):
    one, two = kept(1), kept(2)
    never = kept(3, task="bots.tasks.run_all_active_bots")

    asked = act(admin, LIST, "requeue", one, two, never)

    assert "Requeue 2 letters" in text(asked)
    assert "its minute is over" in text(asked)
    assert broker("high_priority") == 0
    page = pressed(admin, asked)
    assert "Sent once more: 2." in text(page)
    assert broker("high_priority") == 2
    assert dict(DeadLetter.objects.values_list("task_id", "state")) == {
        one.task_id: State.REQUEUED,
        two.task_id: State.REQUEUED,
        never.task_id: State.WAITING,
    }
    assert set(DeadLetter.objects.filter(state=State.REQUEUED).values_list("settled_by", flat=True)) == {admin_user.pk}
    assert LogEntry.objects.filter(change_message="Requeue", user=admin_user).count() == 2


def test_what_is_pressed_twice_is_sent_once(admin, act, broker, db):
    asked = act(admin, LIST, "requeue", kept(1))

    pressed(admin, asked)
    again = pressed(admin, asked)

    assert "Left as they are" in text(again)
    assert "Sent once more: 0." in text(again)
    assert broker("high_priority") == 1


def test_one_is_discarded_from_its_page(admin, broker, db):
    letter = kept(1)

    page = pressed(admin, admin.get(f"{LIST}{letter.pk}/discard/"))

    assert "Discarded: 1." in text(page)
    letter.refresh_from_db()
    assert letter.state == State.DISCARDED
    assert page.request["PATH_INFO"] == f"{LIST}{letter.pk}/change/"
    assert f"{LIST}{letter.pk}/discard/" not in text(page)
    assert broker("high_priority") == 0


def test_where_nothing_may_be_sent_there_is_nothing_to_confirm(admin, db):
    letter = kept(1, task="of.nobody")

    page = admin.get(f"{LIST}{letter.pk}/requeue/")

    assert "nobody has said that it is harmless" in text(page)
    assert not page.context["button"]


def test_without_a_broker_it_waits_again(admin, act, db, monkeypatch):
    asked = act(admin, LIST, "requeue", kept(1), kept(2))

    def nobody(*_, **__):
        raise OperationalError("no broker")

    monkeypatch.setattr(current_app.tasks[TASK], "apply_async", nobody)
    page = pressed(admin, asked)

    assert "The broker does not answer" in text(page)
    assert set(DeadLetter.objects.values_list("state", flat=True)) == {State.WAITING}


def test_nobody_confirms_what_another_was_shown_or_what_was_never_shown(admin, act, broker, db):
    asked = act(admin, LIST, "requeue", kept(1))
    other = client_of(person("operator"))

    assert "shown to somebody else" in text(pressed(other, asked))
    assert "not what was shown" in text(other.post(f"{LIST}settle/requeue/", {"frozen": "x"}, follow=True))
    assert other.post(f"{LIST}settle/burn/", {"frozen": "x"}).status_code == 404
    assert other.get(f"{LIST}settle/requeue/").status_code == 405
    assert broker("high_priority") == 0


@pytest.mark.parametrize("role", ["stranger", "viewer", "trader"])
def test_only_who_looks_after_the_platform_settles(admin, act, broker, db, role):
    letter = kept(1)
    client = client_of(person(role))

    answer = client.post(f"{LIST}settle/requeue/", {"frozen": "x"})
    assert answer.status_code == (302 if role == "stranger" else 403)
    act(client, LIST, "requeue", letter)

    letter.refresh_from_db()
    assert letter.state == State.WAITING
    assert broker("high_priority") == 0
