"""One POST to an address that a user has named: over TLS, to what was judged, once, and in bounded time and size.

`http.client` and no library above it: it follows no redirect, reads no proxy from the environment, retries nothing and
keeps no cookies.
"""

import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message as Headers
from functools import cache
from time import monotonic
from typing import Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from ops.notifications.addresses import NotResolved, Place, addresses_of, place_of

CONNECT_SECONDS = 4.0  # to each address, TLS included
READ_SECONDS = 8.0  # until the next byte
TOTAL_SECONDS = 15.0  # everything after the name is resolved
MOST_ANSWER = 65_536  # bytes; what is behind them is not read
MOST_ADDRESSES = 3  # of a host with many, tried one after the other


class NoAnswer(Exception):
    """Nobody answered, or nothing that could be read. The message may have arrived all the same."""


class NotReached(NoAnswer):
    """Nothing of the message has left: no address, no connection, no proof that it is them."""


@dataclass(frozen=True)
class Answer:
    """What the other side said: the beginning of its body, and headers whose names are found in any case."""

    status: int
    headers: Headers
    body: bytes


def post(url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send it once. Raises AddressRefused, NotReached and NoAnswer; none shows more of the URL than its host."""
    place = place_of(url)
    try:
        addresses, until = addresses_of(place), monotonic() + TOTAL_SECONDS
        sock = _connected(place, addresses, until)
    except NotResolved as error:
        raise NotReached(str(error)) from error
    except OSError as error:
        raise NotReached(f"{place.host}: {_told(error)}") from error
    try:
        return _ask(place, sock, headers, body)
    except OSError as error:
        raise NoAnswer(f"{place.host}: {_told(error)}") from error
    except (http.client.HTTPException, ValueError) as error:  # its text may be what they sent
        raise NoAnswer(f"{place.host} answered what is no HTTP ({type(error).__name__})") from error


def _told(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'verify_message', '') or error.reason}"
    return error.strerror or type(error).__name__


def _ask(place: Place, sock: ssl.SSLSocket, headers: Mapping[str, str], body: bytes) -> Answer:
    connection = http.client.HTTPSConnection(place.host, place.port)
    connection.sock = sock
    try:
        connection.request("POST", place.path, body=body, headers={**headers, "Connection": "close"})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read(MOST_ANSWER))
    finally:
        connection.close()


def _connected(place: Place, addresses: list[str], until: float) -> ssl.SSLSocket:
    """A connection, proven to be with this host, to the first of the addresses that takes one."""
    *others, last = addresses[:MOST_ADDRESSES]
    for address in others:
        with suppress(OSError):
            return _connect(place, address, until)
    return _connect(place, last, until)


def _connect(place: Place, address: str, until: float) -> ssl.SSLSocket:
    plain = dial(address, place.port, timeout=max(min(CONNECT_SECONDS, until - monotonic()), 0.01))
    try:
        sock = _context(_authorities()).wrap_socket(plain, server_hostname=place.host)
    except BaseException:
        plain.close()
        raise
    assert isinstance(sock, _PromptSocket), "the context makes no other"
    sock.until = until
    return sock


def dial(address: str, port: int, *, timeout: float) -> socket.socket:
    """A connection to an address that is a number: nothing is resolved here."""
    return socket.create_connection((address, port), timeout=timeout)


class _PromptSocket(ssl.SSLSocket):
    """Waits no longer than what is left of the call: else a byte now and then would hold a worker for ever."""

    until: float | None = None

    def read(self, *args: Any) -> Any:
        self._hurry()
        return super().read(*args)

    def send(self, *args: Any) -> int:
        self._hurry()
        return super().send(*args)

    def _hurry(self) -> None:
        if self.until is None:
            return
        left = self.until - monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(min(READ_SECONDS, left))


def _authorities() -> str:
    """The file or folder of certificates that we trust: the one that calls of an exchange trust, too."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH


@cache
def _context(authorities: str) -> ssl.SSLContext:
    is_folder = os.path.isdir(authorities)
    context = ssl.create_default_context(
        cafile=None if is_folder else authorities, capath=authorities if is_folder else None
    )
    context.sslsocket_class = _PromptSocket
    return context
