"""The mail server and the webhooks: ``python -m tests.bench.notifications.receivers FOLDER MAIL_PORT WEB_PORT``.

What they take they write down themselves, a line of JSON each. The mail server hangs while FOLDER/hangs is there.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import ssl
import sys
import threading
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

HOST = "127.0.0.1"
LEAST_URGENT = 19  # in production they are machines of others


class Ledger:
    """What arrived, in the order of arrival."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / "ledger").open("a", buffering=1)
        self._lock = threading.Lock()

    def note(self, way: str, message: str, *, taken: bool) -> None:
        with self._lock:
            self._file.write(json.dumps({"way": way, "id": message, "taken": taken}) + "\n")


class Mail:
    """A mail server that hangs as long as it is told to, before it greets anybody."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._hangs, self._ledger = folder / "hangs", ledger

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]) -> Any:  # noqa: N802
        if self._hangs.exists():
            self._ledger.note("mail", "", taken=False)
            await asyncio.sleep(3600)
        session.host_name = hostname
        return responses

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self._ledger.note("mail", message_from_bytes(envelope.content)["Message-ID"], taken=True)
        return "250 OK"


class Web(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def __init__(self, port: int, folder: Path, ledger: Ledger) -> None:
        super().__init__((HOST, port), Handler)
        self.ledger, self.calls = ledger, itertools.count()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error of ours."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Web

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        way = self.path.strip("/")
        taken = way != "flaky" or next(self.server.calls) % 2 == 1
        self.server.ledger.note(way, self.headers["webhook-id"], taken=taken)
        self.send_response(200 if taken else 500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """The ledger says it."""


def main(folder: Path, mail_port: int, web_port: int) -> None:
    """Receive for ever."""
    os.nice(LEAST_URGENT)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
    import django

    django.setup()
    from ops.tests.notifications.receiving import make_certificates

    make_certificates(folder, "localhost")
    ledger = Ledger(folder)
    Controller(Mail(folder, ledger), hostname=HOST, port=mail_port).start()
    web = Web(web_port, folder, ledger)
    print("receivers: ready", flush=True)  # noqa: T201
    web.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
