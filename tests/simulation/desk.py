"""What one account can do at the exchange, where nothing goes wrong. Its errors are the engine's own ``Rejected``."""

from __future__ import annotations

from market.exchange.types import OrderReport, OrderRequest, OrderType, PairRequest
from market.paper.engine.futures.types import AlgoOrder, NewAlgoOrder, NewFuturesOrder
from market.paper.engine.spot.types import NewList, NewOrder, SpotOrder
from market.paper.engine.types import Order, Rejected
from tests.simulation.exchange import Exchange, to_units
from tests.simulation.reports import Reports
from tests.simulation.rows import Account

SPOT_TYPES = {OrderType.MARKET: "MARKET", OrderType.STOP: "STOP_LOSS", OrderType.TARGET: "TAKE_PROFIT"}
FUTURES_TYPES = {OrderType.STOP: "STOP_MARKET", OrderType.TARGET: "TAKE_PROFIT_MARKET"}


class Desk:
    """One account's place at the exchange."""

    def __init__(self, exchange: Exchange, reports: Reports, account: Account) -> None:
        self._exchange = exchange
        self._reports = reports
        self._account = account
        self._market, self._number = account.market, account.number

    def place(self, request: OrderRequest, now_ms: int) -> OrderReport:
        """Let the engine judge an order, and take it."""
        exchange, quote = self._exchange, self._exchange.markets[self._market, request.symbol].quote
        order: Order
        if self._market == "spot":
            order, fills = exchange.spot.place(self._spot_order(request), quote, now_ms)
        elif request.type.is_conditional:
            return self._reports.of_algo(exchange.futures.place_algo(self._algo(request), quote, now_ms))
        else:
            order, fills = exchange.futures.place(self._futures_order(request), quote, now_ms)
        if fills:
            exchange.on_fills(fills)
        return self._reports.of_order(order, self._market)

    def place_pair(self, request: PairRequest, now_ms: int) -> tuple[OrderReport, OrderReport]:
        """The same with a stop and a target of which one at most is executed."""
        quote = self._exchange.markets["spot", request.stop.symbol].quote
        new = NewList(request.list_client_id, self._spot_order(request.stop), self._spot_order(request.target))
        _, (stop, target) = self._exchange.spot.place_list(new, quote, now_ms)
        return self._reports.of_order(stop, "spot"), self._reports.of_order(target, "spot")

    def find(self, client_id: str, kind: OrderType) -> OrderReport | None:
        """What the exchange knows of the newest order of that id, if it knows any."""
        ledger, name = self._exchange.ledger, (self._market, self._number, client_id)
        if self._is_algo(kind):
            algos = ledger.algos.get(name)
            return self._reports.of_algo(algos[-1]) if algos else None
        orders = ledger.named.get(name)
        return self._reports.of_order(orders[-1], self._market) if orders else None

    def cancel(self, symbol: str, client_id: str, kind: OrderType, now_ms: int) -> None:
        """Cancel an open order; raise Rejected (-2011) when it is not open."""
        algo = self._open_algo(client_id) if self._is_algo(kind) else None
        order = self._open_order(symbol, client_id) if algo is None else None
        if algo is not None:
            self._exchange.futures.cancel_algo(algo, now_ms)
        elif order is not None:
            self._exchange.spot.cancel(order, now_ms)
        else:
            raise Rejected(-2011, "Unknown order sent.")

    def trigger(self, symbol: str, client_id: str, kind: OrderType) -> None:
        """Let the price reach an open order's trigger now."""
        algo = self._open_algo(client_id) if self._is_algo(kind) else None
        order = self._open_order(symbol, client_id) if algo is None else None
        price = algo.trigger_price if algo is not None else order.stop_price if order is not None else 0
        if price:
            self._exchange.set_price(self._exchange.markets[self._market, symbol], price)

    def _is_algo(self, kind: OrderType) -> bool:
        return kind.is_conditional and self._market == "futures"

    def _open_algo(self, client_id: str) -> AlgoOrder | None:
        algo = self._exchange.futures.open_algo(self._number, client_algo_id=client_id)
        return algo if algo is not None and algo.status == "NEW" else None

    def _open_order(self, symbol: str, client_id: str) -> SpotOrder | None:
        """Only on spot: what our bots send to the futures' market is filled, or gone, at once."""
        return (
            self._exchange.spot.books[symbol].by_client_id(self._number, client_id) if self._market == "spot" else None
        )

    def _spot_order(self, request: OrderRequest) -> NewOrder:
        return NewOrder(
            account_id=self._number,
            symbol=request.symbol,
            side=request.side.value,
            type=SPOT_TYPES[request.type],
            client_order_id=request.client_order_id,
            quantity=to_units(request.quantity),
            stop_price=to_units(request.price) if request.price is not None else None,
        )

    def _futures_order(self, request: OrderRequest) -> NewFuturesOrder:
        return NewFuturesOrder(
            account_id=self._number,
            symbol=request.symbol,
            side=request.side.value,
            type="MARKET",
            client_order_id=request.client_order_id,
            quantity=to_units(request.quantity),
            reduce_only=request.reduce_only,
        )

    def _algo(self, request: OrderRequest) -> NewAlgoOrder:
        assert request.price is not None
        return NewAlgoOrder(
            account_id=self._number,
            symbol=request.symbol,
            side=request.side.value,
            type=FUTURES_TYPES[request.type],
            client_algo_id=request.client_order_id,
            quantity=to_units(request.quantity),
            trigger_price=to_units(request.price),
            reduce_only=request.reduce_only,
        )
