"""A real mail server that takes mails, or behaves badly in the ways of real ones."""

import asyncio
import email
import socket
import threading
from contextlib import contextmanager
from email.message import Message

from aiosmtpd.controller import Controller

from ops.stack.testing import free_port


class MailServer:
    """What it does with a mail: ``take`` it, or what real ones do instead. It counts each attempt to hand it one."""

    def __init__(self):
        self.taken: list[Message] = []
        self.attempts = self.hung = 0
        self.mood = "take"
        self._lock = threading.Lock()

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802 - aiosmtpd's name
        if self.mood == "hang":
            self.hung += 1
            await asyncio.sleep(3600)
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.mood == "no such mailbox":
            self.attempts += 1
            return f"550 5.1.1 no mailbox {address}"
        if self.mood == "later":
            self.attempts += 1
            return "451 4.7.1 greylisted, come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        with self._lock:
            self.attempts += 1
            if self.mood == "spam":
                return "554 5.7.1 this looks like spam"
            self.taken.append(email.message_from_bytes(envelope.content))
        if self.mood == "silent":
            await asyncio.sleep(3600)
        if self.mood == "drop":
            server.transport.abort()
            await asyncio.sleep(3600)
        return "250 OK"

    @property
    def ids(self):
        return [mail["Message-ID"] for mail in self.taken]


@contextmanager
def mail_server():
    """A mail server and its port."""
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield server, controller.port
    finally:
        controller.stop()


@contextmanager
def hanging_server():
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=1_000) as listener:
        yield listener.getsockname()[1]
