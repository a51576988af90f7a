"""Health, statistics, schedules, the demo: what operators see first."""

import json
import logging
from datetime import timedelta
from decimal import Decimal

import pytest
from celery import current_app as app
from django.core.management import call_command
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_redis import get_redis_connection

from bots import services
from bots.models import BotConfig, Tick
from bots.tests.factories import BotFactory
from market.models import ExchangeAccount
from market.prices import fed_prices_key, packed_prices
from market.tests.factories import UserFactory
from ops import schedules, statistics
from ops.demo import FLEET, seed_demo
from trades.models import Position

pytestmark = pytest.mark.django_db(transaction=True)


def test_health_answers_without_database_redis_and_known_host(client, django_assert_num_queries, settings):
    settings.HTTPS_ONLY = settings.SECURE_SSL_REDIRECT = True

    with django_assert_num_queries(0):
        answer = client.get("/health", headers={"host": "10.0.0.7"})

    assert (answer.status_code, answer.json()) == (200, {"status": "healthy", "service": "tradebot-backend"})


def test_schedules_are_created_once_and_edits_survive():
    made = schedules.create_schedules()
    PeriodicTask.objects.filter(name="reconcile-orders").update(enabled=False, expire_seconds=7)

    again = schedules.create_schedules()

    edited = PeriodicTask.objects.get(name="reconcile-orders")
    assert (made, again) == (len(schedules.SCHEDULES), 0)
    assert (edited.enabled, edited.expire_seconds) == (False, 7)


def test_which_tasks_there_are_is_known_without_setting_up_logging_anew(client):
    handlers = list(logging.root.handlers)
    client.force_login(UserFactory(is_staff=True, is_superuser=True))

    for page in ("django_celery_beat/periodictask/add/", "ops/deadletter/", "django_celery_results/taskresult/"):
        assert "trades.tasks.reconcile_orders" in client.get(f"/admin/{page}", follow=True).content.decode(), page

    assert logging.root.handlers == handlers


def test_every_schedule_names_a_task_and_a_queue_that_exist_and_expires_before_the_next(settings):
    app.loader.import_default_modules()
    for schedule in schedules.SCHEDULES:
        assert schedule.task in app.tasks
        assert schedule.queue in settings.CELERY_TASK_QUEUES
        days = 7 if len(schedule.crontab) > 2 else 1
        assert schedule.expire_seconds < (schedule.every_seconds or days * 86_400)


def test_every_task_of_ours_has_a_queue_of_its_own_choice(settings):
    app.loader.import_default_modules()
    ours = [name for name in app.tasks if name.split(".")[0] in ("bots", "trades", "market", "ops")]

    for name in ours:
        assert app.amqp.router.route({}, name)["queue"].name in settings.CELERY_TASK_QUEUES


def test_statistics_count_bots_positions_and_profit(paper, broker):
    bot = BotFactory()
    Position.objects.filter(pk=bot.position_id).update(
        quantity=Decimal("0.5"), entry_price=Decimal(100), realized_pnl=Decimal("-3")
    )
    now = timezone.now()
    Tick.objects.create(slot=now, started_at=now - timedelta(seconds=20), finished_at=now)
    Tick.objects.create(slot=now + timedelta(minutes=1), started_at=now)

    found = statistics.fleet_statistics(now=now)

    assert found["bots"] == {"stopped": 1}
    assert (found["open_positions"], Decimal(found["realized_pnl"])) == (1, -3)
    assert Decimal(found["unrealized_pnl"]) > 1000
    assert found["last_tick_age_seconds"] == 20
    assert found["queues"]["high_priority"] == 0


def test_a_position_in_a_symbol_that_no_feed_brings_has_no_price_while_the_exchange_is_away(settings, free_port):
    settings.PAPER_URL = f"http://127.0.0.1:{free_port}"
    now, redis = timezone.now(), get_redis_connection("default")
    redis.delete("prices:paper:spot")
    redis.set(fed_prices_key("paper", "spot"), packed_prices({"ETHUSDT": Decimal(7)}, at=now))
    position, fed = (BotFactory(symbol=symbol).position for symbol in ("SOLUSDT", "ETHUSDT"))

    price_of = statistics.live_prices(now)

    assert (price_of(position), price_of(fed)) == (None, 7)
    redis.delete(fed_prices_key("paper", "spot"))


def test_statistics_tell_of_positions_without_the_stop_that_their_bots_want(paper):
    now = timezone.now()
    naked, content = BotFactory(stop_loss_percent=Decimal(1)), BotFactory()
    Position.objects.filter(pk__in=[naked.position_id, content.position_id]).update(
        quantity=Decimal("0.5"), naked_since=now - timedelta(seconds=40)
    )

    found = statistics.fleet_statistics(now=now)

    assert (found["naked_positions"], found["naked_position_seconds"]) == (1, 40)


def test_minutes_that_were_begun_twice_are_counted():
    now = timezone.now()
    for _ in range(3):
        services.run_all_active_bots(now=now)
    services.run_all_active_bots(now=now - timedelta(hours=2))
    services.run_all_active_bots(now=now - timedelta(hours=2))

    assert statistics.fleet_statistics(now=now)["ticks_doubled_last_hour"] == 2


def test_minutes_that_nobody_claimed_are_counted_from_the_first_tick_on():
    slot = Tick.slot_of(timezone.now())

    def missed(seconds=0):
        return statistics.fleet_statistics(now=slot + timedelta(seconds=seconds))["ticks_missed_last_hour"]

    assert missed() == 0
    for minutes in (10, 9, 7, 3):
        Tick.objects.create(slot=slot - timedelta(minutes=minutes), started_at=slot)
    assert missed(seconds=-56) == 5  # 8, 6, 5, 4, 2: the next one is not due yet
    assert missed(seconds=4) == 6
    assert missed(seconds=5) == 7

    Tick.objects.create(slot=slot - timedelta(minutes=90), started_at=slot)
    assert missed(seconds=5) == 60 - 4
    assert missed(seconds=3605) == 60


@pytest.mark.parametrize(
    ("age", "active", "healthy"), [(10, 1, True), (200, 1, False), (None, 1, False), (None, 0, True)]
)
def test_a_fleet_without_ticks_is_not_healthy(age, active, healthy):
    found = {"last_tick_age_seconds": age, "bots_active": active, "queues": {}}

    assert statistics.is_healthy(found) == healthy


def test_a_broker_that_is_away_is_not_healthy(monkeypatch):
    monkeypatch.setattr(statistics, "queue_depths", lambda: None)

    assert not statistics.is_healthy(statistics.fleet_statistics(now=timezone.now()))


def test_stats_prints_one_json_object_as_its_last_line(capsys):
    call_command("stats", "--json")

    assert json.loads(capsys.readouterr().out.splitlines()[-1])["trades"] == 0


def test_the_demo_is_seeded_once_for_several_owners(paper):
    now = timezone.now()

    first = seed_demo(admin_password="for a test only", now=now)
    second = seed_demo(admin_password="for a test only", now=now)

    fleet_size = sum(len(specs) for specs in FLEET.values())
    assert (first, second) == (fleet_size, 0)
    assert fleet_size >= 8
    assert BotConfig.objects.active().count() == fleet_size
    assert ExchangeAccount.objects.values("owner").distinct().count() == len(FLEET) >= 2


def test_warm_cache_tells_how_many_symbols_it_fetched(paper, capsys):
    call_command("warm_cache", "--json")

    counts = json.loads(capsys.readouterr().out)["symbols"]
    assert set(counts) == {"paper spot", "paper futures"}
    assert min(counts.values()) >= 4
