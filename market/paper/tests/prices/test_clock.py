import pytest

from market.paper.prices import clock as module
from market.paper.prices.clock import Clock

NOON = 1_750_000_000_000


class Machine:
    """The machine's own clock, set by hand."""

    def __init__(self, monkeypatch):
        self.now = NOON
        monkeypatch.setattr(module.time, "time_ns", lambda: int(self.now * 1_000_000))


@pytest.fixture
def machine(monkeypatch):
    return Machine(monkeypatch)


def test_clock_of_speed_one_is_the_real_time(machine):
    clock = Clock.resumed(1, stood_ms=NOON - 5000)

    machine.now += 1234

    assert clock.now_ms() == clock.real_ms() == NOON + 1234


@pytest.mark.parametrize("speed", [1, 60, 1000])
def test_exchange_time_runs_as_many_times_as_fast(machine, speed):
    clock = Clock(speed, anchor=(NOON, NOON + 77))

    machine.now += 2.5

    assert clock.now_ms() == NOON + 77 + 5 * speed // 2
    assert clock.real_ms() == NOON + 2


def test_restart_goes_on_where_the_exchange_stood_and_never_earlier(machine):
    fast = Clock.resumed(1000, stood_ms=0)
    machine.now += 3_600
    stood = fast.now_ms()
    machine.now += 7_200_000  # two hours down

    slow, fast = Clock.resumed(1, stood), Clock.resumed(1000, stood)

    assert stood == NOON + 3_600_000
    assert slow.now_ms() == fast.now_ms() == machine.now  # the real time has overtaken it
    assert Clock.resumed(1, stood_ms=machine.now + 10**9).now_ms() == machine.now + 10**9


def test_clock_stands_still_while_the_machine_is_set_back(machine):
    clock = Clock(1000)
    machine.now += 10
    before = clock.now_ms()

    machine.now -= 9
    set_back = clock.now_ms()
    machine.now += 10

    assert set_back == before
    assert clock.now_ms() == before + 1000


def test_sleep_until_a_moment_is_counted_in_real_seconds(machine):
    clock = Clock(100)

    assert clock.seconds_until(clock.now_ms() + 60_000) == 0.6
    assert clock.seconds_until(clock.now_ms() - 1) == 0
