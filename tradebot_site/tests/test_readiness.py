"""`GET /health/ready`: whom it tells what, and that it answers in time while servers hang."""

import json
import signal
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_redis import get_redis_connection

from ops import liveness
from ops.health import causes, probes
from ops.stack import services
from ops.stack.servers import free_port
from tests.system.stack import Stack, temporary
from tradebot_site.tests.people import client_of, person

READY = "/health/ready"
SECONDS = 5.0


@pytest.fixture
def well(transactional_db):
    """Beat and a worker for everything live, and no process remembers another test's look."""
    redis = get_redis_connection("default")
    now = timezone.now()

    def forget():
        redis.delete(liveness.KEY)
        causes.forget()
        liveness._next_at = 0.0
        probes._Look.at = float("-inf")

    forget()
    liveness.tell_of_worker("all@here", list(settings.CELERY_TASK_QUEUES), now=now)
    second = IntervalSchedule.objects.create(every=1, period="seconds")
    PeriodicTask.objects.create(name="pulse", task="x", interval=second, last_run_at=now)
    yield forget
    forget()


def test_it_is_ready_when_all_that_it_needs_works(client, well, settings):
    settings.SECURE_SSL_REDIRECT = True

    answer = client.get(READY, headers={"host": "10.0.0.7"})

    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert answer.headers["Cache-Control"] == "no-store"


def test_it_names_what_failed_and_tells_operators_alone_what_to_do(client, well):
    PeriodicTask.objects.update(last_run_at=timezone.now() - timezone.timedelta(minutes=2))
    operator, trader = person("operator"), person("trader")

    probe = client.get(READY)
    told = client_of(operator).get(READY)

    assert (probe.status_code, probe.json()) == (503, {"status": "unready", "failed": ["beat"]})
    assert client_of(trader).get(READY).json() == probe.json()
    assert client.get(READY, headers={"authorization": "Token guessed"}).json() == probe.json()
    (beat,) = [finding for finding in told.json()["findings"] if finding["check"] == "beat"]
    assert told.status_code == 503
    assert "(bound 30 s)" in beat["text"]
    assert "docs/runbook.md#beat-late" in beat["mend"]


def test_a_storm_of_probes_costs_one_look(client, well, monkeypatch):
    looks = []
    monkeypatch.setattr(probes, "examine", lambda **asked: looks.append(time.sleep(0.1)) or [])

    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(lambda _: probes.readiness(), range(200)))

    assert (len(answers), len(looks)) == (200, 1)


class _Site(Stack):
    """The web on servers of its own, whose tables nobody has made: that is told, too."""

    def __init__(self, directory):
        super().__init__(directory)
        self.environment["WEB_PORT"] = str(free_port())
        self.add(services.web(self.environment))

    def ask(self, path):
        """Status, answer, and how many seconds it took."""
        began = time.monotonic()
        url = services.web_url(self.environment) + path
        try:
            with urllib.request.urlopen(url, timeout=20) as reply:
                status, text = reply.status, reply.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        return status, json.loads(text), time.monotonic() - began

    def failed(self, name, *, within=20):
        """Wait until it is among what failed, or ``-name`` is not; each answer has to come in time."""

        def found():
            status, told, seconds = self.ask(READY)
            assert status == 503
            assert seconds < SECONDS
            return (
                told["failed"] if (name[1:] not in told["failed"] if name[0] == "-" else name in told["failed"]) else 0
            )

        return self.wait_until(found, within, f"{name} of what failed")


@pytest.mark.long
def test_it_answers_in_time_while_servers_hang_and_sees_them_come_back():
    with temporary(_Site, servers=("postgres", "redis", "web")) as site:
        assert site.failed("migrations") == ["migrations", "worker"]

        for server in ("postgres", "redis"):
            site.signal(server, signal.SIGSTOP)
        assert {"broker", "database"} <= set(site.failed("broker"))
        assert site.ask("/health")[0] == 200
        for server in ("postgres", "redis"):
            site.signal(server, signal.SIGCONT)
        assert "broker" not in site.failed("-database")
