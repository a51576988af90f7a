"""Binance's own SDK for USDT-M futures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import DerivativesTradingUsdsFutures

from market.paper.tests.contract.clients.sdk import Sdk, candle_of, fill_of, order_of
from market.paper.tests.contract.parsed import STATUSES, Candle, Fill, Order, Position, Rules, amount, price


class SdkFutures(Sdk):
    kind = DerivativesTradingUsdsFutures

    def rules(self, symbol: str) -> Rules:
        symbols = self.data(self.client.exchange_information()).symbols
        info = next(row for row in symbols if row.symbol == symbol)
        filters = {row.filter_type: row for row in info.filters}
        return Rules(
            tick_size=amount(filters["PRICE_FILTER"].tick_size),
            step_size=amount(filters["LOT_SIZE"].step_size),
            min_quantity=amount(filters["LOT_SIZE"].min_qty),
            min_notional=amount(filters["MIN_NOTIONAL"].notional),
        )

    def candles(self, symbol: str, limit: int) -> list[Candle]:
        rows = self.data(self.client.kline_candlestick_data(symbol=symbol, interval="1m", limit=limit))
        return [candle_of(row) for row in rows]

    def best(self, symbol: str) -> tuple[Decimal, Decimal]:
        ticker = self.data(self.client.symbol_order_book_ticker(symbol=symbol))
        return amount(ticker.bid_price), amount(ticker.ask_price)

    def last_price(self, symbol: str) -> Decimal:
        return amount(self.data(self.client.ticker24hr_price_change_statistics(symbol=symbol)).last_price)

    def asks(self, symbol: str, limit: int) -> list[tuple[Decimal, Decimal]]:
        book = self.data(self.client.order_book(symbol=symbol, limit=limit))
        return [(amount(row[0]), amount(row[1])) for row in book.asks]

    def trades(self, symbol: str) -> list[tuple[Decimal, Decimal]]:
        rows = self.data(self.client.compressed_aggregate_trades_list(symbol=symbol, limit=500))
        return [(amount(row.p), amount(row.q)) for row in rows]

    def mark_price(self, symbol: str) -> Decimal:
        return amount(self.data(self.client.mark_price(symbol=symbol)).mark_price)

    def market_order(
        self, symbol: str, side: str, quantity: str, client_id: str | None = None, *, reduce_only: bool = False
    ) -> Order:
        return self.place(
            symbol,
            side,
            "MARKET",
            quantity=float(quantity),
            new_client_order_id=client_id,
            reduce_only="true" if reduce_only else None,
        )

    def hedge_order(self, symbol: str, side: str, quantity: str, position_side: str) -> Order:
        return self.place(symbol, side, "MARKET", quantity=float(quantity), position_side=position_side)

    def post_only_order(self, symbol: str, side: str, quantity: str, limit: str) -> Order:
        return self.limit_order(symbol, side, quantity, limit, time_in_force="GTX")

    def place(self, symbol: str, side: str, kind: str, **params: Any) -> Order:
        return super().place(symbol, side, kind, new_order_resp_type="RESULT", **params)

    def stop_order(self, symbol: str, side: str, quantity: str, trigger: str, client_id: str | None = None) -> Order:
        return self._algo(
            symbol,
            side,
            "STOP_MARKET",
            quantity=float(quantity),
            trigger_price=float(trigger),
            client_algo_id=client_id,
        )

    def take_profit_order(self, symbol: str, side: str, quantity: str, trigger: str) -> Order:
        return self._algo(symbol, side, "TAKE_PROFIT_MARKET", quantity=float(quantity), trigger_price=float(trigger))

    def closing_stop(self, symbol: str, side: str, trigger: str) -> Order:
        return self._algo(symbol, side, "STOP_MARKET", trigger_price=float(trigger), close_position="true")

    def trailing_stop(self, symbol: str, side: str, quantity: str, percent: str) -> Order:
        return self._algo(symbol, side, "TRAILING_STOP_MARKET", quantity=float(quantity), callback_rate=float(percent))

    def open_algo_orders(self, symbol: str) -> list[Order]:
        return [_algo_order(row) for row in self.data(self.client.current_all_algo_open_orders(symbol=symbol))]

    def algo_order(self, symbol: str, algo_id: str) -> Order:
        return _algo_order(self.data(self.client.query_algo_order(algo_id=int(algo_id))))

    def cancel_algo(self, symbol: str, algo_id: str) -> None:
        self.client.cancel_algo_order(algo_id=int(algo_id))

    def cancel(self, symbol: str, order_id: str) -> Order:
        return order_of(self.data(self.client.cancel_order(symbol=symbol, order_id=int(order_id))))

    def order(self, symbol: str, order_id: str) -> Order:
        return order_of(self.data(self.client.query_order(symbol=symbol, order_id=int(order_id))))

    def order_by_client_id(self, symbol: str, client_id: str) -> Order:
        return order_of(self.data(self.client.query_order(symbol=symbol, orig_client_order_id=client_id)))

    def open_orders(self, symbol: str) -> list[Order]:
        return [order_of(row) for row in self.data(self.client.current_all_open_orders(symbol=symbol))]

    def fills(self, symbol: str) -> list[Fill]:
        rows = self.data(self.client.account_trade_list(symbol=symbol))
        return [fill_of(row, row.side.lower(), is_maker=row.maker) for row in rows]

    def balance(self) -> Decimal:
        return amount(self.data(self.client.account_information_v3()).total_margin_balance)

    def available(self) -> Decimal:
        return amount(self.data(self.client.account_information_v3()).available_balance)

    def positions(self, symbol: str) -> list[Position]:
        return [
            Position(
                amount=amount(row.position_amt),
                entry_price=amount(row.entry_price),
                unrealized_pnl=amount(row.un_realized_profit),
                position_side=row.position_side,
            )
            for row in self.data(self.client.position_information_v3(symbol=symbol))
            if amount(row.position_amt)
        ]

    def set_leverage(self, symbol: str, leverage: int) -> int:
        return int(self.data(self.client.change_initial_leverage(symbol=symbol, leverage=leverage)).leverage)

    def set_margin_type(self, symbol: str, margin_type: str) -> None:
        self.client.change_margin_type(symbol=symbol, margin_type=margin_type)

    def set_hedge_mode(self, on: bool) -> None:
        self.client.change_position_mode(dual_side_position="true" if on else "false")

    def hedge_mode(self) -> bool:
        mode: bool = self.data(self.client.get_current_position_mode()).dual_side_position
        return mode

    def _algo(self, symbol: str, side: str, kind: str, **params: Any) -> Order:
        answer = self.client.new_algo_order(algo_type="CONDITIONAL", symbol=symbol, side=side, type=kind, **params)
        return _algo_order(self.data(answer))


def _algo_order(row: Any) -> Order:
    return Order(
        order_id=str(row.algo_id),
        client_order_id=row.client_algo_id,
        side=row.side.lower(),
        status=STATUSES[row.algo_status],
        quantity=amount(row.quantity),
        filled_quantity=Decimal(0),
        limit_price=price(row.price),
        trigger_price=price(row.trigger_price),
    )
