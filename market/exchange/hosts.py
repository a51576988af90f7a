"""Where an exchange lives. The wall between the environments: paper never reaches a host of Binance."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from market.exchange.errors import NotConfigured
from market.types import Environment


@dataclass(frozen=True)
class Hosts:
    """Base URLs of one environment. ``wallet`` has /sapi: permissions and transfers; None where there is none."""

    spot: str
    futures: str
    wallet: str | None


@dataclass(frozen=True)
class StreamHosts:
    """Base URLs of the public streams of one environment."""

    spot: str
    futures: str


BINANCE = {
    Environment.TESTNET: Hosts("https://testnet.binance.vision", "https://testnet.binancefuture.com", None),
    Environment.LIVE: Hosts("https://api.binance.com", "https://fapi.binance.com", "https://api.binance.com"),
}

BINANCE_STREAMS = {
    Environment.TESTNET: StreamHosts("wss://stream.testnet.binance.vision", "wss://fstream.binancefuture.com"),
    Environment.LIVE: StreamHosts("wss://stream.binance.com:9443", "wss://fstream.binance.com"),
}


def hosts_of(environment: str) -> Hosts:
    """The hosts of an environment. Raise NotConfigured when it is switched off, or when paper would reach Binance."""
    if environment not in settings.ENVIRONMENTS:
        raise NotConfigured(f"environment {environment} is switched off here (ENVIRONMENTS)")
    if environment != Environment.PAPER:
        return BINANCE[Environment(environment)]
    if "binance" in (urlsplit(settings.PAPER_URL).hostname or ""):
        raise NotConfigured("PAPER_URL names a host of Binance: a paper account must never reach one")
    return Hosts(settings.PAPER_URL, settings.PAPER_URL, settings.PAPER_URL)


def stream_hosts_of(environment: str) -> StreamHosts:
    """The hosts of an environment's public streams. Raise NotConfigured as hosts_of."""
    hosts = hosts_of(environment)
    if environment != Environment.PAPER:
        return BINANCE_STREAMS[Environment(environment)]
    return StreamHosts(_websocket(hosts.spot), _websocket(hosts.futures))


def _websocket(url: str) -> str:
    """http becomes ws, https wss."""
    return f"ws{url.removeprefix('http')}"
