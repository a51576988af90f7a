"""One alert for each condition, told once, with the news when it is over."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from ops import alerts
from ops.alerts import updating
from ops.models import Alert, Notification, Severity
from ops.tests.alerts.conftest import WARNING, WELL, finding

OK = finding("mail", WELL)


def test_a_hiccup_is_no_alert(days):
    days.look("mail")
    days.look(OK)
    days.look(OK)
    days.look(OK)
    days.look("mail")

    assert not Alert.objects.opened().exists()
    assert days.told == []


def test_what_lasts_is_told_once_and_so_is_its_end(days, only):
    assert days.last("mail", seconds=300) == 1

    alert = only()
    assert (alert.is_open, alert.severity, alert.check_name) == (True, Severity.CRITICAL, "mail")
    assert alert.opened_at - alert.bad_since == timedelta(seconds=10)
    assert days.last(OK, seconds=60) == 1

    note = Notification.objects.last()
    assert days.told == ["Alert: mail", "Well again: mail"]
    assert "well again, after 5 min" in note.text
    assert (note.severity, note.data["is_over"]) == (Severity.CRITICAL, True)
    assert not only().is_open


def test_a_moment_of_well_being_ends_nothing(days, only):
    days.last("mail", seconds=30)
    days.look(OK)
    days.look("mail")
    days.last(OK, seconds=10)

    assert only().is_open
    assert days.told == ["Alert: mail"]


def test_a_warning_that_becomes_critical_is_told_once_more(days, only):
    days.last(finding("disk", WARNING), seconds=30)
    assert Notification.objects.get().severity == Severity.MEDIUM

    days.last("disk", seconds=30)
    days.last(finding("disk", WARNING), seconds=30)
    days.last("disk", seconds=30)

    assert days.told == ["Alert: disk", "Alert: disk"]
    assert Notification.objects.last().severity == Severity.CRITICAL
    assert only().worsened_at


def test_what_comes_and_goes_is_told_once_in_a_quarter_of_an_hour(days, only):
    for _ in range(20):  # 40 s each
        days.last("mail", seconds=20)
        days.last(OK, seconds=20)

    assert days.told == ["Alert: mail", "Well again: mail"]
    assert only().times == 20

    for _ in range(10):
        days.last("mail", seconds=20)
        days.last(OK, seconds=20)

    assert days.told == ["Alert: mail", "Well again: mail"] * 2
    assert "times, each time soon after it went" in Notification.objects.order_by("pk")[2].text


def test_what_comes_back_and_stays_is_told_again(days, only):
    days.last("mail", seconds=20)
    days.last(OK, seconds=20)
    days.last("mail", seconds=120)

    assert days.told == ["Alert: mail", "Well again: mail", "Alert: mail"]
    assert only().times == 2


def test_what_comes_back_much_later_is_an_alert_of_its_own(days):
    days.last("mail", seconds=20)
    days.last(OK, seconds=20)
    days.look(OK, after=1000)
    days.last("mail", seconds=20)

    assert Alert.objects.count() == 2
    assert len(days.told) == 3


def test_of_a_dead_database_ten_checks_are_one_alert(days, only):
    rest = ("migrations", "beat", "tick", "bots", "orders", "naked", "dead-letters", "notifications", "errors", "watch")
    days.last("database", *rest, seconds=60)

    assert only().check_name == "database"

    days.look(finding("database", WELL), *rest)
    days.last(finding("database", WELL), *rest, seconds=30)
    well = [finding(check, WELL) for check in rest]
    days.last(finding("database", WELL), *well, seconds=120)

    assert days.told == ["Alert: database", "Well again: database"]


def test_what_stays_bad_long_after_its_cause_has_gone_is_told(days):
    days.last("broker", "beat", seconds=30)
    days.last(finding("broker", WELL), "beat", seconds=120)

    assert days.told == ["Alert: broker", "Well again: broker", "Alert: beat"]


def test_a_worker_explains_its_own_queues_only(days):
    silent = finding("worker", subject="a@x", text="worker a@x is silent; nobody else takes from trading")
    days.last(silent, finding("queue", subject="trading"), finding("queue", subject="payments"), "tick", seconds=30)

    opened = set(Alert.objects.opened().values_list("check_name", "subject"))
    assert opened == {("worker", "a@x"), ("queue", "payments")}


def test_of_what_is_partly_withheld_nothing_is_taken_for_well(days):
    silent = finding("worker", subject="a@x", text="worker a@x is silent; nobody else takes from trading")
    trading, payments = (finding("queue", subject=name) for name in ("trading", "payments"))
    days.last(trading, payments, seconds=20)
    days.last(silent, trading, payments, seconds=30)
    days.last(finding("worker", WELL), trading, payments, seconds=60)

    assert not any("Well again: queue" in title for title in days.told)
    assert Alert.objects.open().filter(check_name="queue").count() == 2


def test_what_begins_together_is_one_message_and_so_is_its_end(days):
    spot, futures = (finding("exchange", subject=f"paper {market}") for market in ("spot", "futures"))
    days.look(spot)
    days.last(spot, futures, seconds=30)

    assert days.told == ["Alert: exchange paper spot, exchange paper futures"]

    well = finding("exchange", WELL)
    days.look(futures)
    days.last(well, seconds=20)

    assert days.told[1:] == ["Well again: exchange paper spot, exchange paper futures"]


def test_a_check_that_could_not_be_done_says_nothing_of_what_was_bad(days):
    days.last(finding("worker", subject="a@x"), seconds=20)
    days.last("worker", seconds=60)
    days.last(seconds=60)

    assert "Well again" not in "".join(days.told)
    assert Alert.objects.open().count() == 2


def test_who_has_it_in_hand_is_left_alone_until_it_is_over(days, only, operator):
    days.last(finding("disk", WARNING), seconds=20)
    alerts.acknowledge(only().pk, by=operator, note="buying another one", now=days.now)
    days.last("disk", seconds=60)
    assert days.told == ["Alert: disk"]

    days.last(finding("disk", WELL), seconds=20)

    assert days.told == ["Alert: disk", "Well again: disk"]
    with pytest.raises(alerts.NotOpen):
        alerts.acknowledge(only().pk, by=operator, note="", now=days.now)
    words = " ".join(what for _, what in only().history)
    assert "acknowledged by operator: buying another one" in words


def test_who_gives_it_back_hears_that_it_has_got_worse(days, only, operator):
    days.last(finding("disk", WARNING), seconds=20)
    alerts.acknowledge(only().pk, by=operator, note="", now=days.now)
    days.last("disk", seconds=20)
    alerts.take_back(only().pk, by=operator, now=days.now)

    days.look("disk")

    assert days.told == ["Alert: disk", "Alert: disk"]


def test_old_ones_are_dropped_when_they_are_over(days, settings):
    days.last("mail", "disk", seconds=20)
    days.last(finding("mail", WELL), "disk", seconds=20)
    later = days.now + timedelta(days=settings.NOTIFICATIONS_KEPT_DAYS + 1)

    assert alerts.drop_old_alerts(now=later) == 1
    assert [alert.check_name for alert in alerts.open_alerts()] == ["disk"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_guarded", [True, False])
def test_of_several_who_look_at_one_time_one_tells(operator, is_guarded, monkeypatch):
    """Without the lock the race is lost to the constraint: all but one fail, and what they had to tell with them."""
    now, together, failures = timezone.now(), threading.Barrier(4), []
    if not is_guarded:
        monkeypatch.setattr(updating, "_is_ours", lambda: True)
        monkeypatch.setattr(updating, "known_alerts", all_read(updating.known_alerts, together))

    def look():
        try:
            for seconds in (0, 10):
                together.wait()
                alerts.update([finding("mail")], now=now + timedelta(seconds=seconds))
        except IntegrityError as error:
            failures.append(error)
            together.abort()
        except threading.BrokenBarrierError:
            pass
        connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bool(failures) is not is_guarded
    if is_guarded:
        alert = Alert.objects.get()
        assert (alert.tellings, [what for _, what in alert.history]) == (1, [f"opened: {alert.text}", "told"])
        assert Notification.objects.count() == 1


def all_read(known, together):
    """All have read before the first one writes."""

    def read(**how):
        found = known(**how)
        together.wait()
        return found

    return read
