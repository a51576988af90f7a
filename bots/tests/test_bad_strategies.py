"""A strategy is foreign code: when it is broken or slow, its own bots say so, and their neighbours trade (T5)."""

import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import monotonic

import numpy as np
import pytest
from django.utils import timezone

from bots import services
from bots.models import BotState
from bots.strategies import STRATEGIES, Reading, Signal, Strategy, guard
from bots.strategies.guard import BadReading, guarded_reading
from bots.tests.recorded import recorded
from bots.tests.test_tick import run_tick, statuses

CANDLES = recorded("spot", "BTCUSDT")
COUNT = len(CANDLES)


def signals(*, count=COUNT, of=Signal.NOTHING, dtype=np.int8):
    return np.full(count, of, dtype)


def returning(made):
    """A strategy that returns ``made(number of candles)``."""
    return lambda candles, parameters: made(len(candles))


def raising(candles, parameters):
    raise KeyError("close")


def endless(candles, parameters):
    while True:
        try:
            sum(range(1000))
        except Exception:
            continue


def meddling(candles, parameters):
    candles.close[:] = 1
    return Reading(signals(count=len(candles)), {}, "")


BAD = {
    "it raises": (raising, "bad: KeyError: 'close'"),
    "it writes into the candles": (meddling, "bad: ValueError: assignment destination is read-only"),
    "too few signals": (
        returning(lambda count: Reading(signals(count=3), {}, "")),
        "bad: 3 signals for [0-9]+ candles",
    ),
    "no signals": (
        returning(lambda count: Reading(signals(count=0), {}, "")),
        "bad: 0 signals for [0-9]+ candles",
    ),
    "signals of another dimension": (
        returning(lambda count: Reading(signals(count=count).reshape(1, -1), {}, "")),
        "bad: its signals are ndarray, not an array of one dimension",
    ),
    "a list": (
        returning(lambda count: Reading([0] * count, {}, "")),
        "bad: its signals are list, not an array of one dimension",
    ),
    "NaN": (
        returning(lambda count: Reading(signals(count=count, of=np.nan, dtype=np.float64), {}, "")),
        "bad: its signals are float64, not whole numbers",
    ),
    "truth values": (
        returning(lambda count: Reading(signals(count=count, dtype=np.bool_), {}, "")),
        "bad: its signals are bool, not whole numbers",
    ),
    "a number that is no signal": (
        returning(lambda count: Reading(signals(count=count, of=4), {}, "")),
        "bad: 4 is no signal",
    ),
    "nothing": (returning(lambda count: None), "bad: it returned NoneType, not a reading"),
    "a text that is none": (
        returning(lambda count: Reading(signals(count=count), {}, 7)),
        "bad: its text is int, not words",
    ),
    "it never ends": (endless, "bad: it took longer than 0.2 s and was stopped"),
}
EVERY_FAULT = pytest.mark.parametrize(("read", "told"), BAD.values(), ids=BAD)


def bad(read):
    return Strategy("bad", "bad", (), candles_needed=lambda parameters: 5, read=read)


@pytest.fixture(autouse=True)
def short_patience(monkeypatch):
    monkeypatch.setattr(guard, "MOST_SECONDS", 0.2)


@EVERY_FAULT
@pytest.mark.django_db(transaction=True)
def test_its_bot_has_an_error_that_names_it_and_the_neighbour_enters(make_bot, monkeypatch, read, told):
    monkeypatch.setitem(STRATEGIES, "bad", bad(read))
    make_bot("bad", name="bad")
    neighbour = make_bot("buying", name="neighbour")

    _, entries = run_tick()

    assert statuses()["bad"] == ("error", "strategy error")
    assert re.fullmatch(told, BotState.objects.get(bot__name="bad").message)
    assert entries == [neighbour.pk]


@pytest.mark.django_db(transaction=True)
def test_its_own_run_is_stopped_too_and_the_neighbour_buys(make_bot, monkeypatch):
    monkeypatch.setitem(STRATEGIES, "bad", bad(endless))
    slow, neighbour = make_bot("bad"), make_bot("buying")

    outcomes = [services.run_bot(bot.pk, now=timezone.now()) for bot in (slow, neighbour)]

    assert outcomes[0].decision.text == "bad: it took longer than 0.2 s and was stopped"
    assert outcomes[1].order.status == "filled"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("part", ["cross_check", "candles_needed"])
def test_its_other_functions_may_raise_too(make_bot, monkeypatch, part):
    broken = {part: lambda parameters: 1 // 0}
    monkeypatch.setitem(STRATEGIES, "bad", replace(bad(raising), **broken))
    make_bot("bad", name="bad")
    neighbour = make_bot("buying")

    _, entries = run_tick()

    assert BotState.objects.get(bot__name="bad").message == "bad: ZeroDivisionError: integer division or modulo by zero"
    assert entries == [neighbour.pk]


def test_a_slow_strategy_is_stopped_soon():
    begun = monotonic()

    with pytest.raises(BadReading):
        guarded_reading(bad(endless), CANDLES, {})

    assert 0.2 <= monotonic() - begun < 1


def test_somebody_elses_alarm_rings_after_the_reading_as_it_would_have():
    rung = threading.Event()
    handler = signal.signal(signal.SIGALRM, lambda number, frame: rung.set())
    left, every = signal.setitimer(signal.ITIMER_REAL, 0.15)
    try:
        with pytest.raises(BadReading):
            guarded_reading(bad(endless), CANDLES, {})

        assert not rung.is_set()
        assert rung.wait(5)
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, left, every)


def test_a_quick_reading_leaves_no_alarm_behind():
    quick = bad(returning(lambda count: Reading(signals(count=count), {}, "quick")))
    before = signal.getsignal(signal.SIGALRM)
    left, every = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        guarded_reading(quick, CANDLES, {})

        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        assert signal.getsignal(signal.SIGALRM) == before
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, every)


def test_outside_the_main_thread_it_reads_without_a_bound():
    macd = STRATEGIES["macd"]

    with ThreadPoolExecutor() as pool:
        reading = pool.submit(guarded_reading, macd, CANDLES, macd.complete({})).result()

    assert len(reading.signals) == COUNT
