"""`make up` as a newcomer has it: a fresh copy of the tree, everything real."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.stack import lock
from ops.stack.environment import ADDRESSES
from ops.stack.places import ROOT, Places
from ops.stack.testing import free_port

pytestmark = pytest.mark.long
SECRETS = ("SECRET_KEY", "FIELD_KEYS", "PAPER_ADMIN_TOKEN", "ADMIN_PASSWORD")
STACK = [sys.executable, "-m", "ops.stack"]


@pytest.fixture
def tree(tmp_path):
    """A copy of what git would give a newcomer."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / "tree" / name)
    tree = tmp_path / "tree"
    yield tree
    subprocess.run([*STACK, "reset", "--yes"], cwd=tree, env=bare_environment(tree), check=False)


def bare_environment(tree: Path) -> dict[str, str]:
    """The caller's environment without a trace of the test's own servers."""
    named = {*ADDRESSES, *SECRETS, "DJANGO_SETTINGS_MODULE", "DEMO", "HTTPS_ONLY"}
    kept = {name: value for name, value in os.environ.items() if name not in named}
    ports = {name: str(free_port()) for name in ("WEB_PORT", "PAPER_PORT", "EVENT_STREAM_PORT")}
    return kept | ports | {"PYTHONPATH": str(tree)}


@pytest.mark.timeout(180)
def test_one_command_runs_a_fleet_and_leaves_nothing(spawn, tree, wait_until):
    env = bare_environment(tree)
    places = Places(tree / ".local")

    def run(*command):
        return subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)

    up = spawn([*STACK, "up"], env=env, name="up", cwd=tree)
    up.wait_for("TradeBot is ready", timeout=90)
    children = lock.published(places)["children"]

    stats = run(sys.executable, "manage.py", "stats", "--json")
    assert stats.returncode == 0, stats.stderr
    assert "bots" in json.loads(stats.stdout.splitlines()[-1])
    workers = {"worker-trading", "worker-background", "worker-analytics", "worker-notifications"}
    assert set(children) == {"postgres", "redis", "paper", "web", *workers, "beat", "stream", "events", "watch"}

    second = run(*STACK, "up")
    assert second.returncode == 1
    assert second.stderr.strip() == f"tradebot: already running (pid {up.pid}): make down stops it"

    up.process.send_signal(signal.SIGTERM)
    assert up.wait(timeout=15) == 0
    assert lock.owner(places) is None
    assert not any(map(lock.lives, children.values()))
