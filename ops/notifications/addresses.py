"""Which addresses we send to: those of the public internet, never one of our own house.

Users name the addresses that our workers call, so whoever may make a channel could make us ask what only we reach: the
database, the metadata of the cloud, a router. A name is resolved once, by us; all that it stands for is judged, and
`ops.notifications.calls` connects to what was judged, not to the name.
"""

import re
import socket
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings

PORTS = (443, 8443)
MOST_CHARACTERS = 2_000
RESOLVE_SECONDS = 5.0
MOST_RESOLVING = 8  # threads of one process: a resolver that hangs holds each of them for as long as it likes

# No number in any notation ends like a name of the internet: with a letter first, and in two characters at least.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])", re.IGNORECASE)
_URL = re.compile(r"https://(?P<host>[^/?#@:\[\]\\]+)(?::(?P<port>[0-9]{1,5}))?(?P<path>[/?][^#\\]*)?", re.IGNORECASE)
_INSIDE = re.compile(
    r"(?:.*\.)?(?:localhost|localdomain|local|internal|intranet|lan|home|corp|private|arpa|test|invalid|onion)",
    re.IGNORECASE,
)
# What the registries of IANA keep for special uses. Python's `is_global` knows most of it; its versions differ.
_SPECIAL = [
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",  # Azure's own, reached from within its machines only
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
]
_GLOBAL_V6 = IPv6Network("2000::/3")  # all else is special, or nobody's yet
_NAT64 = IPv6Network("64:ff9b::/96")  # the last four bytes are an address of IPv4
_PRIVATE = [
    ip_network(network)
    for network in ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
]

_places = threading.BoundedSemaphore(MOST_RESOLVING)


class AddressRefused(ValueError):
    """Nothing is ever sent there; the message says why, and shows no more of the address than its host."""


class NotResolved(Exception):
    """The name has no address at present; it may have one later."""


@dataclass(frozen=True)
class Place:
    """Where a URL leads: a host by its name, what is asked of it, and nothing resolved yet."""

    host: str
    port: int
    path: str

    @property
    def is_inside(self) -> bool:
        """Whether the operator has named it as one of the house that may be called."""
        return f"{self.host}:{self.port}" in settings.WEBHOOK_INTERNAL_HOSTS


def place_of(url: str) -> Place:
    """Read a URL of https. Raises AddressRefused, also for a host that can't be a public one."""
    if len(url) > MOST_CHARACTERS:
        raise AddressRefused(f"it has {len(url):,} characters, more than {MOST_CHARACTERS:,}")
    if not all("!" <= character <= "~" for character in url):
        raise AddressRefused("it has characters other than those of a URL: write %20 for a space, xn--… for a host")
    read = _URL.fullmatch(url)
    if read is None:
        raise AddressRefused(f"it is not of the form https://host/path{_why_unreadable(url)}")
    path = read["path"] or "/"
    place = Place(read["host"].lower(), int(read["port"] or 443), path if path.startswith("/") else f"/{path}")
    if not place.is_inside:
        _require_public(place)
    return place


def _why_unreadable(url: str) -> str:
    scheme = url.partition("://")[0] if "://" in url else ""
    authority = re.split(r"[/?#]", url.partition("://")[2])[0]
    if scheme.lower() != "https":
        return ": only https is called"
    if "@" in authority:
        return ": a name and a password before the host are not sent"
    if authority.startswith("["):
        return ": a host by its name, not by its number"
    return ": no fragment (#), no backslash" if "#" in url or "\\" in url else ""


def _require_public(place: Place) -> None:
    if len(place.host) > 253 or not _NAME.fullmatch(place.host):
        raise AddressRefused(f"host {place.host[:80]!r} is no full name of the internet, as hooks.example.com is")
    if _INSIDE.fullmatch(place.host):
        raise AddressRefused(f"host {place.host!r} is a name of private networks")
    if place.port not in PORTS:
        raise AddressRefused(f"port {place.port} is none of {', '.join(map(str, PORTS))}")


def addresses_of(place: Place) -> list[str]:
    """The addresses its name has at this moment, each of them judged.

    Raises NotResolved, and AddressRefused when only one of them is none to be called: a name that stands for a public
    address and for a private one means no good.
    """
    addresses = resolve(place.host, place.port)
    if not addresses:
        raise NotResolved(f"{place.host} has no address")
    for address in addresses:
        if fault := address_fault(address, is_inside=place.is_inside):
            raise AddressRefused(f"host {place.host!r} leads to an address that is {fault}")
    return addresses


def address_fault(address: str, *, is_inside: bool = False) -> str:
    """Why nothing is sent to this address, in words; empty when it may be called."""
    try:
        ip = ip_address(address)
    except ValueError:
        return "none that we know"
    if is_inside and _is_in(ip, _PRIVATE):
        return ""
    if isinstance(ip, IPv6Address):
        if ip in _NAT64:
            return address_fault(str(IPv4Address(int(ip) & 0xFFFF_FFFF)))
        if ip not in _GLOBAL_V6:
            return "not of the public internet"
    return "" if ip.is_global and not _is_in(ip, _SPECIAL) else "not of the public internet"


def _is_in(ip: IPv4Address | IPv6Address, networks: list[IPv4Network | IPv6Network]) -> bool:
    return any(ip in network for network in networks)


def resolve(host: str, port: int) -> list[str]:
    """Ask this machine's resolver, in a thread, because it knows no time-out. Raises NotResolved."""
    if not _places.acquire(blocking=False):
        raise NotResolved(f"{host}: {MOST_RESOLVING} names are being resolved already")
    found: Future[list[str]] = Future()
    threading.Thread(target=_resolve, args=(host, port, found), name=f"resolve {host}", daemon=True).start()
    try:
        return found.result(timeout=RESOLVE_SECONDS)
    except TimeoutError as error:
        raise NotResolved(f"{host} was not resolved within {RESOLVE_SECONDS:g} s") from error
    except OSError as error:
        raise NotResolved(f"{host} was not resolved: {error.strerror or error}") from error


def _resolve(host: str, port: int, found: "Future[list[str]]") -> None:
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        found.set_result(list(dict.fromkeys(str(info[4][0]) for info in infos)))
    except (OSError, UnicodeError) as error:
        found.set_exception(error if isinstance(error, OSError) else OSError("no name of the internet"))
    finally:
        _places.release()
