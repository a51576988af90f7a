"""The one adapter: python-binance for spot, on paper, testnet and live. Only this package imports `binance`."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from time import time
from typing import Any, TypeVar

import numpy as np
import requests
from binance.client import Client
from binance.exceptions import BinanceAPIException, BinanceRequestException
from numpy.typing import NDArray
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from market.exchange.errors import ExchangeError, ExchangeUnavailable, OrderRejected, PermissionDenied, RateLimited
from market.exchange.sorting import CLOCK_CODE, UNREADABLE, LibraryError, sort_order_error, sort_read_error
from market.exchange.types import Balance, FillReport, OrderReport, OrderRequest, ReportStatus
from market.rounding import plain
from market.types import milliseconds, moment_of

T = TypeVar("T")

# Binance's engine gives up after 10 s and then says so (-1007); waiting a little longer hears it.
TIMEOUT_SECONDS = (3.05, 12)
STATUSES = {
    "NEW": ReportStatus.OPEN,
    "PENDING_NEW": ReportStatus.OPEN,
    "PARTIALLY_FILLED": ReportStatus.OPEN,
    "PENDING_CANCEL": ReportStatus.OPEN,
    "FILLED": ReportStatus.FILLED,
    "CANCELED": ReportStatus.CANCELED,
    "REJECTED": ReportStatus.REJECTED,
    "EXPIRED": ReportStatus.EXPIRED,
    "EXPIRED_IN_MATCH": ReportStatus.EXPIRED,
}


class _SigningClient(Client):
    """python-binance, but an order keeps the timestamp and window that we wrote down before sending it.

    The library overwrites both just before it signs; this is the last place where they can be put right.
    """

    REQUEST_RECVWINDOW = 5000

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


class BinanceGateway:
    """See ``market.exchange.gateway.Gateway``. One per process and account: the library's client is not thread-safe."""

    def __init__(self, base_url: str, *, api_key: str = "", api_secret: str = "") -> None:
        # The addresses are class attributes of the library; a subclass of our own leaves the others alone.
        addresses = {"API_URL": f"{base_url}/api", "MARGIN_API_URL": f"{base_url}/sapi"}
        client_class = type("Client", (_SigningClient,), addresses)
        # A redirect would send an order a second time, and the key to whoever is named there.
        params = {"timeout": TIMEOUT_SECONDS, "allow_redirects": False}
        self._client: _SigningClient = client_class(api_key, api_secret, requests_params=params, ping=False)
        self._clock_measured = False

    # --- reads: retried, they change nothing ---------------------------------------------------------------

    def candles(self, symbol: str, interval: str, *, limit: int) -> NDArray[np.float64]:
        def read() -> NDArray[np.float64]:
            rows = self._client.get_klines(symbol=symbol, interval=interval, limit=limit)
            return np.array([row[:6] for row in rows], dtype=np.float64).reshape(-1, 6)

        return self._read(read)

    def prices(self) -> dict[str, Decimal]:
        return self._read(
            lambda: {item["symbol"]: _amount(item["price"]) for item in self._client.get_all_tickers()},
        )

    def symbols(self) -> list[Mapping[str, Any]]:
        return self._read(lambda: list(self._client.get_exchange_info()["symbols"]))

    def clock_offset(self) -> timedelta:
        return self._read(self._ask_for_offset)

    def prepare(self) -> None:
        self._read(self._measure_clock)

    def balances(self) -> list[Balance]:
        def read() -> list[Balance]:
            account = self._client.get_account(omitZeroBalances="true")
            return [
                Balance(item["asset"], free=_amount(item["free"]), locked=_amount(item["locked"]))
                for item in account["balances"]
            ]

        return self._read(read, signed=True)

    def find_order(self, symbol: str, client_order_id: str, kind: object = None) -> OrderReport:
        def read() -> OrderReport:
            found = self._client.get_order(symbol=symbol, origClientOrderId=client_order_id)
            fills: list[FillReport] = []
            if _amount(found["executedQty"]):
                trades = self._client.get_my_trades(symbol=symbol, orderId=found["orderId"], limit=1000)
                fills = [_fill_of(item, trade_id=item["id"], executed_ms=item["time"]) for item in trades]
            return _report_of(found, client_order_id=client_order_id, fills=fills)

        return self._read(read, signed=True)

    def _read(self, call: Callable[[], T], *, signed: bool = False) -> T:
        """Call with three further tries on faults that may pass. Raise ExchangeError."""
        for attempt in Retrying(
            retry=retry_if_exception_type(ExchangeUnavailable),
            stop=stop_after_attempt(4),
            wait=wait_exponential_jitter(multiplier=0.2, max=2),
            reraise=True,
        ):
            with attempt:
                if signed:
                    self._measure_clock()
                return self._read_once(call)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _read_once(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except LibraryError as error:
            self._forget_clock_after(error)
            raise sort_read_error(error) from None  # its text has the address, which carries the signature
        except UNREADABLE as error:
            raise ExchangeUnavailable(f"an answer that can't be read: {type(error).__name__}") from error

    # --- orders: sent once, never retried ------------------------------------------------------------------

    def submit(self, request: OrderRequest) -> OrderReport:
        try:
            self.prepare()
        except (RateLimited, PermissionDenied):
            raise  # as clear a no, which says more of the account
        except ExchangeError as error:
            raise OrderRejected(f"not sent, the clock can't be measured: {error}") from error
        signed_at = request.signed_at + timedelta(milliseconds=self._client.timestamp_offset)
        try:
            placed = self._client.create_order(
                symbol=request.symbol,
                side=request.side.value,
                type="MARKET",
                quantity=plain(request.quantity),
                newClientOrderId=request.client_order_id,
                newOrderRespType="FULL",
                signedAtMs=milliseconds(signed_at),
                validForMs=request.valid_for // timedelta(milliseconds=1),
            )
        except LibraryError as error:
            self._forget_clock_after(error)
            raise sort_order_error(error) from None  # see _read_once
        try:
            fills = [
                _fill_of(item, trade_id=item["tradeId"], executed_ms=placed["transactTime"]) for item in placed["fills"]
            ]
            return _report_of(placed, client_order_id=request.client_order_id, fills=fills)
        except UNREADABLE as error:
            raise sort_order_error(error) from error  # it was accepted, but we can't read how: ask later

    # --- clock ---------------------------------------------------------------------------------------------

    def _measure_clock(self) -> None:
        """Set the library's offset, once per connection and again after -1021; it never does so by itself."""
        if not self._clock_measured:
            self._client.timestamp_offset = self._read_once(self._ask_for_offset) // timedelta(milliseconds=1)
            self._clock_measured = True

    def _ask_for_offset(self) -> timedelta:
        asked_at = time()
        server_ms = self._client.get_server_time()["serverTime"]
        return timedelta(milliseconds=server_ms - (asked_at + time()) * 500)

    def _forget_clock_after(self, error: Exception) -> None:
        if isinstance(error, BinanceAPIException) and error.code == CLOCK_CODE:
            self._clock_measured = False


def _amount(text: object) -> Decimal:
    """A finite number out of the text that the exchange writes it as: a JSON number has lost its digits already."""
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is no text")
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(f"{text} is no number")
    return value


def _fill_of(item: Mapping[str, Any], *, trade_id: int, executed_ms: int) -> FillReport:
    price, quantity = _amount(item["price"]), _amount(item["qty"])
    return FillReport(
        exchange_trade_id=trade_id,
        price=price,
        quantity=quantity,
        quote_quantity=price * quantity,
        commission=_amount(item["commission"]),
        commission_asset=item["commissionAsset"],
        executed_at=moment_of(executed_ms),
    )


def _report_of(item: Mapping[str, Any], *, client_order_id: str, fills: list[FillReport]) -> OrderReport:
    if item["clientOrderId"] != client_order_id:
        raise ValueError("the answer is about another order")
    return OrderReport(
        client_order_id=client_order_id,
        exchange_order_id=item["orderId"],
        status=STATUSES[item["status"]],
        executed_quantity=_amount(item["executedQty"]),
        fills=tuple(fills),
    )
