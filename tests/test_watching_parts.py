"""What operators hear when a part of a real system dies: one alert within a minute, and one word when it is back.

One system for all of it. `WATCH_ALL=1` kills all six parts, which takes five minutes; else the three whose death hits
what alerts themselves need: PostgreSQL, Redis, the worker.
"""

import os
import re
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ops.stack import services
from ops.stack.service import Service
from ops.stack.testing import free_port
from ops.tests.notifications.receiving import Receiver, make_certificates
from tests.system.stack import Stack, temporary

pytestmark = pytest.mark.long
WITHIN = 60  # seconds, from a death to the message
ALL = bool(os.environ.get("WATCH_ALL"))
# What is stopped (a process that hangs is the harder case), and what its alert is called. Redis comes last: who falls
# silent soon after it was away is given time to find the way back.
MORE = {"beat": "beat", "paper": "exchange", "smtp": "mail"}
PARTS = {"worker-trading": "worker", **(MORE if ALL else {}), "postgres": "database", "redis": "broker"}
OPERATOR = """
from django.contrib.auth.models import User
from django.utils import timezone
from bots.signing import new_secret
from ops.models import Channel
now = timezone.now()
user = User.objects.create(username="operator", is_superuser=True, email="operator@example.com")
about = {"hint": "h", "confirmed_at": now, "created_at": now}
Channel.objects.create(owner=user, kind="webhook", name="w", target="%s", secret=new_secret(), **about)
"""


class Watched:
    """The system, and what has arrived at the operator's webhook."""

    def __init__(self, stack: Stack, receiver: Receiver) -> None:
        self.stack, self.receiver = stack, receiver
        self.seconds: dict[str, tuple[float, float]] = {}

    def heard(self, check: str, *, is_over: bool) -> list[str]:
        told = [one.json["data"] for one in self.receiver.received]
        return [
            one["title"]
            for one in told
            if one["about"].get("is_over") is is_over and check in {it["check"] for it in one["about"]["alerts"]}
        ]

    def signal(self, name: str, number: signal.Signals) -> None:
        """To all of it: the processes of PostgreSQL for its clients are in groups of their own."""
        self.stack.signal(name, number)
        for pid in self.stack.children(name):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self, name: str, check: str) -> None:
        """Let it hang until its alert has come, then until its end has been told; note how long each took."""
        before, began = len(self.receiver.received), time.monotonic()
        self.signal(name, signal.SIGSTOP)
        self.stack.wait_until(lambda: self.heard(check, is_over=False), WITHIN, f"{check}: its alert")
        told = time.monotonic() - began
        self.signal(name, signal.SIGCONT)
        began = time.monotonic()
        self.stack.wait_until(lambda: self.heard(check, is_over=True), WITHIN, f"{check}: its end")
        self.seconds[name] = (round(told, 1), round(time.monotonic() - began, 1))
        titles = [one.json["data"]["title"] for one in self.receiver.received[before:]]
        sys.stderr.write(f"{name}: alert after {told:.1f} s, recovery after {self.seconds[name][1]} s: {titles}\n")


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    certificates = make_certificates(tmp_path_factory.mktemp("certificates"), "localhost")
    receiver = Receiver(certificates)
    with temporary(Stack) as stack:
        mail = free_port()
        stack.environment |= {
            "DEMO": "1",
            "ADMIN_PASSWORD": "for a test only",
            "EMAIL_URL": f"smtp://127.0.0.1:{mail}",
            "EMAIL_TIMEOUT": "2",
            **dict.fromkeys(("HEALTH_CPU_PERCENT", "HEALTH_MEMORY_PERCENT", "HEALTH_DISK_PERCENT"), "1000,1000"),
            "WEBHOOK_INTERNAL_HOSTS": f"localhost:{receiver.server_port}",
            "REQUESTS_CA_BUNDLE": str(certificates / "ca.pem"),
        }
        yield begun(stack, receiver, mail)
    receiver.close()


def begun(stack: Stack, receiver: Receiver, mail: int) -> Watched:
    own = {name: replace(service, environment=stack.environment) for name, service in processes(stack, mail).items()}
    for service in own.values():
        stack.add(service)
    stack.run("manage.py", "prepare")
    stack.run("manage.py", "shell", "-c", OPERATOR % f"https://localhost:{receiver.server_port}/hook")
    stack.start(*own)
    watched = Watched(stack, receiver)
    # Its own first seconds are over when it tells of nothing, and everything has found its way.
    log = stack.places.logs / "watch.log"
    stack.wait_until(lambda: "watch: begins to tell" in log.read_text(), 60, "the watcher begins")
    return watched


def processes(stack: Stack, mail: int) -> dict[str, Service]:
    environment = stack.environment
    server = [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{mail}", "-c", "aiosmtpd.handlers.Sink"]
    planned = [
        Service(name="smtp", argv=server, environment=environment),
        *(services.worker(environment, name) for name in services.WORKER_QUEUES),
        services.beat(environment),
        services.watch(environment),
    ]
    return {service.name: service for service in planned}


@pytest.mark.timeout(600)
def test_each_part_that_dies_is_one_alert_within_a_minute_and_one_recovery(watched):
    for name, check in PARTS.items():
        watched.stop(name, check)

    titles = [one.json["data"]["title"] for one in watched.receiver.received]
    for check in PARTS.values():
        assert len(watched.heard(check, is_over=False)) == 1, titles
        assert len(watched.heard(check, is_over=True)) == 1, titles
    assert len(titles) == 2 * len(watched.seconds), titles


def test_the_watcher_is_small_and_stops_at_once(watched):
    process = watched.stack._runs["watch"].process
    (rss,) = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
    began = time.monotonic()

    process.terminate()

    assert process.wait(10) == 0
    took = time.monotonic() - began
    sys.stderr.write(f"watch: {int(rss) / 1024:.0f} MB, stopped in {took:.2f} s\n")
    assert took < 2
