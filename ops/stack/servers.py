"""The embedded servers of a stack, and the environment that leads to them."""

import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ops.stack import binaries, environment, postgres, redis, services
from ops.stack.environment import PAPER, POSTGRES, REDIS
from ops.stack.errors import StackError
from ops.stack.identity import Home, find_home
from ops.stack.places import Places
from ops.stack.service import Service


@dataclass(frozen=True)
class Servers:
    """What is to be started first, and with which environment everything runs."""

    environment: dict[str, str]
    services: list[Service]

    @property
    def addresses(self) -> dict[str, str]:
        """What `lock.publish` tells other processes."""
        return {name: self.environment[name] for name in environment.ADDRESSES if self.environment.get(name)}


def plan(caller: Mapping[str, str], places: Places, embedded: Collection[str], *, throwaway: bool = False) -> Servers:
    """Prepare the data of the `embedded` servers. StackError when a binary, a port or a directory cannot be used."""
    home = find_home(binaries.postgres_directory(), places) if POSTGRES in embedded else None
    complete = environment.for_stack(caller, places, embedded, database_sockets=home.sockets if home else None)
    return Servers(complete, list(_services(complete, places, home, embedded, throwaway)))


def _services(
    complete: Mapping[str, str], places: Places, home: Home | None, embedded: Collection[str], throwaway: bool
) -> list[Service]:
    planned = []
    if home:
        planned.append(postgres.service(home, environment=complete, throwaway=throwaway))
    if REDIS in embedded:
        planned.append(redis.service(places, environment=complete, throwaway=throwaway))
    if PAPER in embedded:
        check_port("127.0.0.1", complete["PAPER_PORT"], variable="PAPER_PORT")
        planned.append(services.paper(complete))
    return planned


def check_port(host: str, port: str, *, variable: str) -> None:
    """StackError when something listens there already."""
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
