"""What a scrape tells of how things stand; and that nobody who is away, or hangs, keeps the others from being told."""

import socket
import threading
from datetime import timedelta
from time import monotonic

import pytest
from celery import current_app
from django.conf import settings as configured
from django.db import connection, connections
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_redis import get_redis_connection
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bots.models import BotState, SeriesReading, Tick
from bots.tests.factories import BotFactory
from market.budget import budget_of
from market.feed.leading import Leadership
from market.models import Switch
from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory, UserFactory
from ops import liveness
from ops.metrics.registry import site_registry
from ops.metrics.state import collector, collectors, database, machine, redis
from ops.metrics.state.gauges import GAUGES
from ops.models import Channel, DeadLetter, Delivery, Notification
from trades.models import Event, Position
from trades.tests.factories import OrderFactory, PositionFactory

pytestmark = pytest.mark.django_db
SPOT = {"environment": "paper", "market": "spot"}
# What may tell series apart: few values each, however many bots there are.
LABELS = {"component", "status", "environment", "market", "scope", "state", "queue", "worker", "role", "severity"}


def told_by(lane, now):
    """Name and labels → value, as the reads of a lane tell them."""
    found = [reading for read in lane.reads for reading in read(now)]
    return {(it.gauge.name, *map(str, it.labels)): it.value for it in found}


@pytest.fixture
def scrape():
    """Ask as Prometheus does: name and labels → value."""
    registry = CollectorRegistry()
    registry.register(collector.StateCollector())

    def ask():
        families = text_string_to_metric_families(generate_latest(registry).decode())
        samples = [sample for family in families for sample in family.samples]
        return {(sample.name, *sample.labels.values()): sample.value for sample in samples}

    return ask


def ups(told):
    return {labels[0]: value for (name, *labels), value in told.items() if name == "tradebot_up"}


def test_the_fleet_is_told():
    now = timezone.now()
    naked = BotFactory(stop_loss_percent=2)
    Position.objects.filter(pk=naked.position_id).update(quantity=1, naked_since=now - timedelta(seconds=40))
    failed = BotFactory(desired_state="stopped")
    BotState.objects.filter(pk=failed.pk).update(status="error", reason="internal error")
    PositionFactory(quantity="0.00000001")  # dust
    OrderFactory(position=naked.position, purpose="entry", status="unknown", proof_deadline=now)
    OrderFactory(position=naked.position, purpose="exit", status="rejected", proof_deadline=now)
    halted = ExchangeAccountFactory(state="halted")
    Switch.objects.create(user=halted.owner, state="reducing")
    Switch.objects.create(user=UserFactory(), state="active")

    told = told_by(database.LANE, now)

    assert told["tradebot_bots", "error"] == 1
    assert told["tradebot_bots", "paused"] == 0
    assert told["tradebot_bots_active",] == 2
    assert told["tradebot_open_positions", "paper", "spot"] == 1
    assert told["tradebot_open_positions", "paper", "futures"] == 0
    assert (told["tradebot_naked_positions",], told["tradebot_naked_position_seconds",]) == (1, 40)
    assert told["tradebot_orders_live", "unknown"] == 1
    assert told["tradebot_orders_live", "open"] == 0
    assert told["tradebot_accounts", "paper", "halted"] == 1
    assert told["tradebot_kill_switches", "account", "halted"] == 1
    assert told["tradebot_kill_switches", "user", "reducing"] == 1
    assert told["tradebot_kill_switches", "platform", "halted"] == 0


def test_the_tick_beat_and_what_waits_are_told():
    now = timezone.now()
    slot = Tick.slot_of(now) - timedelta(minutes=5)
    Tick.objects.create(slot=slot, started_at=now - timedelta(seconds=300), finished_at=now)
    Tick.objects.create(slot=slot + timedelta(minutes=1), started_at=now - timedelta(seconds=240))  # has not ended
    every = IntervalSchedule.objects.create(every=5, period="seconds")
    PeriodicTask.objects.create(name="pulse", task="x", interval=every, last_run_at=now - timedelta(seconds=31))
    event = Event.objects.create(kind="bot_error", position=PositionFactory(), message="x", created_at=now)
    deliver(event, now - timedelta(seconds=75))
    dead_letter(now, "waiting")
    dead_letter(now, "discarded")

    told = told_by(database.LANE, now)

    assert told["tradebot_last_tick_age_seconds",] == 300
    assert 3 <= told["tradebot_ticks_missed",] <= 4
    assert (told["tradebot_up", "beat"], told["tradebot_beat_age_seconds",]) == (0, 31)
    assert (told["tradebot_notifications_waiting",], told["tradebot_notification_oldest_seconds",]) == (2, 75)
    assert told["tradebot_dead_letters_waiting",] == 1


def deliver(event, due_at):
    """One message that is on its way, and one that has arrived."""
    user = UserFactory()
    known = {"owner": user, "kind": "email", "created_at": due_at}
    for number, status in enumerate(("pending", "sent")):
        channel = Channel.objects.create(**known, name=str(number), target="a@example.com")
        news = Notification.objects.create(
            user=user, topic="bot_error", severity="low", title="x", text="x", key=status, created_at=due_at
        )
        Delivery.objects.create(notification=news, channel=channel, status=status, next_try_at=due_at)


def dead_letter(now, state):
    DeadLetter.objects.create(
        fingerprint=state, task="x", is_whole=True, first_failed_at=now, failed_at=now, state=state
    )


def test_a_candle_that_no_tick_has_seen_is_late_from_its_close():
    now = timezone.now().replace(second=30, microsecond=0)
    closed_at = now - timedelta(seconds=30)
    BotFactory(symbol="BTCUSDT", interval="1m")
    BotFactory(symbol="ETHUSDT", interval="1m")
    BotFactory(symbol="NEWUSDT", interval="1m")  # no tick has looked at it
    for symbol, seen in (("BTCUSDT", closed_at), ("ETHUSDT", closed_at - timedelta(minutes=3)), ("OLDUSDT", None)):
        at = {"evaluated_at": now, "candle_close_at": seen or now - timedelta(days=9)}
        SeriesReading.objects.create(**SPOT, symbol=symbol, interval="1m", **at)

    SymbolRulesFactory(symbol="XRPUSDT", refreshed_at=now - timedelta(seconds=5))  # the newest tells of all

    told = told_by(database.LANE, now)

    assert told["tradebot_market_data_age_seconds", "paper", "spot"] == 30 + 2 * 60
    assert told["tradebot_symbols_age_seconds", "paper", "spot"] == 5
    assert ("tradebot_market_data_age_seconds", "paper", "futures") not in told


def test_the_cache_tells_of_workers_the_feed_and_request_weight(early_in):
    early_in(60)
    now = timezone.now()
    connected = get_redis_connection("default")
    connected.delete(liveness.KEY, "feed:leader")
    for name, age in (("trading@here", 2), ("gone@here", 60)):
        liveness._next_at = 0.0
        liveness.tell_of_worker(name, ["high_priority", "trading"], now=now - timedelta(seconds=age))
    budget_of("paper", "spot").take(40)
    budget_of("paper", "futures").learn(429, {"Retry-After": "10"})

    told = told_by(redis.CACHE, now)
    assert (told["tradebot_up", "workers"], told["tradebot_up", "feed"]) == (0, 0)  # nobody takes from the others
    assert (told["tradebot_queue_workers", "trading"], told["tradebot_queue_workers", "analytics"]) == (1, 0)
    assert told["tradebot_worker_heartbeat_age_seconds", "gone@here"] == 60
    assert told["tradebot_request_weight_used", "paper", "spot"] == 40
    assert told["tradebot_request_weight_limit", "paper", "spot"] == 1_000_000
    assert 9 < told["tradebot_exchange_silent_seconds", "paper", "futures"] <= 11.5
    assert told["tradebot_exchange_silent_seconds", "paper", "spot"] == 0
    assert told["tradebot_redis_memory_bytes", "cache"] > 100_000

    lead = Leadership()
    lead.take_or_keep(leads=False)
    liveness._next_at = 0.0
    liveness.tell_of_worker("all@here", configured.CELERY_TASK_QUEUES, now=now)
    told = told_by(redis.CACHE, now)
    lead.give_up()
    connected.delete(liveness.KEY)
    assert (told["tradebot_up", "workers"], told["tradebot_up", "feed"]) == (1, 1)


def test_the_broker_tells_what_waits(broker, wait_until):
    current_app.send_task("bots.tasks.keep_decisions", queue="maintenance")

    def oldest():
        return told_by(redis.BROKER, timezone.now())["tradebot_queue_oldest_seconds", "maintenance"]

    wait_until(lambda: oldest() > 0.1)
    told = told_by(redis.BROKER, timezone.now())
    assert (told["tradebot_queue_messages", "maintenance"], told["tradebot_queue_messages", "trading"]) == (1, 0)
    assert told["tradebot_queue_oldest_seconds", "trading"] == 0
    assert told["tradebot_redis_memory_bytes", "broker"] > 100_000


def test_a_scrape_costs_the_database_so_many_statements_whatever_there_is(django_assert_num_queries):
    BotFactory.create_batch(5)
    now = timezone.now()
    Tick.objects.create(slot=Tick.slot_of(now) - timedelta(minutes=5), started_at=now)

    with django_assert_num_queries(21):
        told_by(database.LANE, now)


def test_every_gauge_is_told_and_no_label_grows_with_the_fleet(scrape):
    assert {label for gauge in GAUGES for label in gauge.labels} <= LABELS
    assert len({gauge.name for gauge in GAUGES}) == len(GAUGES)

    told = scrape()

    assert ups(told).items() >= {"database": 1, "cache": 1, "broker": 1}.items()
    assert all(0 <= told[f"tradebot_{name}_ratio",] <= 1 for name in ("cpu", "memory", "disk"))
    assert told["tradebot_database_bytes",] > 1_000_000
    assert told["tradebot_database_connections",] >= 1


def test_what_can_not_be_read_is_absent_and_nothing_else(scrape, caplog):
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE bots_botstate IN ACCESS EXCLUSIVE MODE")

    told = scrape()

    assert ups(told)["database"] == 1
    assert not [name for name, *_ in told if name == "tradebot_bots"]
    assert ("tradebot_orders_live", "open") in told
    assert "metrics: database" in caplog.text


@pytest.fixture
def black_hole():
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def lost(black_hole, monkeypatch, settings):
    """Let one component, or all, be found at such a server."""

    def lose(*names):
        if "database" in names:
            for name, value in {"HOST": "127.0.0.1", "PORT": str(black_hole)}.items():
                monkeypatch.setitem(connections.settings["default"], name, value)
        if "cache" in names:
            settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": f"redis://127.0.0.1:{black_hole}"}}
        if "broker" in names:
            monkeypatch.setenv("CELERY_BROKER_READ_URL", f"redis://127.0.0.1:{black_hole}/0")

    return lose


@pytest.mark.parametrize("component", ["database", "cache", "broker"])
def test_one_that_hangs_takes_no_other_down(scrape, lost, component, monkeypatch):
    monkeypatch.setattr(collector, "SECONDS", 0.6)
    lost(component)

    told = scrape()

    assert ups(told).items() >= ({"database": 1, "cache": 1, "broker": 1} | {component: 0}).items()
    assert (("tradebot_bots_active",) in told) == (component != "database")
    assert (("tradebot_request_weight_used", "paper", "spot") in told) == (component != "cache")
    assert (("tradebot_queue_messages", "trading") in told) == (component != "broker")


def test_when_all_hang_a_scrape_ends_within_three_seconds_and_the_next_is_told_the_same(scrape, lost):
    lost("database", "cache", "broker")

    began = monotonic()
    told = scrape()
    assert monotonic() - began < 3
    assert ups(told) == {"database": 0, "cache": 0, "broker": 0}
    assert ("tradebot_disk_ratio",) in told

    began = monotonic()
    scrape()
    assert monotonic() - began < 0.3


def test_who_hangs_is_not_asked_once_more_by_each_scrape(scrape, lost, monkeypatch):
    monkeypatch.setattr(collector, "KEEP_SECONDS", 0)
    monkeypatch.setattr(collector, "SECONDS", 0.1)
    lost("database", "cache", "broker")

    before = {thread for thread in threading.enumerate() if thread.name.startswith("metrics-")}  # of other tests
    for _ in range(5):
        scrape()
    running = {thread for thread in threading.enumerate() if thread.name.startswith("metrics-")}
    assert 0 < len(running - before) <= len(collector.LANES)


def test_the_site_tells_it_and_two_scrapes_are_one_look(client, monkeypatch):
    monkeypatch.setattr(collectors()[0], "_known_until", 0.0)  # another test has just looked

    first, second = (client.get("/metrics").content.decode() for _ in range(2))

    assert 'tradebot_up{component="database"} 1.0' in first
    size = [line for line in first.splitlines() if line.startswith(("tradebot_cpu_ratio", "tradebot_memory_ratio"))]
    assert len(size) == 2
    assert all(line in second for line in size)
    assert site_registry() is not site_registry()  # of each request one, with the same collectors


def test_many_scrapes_at_once_are_one_look(scrape, monkeypatch):
    looks = []
    read = machine.read
    monkeypatch.setattr(machine, "read", lambda: looks.append(1) or read())
    asked = [threading.Thread(target=scrape) for _ in range(20)]

    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()

    assert len(looks) == 1
