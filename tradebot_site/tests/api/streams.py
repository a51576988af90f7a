"""The event stream as a process of its own, and clients that listen to it over real HTTP."""

import http.client
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from market.access import TokenScope
from ops.stack.testing import Child, Spawn, free_port, wait_until
from ops.tokens import make_token
from tradebot_site.tests.people import client_of

PATH = "/api/v1/events"


@dataclass
class Message:
    id: str
    event: str
    data: Any


@dataclass
class Listener:
    """What one client has heard, in the order in which it came. ``last_id`` is what a browser would send."""

    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse
    heard: list[Message] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    last_id: str = ""
    is_over: bool = False

    def listen(self) -> None:
        block: dict[str, str] = {}
        with suppress(OSError, ValueError, http.client.HTTPException, AttributeError):
            while line := self.response.readline():
                text = line.decode().rstrip("\n")
                self.lines.append(text)
                if text:
                    name, _, value = text.partition(":")
                    block[name] = value.removeprefix(" ")
                    continue
                self.last_id = block.get("id", self.last_id)
                if "data" in block:
                    self.heard.append(Message(self.last_id, block.get("event", ""), json.loads(block["data"])))
                block = {}
        self.is_over = True

    def of(self, *kinds: str) -> list[Message]:
        return [message for message in list(self.heard) if message.event in kinds]

    def wait_for(self, kind: str, count: int = 1, seconds: float = 15) -> list[Any]:
        """The data of the messages of a kind, once there are so many."""
        wait_until(lambda: len(self.of(kind)) >= count, seconds, f"{count} {kind}, only: {self.heard[-5:]}")
        return [message.data for message in self.of(kind)]

    def close(self) -> None:
        sock = self.connection.sock or getattr(getattr(self.response.fp, "raw", None), "_sock", None)
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(2)
        with suppress(OSError, ValueError):
            self.connection.close()


class EventStream:
    """The process."""

    def __init__(self, spawn: Spawn, *, host: str = "", **variables: str) -> None:
        """``host``: the directory of PostgreSQL's socket, if it is not the test's own."""
        self.port = free_port()
        parameters = connection.get_connection_params()
        database = f"postgresql://tradebot@/{host or parameters['host']}/{parameters['dbname']}"
        named = {"DATABASE_URL": database, "EVENT_STREAM_PORT": str(self.port), "HTTPS_ONLY": "false"}
        env = dict(os.environ) | named | variables
        self._spawn = lambda: spawn([sys.executable, "manage.py", "event_stream"], env=env, name=f"events-{self.port}")
        self.child: Child
        self.start()

    def start(self) -> None:
        self.child = self._spawn()
        wait_until(self._answers, 40, f"it listens: {self.child.text}")

    def _answers(self) -> bool:
        with suppress(OSError):
            return self.get("/health")[0] == 200
        return False

    def get(self, path: str = PATH, method: str = "GET", **headers: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, JSON and headers of an answer that is no stream."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        link.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = link.getresponse()
        body = response.read()
        link.close()
        return response.status, json.loads(body or b"{}"), dict(response.headers)

    def open(self, path: str = PATH, **headers: str) -> Listener:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        link.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = link.getresponse()
        assert response.status == 200, response.read()
        listener = Listener(link, response)
        threading.Thread(target=listener.listen, daemon=True).start()
        wait_until(lambda: listener.of("ready", "reset"), 20, "the stream begins")
        return listener

    @contextmanager
    def listening(self, user: User, path: str = PATH, **headers: str) -> Iterator[Listener]:
        """A client with a token of the user's."""
        listener = self.open(path, **(bearer(user) | headers))
        try:
            yield listener
        finally:
            listener.close()


def bearer(user: User, scope: TokenScope = TokenScope.READ) -> dict[str, str]:
    name = f"token {timezone.now().timestamp()}"
    _, text = make_token(user, name=name, scope=scope, lives=timedelta(days=1), now=timezone.now())
    return {"Authorization": f"Token {text}"}


def session_of(user: User) -> dict[str, str]:
    """What a browser sends in which the user is logged in."""
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={client_of(user).cookies[settings.SESSION_COOKIE_NAME].value}"}


class Relay:
    """A unix socket that leads to PostgreSQL until it is cut."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / ".s.PGSQL.5432"
        self._to = f"{connection.get_connection_params()['host']}/.s.PGSQL.5432"
        self._open: list[socket.socket] = []
        self._holds, self.held = False, 0
        self.mend()

    def mend(self) -> None:
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(50)
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def cut(self) -> None:
        """Nobody is there any more."""
        self._path.unlink()
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open = []

    def hold(self) -> None:
        """Let nothing through any more, and close nothing."""
        self._holds = True

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near = listener.accept()[0]
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._to)
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                if self._holds:
                    self.held += 1
                    continue
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
