"""The embedded PostgreSQL: safe defaults for data that stays, fast ones for a test's."""

import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ops.stack.child import before_exec
from ops.stack.environment import DATABASE
from ops.stack.errors import StackError
from ops.stack.identity import Home
from ops.stack.service import Service

OPTIONS = {
    "listen_addresses": "",  # the unix socket in a 0700 directory is the only door, so it needs no password
    "max_connections": "100",
    "shared_buffers": "256MB",  # taken as it is needed: room for a hundred thousand bots
    "timezone": "UTC",
    "log_timezone": "UTC",
}
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


def service(home: Home, *, environment: Mapping[str, str], throwaway: bool = False) -> Service:
    """Make the data directory if there is none, and say how to run it; StackError when it cannot be used."""
    if not home.data.exists():
        _initialise(home)
    _check(home)
    home.identity.own(home.data)
    home.sockets.mkdir(mode=0o700, exist_ok=True)
    home.identity.own(home.sockets)
    options = OPTIONS | {"unix_socket_directories": str(home.sockets)} | (THROWAWAY if throwaway else {})
    return Service(
        name="postgres",
        argv=[
            str(home.binaries / "postgres"),
            *("-D", str(home.data)),
            *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
        ],
        environment={name: value for name, value in environment.items() if not name.startswith("PG")},
        ready=lambda pid: answers(home, pid),
        identity=home.identity,
        stop_signal=signal.SIGINT,  # SIGTERM would wait for the clients
        stop_within=9.8,
    )


def _initialise(home: Home) -> None:
    """Run initdb beside the final place, so that an interrupted one leaves no broken data directory."""
    new = home.data.with_name(home.data.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    home.identity.own(new)
    options = [f"--username={DATABASE}", "--auth=trust", "--locale=C.UTF-8", "--encoding=UTF8"]
    done = subprocess.run(
        [str(home.binaries / "initdb"), "-D", str(new), *options],
        preexec_fn=before_exec(unshare=home.identity.unshared),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        **home.identity.popen_arguments,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise StackError(f"initdb failed: {reason}; mend that, or set DATABASE_URL")
    new.rename(home.data)


def _check(home: Home) -> None:
    mend = "put its backup back, or `make reset` to begin anew"
    try:
        found = (home.data / "PG_VERSION").read_text().strip()
        broken = not (home.data / "global" / "pg_control").exists()
    except OSError as error:
        raise StackError(f"{home.data} is not a PostgreSQL data directory ({error.strerror}): {mend}") from error
    if broken:
        raise StackError(f"{home.data} is broken (no global/pg_control): {mend}")
    version = _major_version(home.binaries)
    if found != version:
        raise StackError(f"{home.data} was written by PostgreSQL {found}, this is {version}: dump it there, or {mend}")


def _major_version(binaries: Path) -> str:
    done = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[2].split(".")[0]


def answers(home: Home, pid: int) -> bool:
    """True when the server with this pid (and not another on the same socket) takes connections; makes the database."""
    import psycopg  # here, since most uses of this package do without

    try:
        if int((home.data / "postmaster.pid").read_text().split()[0]) != pid:
            return False
        with psycopg.connect(
            host=str(home.sockets), user=DATABASE, dbname="postgres", autocommit=True, connect_timeout=2
        ) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")
    except (OSError, ValueError, IndexError, psycopg.Error):
        return False
    return True
