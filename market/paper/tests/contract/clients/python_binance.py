"""python-binance: a subclass that names other addresses, otherwise as it is."""

from __future__ import annotations

import importlib
from decimal import Decimal
from typing import Any

from market.paper.tests.contract.parsed import (
    STATUSES,
    Balance,
    Candle,
    Fill,
    Order,
    Pair,
    Rules,
    amount,
    moment,
    number,
    price,
)

# By name: only the exchange adapter may know python-binance, and import-linter reads imports.
library = importlib.import_module("binance.client")
exceptions = importlib.import_module("binance.exceptions")


def addresses(base: str) -> dict[str, str]:
    """The class attributes that hold addresses."""
    stream = base.replace("http", "ws", 1)
    return {
        "API_URL": f"{base}/api",
        "FUTURES_URL": f"{base}/fapi",
        "FUTURES_DATA_URL": f"{base}/futures/data",
        "MARGIN_API_URL": f"{base}/sapi",
        "WS_API_URL": f"{stream}/ws-api/v3",
        "WS_FUTURES_URL": f"{stream}/ws-fapi/v1",
    }


class PythonBinance:
    name = "python-binance"
    errors = (exceptions.BinanceAPIException,)

    def __init__(self, base: str, key: dict[str, Any]) -> None:
        self.client = type("PaperClient", (library.Client,), addresses(base))(key["api_key"], key["api_secret"])

    def close(self) -> None:
        self.client.close_connection()

    @staticmethod
    def code_of(error: Any) -> int:
        return int(error.code)


class PythonBinanceSpot(PythonBinance):
    def rules(self, symbol: str) -> Rules:
        return rules_of(self.client.get_symbol_info(symbol), "NOTIONAL", "minNotional")

    def candles(self, symbol: str, limit: int) -> list[Candle]:
        return [candle_of(row) for row in self.client.get_klines(symbol=symbol, interval="1m", limit=limit)]

    def best(self, symbol: str) -> tuple[Decimal, Decimal]:
        ticker = self.client.get_orderbook_ticker(symbol=symbol)
        return amount(ticker["bidPrice"]), amount(ticker["askPrice"])

    def last_price(self, symbol: str) -> Decimal:
        return amount(self.client.get_ticker(symbol=symbol)["lastPrice"])

    def asks(self, symbol: str, limit: int) -> list[tuple[Decimal, Decimal]]:
        return [level_of(row) for row in self.client.get_order_book(symbol=symbol, limit=limit)["asks"]]

    def trades(self, symbol: str) -> list[tuple[Decimal, Decimal]]:
        """Price and quantity of the newest public trades."""
        rows = self.client.get_aggregate_trades(symbol=symbol, limit=500)
        return [(amount(row["p"]), amount(row["q"])) for row in rows]

    def market_order(self, symbol: str, side: str, quantity: str, client_id: str | None = None) -> Order:
        return self._place(symbol, side, type="MARKET", quantity=quantity, newClientOrderId=client_id)

    def market_order_worth(self, symbol: str, side: str, quote: str) -> Order:
        return self._place(symbol, side, type="MARKET", quoteOrderQty=quote)

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
        return self._place(symbol, side, type="LIMIT_MAKER", quantity=quantity, price=limit, newOrderRespType="FULL")

    def stop_order(self, symbol: str, side: str, quantity: str, trigger: str, limit: str) -> Order:
        return self._conditional(symbol, side, "STOP_LOSS_LIMIT", quantity, stopPrice=trigger, price=limit)

    def take_profit_order(self, symbol: str, side: str, quantity: str, trigger: str, limit: str) -> Order:
        return self._conditional(symbol, side, "TAKE_PROFIT_LIMIT", quantity, stopPrice=trigger, price=limit)

    def trailing_stop(self, symbol: str, side: str, quantity: str, limit: str, percent: str) -> Order:
        delta = int(Decimal(percent) * 100)
        return self._conditional(symbol, side, "STOP_LOSS_LIMIT", quantity, trailingDelta=delta, price=limit)

    def oco(self, symbol: str, side: str, quantity: str, take_profit: str, trigger: str, limit: str) -> Pair:
        """A limit order above and a stop-limit below the price."""
        placed = self.client.create_oco_order(
            symbol=symbol,
            side=side,
            quantity=quantity,
            aboveType="LIMIT_MAKER",
            abovePrice=take_profit,
            belowType="STOP_LOSS_LIMIT",
            belowStopPrice=trigger,
            belowPrice=limit,
            belowTimeInForce="GTC",
        )
        assert placed["contingencyType"] == "OCO"
        return Pair(str(placed["orderListId"]), [str(order["orderId"]) for order in placed["orders"]])

    def cancel_pair(self, symbol: str, pair: Pair) -> None:
        self.client.v3_delete_order_list(symbol=symbol, orderListId=pair.list_id)

    def cancel(self, symbol: str, order_id: str) -> Order:
        return order_of(self.client.cancel_order(symbol=symbol, orderId=order_id))

    def order(self, symbol: str, order_id: str) -> Order:
        return order_of(self.client.get_order(symbol=symbol, orderId=order_id))

    def order_by_client_id(self, symbol: str, client_id: str) -> Order:
        return order_of(self.client.get_order(symbol=symbol, origClientOrderId=client_id))

    def open_orders(self, symbol: str) -> list[Order]:
        return [order_of(row) for row in self.client.get_open_orders(symbol=symbol)]

    def fills(self, symbol: str) -> list[Fill]:
        return [_spot_fill(row) for row in self.client.get_my_trades(symbol=symbol)]

    def balances(self) -> dict[str, Balance]:
        rows = self.client.get_account(omitZeroBalances="true")["balances"]
        return {row["asset"]: Balance(amount(row["free"]), amount(row["locked"])) for row in rows}

    def _conditional(self, symbol: str, side: str, kind: str, quantity: str, **params: Any) -> Order:
        return self._place(
            symbol, side, type=kind, quantity=quantity, timeInForce="GTC", newOrderRespType="FULL", **params
        )

    def _place(self, symbol: str, side: str, **params: Any) -> Order:
        given = {name: value for name, value in params.items() if value is not None}
        return order_of(self.client.create_order(symbol=symbol, side=side, **given))


def rules_of(info: dict[str, Any], notional_filter: str, notional: str) -> Rules:
    filters = {row["filterType"]: row for row in info["filters"]}
    return Rules(
        tick_size=amount(filters["PRICE_FILTER"]["tickSize"]),
        step_size=amount(filters["LOT_SIZE"]["stepSize"]),
        min_quantity=amount(filters["LOT_SIZE"]["minQty"]),
        min_notional=amount(filters[notional_filter][notional]),
    )


def candle_of(row: list[Any]) -> Candle:
    return Candle(moment(row[0]), *(amount(value) for value in row[1:6]))


def level_of(row: list[Any]) -> tuple[Decimal, Decimal]:
    return amount(row[0]), amount(row[1])


def order_of(row: dict[str, Any]) -> Order:
    filled = amount(row["executedQty"])
    quote = number(row.get("cummulativeQuoteQty"))
    return Order(
        order_id=str(row["orderId"]),
        # The answer to a cancellation names the order in origClientOrderId (spot).
        client_order_id=row.get("origClientOrderId", row["clientOrderId"]),
        side=row["side"].lower(),
        status=STATUSES[row["status"]],
        quantity=amount(row["origQty"]),
        filled_quantity=filled,
        average_price=quote / filled if quote and filled else price(row.get("avgPrice")),
        limit_price=price(row["price"]),
        trigger_price=price(row.get("stopPrice")),
    )


def _spot_fill(row: dict[str, Any]) -> Fill:
    return fill_of(row, "buy" if row["isBuyer"] else "sell", is_maker=row["isMaker"])


def fill_of(row: dict[str, Any], side: str, *, is_maker: bool) -> Fill:
    return Fill(
        order_id=str(row["orderId"]),
        side=side,
        price=amount(row["price"]),
        quantity=amount(row["qty"]),
        commission=amount(row["commission"]),
        commission_asset=row["commissionAsset"],
        is_maker=is_maker,
    )
