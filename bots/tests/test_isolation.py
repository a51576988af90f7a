"""What goes wrong with one bot, or while a tick writes, keeps no other from leaving its position (T5)."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from bots import services
from bots.models import BotConfig, BotState, Decision, Tick
from bots.recipe import Recipe
from bots.services import evaluation, look, news, sieve
from bots.services.look import SeriesView, look_at_series
from bots.strategies import STRATEGIES, Reading, Signal, Strategy
from market.exchange.errors import ExchangeUnavailable
from trades.models import Position

pytestmark = pytest.mark.django_db(transaction=True)


def run_tick():
    """One whole tick; returns the bots that have to leave or to be protected, and those that enter."""
    Tick.objects.all().delete()
    tick_id, packets = services.run_all_active_bots(now=timezone.now())
    found = [item for packet in packets for item in services.evaluate(packet, tick_id=tick_id, clock=timezone.now)]
    return [pk for item in found for pk in item.exits], [pk for item in found for pk in item.entries]


def statuses():
    return {state.bot.name: (state.status, state.reason) for state in BotState.objects.select_related("bot")}


@pytest.fixture
def leaver(make_bot):
    """A bot that has reason to leave what it holds, on a series of its own."""
    bot = make_bot("selling", name="leaver", symbol="ETHUSDT")
    Position.objects.filter(pk=bot.position_id).update(
        quantity=Decimal("0.01"), entry_price=3000, round=1, opened_at=timezone.now() - timedelta(days=1)
    )
    return bot


def strategy(monkeypatch, read, name="foreign"):
    monkeypatch.setitem(STRATEGIES, name, Strategy(name, name, (), candles_needed=lambda parameters: 5, read=read))


def reading(indicators=None, text="foreign says so"):
    return lambda candles, parameters: Reading(np.zeros(len(candles), np.int8), indicators or {}, text)


@pytest.mark.parametrize("indicators", [[1], {"x": None}, {"x": "a"}, {1: 2.0}])
def test_indicators_that_are_no_numbers_are_the_trouble_of_their_bot_alone(make_bot, leaver, monkeypatch, indicators):
    strategy(monkeypatch, reading(indicators))
    make_bot("foreign", name="foreign")

    assert run_tick() == ([leaver.pk], [])
    assert statuses()["foreign"] == ("error", "strategy error")


@pytest.mark.parametrize("text", ["zero \0 byte", "half \ud800 character"])
@pytest.mark.parametrize("raises", [False, True])
def test_a_text_that_no_database_keeps_is_written_as_far_as_it_can_be_read(make_bot, leaver, monkeypatch, text, raises):
    def failing(candles, parameters):
        raise ValueError(text)

    monkeypatch.setattr(look.logger, "exception", lambda *_: None)  # half characters break what collects our logs
    strategy(monkeypatch, failing if raises else reading(text=text))
    make_bot("foreign", name="foreign")
    make_bot("quiet", name="quiet")

    assert run_tick() == ([leaver.pk], [])
    assert statuses()["quiet"] == ("waiting", "no signal")
    assert statuses()["foreign"] == (("error", "strategy error") if raises else ("waiting", "no signal"))


def test_a_strategy_that_was_too_slow_is_not_read_again_for_each_setting(make_bot, leaver, monkeypatch):
    read = []
    monkeypatch.setattr(sieve, "MOST_SECONDS", 0)
    strategy(monkeypatch, lambda candles, parameters: read.append(1) or reading()(candles, parameters))
    for interval in ("1m", "3m", "5m"):
        make_bot("foreign", name=interval, interval=interval)

    assert run_tick() == ([leaver.pk], [])
    assert len(read) == 1
    assert sorted(reason for _, reason in statuses().values()) == ["", "no signal", "strategy error", "strategy error"]


@pytest.mark.parametrize("broken", ["sift", "Fleet"])
def test_what_fails_with_all_bots_together_is_tried_with_each_alone(make_bot, leaver, monkeypatch, broken):
    def fail(*args, **kwargs):
        raise RuntimeError("a bug of ours")

    buyer = make_bot("buying", name="buyer")
    make_bot("quiet", name="quiet")
    make_bot("quiet", name="no key", account__api_key="")
    monkeypatch.setattr(evaluation, broken, fail)

    assert run_tick() == ([leaver.pk], [buyer.pk])
    assert statuses()["quiet"] == ("waiting", "no signal")
    assert statuses()["no key"] == ("error", "missing api key")
    assert Tick.objects.get().finished_at is not None


def test_a_part_that_fails_leaves_the_others_of_its_task_together(make_bot, leaver, monkeypatch):
    real, sizes = evaluation.Fleet, []

    def fail_with_bitcoin(looked, *, now):
        if any(part.series.symbol == "BTCUSDT" for part, _ in looked):
            raise RuntimeError("a bug of ours")
        sizes.append(len(looked))
        return real(looked, now=now)

    buyer = make_bot("buying", name="buyer")
    monkeypatch.setattr(evaluation, "Fleet", fail_with_bitcoin)

    assert run_tick() == ([leaver.pk], [buyer.pk])
    assert sizes == [1]


@pytest.mark.parametrize("failing", ["write_news", "write_best_prices", "_count"])
def test_whoever_has_to_leave_leaves_whatever_the_database_does_meanwhile(leaver, monkeypatch, failing):
    def fail(*args, **kwargs):
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(evaluation, failing, fail)

    assert run_tick() == ([leaver.pk], [])


def test_where_sieve_and_rule_disagree_the_rule_counts(leaver, monkeypatch):
    real = evaluation.sift

    def let_all_go(arrays):
        sifted = real(arrays)
        everything = np.ones(len(sifted.unsure), bool)
        codes = np.full(len(everything), 301)
        return type(sifted)(~everything, codes, np.full(len(everything), 3), everything, ~everything)

    monkeypatch.setattr(evaluation, "sift", let_all_go)

    assert run_tick() == ([leaver.pk], [])


def test_a_bot_that_was_edited_while_the_tick_decided_is_left_to_the_next_one(make_bot, monkeypatch):
    bot = make_bot("quiet")
    real = evaluation.write_news

    def edit_first(*args, **kwargs):
        services.update_bot(BotConfig.objects.get(pk=bot.pk))
        return real(*args, **kwargs)

    monkeypatch.setattr(evaluation, "write_news", edit_first)
    run_tick()
    assert not Decision.objects.exists()

    monkeypatch.setattr(evaluation, "write_news", real)
    run_tick()
    assert Decision.objects.get().revision == 2


def test_a_minute_whose_packets_are_evaluated_twice_ends(make_bot, monkeypatch):
    monkeypatch.setattr(services.tick, "SERIES_PER_TASK", 2)
    for interval in ("1m", "3m", "5m"):
        make_bot("quiet", interval=interval)
    now = timezone.now()
    tick_id, (first, second) = services.run_all_active_bots(now=now)

    for packet in (first, first, second):
        list(services.evaluate(packet, tick_id=tick_id, clock=lambda: now))

    assert Tick.objects.get().finished_at == now


@pytest.mark.parametrize(("side", "price"), [(1, 60_000), (-1, 40_000)])
def test_a_position_of_one_lot_has_a_best_price_too(make_futures_bot, futures_price_is, side, price):
    bot = make_futures_bot("quiet", trailing_stop_percent=Decimal(2))
    Position.objects.filter(pk=bot.position_id).update(quantity=side * Decimal("0.001"), entry_price=50_000, round=1)
    futures_price_is(price)

    run_tick()

    state = BotState.objects.get()
    assert (state.best_price, state.best_round) == (price, 1)


@pytest.mark.parametrize("quantity", [2, -2])
def test_the_entry_price_is_the_best_until_the_market_offers_a_better_one(make_futures_bot, futures_price_is, quantity):
    bot = make_futures_bot("quiet", trailing_stop_percent=Decimal(20))
    Position.objects.filter(pk=bot.position_id).update(quantity=quantity, entry_price=50_000, round=1)
    futures_price_is(50_000 - 100 * quantity)

    run_tick()

    assert BotState.objects.get().best_price == 50_000


def test_a_series_that_cannot_be_read_changes_no_best_price(make_bot, monkeypatch):
    bot = make_bot("quiet", symbol="XRPUSDT", trailing_stop_percent=Decimal(10))
    Position.objects.filter(pk=bot.position_id).update(quantity=1000, entry_price=Decimal("0.5"), round=1)

    def refuse(*args, **kwargs):
        raise ExchangeUnavailable("connection refused")

    monkeypatch.setattr(evaluation, "look_at_series", refuse)
    run_tick()
    assert BotState.objects.get().best_price is None

    monkeypatch.setattr(evaluation, "look_at_series", look_at_series)
    run_tick()
    assert BotState.objects.get().best_price > 1


def test_weeks_of_decisions_wait_for_nobody_who_reads_for_long(make_bot, caplog):
    parameters = connection.get_connection_params()
    named = {name: parameters[name] for name in ("host", "user", "dbname", "password", "port") if parameters.get(name)}
    far = timezone.now() + timedelta(weeks=520)
    with psycopg.connect(**named) as reader:
        reader.execute("SELECT count(*) FROM bots_decision")

        services.keep_decisions(now=far)

        assert "tried again" in caplog.text
        assert run_tick() == ([], [])  # and so does no bot


def test_a_view_without_a_signal_still_has_its_price(make_bot):
    bot = make_bot("quiet")
    view = look_at_series(bot.series, now=timezone.now())

    assert isinstance(view, SeriesView)
    assert view.read(Recipe("nobody knows it", {})).signal is Signal.NOTHING
    assert view.read(Recipe("nobody knows it", {})).price == view.price


def test_a_bot_that_is_busy_keeps_its_status(make_bot, monkeypatch):
    make_bot("quiet", name="busy")
    monkeypatch.setattr(evaluation, "sift", lambda arrays: 1 / 0)

    def busy(bot_id):
        raise news.BotBusy(bot_id)

    monkeypatch.setattr(news, "locked_bot", busy)
    run_tick()

    assert statuses()["busy"] == ("stopped", "")
