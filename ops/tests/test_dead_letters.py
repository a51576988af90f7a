"""Dead letters: what is kept of a failure, without secrets, and who may send it once more."""

from datetime import timedelta
from time import perf_counter

import pytest
from celery import current_app
from django.db import OperationalError
from django.utils import timezone
from kombu.exceptions import OperationalError as NoBroker

from market.redaction import is_secret, redacted, redacted_text
from market.tests.factories import NOON, UserFactory
from ops import dead_letters
from ops.dead_letters import Failure, NotSettled, Seen, deaths, keeping, policy
from ops.dead_letters.naming import named_arguments
from ops.models import DeadLetter

State = DeadLetter.State
TASK = "bots.tasks.protect_bot"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    """No failure of another test keeps us from writing."""
    monkeypatch.setattr(keeping, "_next_at", 0.0)


def failure(task=TASK, args=(7,), **changes):
    told = {"task_id": "1", "queue": "high_priority", "worker": "w@here", "error": "ValueError: no", "kwargs": {}}
    return Failure(task=task, args=list(args), **told | changes)


def kept(*args, now=NOON, **kwargs):
    """The letter of a failure."""
    assert dead_letters.keep(failure(*args, **kwargs), now=now)
    return DeadLetter.objects.get()


def test_what_fails_again_is_counted_and_waits_again(db):
    first = kept()
    user = UserFactory()
    dead_letters.discard(Seen.of(first), by=user, now=NOON)

    again = kept(task_id="2", error="ValueError: again", now=NOON + timedelta(hours=1))

    assert (again.pk, again.failures, again.state, again.task_id) == (first.pk, 2, State.WAITING, "2")
    assert (again.first_failed_at, again.failed_at) == (NOON, NOON + timedelta(hours=1))
    assert (again.error, again.settled_by) == ("ValueError: again", user)


def test_two_orders_by_hand_are_two_and_an_evaluation_is_one(db):
    for task_id in ("1", "2"):
        dead_letters.keep(failure("trades.tasks.execute_trade_async", args=[int(task_id)], task_id=task_id), now=NOON)
        dead_letters.keep(failure("bots.tasks.evaluate_series", args=[task_id, []], task_id=task_id), now=NOON)

    counts = DeadLetter.objects.order_by("task", "pk").values_list("task", "failures")
    assert list(counts) == [
        ("bots.tasks.evaluate_series", 2),
        ("trades.tasks.execute_trade_async", 1),
        ("trades.tasks.execute_trade_async", 1),
    ]


def test_a_kill_alone_leaves_what_waits_waiting(db):
    kept()

    assert kept(is_delivered_again=True).state == State.WAITING


def test_what_the_database_refuses_is_made_fit_for_it(db):
    letter = kept(args=["\0a\ud800", float("nan")], error="\0")

    assert letter.args == ["a?", "nan"]
    assert not letter.is_whole
    assert letter.error == ""


def test_what_is_long_is_cut_and_no_secret_with_its_name_off(db):
    cut = "password=" + "x" * keeping.MOST_TRACEBACK
    letter = kept(traceback=f"{cut}\nthe end", error="no " * keeping.MOST_ERROR)

    assert letter.traceback == "the end"
    assert len(letter.error) == keeping.MOST_ERROR


@pytest.mark.parametrize("text", ["x", "a.", "secret", "secret=", "secret='", "a:a://", "://:", " \n", "-"])
def test_redaction_takes_no_time(text):
    begun = perf_counter()

    redacted_text(text * (keeping.MOST_TRACEBACK // len(text)))

    assert perf_counter() - begun < 1  # quadratic ones take many minutes


def test_arguments_that_are_too_long_are_not_kept(db):
    letter = kept(args=["x" * keeping.MOST_ARGUMENTS])

    assert letter.args == ["50,010 characters, too many to be kept"]
    assert "not kept as they were" in dead_letters.why_not_requeue(letter)


def test_no_task_calls_an_argument_like_a_secret_which_would_not_be_kept():
    current_app.loader.import_default_modules()
    names = {(task, name) for task in policy.HARMLESS for name in named_arguments(task, [None] * 20)}

    assert ("ops.tasks.send_alert_notification", "text") in names
    assert [(task, name) for task, name in names if is_secret(name)] == []


@pytest.mark.parametrize(("error", "tries"), [(OperationalError, 1), (ValueError, 3)])
def test_a_database_that_hangs_holds_up_one_failure_and_not_each(db, monkeypatch, caplog, error, tries):
    calls = []

    def no(*_, **__):
        calls.append(1)
        raise error("no")

    monkeypatch.setattr(keeping, "_keep", no)

    assert [dead_letters.keep(failure(), now=NOON) for _ in range(3)] == [False] * 3

    assert len(calls) == tries
    assert caplog.text.count("not kept") == 3


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("password=hunter2 is wrong", "password=*** is wrong"),
        ("{'api_key': 'a b c', 'x': 1}", "{'api_key': ***, 'x': 1}"),
        ('{"apiSecret": "abc", "y": "z"}', '{"apiSecret": ***, "y": "z"}'),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("GET /order?symbol=X&signature=abc&timestamp=1", "GET /order?symbol=X&signature=***&timestamp=1"),
        (
            "redis://:pa55@host:6379/0 and postgresql://u:pw@h/db",
            "redis://:***@host:6379/0 and postgresql://u:***@h/db",
        ),
        ("Bot 5: no candle at 12:00", "Bot 5: no candle at 12:00"),
    ],
)
def test_secrets_in_texts_are_redacted(text, left):
    assert redacted_text(text) == left


def test_secrets_are_redacted_by_their_name_however_deep_they_lie():
    told = {"a": [{"webhook_token": ["x"], "ok": 1.5}], "key": "k", "note": "secret: s", "password": ""}

    assert redacted(told) == {
        "a": [{"webhook_token": "***", "ok": 1.5}],
        "key": "***",
        "note": "secret: ***",
        "password": "",
    }


# --- requeue, discard -----------------------------------------------------------------------------------------------


def test_every_task_says_whether_it_may_run_twice():
    current_app.loader.import_default_modules()
    ours = {name for name in current_app.tasks if name.split(".")[0] in ("bots", "trades", "market", "ops")}

    assert ours == (set(policy.HARMLESS) | set(policy.NEVER)) - {"celery.backend_cleanup"}
    assert not set(policy.HARMLESS) & set(policy.NEVER)


def test_a_requeue_sends_the_same_to_the_same_queue(db, broker):
    letter, user = kept(), UserFactory()

    dead_letters.requeue(Seen.of(letter), by=user, now=NOON)

    letter.refresh_from_db()
    assert (letter.state, letter.settled_by, letter.settled_at) == (State.REQUEUED, user, NOON)
    with current_app.connection_for_read() as connection:
        message = connection.SimpleQueue("high_priority").get(timeout=5)
        message.ack()
    assert (message.headers["task"], message.payload[:2]) == (TASK, [[7], {}])
    assert broker("high_priority") == 0


@pytest.mark.parametrize("decide", [dead_letters.requeue, dead_letters.discard])
def test_what_is_settled_or_has_failed_again_is_left_alone(db, broker, decide):
    seen, user = Seen.of(kept()), UserFactory()
    kept(task_id="2")
    with pytest.raises(NotSettled):
        decide(seen, by=user, now=NOON)

    seen = Seen.of(kept())
    dead_letters.discard(seen, by=user, now=NOON)
    with pytest.raises(NotSettled):
        decide(seen, by=user, now=NOON)

    assert broker("high_priority") == 0


@pytest.mark.parametrize(
    ("task", "changes", "why"),
    [
        ("bots.tasks.run_all_active_bots", {}, "its minute is over"),
        ("bots.tasks.evaluate_series", {}, "its minute is over"),
        ("of.nobody", {}, "nobody has said"),
        (TASK, {"is_readable": False}, "not kept as they were"),
        (TASK, {"kwargs": {"token": "x"}}, "not kept as they were"),
        (TASK, {"queue": "elsewhere"}, "there is no queue 'elsewhere'"),
        ("", {}, "could not be read"),
    ],
)
def test_what_may_do_harm_is_not_sent_again(db, broker, task, changes, why):
    letter = kept(task, **changes)

    with pytest.raises(NotSettled, match=why):
        dead_letters.requeue(Seen.of(letter), by=UserFactory(), now=NOON)

    assert broker("high_priority") == 0
    assert DeadLetter.objects.get().state == State.WAITING


def test_what_was_not_sent_waits_again(db, monkeypatch):
    letter = kept()

    def nobody(*_, **__):
        raise NoBroker("no broker")

    monkeypatch.setattr(current_app.tasks[TASK], "apply_async", nobody)
    with pytest.raises(NoBroker):
        dead_letters.requeue(Seen.of(letter), by=UserFactory(), now=NOON)

    letter.refresh_from_db()
    assert (letter.state, letter.settled_by, letter.settled_at) == (State.WAITING, None, None)


def test_arguments_that_the_task_does_not_take_are_not_sent(db, broker):
    letter = kept(args=[1, 2, 3])

    with pytest.raises(NotSettled, match="does not take these arguments"):
        dead_letters.requeue(Seen.of(letter), by=UserFactory(), now=NOON)

    assert DeadLetter.objects.get().state == State.WAITING


def test_old_letters_are_dropped(db, settings):
    settings.DEAD_LETTERS_KEPT_DAYS = 10
    now = timezone.now()
    dead_letters.keep(failure(args=[1]), now=now - timedelta(days=11))
    dead_letters.keep(failure(args=[2]), now=now - timedelta(days=9))

    current_app.tasks["ops.tasks.keep_dead_letters"]()

    assert DeadLetter.objects.get().args == [2]


def test_deaths_are_counted_by_message():
    counted = [deaths.count_death(f"one-{NOON}") for _ in range(deaths.MOST_DEATHS)]

    assert counted == [False, False, True]
    assert not deaths.count_death(f"two-{timezone.now()}")
