"""The embedded PostgreSQL and Redis, for real."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ops.stack import binaries, identity, lock, postgres, servers
from ops.stack.errors import StackError
from ops.stack.identity import Identity
from ops.stack.places import ROOT, Places

OWN = """
import os, sys
from pathlib import Path
from ops.stack import lock, servers
from ops.stack.places import Places
from ops.stack.supervisor import Supervisor

places = Places(Path(sys.argv[1]))
places.create()
with lock.owning(places, "test") as descriptor:
    supervisor = Supervisor(places.logs, lambda name, text: print(name, text), lock=descriptor)
    planned = servers.plan({}, places, ("postgres", "redis"))
    supervisor.start(planned.databases)
    lock.publish(places, planned.addresses, supervisor.children)
    import psycopg, redis
    with psycopg.connect(host=str(places.sockets / "postgres"), user="tradebot", dbname="tradebot") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('x')")
        rows = connection.execute("SELECT count(*) FROM kept").fetchone()[0]
    queue = redis.Redis(unix_socket_path=str(places.sockets / "redis.sock"))
    length = queue.rpush("queue", "message")
    print("kept", rows, length, flush=True)
    supervisor.watch()
"""


@pytest.fixture
def places(tmp_path):
    # Short, and reachable for the user that PostgreSQL may have to run as.
    places = Places(Path(f"/tmp/tb-{os.getpid()}-{tmp_path.name[-20:]}"))
    places.create()
    yield places
    for directory in (places.local, places.temporary("postgres"), places.temporary("run")):
        shutil.rmtree(directory, ignore_errors=True)


def test_servers_end_with_a_killed_supervisor_and_the_next_one_finds_the_data(spawn, places, wait_until):
    owner = spawn([sys.executable, "-c", OWN, str(places.local)], name="owner")
    owner.wait_for("kept 1 1")
    pids = lock.published(places)["children"].values()

    # AOF everysec: what is a second old is on the disk, and here Redis even ends in an orderly way.
    owner.process.send_signal(signal.SIGKILL)
    wait_until(lambda: lock.owner(places) is None, timeout=12, message="the last child lets the lock go")
    again = spawn([sys.executable, "-c", OWN, str(places.local)], name="again")

    again.wait_for("kept 2 2")
    assert not any(map(lock.lives, pids))
    assert "not properly shut down" not in (places.logs / "postgres.log").read_text()


def test_a_killed_postgres_is_started_again(spawn, places):
    owner = spawn([sys.executable, "-c", OWN, str(places.local)], name="owner")
    owner.wait_for("kept 1 1")

    os.kill(lock.published(places)["children"]["postgres"], signal.SIGKILL)

    owner.wait_for("postgres started again")
    owner.wait_for("postgres ready", timeout=30)


def test_another_process_that_answers_is_not_taken_for_the_child(spawn, places):
    spawn([sys.executable, "-c", OWN, str(places.local)], name="owner").wait_for("kept 1 1")
    home = identity.find_home(binaries.postgres_directory(), places)

    pids = lock.published(places)["children"]

    assert postgres.answers(home, pids["postgres"])
    assert not postgres.answers(home, os.getpid())


def test_a_broken_data_directory_is_named_with_what_to_do(places):
    (places.local / "postgres").mkdir(mode=0o700)

    with pytest.raises(StackError, match=r"postgres is not a PostgreSQL data directory.*make reset"):
        servers.plan({}, places, ("postgres",))


def test_a_data_directory_without_its_heart_is_broken(places):
    servers.plan({}, places, ("postgres",))
    (places.local / "postgres" / "global" / "pg_control").unlink()

    with pytest.raises(StackError, match=r"is broken .*make reset"):
        servers.plan({}, places, ("postgres",))


def test_data_of_another_version_is_left_alone(places):
    servers.plan({}, places, ("postgres",))
    (places.local / "postgres" / "PG_VERSION").write_text("12\n")

    with pytest.raises(StackError, match="was written by PostgreSQL 12"):
        servers.plan({}, places, ("postgres",))


def test_a_taken_port_is_named_with_what_to_do():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(StackError, match=rf"127.0.0.1:{port} \(WEB_PORT\) .*make up WEB_PORT={port + 1}"):
            servers.check_port("127.0.0.1", str(port), variable="WEB_PORT")


def test_a_local_directory_that_is_none_is_named(tmp_path):
    (tmp_path / "local").write_text("")

    with pytest.raises(StackError, match="local"):
        Places(tmp_path / "local").create()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_postgres_runs_as_another_user_where_root_may_not_hide_its_name(places):
    places.local.chmod(0o755)
    home = identity.find_home(binaries.postgres_directory(), places, [Identity(user="nobody")])

    service = postgres.service(home, environment={})

    assert service.identity.user == "nobody"
    assert home.data.stat().st_uid == pwd.getpwnam("nobody").pw_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_data_moves_to_where_the_other_user_gets_and_nothing_is_opened_for_it(tmp_path, places):
    hidden = Places(tmp_path / "hidden" / "local")  # pytest's directories are closed for others
    hidden.local.parent.mkdir(mode=0o700)
    hidden.create()

    try:
        home = identity.find_home(binaries.postgres_directory(), hidden, [Identity(user="nobody")])

        postgres.service(home, environment={})
        assert home.data.is_relative_to(hidden.temporary("postgres"))
        assert hidden.local.parent.stat().st_mode & 0o777 == 0o700
    finally:
        for purpose in ("postgres", "run"):
            shutil.rmtree(hidden.temporary(purpose), ignore_errors=True)


def test_run_gives_a_command_servers_of_its_own_and_its_exit_status():
    script = "import os, sys; assert '/.local/' not in os.environ['DATABASE_URL']; sys.exit(7)"

    command = [sys.executable, "-m", "ops.stack", "run", "--", sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, check=False)

    assert done.returncode == 7


@pytest.mark.parametrize("port", ["abc", "0", "99999", "-1", "80.5", ""])
def test_what_is_no_port_is_named(port):
    with pytest.raises(StackError, match=r"WEB_PORT=.* is no port: a whole number from 1 to 65534 is needed"):
        servers.check_port("127.0.0.1", port, variable="WEB_PORT")
