"""python-binance's futures calls."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from market.paper.tests.contract.clients.python_binance import (
    PythonBinance,
    candle_of,
    fill_of,
    level_of,
    order_of,
    rules_of,
)
from market.paper.tests.contract.parsed import STATUSES, Candle, Fill, Order, Position, Rules, amount, price


class PythonBinanceFutures(PythonBinance):
    def rules(self, symbol: str) -> Rules:
        symbols = self.client.futures_exchange_info()["symbols"]
        return rules_of(next(row for row in symbols if row["symbol"] == symbol), "MIN_NOTIONAL", "notional")

    def candles(self, symbol: str, limit: int) -> list[Candle]:
        return [candle_of(row) for row in self.client.futures_klines(symbol=symbol, interval="1m", limit=limit)]

    def best(self, symbol: str) -> tuple[Decimal, Decimal]:
        ticker = self.client.futures_orderbook_ticker(symbol=symbol)
        return amount(ticker["bidPrice"]), amount(ticker["askPrice"])

    def last_price(self, symbol: str) -> Decimal:
        return amount(self.client.futures_ticker(symbol=symbol)["lastPrice"])

    def asks(self, symbol: str, limit: int) -> list[tuple[Decimal, Decimal]]:
        return [level_of(row) for row in self.client.futures_order_book(symbol=symbol, limit=limit)["asks"]]

    def trades(self, symbol: str) -> list[tuple[Decimal, Decimal]]:
        rows = self.client.futures_aggregate_trades(symbol=symbol, limit=500)
        return [(amount(row["p"]), amount(row["q"])) for row in rows]

    def mark_price(self, symbol: str) -> Decimal:
        return amount(self.client.futures_mark_price(symbol=symbol)["markPrice"])

    def market_order(
        self, symbol: str, side: str, quantity: str, client_id: str | None = None, *, reduce_only: bool = False
    ) -> Order:
        reduce = {"reduceOnly": "true"} if reduce_only else {}
        return self._place(symbol, side, type="MARKET", quantity=quantity, newClientOrderId=client_id, **reduce)

    def hedge_order(self, symbol: str, side: str, quantity: str, position_side: str) -> Order:
        return self._place(symbol, side, type="MARKET", quantity=quantity, positionSide=position_side)

    def limit_order(
        self,
        symbol: str,
        side: str,
        quantity: str,
        limit: str,
        client_id: str | None = None,
        time_in_force: str = "GTC",
    ) -> Order:
        return self._place(
            symbol,
            side,
            type="LIMIT",
            quantity=quantity,
            price=limit,
            timeInForce=time_in_force,
            newClientOrderId=client_id,
        )

    def post_only_order(self, symbol: str, side: str, quantity: str, limit: str) -> Order:
        return self.limit_order(symbol, side, quantity, limit, time_in_force="GTX")

    def stop_order(self, symbol: str, side: str, quantity: str, trigger: str, client_id: str | None = None) -> Order:
        return self._algo(symbol, side, "STOP_MARKET", quantity=quantity, triggerPrice=trigger, clientAlgoId=client_id)

    def take_profit_order(self, symbol: str, side: str, quantity: str, trigger: str) -> Order:
        return self._algo(symbol, side, "TAKE_PROFIT_MARKET", quantity=quantity, triggerPrice=trigger)

    def closing_stop(self, symbol: str, side: str, trigger: str) -> Order:
        return self._algo(symbol, side, "STOP_MARKET", triggerPrice=trigger, closePosition="true")

    def trailing_stop(self, symbol: str, side: str, quantity: str, percent: str) -> Order:
        return self._algo(symbol, side, "TRAILING_STOP_MARKET", quantity=quantity, callbackRate=percent)

    def open_algo_orders(self, symbol: str) -> list[Order]:
        return [_algo_order(row) for row in self.client.futures_get_open_algo_orders(symbol=symbol)]

    def algo_order(self, symbol: str, algo_id: str) -> Order:
        return _algo_order(self.client.futures_get_algo_order(symbol=symbol, algoId=algo_id))

    def cancel_algo(self, symbol: str, algo_id: str) -> None:
        self.client.futures_cancel_algo_order(symbol=symbol, algoId=algo_id)

    def cancel(self, symbol: str, order_id: str) -> Order:
        return order_of(self.client.futures_cancel_order(symbol=symbol, orderId=order_id))

    def order(self, symbol: str, order_id: str) -> Order:
        return order_of(self.client.futures_get_order(symbol=symbol, orderId=order_id))

    def order_by_client_id(self, symbol: str, client_id: str) -> Order:
        return order_of(self.client.futures_get_order(symbol=symbol, origClientOrderId=client_id))

    def open_orders(self, symbol: str) -> list[Order]:
        return [order_of(row) for row in self.client.futures_get_open_orders(symbol=symbol)]

    def fills(self, symbol: str) -> list[Fill]:
        return [_futures_fill(row) for row in self.client.futures_account_trades(symbol=symbol)]

    def balance(self) -> Decimal:
        """The margin balance: wallet and unrealised profit, in USDT."""
        return amount(self.client.futures_account()["totalMarginBalance"])

    def available(self) -> Decimal:
        return amount(self.client.futures_account()["availableBalance"])

    def positions(self, symbol: str) -> list[Position]:
        rows = self.client.futures_position_information(symbol=symbol)
        return [
            Position(
                amount=amount(row["positionAmt"]),
                entry_price=amount(row["entryPrice"]),
                unrealized_pnl=amount(row["unRealizedProfit"]),
                position_side=row["positionSide"],
            )
            for row in rows
            if amount(row["positionAmt"])
        ]

    def set_leverage(self, symbol: str, leverage: int) -> int:
        return int(self.client.futures_change_leverage(symbol=symbol, leverage=leverage)["leverage"])

    def set_margin_type(self, symbol: str, margin_type: str) -> None:
        self.client.futures_change_margin_type(symbol=symbol, marginType=margin_type)

    def set_hedge_mode(self, on: bool) -> None:
        self.client.futures_change_position_mode(dualSidePosition="true" if on else "false")

    def hedge_mode(self) -> bool:
        mode: bool = self.client.futures_get_position_mode()["dualSidePosition"]
        return mode

    def _algo(self, symbol: str, side: str, kind: str, **params: Any) -> Order:
        given = {name: value for name, value in params.items() if value is not None}
        return _algo_order(self.client.futures_create_order(symbol=symbol, side=side, type=kind, **given))

    def _place(self, symbol: str, side: str, **params: Any) -> Order:
        given = {name: value for name, value in params.items() if value is not None}
        return order_of(self.client.futures_create_order(symbol=symbol, side=side, newOrderRespType="RESULT", **given))


def _algo_order(row: dict[str, Any]) -> Order:
    return Order(
        order_id=str(row["algoId"]),
        client_order_id=row["clientAlgoId"],
        side=row["side"].lower(),
        status=STATUSES[row["algoStatus"]],
        quantity=amount(row["quantity"]),
        filled_quantity=Decimal(0),
        limit_price=price(row["price"]),
        trigger_price=price(row["triggerPrice"]),
    )


def _futures_fill(row: dict[str, Any]) -> Fill:
    return fill_of(row, row["side"].lower(), is_maker=row["maker"])
