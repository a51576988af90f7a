"""A connection to one market of the exchange: reads are retried, everything else is sent once."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any, ClassVar, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from market.exchange.adapter.client import connect
from market.exchange.adapter.metering import Meter, unmetered
from market.exchange.errors import ExchangeError, ExchangeUnavailable, OrderRejected, PermissionDenied, RateLimited
from market.exchange.hosts import Hosts
from market.exchange.reading import UNREADABLE
from market.exchange.sorting import LibraryError, is_about_the_clock, sort_order_error, sort_read_error
from market.metrics import count_error
from market.patience import OutOfPatience
from market.types import Market, milliseconds

T = TypeVar("T")

# Of what nobody wrote down before: cancels, transfers, settings. Orders bring their own.
VALID_FOR = timedelta(seconds=5)


class BinanceGateway(ABC):
    """What both gateways share. One per thread, account and market: the library's client is not thread-safe."""

    market: ClassVar[Market]

    def __init__(
        self,
        hosts: Hosts,
        *,
        environment: str = "",
        api_key: str = "",
        api_secret: str = "",
        meter_for: Callable[[Market], Meter] = unmetered,
        forget_clock: Callable[[], None] = lambda: None,
    ) -> None:
        self._hosts, self._environment = hosts, environment
        self._client = connect(
            hosts, environment=environment, api_key=api_key, api_secret=api_secret, meter_for=meter_for
        )
        self._clock_measured = False
        self._forget_clock = forget_clock  # what others have measured is wrong, too

    # --- reads: retried, they change nothing ---------------------------------------------------------------

    def _ask(self, call: Callable[..., Any], parse: Callable[[Any], T], *, signed: bool = True, **params: Any) -> T:
        """What ``parse`` makes of the library's answer. Raise ExchangeError."""
        return self._read(lambda: parse(call(**params)), signed=signed)

    def _read(self, call: Callable[[], T], *, signed: bool = True) -> T:
        """Call with three further tries on faults that may pass, while there is patience. Raise ExchangeError."""
        for attempt in Retrying(
            retry=retry_if_exception_type(ExchangeUnavailable),
            stop=stop_after_attempt(4) | OutOfPatience(),
            wait=wait_exponential_jitter(multiplier=0.2, max=2),
            reraise=True,
        ):
            with attempt:
                if signed:
                    self._measure_clock()
                return self._read_once(call)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _read_once(self, call: Callable[[], T]) -> T:
        with self._counting_errors():
            try:
                return call()
            except LibraryError as error:
                self._forget_clock_after(error)
                raise sort_read_error(error) from None  # its text has the address, which carries the signature
            except UNREADABLE as error:
                raise ExchangeUnavailable(f"an answer that can't be read: {type(error).__name__}") from error

    @contextmanager
    def _counting_errors(self) -> Iterator[None]:
        try:
            yield
        except ExchangeError as error:
            count_error(error, environment=self._environment, market=self.market)
            raise

    # --- orders, cancels, transfers, settings: sent once, never retried ------------------------------------

    def _send(
        self,
        call: Callable[..., Any],
        parse: Callable[[Any], T],
        *,
        signed_at: datetime,
        valid_for: timedelta = VALID_FOR,
        sort: Callable[[Exception, Market], ExchangeError] = sort_order_error,
        **params: Any,
    ) -> T:
        """Send it, once, valid from ``signed_at`` (our clock) for ``valid_for``; return what ``parse`` makes of the
        answer. Raise what ``sort`` makes of bad news.
        """
        try:
            self.prepare()
        except (RateLimited, PermissionDenied):
            raise  # as clear a no, which says more of the account
        except ExchangeError as error:
            raise OrderRejected(f"not sent, the clock can't be measured: {error}") from error
        moment = signed_at + timedelta(milliseconds=self._client.timestamp_offset)
        window_ms = valid_for // timedelta(milliseconds=1)
        with self._counting_errors():
            try:
                return parse(call(**params, signedAtMs=milliseconds(moment), validForMs=window_ms))
            except LibraryError as error:
                self._forget_clock_after(error)
                raise sort(error, self.market) from None  # see _read_once
            except UNREADABLE as error:
                raise sort(error, self.market) from error  # it was accepted, but we can't read how: ask later

    def _send_now(self, call: Callable[..., Any], parse: Callable[[Any], T], **named: Any) -> T:
        """Send what is valid from now on: the time that we wait for the clock or the meter counts too."""
        return self._send(call, parse, signed_at=datetime.now(UTC), **named)

    # --- clock ---------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        if not self._clock_measured:
            self._read(self._measure_clock, signed=False)

    def clock_offset(self) -> timedelta:
        return self._read(self._ask_for_offset, signed=False)

    @abstractmethod
    def _server_time(self) -> dict[str, Any]:
        """The answer about the market's time."""

    def _measure_clock(self) -> None:
        """Set the library's offset, once per connection and again after -1021; it never does so by itself."""
        if not self._clock_measured:
            self._client.timestamp_offset = self._read_once(self._ask_for_offset) // timedelta(milliseconds=1)
            self._clock_measured = True

    def _ask_for_offset(self) -> timedelta:
        """The exchange told its time half-way between our request and its answer, as far as we know."""
        server_ms = self._server_time()["serverTime"]
        # Not from before the call: that may have waited for its leave.
        answer = self._client.response
        assert answer is not None, "the library kept no answer to a call that succeeded"
        on_the_way = answer.elapsed.total_seconds() / 2
        return timedelta(milliseconds=server_ms - (time() - on_the_way) * 1000)

    def _forget_clock_after(self, error: Exception) -> None:
        if is_about_the_clock(error):
            self._clock_measured = False
            self._forget_clock()
