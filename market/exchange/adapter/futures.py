"""The gateway for USDT-M futures."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from market.budget import weight_per_minute
from market.exchange.adapter import futures_reading
from market.exchange.adapter.wallet import WalletGateway
from market.exchange.errors import ExchangeError, OrderNotFound, OrderRejected
from market.exchange.reading import (
    TRIGGERED,
    account_fills,
    algo_report,
    amount,
    became,
    before,
    candles_of,
    listed_fill,
    order_book_of,
    prices_of,
    quote_of,
    report_of,
    require_id,
    symbols_of,
    whole,
)
from market.exchange.sorting import sort_cancel_error
from market.exchange.types import (
    AccountFill,
    Balance,
    ExchangePosition,
    FillReport,
    FundingReport,
    FuturesSetup,
    MarginBracket,
    OpenOrder,
    OrderBook,
    OrderReport,
    OrderRequest,
    OrderType,
    PairRequest,
    Quote,
    ReportStatus,
)
from market.rounding import plain
from market.rules import FUTURES_TYPES
from market.types import Market, milliseconds

MOST_ROWS = 1000
WINDOW = timedelta(days=7)  # userTrades looks no further from a start
SET_ALREADY_CODE = -4046  # "No need to change margin type."


class FuturesGateway(WalletGateway):
    """See ``market.exchange.gateway.Gateway``.

    Conditional orders are algo orders: another endpoint with ids of its own. Triggered, one leaves an ordinary order
    behind, which has the same client id.
    """

    market = Market.FUTURES

    # --- public data

    def _server_time(self) -> dict[str, Any]:
        return self._client.futures_time()

    def candles(self, symbol: str, interval: str, *, limit: int, until: datetime | None = None) -> NDArray[np.float64]:
        which = {"symbol": symbol, "interval": interval, "limit": limit} | before(until)
        return self._ask(self._client.futures_klines, candles_of, signed=False, **which)

    def prices(self) -> dict[str, Decimal]:
        return self._ask(self._client.futures_symbol_ticker, prices_of, signed=False)

    def quote(self, symbol: str) -> Quote:
        return self._ask(self._client.futures_orderbook_ticker, quote_of, signed=False, symbol=symbol)

    def order_book(self, symbol: str, *, levels: int) -> OrderBook:
        return self._ask(self._client.futures_order_book, order_book_of, signed=False, symbol=symbol, limit=levels)

    def symbols(self) -> list[Mapping[str, Any]]:
        return self._ask(self._client.futures_exchange_info, symbols_of, signed=False)

    def weight_limit(self) -> int:
        return self._ask(
            self._client.futures_exchange_info, lambda info: weight_per_minute(info["rateLimits"]), signed=False
        )

    # --- orders

    def submit(self, request: OrderRequest) -> OrderReport:
        common = {
            "signed_at": request.signed_at,
            "valid_for": request.valid_for,
            "symbol": request.symbol,
            "side": request.side.value,
            "type": FUTURES_TYPES[request.type],
            "quantity": plain(request.quantity),
            "reduceOnly": "true" if request.reduce_only else None,
        }
        if request.type.is_conditional:
            return self._submit_conditional(request, common)
        return self._with_fills(request.symbol, self._submit_ordinary(request, common))

    def _submit_ordinary(self, request: OrderRequest, common: dict[str, Any]) -> OrderReport:
        def parse(placed: Mapping[str, Any]) -> OrderReport:
            require_id(placed["clientOrderId"], request.client_order_id)
            return report_of(placed, client_order_id=request.client_order_id)

        if request.type is OrderType.LIMIT:
            common |= {"timeInForce": "GTC", "price": _price(request)}
        return self._send(
            self._client.futures_create_order,
            parse,
            newClientOrderId=request.client_order_id,
            newOrderRespType="RESULT",
            **common,
        )

    def _submit_conditional(self, request: OrderRequest, common: dict[str, Any]) -> OrderReport:
        return self._send(
            self._client.futures_create_algo_order,
            lambda placed: algo_report(placed, client_order_id=request.client_order_id),
            clientAlgoId=request.client_order_id,
            triggerPrice=_price(request),
            workingType="CONTRACT_PRICE",
            **common,
        )

    def _with_fills(self, symbol: str, report: OrderReport) -> OrderReport:
        """Add the fills, which the answer to an order lacks. It stands without them when they can't be read."""
        if not report.executed_quantity:
            return report
        try:
            return replace(report, fills=self._read_once(lambda: self._fills_of(symbol, report.exchange_order_id)))
        except ExchangeError:
            return report

    def submit_pair(self, request: PairRequest) -> NoReturn:
        raise OrderRejected("not sent: futures have no pairs of orders")

    def cancel(self, symbol: str, client_order_id: str, kind: OrderType) -> None:
        if kind.is_conditional:
            self._send_now(
                self._client.futures_cancel_algo_order,
                lambda answer: require_id(answer["clientAlgoId"], client_order_id),
                sort=sort_cancel_error,
                clientAlgoId=client_order_id,
            )
        else:
            self._send_now(
                self._client.futures_cancel_order,
                lambda answer: require_id(answer["clientOrderId"], client_order_id),
                sort=sort_cancel_error,
                symbol=symbol,
                origClientOrderId=client_order_id,
            )

    def open_orders(self, symbol: str | None = None) -> list[OpenOrder]:
        of_symbol: dict[str, Any] = {"symbol": symbol} if symbol else {}

        def read() -> list[OpenOrder]:
            # In this order: what is triggered in between is in both lists, not in neither.
            algos = [futures_reading.open_algo(row) for row in self._client.futures_get_open_algo_orders(**of_symbol)]
            orders = [futures_reading.open_order(row) for row in self._client.futures_get_open_orders(**of_symbol)]
            seen = {(order.symbol, order.client_order_id) for order in orders}
            return orders + [algo for algo in algos if (algo.symbol, algo.client_order_id) not in seen]

        return self._read(read)

    # --- asking for an order

    def find_order(self, symbol: str, client_order_id: str, kind: OrderType) -> OrderReport:
        find = self._find_conditional if kind.is_conditional else self._find_ordinary
        return self._read(lambda: find(symbol, client_order_id))

    def _find_ordinary(self, symbol: str, client_order_id: str, order_id: int | None = None) -> OrderReport:
        by = {"orderId": order_id} if order_id else {"origClientOrderId": client_order_id}
        found = self._read_once(lambda: self._client.futures_get_order(symbol=symbol, **by))
        if not order_id:
            require_id(found["clientOrderId"], client_order_id)
        fills = self._fills_of(symbol, found["orderId"]) if amount(found["executedQty"]) else ()
        return report_of(found, client_order_id=client_order_id, fills=fills)

    def _find_conditional(self, symbol: str, client_order_id: str) -> OrderReport:
        algo = self._find_algo(symbol, client_order_id)
        if algo is None:  # the last trace that it can have left
            return self._find_ordinary(symbol, client_order_id)
        report = algo_report(algo, client_order_id=client_order_id)
        if not became(algo) and algo["algoStatus"] not in TRIGGERED:
            return report
        try:
            return self._find_ordinary(symbol, client_order_id, became(algo))
        except OrderNotFound:
            return replace(report, status=ReportStatus.OPEN)  # triggered; what it has become is not shown yet

    def _find_algo(self, symbol: str, client_order_id: str) -> Mapping[str, Any] | None:
        """The conditional order. Its query has been seen to deny one that exists, so the lists are asked as well."""
        try:
            return self._read_once(lambda: self._client.futures_get_algo_order(clientAlgoId=client_order_id))
        except OrderNotFound:
            listed = [
                *self._client.futures_get_open_algo_orders(symbol=symbol),
                *self._client.futures_get_all_algo_orders(symbol=symbol, limit=MOST_ROWS),
            ]
            # The later one counts: the order may have been triggered in between.
            return next((row for row in reversed(listed) if row["clientAlgoId"] == client_order_id), None)

    def _fills_of(self, symbol: str, order_id: int) -> tuple[FillReport, ...]:
        rows = self._client.futures_account_trades(symbol=symbol, orderId=order_id, limit=MOST_ROWS)
        return tuple(listed_fill(row) for row in rows)

    # --- the account

    def balances(self) -> list[Balance]:
        return self._ask(self._client.futures_account_balance, futures_reading.balances_of)

    def fills(self, symbol: str, *, after_id: int | None = None, since: datetime | None = None) -> list[AccountFill]:
        if since is not None and after_id is None:
            return self._fills_since(symbol, since)
        bound: dict[str, Any] = {} if after_id is None else {"fromId": after_id + 1}
        return self._ask(self._client.futures_account_trades, account_fills, symbol=symbol, limit=MOST_ROWS, **bound)

    def _fills_since(self, symbol: str, since: datetime) -> list[AccountFill]:
        """The first fills from then on: window by window, for the exchange looks no further than a week."""
        start, now = since, datetime.now(UTC)
        while True:
            window: dict[str, Any] = {"startTime": milliseconds(start), "endTime": milliseconds(start + WINDOW)}
            found = self._ask(
                self._client.futures_account_trades, account_fills, symbol=symbol, limit=MOST_ROWS, **window
            )
            start += WINDOW
            if found or start > now:
                return found

    def client_id_of(self, symbol: str, exchange_order_id: int) -> str:
        return self._ask(
            self._client.futures_get_order,
            lambda row: str(row["clientOrderId"]),
            symbol=symbol,
            orderId=exchange_order_id,
        )

    def positions(self) -> list[ExchangePosition]:
        return self._ask(self._client.futures_position_information, futures_reading.positions_of)

    def fundings(self, *, since: datetime) -> list[FundingReport]:
        return self._incomes("FUNDING_FEE", since)

    def liquidation_fees(self, *, since: datetime) -> list[FundingReport]:
        return self._incomes("INSURANCE_CLEAR", since)

    def _incomes(self, kind: str, since: datetime) -> list[FundingReport]:
        return self._ask(
            self._client.futures_income_history,
            futures_reading.fundings_of,
            incomeType=kind,
            startTime=milliseconds(since),
            limit=MOST_ROWS,
        )

    # --- how the account trades

    def futures_setup(self, symbol: str) -> FuturesSetup:
        def read() -> FuturesSetup:
            config = self._client.futures_symbol_config(symbol=symbol)
            return futures_reading.setup_of(config, self._client.futures_account_config(), symbol=symbol)

        return self._read(read)

    def margin_brackets(self, symbol: str) -> list[MarginBracket]:
        return self._ask(
            self._client.futures_leverage_bracket,
            lambda answer: futures_reading.brackets_of(answer, symbol=symbol),
            symbol=symbol,
        )

    def set_leverage(self, symbol: str, leverage: int) -> int:
        return self._send_now(
            self._client.futures_change_leverage,
            lambda answer: whole(answer["leverage"]),
            symbol=symbol,
            leverage=leverage,
        )

    def set_isolated(self, symbol: str, *, isolated: bool) -> None:
        try:
            self._send_now(
                self._client.futures_change_margin_type,
                futures_reading.require_success,
                symbol=symbol,
                marginType="ISOLATED" if isolated else "CROSSED",
            )
        except OrderRejected as error:
            if error.code != SET_ALREADY_CODE:
                raise


def _price(request: OrderRequest) -> str:
    assert request.price is not None, f"a {request.type} order without a price"
    return plain(request.price)
