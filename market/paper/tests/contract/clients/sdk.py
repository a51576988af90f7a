"""Binance's own SDKs for spot and for USDT-M futures: another base path, otherwise as they are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from binance_common import errors
from binance_common.configuration import ConfigurationRestAPI
from binance_sdk_spot.spot import Spot

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


class Sdk:
    name = "sdk"
    errors = (errors.Error,)
    kind: Any

    def __init__(self, base: str, key: dict[str, Any]) -> None:
        keys = {"api_key": key["api_key"], "api_secret": key["api_secret"]}
        settings = ConfigurationRestAPI(**keys, base_path=base, timeout=10_000)  # one second, else: a busy machine
        self.client = self.kind(config_rest_api=settings).rest_api

    def close(self) -> None:
        self.client._session.close()

    @staticmethod
    def code_of(error: Any) -> int:
        return int(error.status_code)

    @staticmethod
    def data(answer: Any) -> Any:
        """What the SDK made of an answer: models, or the one model that fitted."""
        found = answer.data()
        return getattr(found, "actual_instance", found)

    def limit_order(
        self,
        symbol: str,
        side: str,
        quantity: str,
        limit: str,
        client_id: str | None = None,
        time_in_force: str = "GTC",
    ) -> Order:
        return self.place(
            symbol,
            side,
            "LIMIT",
            quantity=float(quantity),
            price=float(limit),
            time_in_force=time_in_force,
            new_client_order_id=client_id,
        )

    def place(self, symbol: str, side: str, kind: str, **params: Any) -> Order:
        return order_of(self.data(self.client.new_order(symbol=symbol, side=side, type=kind, **params)))


class SdkSpot(Sdk):
    kind = Spot

    def rules(self, symbol: str) -> Rules:
        filters = self.data(self.client.exchange_info(symbol=symbol)).symbols[0].filters
        by_type = {row.actual_instance.filter_type: row.actual_instance for row in filters}
        return Rules(
            tick_size=amount(by_type["PRICE_FILTER"].tick_size),
            step_size=amount(by_type["LOT_SIZE"].step_size),
            min_quantity=amount(by_type["LOT_SIZE"].min_qty),
            min_notional=amount(by_type["NOTIONAL"].min_notional),
        )

    def candles(self, symbol: str, limit: int) -> list[Candle]:
        return [candle_of(row) for row in self.data(self.client.klines(symbol, "1m", limit=limit))]

    def best(self, symbol: str) -> tuple[Decimal, Decimal]:
        ticker = self.data(self.client.ticker_book_ticker(symbol=symbol))
        return amount(ticker.bid_price), amount(ticker.ask_price)

    def last_price(self, symbol: str) -> Decimal:
        return amount(self.data(self.client.ticker24hr(symbol=symbol)).last_price)

    def asks(self, symbol: str, limit: int) -> list[tuple[Decimal, Decimal]]:
        return [(amount(row[0]), amount(row[1])) for row in self.data(self.client.depth(symbol, limit=limit)).asks]

    def trades(self, symbol: str) -> list[tuple[Decimal, Decimal]]:
        return [(amount(row.p), amount(row.q)) for row in self.data(self.client.agg_trades(symbol, limit=500))]

    def market_order(self, symbol: str, side: str, quantity: str, client_id: str | None = None) -> Order:
        return self.place(symbol, side, "MARKET", quantity=float(quantity), new_client_order_id=client_id)

    def market_order_worth(self, symbol: str, side: str, quote: str) -> Order:
        return self.place(symbol, side, "MARKET", quote_order_qty=float(quote))

    def post_only_order(self, symbol: str, side: str, quantity: str, limit: str) -> Order:
        return self._full(symbol, side, "LIMIT_MAKER", quantity=float(quantity), price=float(limit))

    def stop_order(self, symbol: str, side: str, quantity: str, trigger: str, limit: str) -> Order:
        return self._conditional(symbol, side, "STOP_LOSS_LIMIT", quantity, limit, stop_price=float(trigger))

    def take_profit_order(self, symbol: str, side: str, quantity: str, trigger: str, limit: str) -> Order:
        return self._conditional(symbol, side, "TAKE_PROFIT_LIMIT", quantity, limit, stop_price=float(trigger))

    def trailing_stop(self, symbol: str, side: str, quantity: str, limit: str, percent: str) -> Order:
        delta = int(Decimal(percent) * 100)
        return self._conditional(symbol, side, "STOP_LOSS_LIMIT", quantity, limit, trailing_delta=delta)

    def oco(self, symbol: str, side: str, quantity: str, take_profit: str, trigger: str, limit: str) -> Pair:
        placed = self.data(
            self.client.order_list_oco(
                symbol,
                side,
                float(quantity),
                "LIMIT_MAKER",
                "STOP_LOSS_LIMIT",
                above_price=float(take_profit),
                below_stop_price=float(trigger),
                below_price=float(limit),
                below_time_in_force="GTC",
            )
        )
        assert placed.contingency_type == "OCO"
        return Pair(str(placed.order_list_id), [str(order.order_id) for order in placed.orders])

    def cancel_pair(self, symbol: str, pair: Pair) -> None:
        self.client.delete_order_list(symbol=symbol, order_list_id=int(pair.list_id))

    def cancel(self, symbol: str, order_id: str) -> Order:
        return order_of(self.data(self.client.delete_order(symbol=symbol, order_id=int(order_id))))

    def order(self, symbol: str, order_id: str) -> Order:
        return order_of(self.data(self.client.get_order(symbol=symbol, order_id=int(order_id))))

    def order_by_client_id(self, symbol: str, client_id: str) -> Order:
        return order_of(self.data(self.client.get_order(symbol=symbol, orig_client_order_id=client_id)))

    def open_orders(self, symbol: str) -> list[Order]:
        return [order_of(row) for row in self.data(self.client.get_open_orders(symbol=symbol))]

    def fills(self, symbol: str) -> list[Fill]:
        return [
            fill_of(row, "buy" if row.is_buyer else "sell", is_maker=row.is_maker)
            for row in self.data(self.client.my_trades(symbol=symbol))
        ]

    def balances(self) -> dict[str, Balance]:
        rows = self.data(self.client.get_account(omit_zero_balances=True)).balances
        return {row.asset: Balance(amount(row.free), amount(row.locked)) for row in rows}

    def _conditional(self, symbol: str, side: str, kind: str, quantity: str, limit: str, **params: Any) -> Order:
        return self._full(
            symbol, side, kind, quantity=float(quantity), price=float(limit), time_in_force="GTC", **params
        )

    def _full(self, symbol: str, side: str, kind: str, **params: Any) -> Order:
        return self.place(symbol, side, kind, new_order_resp_type="FULL", **params)


def candle_of(row: list[Any]) -> Candle:
    return Candle(moment(row[0]), *(amount(value) for value in row[1:6]))


def order_of(row: Any) -> Order:
    filled = amount(row.executed_qty)
    quote = number(getattr(row, "cummulative_quote_qty", None))
    # What a model does not know: the trigger price in the answer to a placement.
    aside = getattr(row, "additional_properties", {})
    return Order(
        order_id=str(row.order_id),
        client_order_id=getattr(row, "orig_client_order_id", None) or row.client_order_id,
        side=row.side.lower(),
        status=STATUSES[row.status],
        quantity=amount(row.orig_qty),
        filled_quantity=filled,
        average_price=quote / filled if quote and filled else price(getattr(row, "avg_price", None)),
        limit_price=price(row.price),
        trigger_price=price(getattr(row, "stop_price", aside.get("stopPrice"))),
    )


def fill_of(row: Any, side: str, *, is_maker: bool) -> Fill:
    return Fill(
        order_id=str(row.order_id),
        side=side,
        price=amount(row.price),
        quantity=amount(row.qty),
        commission=amount(row.commission),
        commission_asset=row.commission_asset,
        is_maker=is_maker,
    )
