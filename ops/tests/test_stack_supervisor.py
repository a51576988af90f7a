"""The supervisor with small children that do nothing."""

import os
import signal
import sys
import time

import pytest

from ops.stack import services
from ops.stack.errors import StackError, StopRequestedError
from ops.stack.lock import lives
from ops.stack.service import Service
from ops.stack.supervisor import Supervisor

SLEEP = "import time; print('at work', flush=True); time.sleep(600)"
# A shell that starts us in the background lets us, and so our children, ignore SIGQUIT (3).
STUBBORN = (
    "import signal; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; signal.signal(3, signal.SIG_DFL); " + SLEEP
)
# Starts a child of its own, like the pool of a worker, that ignores every polite signal.
PARENT = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); print(p.pid); " + SLEEP

SUPERVISED = f"""
import sys
from pathlib import Path
from ops.stack.service import Service
from ops.stack.supervisor import Supervisor

supervisor = Supervisor(Path(sys.argv[1]), lambda name, text: print(name, text))
for name, code in (("plain", {SLEEP!r}), ("stubborn", {STUBBORN!r}), ("parent", {PARENT!r})):
    supervisor.start([Service(name, [sys.executable, "-c", code], {{}}, ready_line="at work")])
print("pids", *supervisor.children.values(), flush=True)
supervisor.watch()
"""


def python(name: str, code: str, **options) -> Service:
    return Service(name, [sys.executable, "-c", code], {}, **options)


@pytest.fixture
def said():
    return []


@pytest.fixture
def supervisor(tmp_path, said):
    supervisor = Supervisor(tmp_path, lambda name, text: said.append(f"{name} {text}"))
    yield supervisor
    supervisor.stop()


def test_a_child_yields_the_processor_as_it_is_told(supervisor):
    kind = python("kind", SLEEP, niceness=7, ready_line="at work")
    supervisor.start([python("plain", SLEEP, ready_line="at work"), kind])

    niceness = {name: os.getpriority(os.PRIO_PROCESS, pid) for name, pid in supervisor.children.items()}
    assert niceness["kind"] == niceness["plain"] + 7


def test_only_what_nobody_waits_for_yields_to_orders():
    workers = {name: services.worker({}, name).niceness for name in services.WORKER_QUEUES}

    assert workers == {"trading": 0, "background": 0, "analytics": 10, "notifications": 10}


def test_a_child_that_dies_is_started_again_later_each_time(supervisor, said):
    supervisor.start([python("child", SLEEP, ready_line="at work")])
    pids = []

    def kill_again():
        pids.append(supervisor.children["child"])
        if len(pids) == 2:
            supervisor.request_stop()
        supervisor.all[0].process.kill()

    supervisor.all[0].process.kill()
    with pytest.raises(StopRequestedError):
        supervisor.watch(on_restart=kill_again)
    supervisor.stop_requested = False

    assert len(set(pids)) == 2
    first, second = (line for line in said if "died" in line)
    assert first.endswith("next start in 0.5 s")
    assert second.endswith("next start in 1.0 s")


def test_a_child_that_stays_well_for_a_minute_is_forgiven(supervisor):
    supervisor.start([python("child", SLEEP)])
    run = supervisor.all[0]
    run.delay = 16.0
    run.started_at -= 61

    run.process.kill()
    run.process.wait()
    run.ended()

    assert run.due_at - time.monotonic() < 0.6


def test_a_child_that_ends_before_it_is_ready_stops_the_start_with_its_last_words(supervisor):
    with pytest.raises(StackError, match="child ended before it was ready: no luck today"):
        supervisor.start([python("child", "print('no luck today')", ready_line="at work")])


def test_a_child_that_is_never_ready_stops_the_start(supervisor):
    with pytest.raises(StackError, match="child is not ready after 0 s: at work"):
        supervisor.start([python("child", SLEEP, ready=lambda _pid: False)], timeout=0.4)


def test_a_stop_in_the_middle_of_a_start_is_heard(supervisor):
    supervisor.request_stop()

    with pytest.raises(StopRequestedError):
        supervisor.start([python("child", SLEEP, ready=lambda _pid: False)])


def test_a_job_is_ready_when_it_has_ended_well(supervisor):
    supervisor.start([python("job", "print('done')", once=True)])

    assert supervisor.all == []


def test_a_job_that_fails_stops_the_start(supervisor):
    with pytest.raises(StackError, match="job ended before it was ready: nope"):
        supervisor.start([python("job", "raise SystemExit('nope')", once=True)])


def test_events_of_our_loggers_reach_the_terminal_and_nothing_else_does(supervisor, said):
    lines = [
        '{"level":"info","logger":"trades.services","event":"position 5: BUY"}',
        '{"level":"warning","logger":"bots.tasks","event":"odd\\nand more"}',
        '{"level":"info","logger":"tasks","event":"succeeded"}',
        '{"level":"debug","logger":"trades","event":"detail"}',
        '{"level":"error","logger":"tradesman","event":"of others"}',
        "position 6: BUY",
        "at work",
    ]
    supervisor.start([python("child", f"print({chr(10).join(lines)!r}, flush=True); {SLEEP}", ready_line="at work")])

    assert said[:2] == ["child position 5: BUY", "child WARNING odd and more"]
    assert said[2].startswith("child ready in ")


def test_children_stop_in_order_and_a_stubborn_one_is_killed_at_its_deadline(tmp_path, said):
    supervisor = Supervisor(tmp_path, lambda name, text: said.append(f"{name} {text}"))
    supervisor.start(
        [
            python("first", STUBBORN, ready_line="at work", stop_within=0.3),
            python("second", SLEEP, ready_line="at work", stop_within=5),
        ]
    )
    pids = supervisor.children

    begun = time.monotonic()
    supervisor.stop()

    assert 0.3 < time.monotonic() - begun < 3
    assert "first does not stop: killed" in said
    assert not any(map(lives, pids.values()))


def test_a_child_is_hurried_when_half_of_its_time_is_over(tmp_path):
    supervisor = Supervisor(tmp_path, lambda _name, _text: None)
    supervisor.start([python("worker", STUBBORN, ready_line="at work", hurry_signal=signal.SIGQUIT, stop_within=8)])
    run = supervisor.all[0]

    supervisor.stop()

    assert run.returncode == -signal.SIGQUIT


def test_nothing_survives_a_kill_of_the_supervisor(spawn, tmp_path, wait_until):
    supervisor = spawn([sys.executable, "-c", SUPERVISED, str(tmp_path)], name="supervisor")
    words = supervisor.wait_for("pids").split("pids ")[1].split()
    grandchild = (tmp_path / "parent.log").read_text().split()[0]
    pids = [int(word) for word in [*words, grandchild] if word.isdigit()]
    assert len(pids) == 4
    assert all(map(lives, pids))

    supervisor.process.send_signal(signal.SIGKILL)

    wait_until(lambda: not any(map(lives, pids)), timeout=12, message=f"{pids} end")
