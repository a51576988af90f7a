"""Servers that misbehave, in threads of the test."""

import json
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl

from market.exchange.hosts import Hosts


@contextmanager
def silent_socket() -> Iterator[Path]:
    """A unix socket that takes connections and never says a word."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory, socket.socket(socket.AF_UNIX) as listener:
        path = Path(directory) / "silent.sock"
        listener.bind(str(path))
        listener.listen(64)
        yield path


def hosts_at(url: str) -> Hosts:
    """An exchange that has everything at one address, as the paper exchange has."""
    return Hosts(url, url, url)


@dataclass(frozen=True)
class Call:
    """A request that reached a server, with its parameters from address and body."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]


Behaviour = Callable[[BaseHTTPRequestHandler], None]


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Behaviour:
    """Answer properly; text is sent as it is, everything else as JSON."""
    sent = (body if isinstance(body, str) else json.dumps(body)).encode()

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(sent)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(sent)

    return behave


def answer_and_close(body: object) -> Behaviour:
    """Answer as if the connection stayed open, and close it."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        # Answer and end leave in one segment: whoever has read the one sees the other.
        handler.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        answer(body)(handler)
        drop(handler)

    return behave


def raw(text: str) -> Behaviour:
    """Write something that may be no HTTP at all, and close the connection."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(text.encode())
        drop(handler)

    return behave


def drop(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True
    with suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RDWR)


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection hard."""
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def server_time(ahead: timedelta = timedelta(), *, then: Callable[[object], Behaviour] = answer) -> Behaviour:
    """The endpoint /api/v3/time of an exchange whose clock is ahead of ours."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        then({"serverTime": round((time.time() + ahead.total_seconds()) * 1000)})(handler)

    return behave


class WaywardExchange:
    """An HTTP server that does as the test says and remembers what it was asked."""

    TIME, ORDER = "/api/v3/time", "/api/v3/order"

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.connections = 0
        self.released = threading.Event()
        self._behaviours: dict[str, list[Behaviour]] = {self.TIME: [server_time()]}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def will(self, path: str, *behaviours: Behaviour) -> None:
        """Behave so at the next calls of ``path``, and like the last one from then on."""
        self._behaviours[path] = list(behaviours)

    def hang(self, handler: BaseHTTPRequestHandler) -> None:
        """Say nothing until the test is over."""
        self.released.wait(30)
        drop(handler)

    def asked(self, path: str, method: str | None = None) -> list[Call]:
        return [call for call in self.calls if call.path == path and method in (None, call.method)]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        exchange = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections stay open

            def setup(self) -> None:
                super().setup()
                exchange.connections += 1

            def handle_one_call(self) -> None:
                path, _, query = self.path.partition("?")
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                params = dict(parse_qsl(query) + parse_qsl(body))
                exchange.calls.append(Call(self.command, path, params, dict(self.headers)))
                behaviours = exchange._behaviours.get(path, [answer({"code": -1, "msg": "unexpected"}, 404)])
                (behaviours.pop(0) if len(behaviours) > 1 else behaviours[0])(self)

            do_GET = do_POST = do_DELETE = handle_one_call  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
