"""PostgreSQL and Redis in a temporary directory, fast and forgetful, for the lifetime of a test run or a command."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ops.stack.environment import POSTGRES, REDIS
from ops.stack.places import Places
from ops.stack.servers import plan
from ops.stack.supervisor import Supervisor


@contextmanager
def servers(caller: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Start both and yield an environment that names them and nothing of the caller's stack."""
    places = Places(Path(tempfile.mkdtemp(prefix="tradebot-", dir="/tmp")))
    places.local.chmod(0o711)  # so that `nobody` reaches its data where root may not run PostgreSQL as itself
    supervisor = None
    try:
        places.create()
        named = {name: value for name, value in caller.items() if name not in STACK_VARIABLES}
        planned = plan(named, places, (POSTGRES, REDIS), throwaway=True)
        supervisor = Supervisor(places.logs, lambda _name, _text: None)
        supervisor.start(planned.databases)
        # What is started one by one beside these must share neither a directory nor a port.
        yield planned.environment | {"METRICS_DIR": "", "METRICS_PORT": "0"}
    finally:
        if supervisor:
            supervisor.stop()
        for directory in (places.local, places.temporary("postgres"), places.temporary("run")):
            shutil.rmtree(directory, ignore_errors=True)


STACK_VARIABLES = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "PAPER_URL", "PAPER_LEDGER", "PAPER_PORT"}


def run(command: Sequence[str]) -> int:
    """Run a command with servers of its own; returns its exit status."""
    with servers(os.environ) as environment:
        return subprocess.run(command, env=environment, check=False).returncode
