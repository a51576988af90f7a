from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import JSONField, Value
from django.utils import timezone

from bots import services
from bots.models import BotConfig, BotState, Decision, SeriesReading, Tick
from bots.parts import Part
from bots.recipe import Recipe
from bots.services import evaluation, sieve, tick
from bots.services.look import look_at_series
from bots.tests.factories import BotFactory
from market.exchange.errors import ExchangeUnavailable
from market.models import ExchangeAccount
from market.types import Series
from trades.models import Event, Position

pytestmark = pytest.mark.django_db(transaction=True)


def run_tick(now=None):
    """One whole tick without Celery; returns the bots that have something to do."""
    now = now or timezone.now()
    tick_id, packets = services.run_all_active_bots(now=now)
    evaluated = [found for packet in packets for found in services.evaluate(packet, tick_id=tick_id, clock=lambda: now)]
    return [bot for item in evaluated for bot in item.exits], [bot for item in evaluated for bot in item.entries]


def statuses():
    return {state.bot.name: (state.status, state.reason) for state in BotState.objects.select_related("bot")}


def test_a_minute_is_claimed_once():
    now = timezone.now().replace(second=5)

    services.run_all_active_bots(now=now)
    services.run_all_active_bots(now=now + timedelta(seconds=30))

    assert Tick.objects.count() == 1


def test_bots_are_told_by_series_what_they_do(make_bot):
    buying = make_bot("buying", name="buying")
    make_bot("quiet", name="quiet", symbol="ETHUSDT")
    make_bot("buying", name="stopped", desired_state="stopped")

    exits, entries = run_tick()

    assert (exits, entries) == ([], [buying.pk])
    assert statuses() == {
        "buying": ("stopped", ""),  # its own run will tell
        "quiet": ("waiting", "no signal"),
        "stopped": ("stopped", ""),
    }
    made = Tick.objects.get()
    assert (made.bots, made.parts, made.parts_done, made.acting) == (2, 2, 2, 1)
    assert made.finished_at is not None


def test_a_position_is_left_before_others_enter(make_bot):
    holder = make_bot("buying")
    services.run_bot(holder.pk, now=timezone.now())
    BotConfig.objects.update(strategy="selling")
    Position.objects.update(opened_at=timezone.now() - timedelta(hours=1))
    buyer = make_bot("buying")

    assert run_tick() == ([holder.pk], [buyer.pk])


def test_the_same_thought_is_written_once(make_bot):
    make_bot("quiet")
    now = timezone.now()

    run_tick(now)
    Tick.objects.all().delete()
    run_tick(now)

    assert Decision.objects.count() == 1
    assert BotState.objects.get().message == "quiet says so"


def test_an_idle_tick_costs_the_fleet_a_handful_of_statements(make_bot, django_assert_max_num_queries):
    for _ in range(30):
        make_bot("quiet")
    now = timezone.now()
    run_tick(now)
    tick_id, packets = services.run_all_active_bots(now=now + timedelta(minutes=1))

    with django_assert_max_num_queries(14):
        list(services.evaluate(packets[0], tick_id=tick_id, clock=lambda: now))


def test_what_is_the_same_for_all_is_one_row_for_the_series(make_bot):
    bots = [make_bot("quiet") for _ in range(3)]

    run_tick()

    reading = SeriesReading.objects.get()
    assert reading.texts == {Recipe("quiet", {}).key: "quiet says so"}
    assert reading.price > 0
    assert bots[0].series == bots[1].series


def test_a_user_who_stops_a_bot_while_the_tick_decides_is_not_overruled(make_bot, monkeypatch):
    make_bot("quiet")
    real_write = evaluation.write_news

    def stop_first(*args, **kwargs):
        services.stop_bots(BotConfig.objects.all(), flatten=False, now=timezone.now())
        return real_write(*args, **kwargs)

    monkeypatch.setattr("bots.services.evaluation.write_news", stop_first)
    run_tick()

    assert BotState.objects.get().status == "stopped"
    assert not Decision.objects.exists()


def test_a_broken_strategy_and_a_broken_key_stop_no_other_bot(make_bot):
    make_bot("broken", name="broken")
    make_bot("quiet", name="no key", account__api_key="")
    healthy = make_bot("buying", name="healthy")

    _, entries = run_tick()

    assert entries == [healthy.pk]
    assert statuses()["broken"] == ("error", "strategy error")
    assert statuses()["no key"] == ("error", "missing api key")


def test_a_series_that_cannot_be_read_stops_no_other_series(make_bot, monkeypatch):
    def only_eth(series, **kwargs):
        if series.symbol == "BTCUSDT":
            raise ExchangeUnavailable("timed out")
        return look_at_series(series, **kwargs)

    make_bot("buying", name="btc")
    healthy = make_bot("buying", name="eth", symbol="ETHUSDT")
    monkeypatch.setattr("bots.services.evaluation.look_at_series", only_eth)

    _, entries = run_tick()

    assert entries == [healthy.pk]
    assert statuses()["btc"] == ("error", "price fetch")


@pytest.mark.parametrize("parameters", [["no", "object"], "text", 7, None, {"ema_fast": "nine"}])
def test_parameters_that_nobody_can_read_are_the_trouble_of_their_bot_alone(make_bot, parameters):
    broken = make_bot("ema_rsi", name="broken")
    healthy = make_bot("buying", name="healthy")
    BotConfig.objects.filter(pk=broken.pk).update(parameters=Value(parameters, JSONField()))

    _, entries = run_tick()

    assert entries == [healthy.pk]
    assert statuses()["broken"] == ("error", "strategy error")


def test_a_part_whose_bots_are_gone_by_now_is_done(make_bot):
    bot = make_bot("quiet", desired_state="running")
    tick_id, packets = services.run_all_active_bots(now=timezone.now())
    BotState.objects.all().delete()
    BotConfig.objects.filter(pk=bot.pk).delete()

    evaluated = list(services.evaluate(packets[0], tick_id=tick_id, clock=timezone.now))

    assert [(item.exits, item.entries) for item in evaluated] == [([], [])]
    assert Tick.objects.get().finished_at is not None


def test_what_is_edited_or_deleted_while_a_tick_reads_waits_for_the_next_one(make_bot, monkeypatch):
    edited, deleted = make_bot(name="edited"), make_bot(name="deleted")
    make_bot("quiet", name="healthy")
    for bot, fast in ((edited, 3), (deleted, 4)):
        BotConfig.objects.filter(pk=bot.pk).update(strategy="ema_rsi", parameters={"ema_fast": fast})
    real_read = sieve.read_bots

    def edit_meanwhile(parts):
        rows = real_read(parts)
        BotConfig.objects.filter(pk=edited.pk).update(parameters={"ema_fast": 5})
        BotState.objects.filter(pk=deleted.pk).delete()
        BotConfig.objects.filter(pk=deleted.pk).delete()
        return rows

    monkeypatch.setattr(sieve, "read_bots", edit_meanwhile)
    run_tick()

    assert statuses() == {"edited": ("stopped", ""), "healthy": ("waiting", "no signal")}


def test_an_error_goes_away_by_itself(make_bot, monkeypatch):
    make_bot("quiet", name="bot")
    with monkeypatch.context() as patch:
        patch.setattr("bots.services.evaluation.look_at_series", refuse)
        run_tick(timezone.now() - timedelta(minutes=1))
    during = statuses()["bot"]

    run_tick()

    assert (during, statuses()["bot"]) == (("error", "price fetch"), ("waiting", "no signal"))
    event = Event.objects.get()
    assert (event.kind, event.data) == ("bot_error", {"reason": "price fetch"})


def refuse(*args, **kwargs):
    raise ExchangeUnavailable("connection refused")


def test_a_paused_bot_goes_on_by_itself_when_the_reason_is_gone(make_bot):
    make_bot("quiet", name="bot")
    ExchangeAccount.objects.update(state="reducing")
    now = timezone.now()
    run_tick(now - timedelta(minutes=1))
    paused = statuses()["bot"]
    ExchangeAccount.objects.update(state="active")

    run_tick(now)

    assert (paused, statuses()["bot"]) == (("paused", "kill switch"), ("waiting", "no signal"))


def test_the_trailing_stop_hangs_on_the_best_price_of_this_round_only(make_bot, paper):
    bot = make_bot("quiet", trailing_stop_percent=Decimal(50))
    Position.objects.filter(pk=bot.position_id).update(quantity=Decimal("0.01"), entry_price=50_000, round=2)
    BotState.objects.update(best_price=90_000, best_round=1)
    best = []
    try:
        for minute, price in enumerate(("51000", "52000", "50500")):
            paper.set_price("BTCUSDT", price)
            run_tick(timezone.now() + timedelta(seconds=4 * minute))
            Tick.objects.all().delete()
            best.append(BotState.objects.get().best_price)
    finally:
        paper.set_price("BTCUSDT", None)

    assert best == [51_000, 52_000, 52_000]


def test_a_big_series_is_cut_into_chunks_and_small_ones_share_a_task(make_bot, monkeypatch):
    monkeypatch.setattr(tick, "BOTS_PER_TASK", 3)
    for symbol in ["BTCUSDT"] * 7 + ["ETHUSDT", "SOLUSDT"]:
        make_bot("quiet", symbol=symbol)

    _, packets = services.run_all_active_bots(now=timezone.now())

    sizes = [[(part.series.symbol, part.bots) for part in packet] for packet in packets]
    assert sizes == [
        [("BTCUSDT", 3)],
        [("BTCUSDT", 3)],
        [("BTCUSDT", 1), ("ETHUSDT", 1), ("SOLUSDT", 1)],
    ]


def test_a_task_has_no_more_series_than_its_bound(make_bot, monkeypatch):
    monkeypatch.setattr(tick, "SERIES_PER_TASK", 2)
    for interval in ("1m", "3m", "5m", "15m", "30m"):
        make_bot("quiet", interval=interval)

    _, packets = services.run_all_active_bots(now=timezone.now())

    assert [len(packet) for packet in packets] == [2, 2, 1]


def test_series_of_two_exchanges_share_no_task():
    """One that hangs keeps the other's bots waiting."""
    for market, leverage in (("spot", 1), ("futures", 5)):
        for symbol in ("BTCUSDT", "ETHUSDT"):
            BotFactory(account__market=market, symbol=symbol, leverage=leverage)

    _, packets = services.run_all_active_bots(now=timezone.now())

    assert [[part.series.market for part in packet] for packet in packets] == [["futures"] * 2, ["spot"] * 2]


def test_series_share_what_was_read_of_their_exchange_for_a_second_and_no_longer(monkeypatch):
    now, seen = timezone.now(), []

    def look(series, *, now, exchange):
        seen.append((exchange, now))
        raise ExchangeUnavailable("no answer")

    monkeypatch.setattr("bots.services.evaluation.look_at_series", look)
    names = [("spot", "1m"), ("spot", "3m"), ("spot", "5m"), ("futures", "1m")]
    parts = [Part(Series("paper", market, "BTCUSDT", interval), 1, 1, 1) for market, interval in names]

    # Each series takes 0.7 s.
    list(services.evaluate(parts, tick_id=1, clock=lambda: now + len(seen) * timedelta(seconds=0.7)))

    first, second, third, fourth = (exchange for exchange, _ in seen)
    assert first is second
    assert first is not third
    assert [exchange.market for exchange in (first, third, fourth)] == ["spot", "spot", "futures"]
    assert all(at - exchange.now <= timedelta(seconds=1) for exchange, at in seen)
