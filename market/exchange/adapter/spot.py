"""The gateway for spot."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from market.budget import weight_per_minute
from market.exchange.adapter.wallet import WalletGateway
from market.exchange.errors import OrderRejected
from market.exchange.reading import (
    account_fills,
    amount,
    before,
    candles_of,
    fill_of,
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
)
from market.rounding import plain
from market.rules import SPOT_TYPES
from market.types import Market, Side, milliseconds

CONDITIONAL_TYPES = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
MOST_FILLS = 1000


class SpotGateway(WalletGateway):
    """See ``market.exchange.gateway.Gateway``."""

    market = Market.SPOT

    # --- public data

    def _server_time(self) -> dict[str, Any]:
        return self._client.get_server_time()

    def candles(self, symbol: str, interval: str, *, limit: int, until: datetime | None = None) -> NDArray[np.float64]:
        which = {"symbol": symbol, "interval": interval, "limit": limit} | before(until)
        return self._ask(self._client.get_klines, candles_of, signed=False, **which)

    def prices(self) -> dict[str, Decimal]:
        return self._ask(self._client.get_all_tickers, prices_of, signed=False)

    def quote(self, symbol: str) -> Quote:
        return self._ask(self._client.get_orderbook_ticker, quote_of, signed=False, symbol=symbol)

    def order_book(self, symbol: str, *, levels: int) -> OrderBook:
        return self._ask(self._client.get_order_book, order_book_of, signed=False, symbol=symbol, limit=levels)

    def symbols(self) -> list[Mapping[str, Any]]:
        return self._ask(self._client.get_exchange_info, symbols_of, signed=False)

    def weight_limit(self) -> int:
        # One symbol is asked for, because the answer about all of them is some thousand times as long.
        return self._read(
            lambda: weight_per_minute(self._client._get("exchangeInfo", data={"symbol": "BTCUSDT"})["rateLimits"]),
            signed=False,
        )

    # --- orders

    def submit(self, request: OrderRequest) -> OrderReport:
        return self._send(
            self._client.create_order,
            lambda placed: _placed(placed, request.client_order_id),
            signed_at=request.signed_at,
            valid_for=request.valid_for,
            symbol=request.symbol,
            side=request.side.value,
            type=SPOT_TYPES[request.type],
            quantity=plain(request.quantity),
            newClientOrderId=request.client_order_id,
            newOrderRespType="FULL",
            **_terms(request),
        )

    def submit_pair(self, request: PairRequest) -> tuple[OrderReport, OrderReport]:
        stop, target = request.stop, request.target
        assert (stop.side, stop.quantity) == (target.side, target.quantity), "a pair has one side and one quantity"
        legs = {"above": target, "below": stop} if stop.side is Side.SELL else {"above": stop, "below": target}
        terms = {f"{place}{name}": value for place, leg in legs.items() for name, value in _leg(leg).items()}
        return self._send(
            self._client.create_oco_order,
            lambda placed: _placed_pair(placed, request),
            signed_at=stop.signed_at,
            valid_for=stop.valid_for,
            symbol=stop.symbol,
            side=stop.side.value,
            quantity=plain(stop.quantity),
            listClientOrderId=request.list_client_id,
            newOrderRespType="FULL",
            **terms,
        )

    def cancel(self, symbol: str, client_order_id: str, kind: OrderType) -> None:
        self._send_now(
            self._client.cancel_order,
            lambda answer: _require_canceled(answer, client_order_id),
            sort=sort_cancel_error,
            symbol=symbol,
            origClientOrderId=client_order_id,
        )

    def find_order(self, symbol: str, client_order_id: str, kind: OrderType) -> OrderReport:
        def read() -> OrderReport:
            found = self._client.get_order(symbol=symbol, origClientOrderId=client_order_id)
            require_id(found["clientOrderId"], client_order_id)
            fills: list[FillReport] = []
            if amount(found["executedQty"]):
                rows = self._client.get_my_trades(symbol=symbol, orderId=found["orderId"], limit=MOST_FILLS)
                fills = [listed_fill(row) for row in rows]
            return report_of(found, client_order_id=client_order_id, fills=fills)

        return self._read(read)

    def open_orders(self, symbol: str | None = None) -> list[OpenOrder]:
        of_symbol: dict[str, Any] = {"symbol": symbol} if symbol else {}
        return self._ask(self._client.get_open_orders, lambda rows: [_open_order(row) for row in rows], **of_symbol)

    # --- the account

    def balances(self) -> list[Balance]:
        return self._ask(self._client.get_account, _balances_of, omitZeroBalances="true")

    def fills(self, symbol: str, *, after_id: int | None = None, since: datetime | None = None) -> list[AccountFill]:
        bound: dict[str, Any] = {}
        if after_id is not None:
            bound = {"fromId": after_id + 1}
        elif since is not None:
            bound = {"startTime": milliseconds(since)}
        return self._ask(self._client.get_my_trades, account_fills, symbol=symbol, limit=MOST_FILLS, **bound)

    def client_id_of(self, symbol: str, exchange_order_id: int) -> str:
        return self._ask(
            self._client.get_order, lambda row: str(row["clientOrderId"]), symbol=symbol, orderId=exchange_order_id
        )

    # --- futures only

    def positions(self) -> list[ExchangePosition]:
        return []

    def fundings(self, *, since: datetime) -> list[FundingReport]:
        return []

    def liquidation_fees(self, *, since: datetime) -> list[FundingReport]:
        return []

    def futures_setup(self, symbol: str) -> FuturesSetup:
        _refuse()

    def margin_brackets(self, symbol: str) -> list[MarginBracket]:
        _refuse()

    def set_leverage(self, symbol: str, leverage: int) -> int:
        _refuse()

    def set_isolated(self, symbol: str, *, isolated: bool) -> None:
        _refuse()


def _refuse() -> NoReturn:
    raise OrderRejected("not sent: a spot account has neither leverage nor margin")


def _terms(request: OrderRequest) -> dict[str, Any]:
    """What an order of this type has beside quantity and side."""
    if request.type is OrderType.MARKET:
        return {}
    assert request.price is not None, f"a {request.type} order without a price"
    if request.type is OrderType.LIMIT:
        return {"timeInForce": "GTC", "price": plain(request.price)}
    return {"stopPrice": plain(request.price)}


def _leg(request: OrderRequest) -> dict[str, Any]:
    """One order of a pair; its parameters are called after its place, above or below the price."""
    assert request.type.is_conditional, "a pair is a stop and a target"
    assert request.price is not None, f"a {request.type} order without a price"
    return {
        "Type": SPOT_TYPES[request.type],
        "StopPrice": plain(request.price),
        "ClientOrderId": request.client_order_id,
    }


def _placed(item: Mapping[str, Any], client_order_id: str) -> OrderReport:
    require_id(item["clientOrderId"], client_order_id)
    fills = [fill_of(row, trade_id=row["tradeId"], executed_ms=item["transactTime"]) for row in item["fills"]]
    return report_of(item, client_order_id=client_order_id, fills=fills)


def _placed_pair(answer: Mapping[str, Any], request: PairRequest) -> tuple[OrderReport, OrderReport]:
    reports = {item["clientOrderId"]: item for item in answer["orderReports"]}
    stop, target = (leg.client_order_id for leg in (request.stop, request.target))
    return _placed(reports[stop], stop), _placed(reports[target], target)


def _require_canceled(answer: Mapping[str, Any], client_order_id: str) -> None:
    """Raise unless the answer is about this order, or about the pair that it belonged to."""
    items: Sequence[Mapping[str, Any]] = answer.get("orderReports") or [answer]
    if client_order_id not in [item["origClientOrderId"] for item in items]:
        raise ValueError("the answer is about another order")


def _open_order(item: Mapping[str, Any]) -> OpenOrder:
    return OpenOrder(
        symbol=item["symbol"],
        client_order_id=item["clientOrderId"],
        exchange_order_id=whole(item["orderId"]),
        kind=item["type"],
        side=Side(item["side"]),
        quantity=amount(item["origQty"]),
        executed_quantity=amount(item["executedQty"]),
        price=amount(item["price"]) or amount(item["stopPrice"]),
        is_conditional=item["type"] in CONDITIONAL_TYPES,
    )


def _balances_of(account: Mapping[str, Any]) -> list[Balance]:
    return [
        Balance(item["asset"], free=amount(item["free"]), locked=amount(item["locked"])) for item in account["balances"]
    ]
