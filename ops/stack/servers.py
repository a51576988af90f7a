"""The embedded servers of a stack, and the environment that leads to them."""

import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ops.stack import binaries, environment, migrated, postgres, redis, services
from ops.stack.environment import PAPER, POSTGRES, REDIS
from ops.stack.errors import StackError
from ops.stack.identity import Home, find_home
from ops.stack.places import Places
from ops.stack.service import Service


@dataclass(frozen=True)
class Servers:
    """What is to be started first, and with which environment everything runs."""

    environment: dict[str, str]
    databases: list[Service]
    exchange: list[Service]
    with_database: bool

    @property
    def addresses(self) -> dict[str, str]:
        """What `lock.publish` tells other processes."""
        return {name: self.environment[name] for name in environment.ADDRESSES if self.environment.get(name)}

    @property
    def migrated(self) -> bool:
        """True when the embedded database, which has to run, has all migrations; of another one we cannot know."""
        return self.with_database and migrated.is_up_to_date(self.environment)

    def mark_migrated(self) -> None:
        """Remember it."""
        if self.with_database:
            migrated.mark(self.environment)


def plan(caller: Mapping[str, str], places: Places, embedded: Collection[str], *, throwaway: bool = False) -> Servers:
    """Prepare the data of the `embedded` servers. StackError when a binary, a port or a directory cannot be used."""
    if REDIS in embedded:
        binaries.redis_server()  # what is missing is missed before anything is written
    home = find_home(binaries.postgres_directory(), places) if POSTGRES in embedded else None
    complete = environment.for_stack(caller, places, embedded, database_sockets=home.sockets if home else None)
    return Servers(
        environment=complete,
        databases=_databases(complete, places, home, embedded, throwaway),
        exchange=_exchange(complete) if PAPER in embedded else [],
        with_database=home is not None,
    )


def _databases(
    complete: Mapping[str, str], places: Places, home: Home | None, embedded: Collection[str], throwaway: bool
) -> list[Service]:
    planned = []
    if home:
        planned.append(postgres.service(home, environment=complete, throwaway=throwaway))
    if REDIS in embedded:
        planned.append(redis.service(places, environment=complete, throwaway=throwaway))
    return planned


def _exchange(complete: Mapping[str, str]) -> list[Service]:
    check_port("127.0.0.1", complete["PAPER_PORT"], variable="PAPER_PORT")
    return [services.paper(complete)]


def check_port(host: str, port: str, *, variable: str) -> None:
    """StackError when it is no port, or something listens there already."""
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_535:
        raise StackError(f"{variable}={port} is no port: a whole number from 1 to 65534 is needed")
    another = f"end what listens there, or choose another port: make up {variable}={int(port) + 1}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise StackError(f"{host}:{port} ({variable}) cannot be used, {error.strerror}: {another}") from error


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
