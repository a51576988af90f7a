"""The shared store over real Redis: one fetch for all, and none that waits for a Redis that is away."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisAway

from market import store
from market.store import shared

CALLERS = 24
HOUR = timedelta(hours=1)


@dataclass
class Source:
    """Something that is fetched: it counts, and with ``gate`` waits until the test lets it answer."""

    answers: list[bytes | Exception] = field(default_factory=lambda: [b"fresh"])
    gate: threading.Event | None = None
    calls: int = 0

    def fetch(self) -> tuple[bytes, str]:
        self.calls += 1
        answer = self.answers[min(self.calls, len(self.answers)) - 1]
        if self.gate:
            assert self.gate.wait(20)
        if isinstance(answer, Exception):
            raise answer
        return answer, answer.decode()


def text(packed: bytes) -> str | None:
    """How the tests read a copy: one that says so is too old."""
    return None if packed == b"stale" else packed.decode()


def ask(source: Source, key: str = "key") -> str:
    return shared(key, read=text, fetch=source.fetch, keep=HOUR)


def ask_at_once(
    source: Source, wait_until: Callable[..., object], redis: Redis, *, fetching: int = 1
) -> list[Future[str]]:
    """Let many callers ask while the first of them, or so many, are fetching, then let these get their answers."""
    source.gate = threading.Event()
    barrier = threading.Barrier(CALLERS)

    def call() -> str:
        barrier.wait()
        return ask(source)

    with ThreadPoolExecutor(CALLERS) as pool:
        asked = [pool.submit(call) for _ in range(CALLERS)]
        try:
            wait_until(lambda: source.calls >= fetching and redis.exists("key:fetch"), message="they are fetching")
        finally:
            source.gate.set()
    return asked


def test_many_callers_at_once_cost_one_fetch(redis, wait_until):
    source = Source()

    asked = ask_at_once(source, wait_until, redis)

    assert {future.result() for future in asked} == {"fresh"}
    assert source.calls == 1


def test_a_later_caller_is_served_from_the_copy(redis):
    first, second = Source(), Source([b"another"])

    answers = [ask(first), ask(second)]

    assert answers == ["fresh", "fresh"]
    assert (first.calls, second.calls) == (1, 0)


def test_different_keys_are_fetched_apart(redis):
    source = Source([b"one", b"two"])

    assert [ask(source, "a"), ask(source, "b")] == ["one", "two"]


def test_a_stale_copy_is_fetched_anew_by_one_of_many(redis, wait_until):
    redis.set("key", b"stale")
    source = Source()

    asked = ask_at_once(source, wait_until, redis)

    assert {future.result() for future in asked} == {"fresh"}
    assert source.calls == 1
    assert redis.get("key") == b"fresh"


def test_a_copy_is_kept_for_as_long_as_was_asked(redis):
    ask(Source())

    left = redis.pttl("key")

    assert timedelta(minutes=59) < timedelta(milliseconds=left) <= HOUR


@pytest.mark.parametrize("error", [ValueError("bad"), KeyError("bad"), TypeError("bad")])
def test_a_copy_that_nobody_can_read_is_fetched_anew(redis, error):
    redis.set("key", b"of another version")

    def read(packed: bytes) -> str:
        raise error

    assert shared("key", read=read, fetch=Source().fetch, keep=HOUR) == "fresh"
    assert redis.get("key") == b"fresh"


def test_a_fetch_that_raises_fails_for_its_caller_and_for_no_other(redis, wait_until):
    source = Source([OSError("exchange away"), b"fresh"])

    asked = ask_at_once(source, wait_until, redis)

    failed = [future for future in asked if future.exception()]
    assert [str(future.exception()) for future in failed] == ["exchange away"]
    assert {future.result() for future in asked if future not in failed} == {"fresh"}
    assert source.calls == 2
    assert not redis.exists("key:fetch")


def test_a_fetch_slower_than_its_lock_still_serves_its_caller(redis, monkeypatch, wait_until):
    monkeypatch.setattr(store, "TAKE_OVER_SECONDS", 0.05)

    def fetch() -> tuple[bytes, str]:
        wait_until(lambda: not redis.exists("key:fetch"), message="the lock has expired")
        return b"slow", "slow"

    assert shared("key", read=text, fetch=fetch, keep=HOUR) == "slow"


def test_of_many_that_wait_for_one_that_hangs_or_died_one_fetches_instead(redis, wait_until, monkeypatch):
    monkeypatch.setattr(store, "TAKE_OVER_SECONDS", 0.5)
    source = Source()

    asked = ask_at_once(source, wait_until, redis, fetching=2)

    assert {future.result() for future in asked} == {"fresh"}
    assert 2 <= source.calls <= 4  # on a slow machine another may begin; never all of them at once


def test_what_a_slow_one_brings_is_for_all_who_wait_also_for_one_who_has_begun_after_it(redis, wait_until, monkeypatch):
    monkeypatch.setattr(store, "TAKE_OVER_SECONDS", 0.2)
    slow, hung, third = Source([b"slow"], threading.Event()), Source([b"hung"], threading.Event()), Source([b"third"])
    redis.set("key", b"stale")
    looked = threading.Event()

    def read(packed: bytes) -> str | None:
        looked.set()
        return text(packed)

    with ThreadPoolExecutor(3) as pool:
        try:
            first = pool.submit(ask, slow)
            wait_until(lambda: slow.calls, message="the first fetches")
            monkeypatch.setattr(store, "TAKE_OVER_SECONDS", 60)
            pool.submit(ask, hung)
            wait_until(lambda: hung.calls, message="the second has begun, too")
            waiting = pool.submit(shared, "key", read=read, fetch=third.fetch, keep=HOUR)
            assert looked.wait(5)
            slow.gate.set()

            assert (first.result(5), waiting.result(5)) == ("slow", "slow")
        finally:
            slow.gate.set()
            hung.gate.set()
    assert third.calls == 0


def test_one_who_fails_late_leaves_the_lock_to_who_has_begun_after_it(redis, wait_until, monkeypatch):
    monkeypatch.setattr(store, "TAKE_OVER_SECONDS", 0.2)
    late = Source([OSError("exchange away")], threading.Event())

    with ThreadPoolExecutor(1) as pool:
        failed = pool.submit(ask, late)
        wait_until(lambda: late.calls, message="the first fetches")
        wait_until(lambda: not redis.exists("key:fetch"), message="its lock has expired")
        redis.set("key:fetch", "of another")
        late.gate.set()

    assert isinstance(failed.exception(), OSError)
    assert redis.get("key:fetch") == b"of another"


def test_a_lock_that_does_not_end_keeps_nobody_waiting_for_ever(redis, monkeypatch):
    monkeypatch.setattr(store, "FETCH_SECONDS", 0.1)
    redis.set("key:fetch", "a dead process", px=HOUR)
    source = Source()

    assert ask(source) == "fresh"
    assert source.calls == 1


def test_without_redis_every_caller_fetches_at_once_for_itself(redis_away):
    source = Source()

    began = time.monotonic()
    answers = [ask(source) for _ in range(5)]

    assert answers == ["fresh"] * 5
    assert source.calls == 5
    assert time.monotonic() - began < 1  # the ten retries of redis-py would take 4 s each time


def test_a_redis_that_hangs_costs_one_timeout_and_no_retries(redis_hung, settings):
    source = Source()

    began = time.monotonic()
    answer = ask(source)

    assert answer == "fresh"
    assert source.calls == 1
    assert time.monotonic() - began < 1.5 * settings.CACHES["default"]["OPTIONS"]["SOCKET_TIMEOUT"]


def test_an_error_of_the_fetch_is_the_callers_without_redis_too(redis_away):
    with pytest.raises(OSError, match="exchange away"):
        ask(Source([OSError("exchange away")]))


@pytest.mark.parametrize("moment", [(Redis, "set"), (Pipeline, "execute")])
def test_redis_that_goes_away_during_the_fetch_costs_no_second_fetch(redis, monkeypatch, moment):
    def gone(*_: object, **__: object) -> None:
        raise RedisAway("connection reset")

    source = Source()
    monkeypatch.setattr(*moment, gone)

    assert ask(source) == "fresh"
    assert source.calls == 1
