"""The processes of TradeBot itself, as children of the supervisor."""

import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping

from ops.stack.service import Service

WORKER_QUEUES = {
    "trading": ("high_priority,trading", 2),
    "analytics": ("analytics", 1),  # alone: a backtest takes minutes, and nothing else waits for it
    "background": ("data_sync,payments,maintenance", 1),
    "notifications": ("notifications,default", 1),  # alone: it waits for servers of others, and nothing of ours for it
}
# Orders are not to wait while ten thousand people are told something, or a year is computed.
YIELDING = {"analytics": 10, "notifications": 10}
# Who tells metrics on a port of its own: the first on METRICS_PORT, the others on those after it.
METRICS_PORTS = (
    *("worker-trading", "worker-background", "worker-notifications", "worker-analytics"),
    *("beat", "stream", "events", "watch"),
)
# Quiet: without its banner, which is no line of a log.
CELERY = [sys.executable, "-m", "celery", "-q", "-A", "tradebot_site"]


def paper(environment: Mapping[str, str]) -> Service:
    """The paper exchange on its own port of 127.0.0.1."""
    port, ledger = environment["PAPER_PORT"], environment["PAPER_LEDGER"]
    return Service(
        name="paper",
        argv=[sys.executable, "-m", "market.paper", "--host", "127.0.0.1", "--port", port, "--ledger", ledger],
        environment=environment,
        ready=lambda _pid: answers(f"http://127.0.0.1:{port}/api/v3/ping"),
        stop_within=7.0,
    )


def manage(environment: Mapping[str, str], command: str, *arguments: str) -> Service:
    """A management command that ends by itself."""
    return Service(
        name=command,
        argv=[sys.executable, "manage.py", command, *arguments],
        environment={**environment, "METRICS_DIR": ""},  # none of those who are asked
        once=True,
    )


def web(environment: Mapping[str, str]) -> Service:
    """One process with threads: enough for a machine's operators, and 60 MB less than two."""
    address = f"{environment['WEB_HOST']}:{environment['WEB_PORT']}"
    options = ["--worker-class", "gthread", "--workers", "1", "--threads", "4", "--bind", address]
    # The control socket of gunicorn 27 lies in $HOME, where two stacks of one user would share it.
    options += ["--no-control-socket", "--graceful-timeout", "1"]
    return Service(
        name="web",
        argv=[sys.executable, "-m", "gunicorn", "tradebot_site.wsgi", *options],
        environment=_counting(environment, "web"),
        ready=lambda _pid: answers(f"{web_url(environment)}/health"),
        stop_within=1.5,
    )


def web_url(environment: Mapping[str, str]) -> str:
    """Where a browser on this machine finds the site."""
    host = environment["WEB_HOST"]
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{environment['WEB_PORT']}"  # noqa: S104


def worker(environment: Mapping[str, str], name: str) -> Service:
    """A Celery worker. Stops after its task; in a hurry (SIGQUIT) gives the task back to the broker."""
    queues, processes = WORKER_QUEUES[name]
    options = ["-Q", queues, "-c", str(processes), "-n", f"{name}@%h", "-l", "INFO"]
    return Service(
        name=f"worker-{name}",
        argv=[*CELERY, "worker", *options, "--without-mingle", "--without-gossip"],
        environment=_counting(environment, f"worker-{name}"),
        ready_line=rf"{name}@\S+ ready\.",
        hurry_signal=signal.SIGQUIT,
        niceness=YIELDING.get(name, 0),
        stop_within=6.5,
    )


def beat(environment: Mapping[str, str]) -> Service:
    """The clock; its schedule is in the database, and the stack's lock keeps it the only one: no pid file."""
    return Service(
        name="beat",
        argv=[*CELERY, "beat", "-l", "INFO", "--pidfile="],
        environment=_counting(environment, "beat"),
        ready_line=r"beat: Starting",
        stop_within=2.5,
    )


def stream(environment: Mapping[str, str]) -> Service:
    """Market data by websocket. Without it everything goes on by REST."""
    return Service(
        name="stream",
        argv=[sys.executable, "manage.py", "market_stream"],
        environment=_counting(environment, "stream"),
        ready_line=r"market stream: (leading|standing by)",
        stop_within=2.5,
    )


def events(environment: Mapping[str, str]) -> Service:
    """What happens to bots, for whoever watches (`GET /api/v1/events`)."""
    host, port = environment["EVENT_STREAM_HOST"], environment["EVENT_STREAM_PORT"]
    return Service(
        name="events",
        argv=[sys.executable, "manage.py", "event_stream"],
        environment=_counting(environment, "events"),
        ready=lambda _pid: answers(f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/health"),  # noqa: S104
        ready_line=r"event stream: listens",
        stop_within=2.5,
    )


def watch(environment: Mapping[str, str]) -> Service:
    """Looks at all the others, and tells operators what is wrong with them."""
    return Service(
        name="watch",
        argv=[sys.executable, "manage.py", "watch"],
        environment=_counting(environment, "watch"),
        ready_line=r"watch: looks",
        stop_within=2.5,
    )


def after_migration(environment: Mapping[str, str]) -> list[Service]:
    """What may start when the database has all its tables."""
    workers = [worker(environment, name) for name in WORKER_QUEUES]
    others = [beat(environment), stream(environment), events(environment), watch(environment)]
    return [web(environment), *workers, *others]


def _counting(environment: Mapping[str, str], name: str) -> dict[str, str]:
    """With a directory of its own for what the service counts, and a port where it tells it, if the stack has them."""
    own = dict(environment)
    if directory := environment.get("METRICS_DIR"):
        own["METRICS_DIR"] = f"{directory}/{name}"
    base = int(environment.get("METRICS_PORT") or 0)
    told_at = base + METRICS_PORTS.index(name) if base and name in METRICS_PORTS else 0
    return own | {"METRICS_PORT": str(told_at)}


def answers(url: str) -> bool:
    """True when a GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False
