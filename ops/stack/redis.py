"""The embedded Redis (Valkey): the broker on database 0, the cache on 1; no queued message is lost to a crash."""

import socket
from collections.abc import Mapping
from pathlib import Path

from ops.stack import binaries
from ops.stack.places import Places
from ops.stack.service import Service


def service(places: Places, *, environment: Mapping[str, str], throwaway: bool = False) -> Service:
    """How to run it, with its append-only file in `places.redis`."""
    path = places.sockets / "redis.sock"
    durability = {"appendonly": "no"} if throwaway else {"appendonly": "yes", "appendfsync": "everysec"}
    options = durability | {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "save": "",
        # A broker must refuse rather than forget. The policy is one for the whole server, so the cache has it too.
        "maxmemory-policy": "noeviction",
        "databases": "64",  # a pair for each pytest-xdist worker
        "dir": str(places.redis),
    }
    return Service(
        name="redis",
        argv=[
            str(binaries.redis_server()),
            *(part for name, value in options.items() for part in (f"--{name}", value)),
        ],
        environment=environment,
        ready=lambda pid: answers(path, pid),
        stop_within=8.0,
    )


def answers(path: Path, pid: int) -> bool:
    """True when the server with this pid answers on the socket and has read its data."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(path))
            connection.sendall(b"INFO server\r\nPING\r\n")
            reply = b""
            while b"+PONG" not in reply and b"-LOADING" not in reply:
                received = connection.recv(65536)
                if not received:
                    return False
                reply += received
    except OSError:
        return False
    return f"process_id:{pid}\r".encode() in reply and b"-LOADING" not in reply
