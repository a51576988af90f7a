"""Each look, well and unwell: the level, the figure, and a mend exactly when something is wrong."""

import time
from datetime import timedelta

import pytest
from django.conf import settings as plain_settings
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_results.models import TaskResult
from django_redis import get_redis_connection

from bots.models import BotState, Tick
from bots.tests.factories import BotFactory
from market.prices import fed_prices_key, packed_prices
from market.tests.factories import ExchangeAccountFactory
from ops import liveness
from ops.health import Finding, Level, causes
from ops.health.checks import CHECKS, database, machine, outside
from ops.models import DeadLetter, HealthReport
from ops.queues import Waiting
from ops.tasks import system_health_check
from ops.tests.notifications.mail_server import hanging_server, mail_server
from trades.models import Position
from trades.tests.factories import OrderFactory

pytestmark = pytest.mark.django_db
OK, WARNING, CRITICAL = Level.OK, Level.WARNING, Level.CRITICAL


@pytest.fixture(autouse=True)
def forgotten():
    """What others told, and what this process remembers."""

    def forget():
        redis = get_redis_connection("default")
        redis.delete(liveness.KEY, liveness.PROCESSES, *redis.scan_iter("health:*"), *redis.scan_iter("*prices:*"))
        outside._mail.clear()
        causes.forget()
        liveness._next_at = 0.0

    forget()
    yield
    forget()


@pytest.fixture
def now():
    return timezone.now()


def levels(check, now):
    """What a check says, by subject."""
    found = CHECKS[check](now)
    assert found
    for finding in found:
        assert finding.check == check
        assert bool(finding.mend) is not finding.is_well
    return {finding.subject: finding.level for finding in found}


def seen(name, queues, at):
    liveness._next_at = 0.0
    liveness.tell_of_worker(name, queues, now=at)


def test_tables_that_lack_a_migration_are_told(now, monkeypatch):
    assert levels("database", now) == levels("migrations", now) == {"": OK}

    known = database._known()
    monkeypatch.setattr(database, "_known", lambda: known | {("ops", "9999_of_tomorrow")})

    (missing,) = CHECKS["migrations"](now)
    assert (missing.level, "ops.9999_of_tomorrow" in missing.text) == (CRITICAL, True)


def test_a_beat_that_sends_nothing(now):
    assert levels("beat", now) == {"": CRITICAL}

    second = IntervalSchedule.objects.create(every=1, period="seconds")
    PeriodicTask.objects.create(name="pulse", task="x", interval=second, last_run_at=now - timedelta(seconds=29))

    assert levels("beat", now) == {"": OK}
    assert levels("beat", now + timedelta(seconds=2)) == {"": CRITICAL}


def test_a_worker_that_died_is_told_once_with_the_queues_it_leaves(now):
    queues = list(plain_settings.CELERY_TASK_QUEUES)
    assert levels("worker", now) == {"": CRITICAL}

    seen("one@here", queues, now)
    seen("two@here", ["trading"], now - timedelta(minutes=1))
    assert levels("worker", now) == {"two@here": WARNING}

    seen("one@here", [name for name in queues if name not in ("trading", "payments")], now)
    assert levels("worker", now) == {"two@here": CRITICAL, "payments": CRITICAL}

    seen("two@here", ["trading", "payments"], now)
    assert levels("worker", now) == {"": OK}


def test_a_watcher_that_fell_silent(now):
    assert levels("watch", now) == {"": CRITICAL}
    liveness.tell_of_process("watch", now)
    assert levels("watch", now + timedelta(seconds=59)) == {"": OK}
    assert levels("watch", now + timedelta(seconds=61)) == {"": CRITICAL}


def test_a_watcher_may_begin_with_all_others(now, monkeypatch):
    monkeypatch.setattr(liveness, "_since", None)
    liveness.tell_of_process("watch", now - timedelta(hours=8))
    seen("one@here", ["trading"], now)
    assert levels("watch", now + timedelta(seconds=10)) == {"": OK}

    seen("one@here", ["trading"], now + timedelta(seconds=55))
    assert levels("watch", now + timedelta(seconds=61)) == {"": CRITICAL}


def test_queues_by_the_age_of_their_oldest(now, broker, monkeypatch):
    assert levels("queue", now) == levels("broker", now) == {"": OK}

    waits = {"trading": 61, "high_priority": 301, "analytics": 301, "default": 59}
    told = {name: Waiting(1, seconds) for name, seconds in waits.items()}
    monkeypatch.setattr("ops.health.checks.stores.waiting_messages", lambda: told)

    assert levels("queue", now) == {"trading": WARNING, "high_priority": CRITICAL}


def test_redis_that_is_away(now, settings, monkeypatch):
    assert levels("cache", now) == {"": OK}

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr("ops.health.checks.stores.waiting_messages", lambda: None)

    assert levels("cache", now) == levels("broker", now) == {"": CRITICAL}


def test_an_exchange_that_is_away_or_wants_silence_is_asked_by_one_for_all(now, paper, settings, monkeypatch):
    ExchangeAccountFactory()
    ExchangeAccountFactory(market="futures")
    assert levels("exchange", now) == {"paper": OK}

    settings.PAPER_URL = "http://127.0.0.1:1"
    assert levels("exchange", now) == {"paper": OK}  # of ten seconds ago at most
    get_redis_connection("default").delete("health:paper:spot")
    assert levels("exchange", now) == {"paper": CRITICAL}

    from market.budget import budget_of

    budget_of("paper", "futures").learn(429, {"retry-after": "30"})
    assert levels("exchange", now) == {"paper": CRITICAL, "paper futures silence": CRITICAL}


def test_market_data_where_a_bot_runs(now):
    assert levels("feed", now) == {"": OK}
    BotFactory()
    assert levels("feed", now) == {"paper spot": CRITICAL}

    fresh = packed_prices({"BTCUSDT": 1}, at=now)
    get_redis_connection("default").set(fed_prices_key("paper", "spot"), fresh, px=5000)

    assert levels("feed", now + timedelta(seconds=30)) == {"paper spot": OK}
    assert levels("feed", now + timedelta(seconds=70)) == {"paper spot": CRITICAL}


def test_a_mail_server_that_answers_hangs_or_is_not_there(now, settings):
    assert levels("mail", now) == {"": OK}
    settings.EMAIL_URL, settings.EMAIL_HOST = "smtp://somewhere", "127.0.0.1"
    with mail_server() as (_server, port):
        settings.EMAIL_PORT = port
        assert levels("mail", now) == {"": OK}
    assert levels("mail", now) == {"": OK}  # of twenty seconds ago at most

    with hanging_server() as port:
        settings.EMAIL_PORT = port
        outside._mail.clear()
        began = time.monotonic()
        assert levels("mail", now) == {"": CRITICAL}
        assert time.monotonic() - began < 3


def test_bots_in_error_by_environment_from_three_on(now):
    assert levels("bots", now) == {"": OK}
    bots = [BotFactory(state__status="running") for _ in range(20)]
    in_error = {"status": "error", "reason": "price fetch"}

    BotState.objects.filter(bot__in=bots[:2]).update(**in_error)
    assert levels("bots", now) == {"paper": OK}  # 10 %, but only two
    BotState.objects.filter(bot__in=bots[:3]).update(**in_error)
    assert levels("bots", now) == {"paper": WARNING}
    BotState.objects.filter(bot__in=bots[:5]).update(**in_error)
    assert levels("bots", now) == {"paper": CRITICAL}
    BotState.objects.filter(bot__in=bots[5:]).update(status="stopped")
    (found,) = CHECKS["bots"](now)
    assert (found.value, "5 of 5" in found.text) == (100, True)


def test_orders_of_the_last_hour_that_failed(now):
    assert levels("orders", now) == {"": OK}
    for number in range(10):
        status = "rejected" if number < 3 else "canceled"
        sent_at = now - timedelta(minutes=59)
        OrderFactory(status=status, created_at=sent_at, proof_deadline=sent_at)

    assert levels("orders", now) == {"paper": CRITICAL}
    assert levels("orders", now + timedelta(minutes=2)) == {"": OK}


def test_ticks_that_are_late_or_missed(now):
    assert levels("tick", now) == {"": OK}
    BotFactory()
    assert levels("tick", now) == {"": CRITICAL}

    slot = Tick.slot_of(now)
    for minute in range(12):
        at = slot - timedelta(minutes=minute)
        Tick.objects.create(slot=at, started_at=at, finished_at=at)
    assert levels("tick", slot + timedelta(seconds=30)) == {"": OK}
    assert levels("tick", slot + timedelta(seconds=151)) == {"": CRITICAL}

    Tick.objects.filter(slot__lt=slot, slot__gt=slot - timedelta(minutes=6)).delete()
    assert levels("tick", slot + timedelta(seconds=30)) == {"": WARNING}


def test_a_position_without_its_stop(now):
    bot = BotFactory(stop_loss_percent=5)
    Position.objects.filter(pk=bot.position_id).update(quantity=1, entry_price=1, naked_since=now)
    assert levels("naked", now + timedelta(seconds=29)) == {"": OK}
    assert levels("naked", now + timedelta(seconds=31)) == {"": CRITICAL}


def test_what_failed(now):
    assert levels("dead-letters", now) == levels("errors", now) == levels("notifications", now) == {"": OK}

    DeadLetter.objects.create(task="x", is_whole=True, first_failed_at=now, failed_at=now)
    for number in range(10):
        TaskResult.objects.create(task_id=str(number), status="FAILURE")

    assert levels("dead-letters", now) == levels("errors", now) == {"": WARNING}
    assert levels("errors", now + timedelta(minutes=11)) == {"": OK}


def test_a_machine_that_is_full(now, settings, tmp_path):
    settings.LOG_DIR = str(tmp_path)
    (tmp_path / "celery_beat.log").write_bytes(b"x" * 2_000_000)
    settings.HEALTH_CPU_PERCENT = settings.HEALTH_MEMORY_PERCENT = settings.HEALTH_DISK_PERCENT = [101, 102]
    for check in ("cpu", "memory", "disk", "logs"):
        assert set(levels(check, now).values()) == {OK}

    settings.HEALTH_CPU_PERCENT = settings.HEALTH_MEMORY_PERCENT = settings.HEALTH_DISK_PERCENT = [0, 101]
    settings.HEALTH_LOGS_MEGABYTES = [1, 2]
    for check in ("cpu", "memory", "disk"):
        assert set(levels(check, now).values()) == {WARNING}
    assert levels("logs", now) == {"": CRITICAL}
    assert 0 <= CHECKS["memory"](now)[0].value <= 100
    assert len(machine._samples) >= 2


def told(*critical):
    return [Finding(check, CRITICAL, "bad", "mend it") for check in critical]


def test_the_task_writes_a_report_the_worst_first_and_drops_old_ones(now, monkeypatch):
    found = [Finding("cpu", OK, "fine"), *told("beat"), Finding("disk", WARNING, "nearly full", "tidy")]
    monkeypatch.setattr("ops.health.reports.examine", lambda **asked: found)
    HealthReport.objects.create(at=now - timedelta(days=15), level="ok", findings=[])

    assert system_health_check() == "critical"

    report = HealthReport.objects.get()
    assert report.level == "critical"
    assert [finding["check"] for finding in report.findings] == ["beat", "disk", "cpu"]
    assert report.findings[0]["mend"] == "mend it"
