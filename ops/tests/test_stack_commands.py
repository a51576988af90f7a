"""One owner for the servers: up, down, reset, and the commands of manage.py beside them."""

import os
import shutil
import subprocess
import sys
import threading

import pytest

from ops.stack import down, lock
from ops.stack.errors import StackError
from ops.stack.places import Places
from ops.stack.up import ROLE, _owning, up

HOLD = """
import sys, time
from pathlib import Path
from ops.stack import lock
from ops.stack.places import Places

places = Places(Path(sys.argv[1]))
with lock.owning(places, sys.argv[2]) as descriptor:
    lock.publish(places, {"REDIS_URL": "unix:///x"}, {})
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def places(tmp_path):
    places = Places(tmp_path / "local")
    places.create()
    yield places
    shutil.rmtree(places.temporary("run"), ignore_errors=True)


@pytest.fixture
def hold(spawn, places):
    def hold(role):
        child = spawn([sys.executable, "-c", HOLD, str(places.local), role], name="holder")
        child.wait_for("held")
        return child

    return hold


def test_a_second_up_says_who_runs_and_how_to_stop_it(hold, places):
    first = hold(ROLE)

    with pytest.raises(StackError, match=rf"already running \(pid {first.pid}\): make down stops it"):
        up({}, places)


def test_up_ends_when_nothing_of_it_has_the_servers_any_more(places):
    with _owning(places) as descriptor:
        late = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.4)"], pass_fds=[descriptor])

    assert lock.owner(places) is None
    assert late.wait(5) == 0


def test_down_ends_whoever_has_the_servers(hold, places, capsys):
    first = hold(ROLE)

    assert down.down(places) == 0

    assert first.process.poll() is not None or not lock.lives(first.pid)
    assert f"stopping make up (pid {first.pid})" in capsys.readouterr().out


def test_down_says_when_nothing_runs(places, capsys):
    assert down.down(places) == 0

    assert "nothing runs here" in capsys.readouterr().out


def test_reset_asks_and_deletes_nothing_without_a_yes(places):
    def no_terminal(_question):
        raise EOFError

    assert down.reset(places, confirmed=False, ask=lambda _question: "no") == 1
    assert down.reset(places, confirmed=False, ask=no_terminal) == 1
    assert places.run.exists()


def test_reset_deletes_the_data_after_a_yes(places):
    assert down.reset(places, confirmed=False, ask=lambda _question: "yes") == 0

    assert not places.local.exists()


def test_the_lock_stays_until_the_last_child_is_gone(places):
    with lock.owning(places, ROLE) as descriptor:
        inherited = os.dup(descriptor)

    assert lock.owner(places) is not None
    os.close(inherited)
    assert lock.owner(places) is None


def test_addresses_of_an_owner_that_is_gone_are_not_used(hold, places):
    assert lock.published(places) is None
    first = hold(ROLE)
    assert lock.published(places)["addresses"] == {"REDIS_URL": "unix:///x"}

    first.kill()

    assert lock.published(places) is None


def test_an_owner_waits_for_the_commands_that_use_its_servers(places, wait_until):
    waiting, done = threading.Event(), threading.Event()

    def end():
        with lock.closed_to_users(places, on_wait=waiting.set):
            done.set()

    with lock.using(places) as granted:
        assert granted
        thread = threading.Thread(target=end)
        thread.start()
        assert waiting.wait(5)
        assert not done.is_set()

    thread.join(5)
    assert done.is_set()


def test_a_command_that_comes_while_servers_stop_does_not_get_them(places):
    with lock.closed_to_users(places, on_wait=lambda: None), lock.using(places) as granted:
        assert not granted
