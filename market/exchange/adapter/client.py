"""python-binance's client with its habits mended: whose moment is signed, where it may go, what a call weighs."""

import logging
import os
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import requests
from binance.client import Client
from binance.exceptions import BinanceRequestException
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy

from market.exchange.adapter.metering import Meter, market_of, unmetered, weight_of
from market.exchange.hosts import Hosts
from market.exchange.sorting import UNREADABLE
from market.metrics import CALL_SECONDS
from market.patience import is_over, timeout_of
from market.types import Market

logger = logging.getLogger(__name__)

# Binance's engine gives up after 10 s and then says so (-1007); waiting a little longer hears it.
TIMEOUT_SECONDS = (3.05, 12)


class SigningClient(Client):
    """An order keeps the timestamp and window that we wrote down before sending it.

    The library overwrites both just before it signs; ``_generate_signature`` is the last place to put them right.
    """

    REQUEST_RECVWINDOW = 5000
    response: Any  # the last one, of requests

    meter_for: Callable[[Market], Meter] = staticmethod(unmetered)
    environment = ""

    def _request(self, method: str, uri: str, signed: bool, force_params: bool = False, **kwargs: Any) -> Any:
        """The one way out, with a meter before and after it. What the meter raises has not been sent."""
        path = self._path_of(uri)
        market, weight = market_of(path), weight_of(method, path, kwargs.get("data") or {})
        meter = self.meter_for(market)
        meter.take(weight)
        self.response, began = None, monotonic()
        try:
            return super()._request(method, uri, signed, force_params, **kwargs)
        finally:
            took, call = monotonic() - began, f"{method.upper()} {path}"
            if self.response is not None:
                meter.learn(self.response.status_code, self.response.headers, code=_limit_code(self.response))
            CALL_SECONDS.observe(took, environment=self.environment, market=market, call=call)
            if logger.isEnabledFor(logging.DEBUG):
                self._tell(call, weight, took)

    def _tell(self, call: str, weight: int, took: float) -> None:
        """One line for each call. Never its parameters or headers: they are signed, and have the key."""
        answer = "none" if self.response is None else self.response.status_code
        logger.debug("exchange call %s: %s", call, answer, extra={"weight": weight, "ms": round(took * 1000, 1)})

    def _path_of(self, uri: str) -> str:
        """The path of a call, from /api, /fapi or /sapi on; the library knows further hosts, where nothing may go."""
        for root, url in (("/api", self.API_URL), ("/fapi", self.FUTURES_URL), ("/sapi", self.MARGIN_API_URL)):
            if uri.startswith(f"{url}/"):
                return root + uri.removeprefix(url)
        raise AssertionError(f"a call to {uri}")

    def _generate_signature(self, data: dict[str, Any], uri_encode: bool = True) -> str:
        signed_at_ms = data.pop("signedAtMs", None)
        if signed_at_ms is not None:
            data["timestamp"] = signed_at_ms
            data["recvWindow"] = data.pop("validForMs")
        return str(super()._generate_signature(data, uri_encode))

    @staticmethod
    def _handle_response(response: requests.Response) -> Any:
        try:
            return Client._handle_response(response)
        except AttributeError as error:  # the library expects of an error that its JSON is an object
            raise BinanceRequestException("an error that is no JSON object") from error


class PatientAdapter(HTTPAdapter):
    """Waits no longer than the patience of those who wait for our answer (`market.patience`)."""

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        if is_over():
            raise requests.ConnectTimeout("nobody waits any more")  # it has not left: a clear no to an order
        kwargs["timeout"] = timeout_of(*kwargs["timeout"])  # sessions name what they say
        return super().send(request, *args, **kwargs)


def _limit_code(response: requests.Response) -> int:
    """The exchange's code in a 429: it may be about the orders of one account, not about the address. Else 0."""
    if response.status_code != requests.codes.too_many_requests:
        return 0
    try:
        return int(response.json()["code"])
    except UNREADABLE:
        return 0


def connect(
    hosts: Hosts, *, environment: str, api_key: str, api_secret: str, meter_for: Callable[[Market], Meter]
) -> SigningClient:
    """A client for these hosts only. It connects with its first call."""
    # The addresses are class attributes of the library; a subclass of our own leaves the others alone.
    addresses = {
        "API_URL": f"{hosts.spot}/api",
        "FUTURES_URL": f"{hosts.futures}/fapi",
        "MARGIN_API_URL": f"{hosts.wallet}/sapi",
    }
    client_class = type("Client", (SigningClient,), addresses)
    # A redirect would send an order a second time, and the key to whoever is named there.
    params = {"timeout": TIMEOUT_SECONDS, "allow_redirects": False}
    client: SigningClient = client_class(api_key, api_secret, requests_params=params, ping=False)
    client.meter_for, client.environment = meter_for, environment
    for scheme in ("http://", "https://"):
        client.session.mount(scheme, PatientAdapter())
    _read_environment(client.session, (hosts.spot, hosts.futures, hosts.wallet))
    return client


def _read_environment(session: requests.Session, urls: Iterable[str | None]) -> None:
    """Let the session know what the environment says of proxies and certificates; it would look anew at every call."""
    for url in filter(None, urls):
        proxy = select_proxy(url, get_environ_proxies(url))
        if proxy:
            session.proxies[f"{urlsplit(url).scheme}://{urlsplit(url).hostname}"] = proxy
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or session.verify
    session.trust_env = False
