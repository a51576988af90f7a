"""`manage.py redis_ping` against real servers: that of the tests, one of its own, one that is stopped, none."""

import os
import signal
from time import monotonic

import pytest

from ops.redis_roles import COUNTER, PATIENCE_SECONDS, client_of
from ops.stack import redis
from ops.stack.places import Places
from ops.tests.commands.asking import run, run_json

PASSWORD = "hunter2-is-secret"
STEPS = ["PING", f"INCR {COUNTER}", f"EXPIRE {COUNTER} 60", f"GET {COUNTER}", "CLOSED"]


@pytest.fixture
def own_server(tmp_path, spawn, wait_until):
    """`own_server(*options)`: a server with a password; returns its process and the address by which kombu knows it."""

    def start(*options):
        places = Places(tmp_path / "r")
        places.create()
        service = redis.service(places, environment=os.environ)
        child = spawn([*service.argv, *options], name="redis")
        wait_until(places.sockets.joinpath("redis.sock").exists, message="Redis listens")
        return child, f"redis+socket://:{PASSWORD}@{places.sockets / 'redis.sock'}?virtual_host=3"

    return start


def test_each_step_of_both_roles_is_told_with_its_milliseconds():
    code, out, err = run("redis_ping")

    lines = [line.split() for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [line[0] for line in lines] == ["cache"] * 5 + ["broker"] * 5
    assert [" ".join(line[1:-3]) for line in lines] == STEPS * 2
    assert all(line[-1] == "ms" and float(line[-2]) >= 0 for line in lines)


def test_the_counter_goes_by_itself():
    run("redis_ping")

    with client_of("cache") as client:
        assert 0 < client.ttl(COUNTER) <= 60


def test_machines_get_the_steps_and_what_the_servers_say_of_themselves():
    code, found = run_json("redis_ping", "--deep")

    assert (code, found["healthy"]) == (0, True)
    for role in ("cache", "broker"):
        assert [step["command"] for step in found["roles"][role]["steps"]] == STEPS
        told = found["roles"][role]["details"]
        assert told["eviction_policy"] == "noeviction"
        assert told["memory_used_bytes"] > 0
        assert 0 < told["latency_median_ms"] <= told["latency_p99_ms"]
    assert ["append-only" in finding["text"] for finding in found["findings"]] == [True]  # the tests' server has none


def test_a_broker_that_forgets_messages_is_found_with_its_mend_and_its_password_is_not_told(settings, own_server):
    _, settings.CELERY_BROKER_URL = own_server("--requirepass", PASSWORD, "--maxmemory-policy", "allkeys-lru")

    code, out, err = run("redis_ping", "--deep")
    json_code, found = run_json("redis_ping", "--deep")

    assert (code, json_code) == (1, 1)
    worst = found["findings"][0]
    assert (worst["check"], worst["level"]) == ("broker", "critical")
    assert "allkeys-lru" in worst["text"]
    assert "noeviction" in worst["mend"]
    assert "What they say of themselves" in out
    assert "cache can't make room" in out  # a server of its own, that never forgets
    assert PASSWORD not in out + err + str(found)


def test_a_role_whose_server_is_away_fails_in_one_line_without_its_password(settings, free_port):
    settings.CELERY_BROKER_URL = f"redis://user:{PASSWORD}@127.0.0.1:{free_port}/0"

    code, out, err = run("redis_ping")

    assert code == 1
    assert "cache" in out
    (line,) = err.splitlines()
    assert line.startswith("broker: PING failed: ")
    assert "CELERY_BROKER_URL" in line
    assert PASSWORD not in out + err


def test_a_wrong_password_is_not_shown_either(settings, own_server):
    _, url = own_server("--requirepass", "another one")
    settings.CELERY_BROKER_URL = url

    code, found = run_json("redis_ping")

    assert (code, found["healthy"]) == (1, False)
    assert "broker: PING failed" in found["roles"]["broker"]["error"]
    assert PASSWORD not in str(found)


def test_a_server_that_hangs_is_given_up_within_its_patience(settings, own_server):
    child, settings.CELERY_BROKER_URL = own_server("--requirepass", PASSWORD)
    os.kill(child.pid, signal.SIGSTOP)
    begun = monotonic()

    code, found = run_json("redis_ping", "--deep")

    os.kill(child.pid, signal.SIGCONT)
    assert (code, found["roles"]["cache"]["error"]) == (1, None)
    assert PATIENCE_SECONDS <= monotonic() - begun < 3
