"""`make up`: everything under one supervisor, until Ctrl-C, SIGTERM or `make down`."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ops.stack import environment, lock, services
from ops.stack.errors import StackError, StopRequestedError
from ops.stack.places import Places
from ops.stack.relay import say
from ops.stack.servers import Servers, check_port, plan
from ops.stack.supervisor import Supervisor

ROLE = "make up"
PATIENCE_SECONDS, GONE_WITHIN_SECONDS = 60.0, 2.0


def up(caller: Mapping[str, str], places: Places) -> int:
    """Run the stack; returns the exit status. StackError when it cannot start; whatever had started is ended."""
    places.create()
    with _owning(places) as descriptor:
        supervisor = Supervisor(places.logs, say, lock=descriptor)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, supervisor.request_stop)
        try:
            _run(supervisor, caller, places)
        except StopRequestedError:
            say("stack", "stopping")
        finally:
            begun, anything = time.monotonic(), supervisor.children
            lock.withdraw(places)
            supervisor.stop()
            if anything:
                say("stack", f"all stopped in {time.monotonic() - begun:.1f} s")
    return 0


def _run(supervisor: Supervisor, caller: Mapping[str, str], places: Places) -> None:
    begun = time.monotonic()
    planned = plan(caller, places, environment.to_embed(caller))
    if planned.exchange and planned.environment["WEB_PORT"] == planned.environment["PAPER_PORT"]:
        raise StackError("WEB_PORT and PAPER_PORT are the same: choose two ports")
    check_port(planned.environment["WEB_HOST"], planned.environment["WEB_PORT"], variable="WEB_PORT")
    listens = planned.environment["EVENT_STREAM_HOST"], planned.environment["EVENT_STREAM_PORT"]
    check_port(*listens, variable="EVENT_STREAM_PORT")
    supervisor.start(planned.databases)
    rest = services.after_migration(planned.environment)
    # With all migrations applied nobody has to wait for `prepare`, which takes a third of the time.
    started = supervisor.begin(rest) if planned.migrated else None
    supervisor.start(planned.exchange)
    supervisor.start([services.manage(planned.environment, "prepare")], timeout=120)
    planned.mark_migrated()
    supervisor.wait(started or supervisor.begin(rest))
    lock.publish(places, planned.addresses, supervisor.children)
    _greet(planned, places, time.monotonic() - begun)
    supervisor.watch(on_restart=lambda: lock.publish(places, planned.addresses, supervisor.children))


def _greet(planned: Servers, places: Places, seconds: float) -> None:
    address = f"{services.web_url(planned.environment)}/admin/"
    say("stack", f"TradeBot is ready after {seconds:.1f} s: {address}")
    say("stack", f"log in as admin with password {planned.environment.get('ADMIN_PASSWORD')}")
    say("stack", f"logs are in {places.logs}; Ctrl-C (or make down) stops everything, the data stays in {places.local}")


@contextmanager
def _owning(places: Places) -> Iterator[int]:
    """Own the servers, after waiting for a command, or the end of an earlier run, that has them now.

    Afterwards nobody has them: what was killed with its parent keeps the lock until the kernel has cleared it away.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    told = None
    while True:
        with lock.owning(places, ROLE) as descriptor:
            if descriptor is not None:
                yield descriptor
                break
        pid, role = lock.owner(places) or (0, "")
        if role == ROLE and lock.lives(pid):
            raise StackError(f"already running (pid {pid}): make down stops it")
        if told != pid:
            say("stack", f"waiting for {role} (pid {pid}), which has the servers, to end")
            told = pid
        if time.monotonic() > deadline:
            raise StackError(f"{role} (pid {pid}) has the servers: end it, then again")
        time.sleep(0.1)
    gone_by = time.monotonic() + GONE_WITHIN_SECONDS
    while (lock.owner(places) or (0,))[0] == os.getpid() and time.monotonic() < gone_by:
        time.sleep(0.02)
