"""ccxt's binance (spot) and binanceusdm (futures): other addresses in ``urls``, otherwise as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import ccxt

from market.paper.tests.contract.parsed import (
    STATUSES,
    Balance,
    Candle,
    Fill,
    Order,
    Pair,
    Position,
    Rules,
    amount,
    moment,
    number,
    price,
)

PLAIN = {"https": "http", "wss": "ws"}


def addresses(urls: dict[str, Any], base: str) -> dict[str, Any]:
    """All addresses of ccxt, their paths kept, at our host. Websockets too, which ccxt.pro adds under ``ws``."""
    moved: dict[str, Any] = {}
    for name, url in urls.items():
        if isinstance(url, dict):
            moved[name] = addresses(url, base)
        else:
            parts = urlsplit(url)
            moved[name] = base.replace("http", PLAIN[parts.scheme], 1) + parts.path
    return moved


def settings(base: str, key: dict[str, Any], kind: type) -> dict[str, Any]:
    """What a user gives to the constructor. Its own throttle, made for the real exchange, would only cost time here."""
    urls = addresses(kind().describe()["urls"]["api"], base)
    return {"apiKey": key["api_key"], "secret": key["api_secret"], "urls": {"api": urls}, "enableRateLimit": False}


class _Ccxt:
    name = "ccxt"
    errors = (ccxt.BaseError,)
    kind: type
    suffix: str

    def __init__(self, base: str, key: dict[str, Any]) -> None:
        self.client: Any = self.kind(settings(base, key, self.kind))

    def close(self) -> None:
        self.client.session.close()

    def code_of(self, error: Exception) -> int:
        """Binance's code from the last answer: ccxt's exceptions do not all tell it."""
        return int(json.loads(self.client.last_http_response)["code"])

    def unified(self, symbol: str) -> str:
        """ccxt's name of a Binance symbol: BTC/USDT, and BTC/USDT:USDT on futures."""
        self.client.load_markets()
        return str(self.client.safe_symbol(symbol, None, None, self.suffix))

    def rules(self, symbol: str) -> Rules:
        market = self.client.market(self.unified(symbol))
        return Rules(
            tick_size=amount(market["precision"]["price"]),
            step_size=amount(market["precision"]["amount"]),
            min_quantity=amount(market["limits"]["amount"]["min"]),
            min_notional=amount(market["limits"]["cost"]["min"]),
        )

    def candles(self, symbol: str, limit: int) -> list[Candle]:
        rows = self.client.fetch_ohlcv(self.unified(symbol), "1m", limit=limit)
        return [Candle(moment(row[0]), *(amount(value) for value in row[1:])) for row in rows]

    def best(self, symbol: str) -> tuple[Decimal, Decimal]:
        ticker = self.client.fetch_bids_asks([self.unified(symbol)])[self.unified(symbol)]
        return amount(ticker["bid"]), amount(ticker["ask"])

    def last_price(self, symbol: str) -> Decimal:
        return amount(self.client.fetch_ticker(self.unified(symbol))["last"])

    def asks(self, symbol: str, limit: int) -> list[tuple[Decimal, Decimal]]:
        book = self.client.fetch_order_book(self.unified(symbol), limit)
        return [(amount(row[0]), amount(row[1])) for row in book["asks"]]

    def trades(self, symbol: str) -> list[tuple[Decimal, Decimal]]:
        rows = self.client.fetch_trades(self.unified(symbol), limit=500)
        return [(amount(row["price"]), amount(row["amount"])) for row in rows]

    def limit_order(
        self,
        symbol: str,
        side: str,
        quantity: str,
        limit: str,
        client_id: str | None = None,
        time_in_force: str = "GTC",
    ) -> Order:
        return self.place(symbol, "limit", side, quantity, limit, clientOrderId=client_id, timeInForce=time_in_force)

    def post_only_order(self, symbol: str, side: str, quantity: str, limit: str) -> Order:
        return self.place(symbol, "limit", side, quantity, limit, postOnly=True)

    def cancel(self, symbol: str, order_id: str) -> Order:
        return _order(self.client.cancel_order(order_id, self.unified(symbol)))

    def order(self, symbol: str, order_id: str) -> Order:
        return _order(self.client.fetch_order(order_id, self.unified(symbol)))

    def order_by_client_id(self, symbol: str, client_id: str) -> Order:
        return _order(self.client.fetch_order(None, self.unified(symbol), {"origClientOrderId": client_id}))

    def open_orders(self, symbol: str) -> list[Order]:
        return [_order(row) for row in self.client.fetch_open_orders(self.unified(symbol))]

    def fills(self, symbol: str) -> list[Fill]:
        return [_fill(row) for row in self.client.fetch_my_trades(self.unified(symbol))]

    def place(
        self, symbol: str, kind: str, side: str, quantity: str | None, limit: str | None = None, **params: Any
    ) -> Order:
        given = {name: value for name, value in params.items() if value is not None}
        size = None if quantity is None else float(quantity)
        at = None if limit is None else float(limit)
        return _order(self.client.create_order(self.unified(symbol), kind, side.lower(), size, at, given))


class CcxtSpot(_Ccxt):
    kind = ccxt.binance
    suffix = "spot"

    def market_order(self, symbol: str, side: str, quantity: str, client_id: str | None = None) -> Order:
        return self.place(symbol, "market", side, quantity, clientOrderId=client_id)

    def market_order_worth(self, symbol: str, side: str, quote: str) -> Order:
        return _order(self.client.create_market_order_with_cost(self.unified(symbol), side.lower(), float(quote)))

    def stop_order(self, symbol: str, side: str, quantity: str, trigger: str, limit: str) -> Order:
        return self.place(symbol, "limit", side, quantity, limit, stopLossPrice=float(trigger))

    def take_profit_order(self, symbol: str, side: str, quantity: str, trigger: str, limit: str) -> Order:
        return self.place(symbol, "limit", side, quantity, limit, takeProfitPrice=float(trigger))

    def trailing_stop(self, symbol: str, side: str, quantity: str, limit: str, percent: str) -> Order:
        return self.place(
            symbol, "limit", side, quantity, limit, trailingPercent=float(percent), stopLossOrTakeProfit="stopLoss"
        )

    def oco(self, symbol: str, side: str, quantity: str, take_profit: str, trigger: str, limit: str) -> Pair:
        """ccxt has no unified call for it: its implicit one answers as Binance does."""
        placed = self.client.private_post_orderlist_oco(
            {
                "symbol": symbol,
                "side": side,
                "quantity": quantity,
                "aboveType": "LIMIT_MAKER",
                "abovePrice": take_profit,
                "belowType": "STOP_LOSS_LIMIT",
                "belowStopPrice": trigger,
                "belowPrice": limit,
                "belowTimeInForce": "GTC",
            }
        )
        assert placed["contingencyType"] == "OCO"
        return Pair(str(placed["orderListId"]), [str(order["orderId"]) for order in placed["orders"]])

    def cancel_pair(self, symbol: str, pair: Pair) -> None:
        self.client.private_delete_orderlist({"symbol": symbol, "orderListId": pair.list_id})

    def balances(self) -> dict[str, Balance]:
        found = self.client.fetch_balance()
        return {asset: Balance(*_free_and_used(found[asset])) for asset, total in found["total"].items() if total}


class CcxtFutures(_Ccxt):
    kind = ccxt.binanceusdm
    suffix = "contract"

    def mark_price(self, symbol: str) -> Decimal:
        return amount(self.client.fetch_funding_rate(self.unified(symbol))["markPrice"])

    def market_order(
        self, symbol: str, side: str, quantity: str, client_id: str | None = None, *, reduce_only: bool = False
    ) -> Order:
        return self.place(symbol, "market", side, quantity, clientOrderId=client_id, reduceOnly=reduce_only or None)

    def hedge_order(self, symbol: str, side: str, quantity: str, position_side: str) -> Order:
        return self.place(symbol, "market", side, quantity, positionSide=position_side)

    def stop_order(self, symbol: str, side: str, quantity: str, trigger: str, client_id: str | None = None) -> Order:
        return self.place(symbol, "market", side, quantity, stopLossPrice=float(trigger), clientOrderId=client_id)

    def take_profit_order(self, symbol: str, side: str, quantity: str, trigger: str) -> Order:
        return self.place(symbol, "market", side, quantity, takeProfitPrice=float(trigger))

    def closing_stop(self, symbol: str, side: str, trigger: str) -> Order:
        return self.place(symbol, "market", side, None, stopLossPrice=float(trigger), closePosition=True)

    def trailing_stop(self, symbol: str, side: str, quantity: str, percent: str) -> Order:
        return self.place(symbol, "market", side, quantity, trailingPercent=percent)

    def open_algo_orders(self, symbol: str) -> list[Order]:
        return [_order(row) for row in self.client.fetch_open_orders(self.unified(symbol), params={"trigger": True})]

    def algo_order(self, symbol: str, algo_id: str) -> Order:
        return _order(self.client.fetch_order(algo_id, self.unified(symbol), {"trigger": True}))

    def cancel_algo(self, symbol: str, algo_id: str) -> None:
        self.client.cancel_order(algo_id, self.unified(symbol), {"trigger": True})

    def balance(self) -> Decimal:
        return amount(self.client.fetch_balance()["USDT"]["total"])

    def available(self) -> Decimal:
        return amount(self.client.fetch_balance()["USDT"]["free"])

    def positions(self, symbol: str) -> list[Position]:
        return [_position(row) for row in self.client.fetch_positions([self.unified(symbol)])]

    def set_leverage(self, symbol: str, leverage: int) -> int:
        return int(self.client.set_leverage(leverage, self.unified(symbol))["leverage"])

    def set_margin_type(self, symbol: str, margin_type: str) -> None:
        self.client.set_margin_mode(margin_type.lower(), self.unified(symbol))

    def set_hedge_mode(self, on: bool) -> None:
        self.client.set_position_mode(on)

    def hedge_mode(self) -> bool:
        return bool(self.client.fetch_position_mode()["hedged"])


def _free_and_used(found: dict[str, Any]) -> Iterator[Decimal]:
    return (amount(found[name]) for name in ("free", "used"))


def _order(row: dict[str, Any]) -> Order:
    return Order(
        order_id=row["id"],
        client_order_id=row["clientOrderId"],
        side=row["side"] or "",
        status=STATUSES[row["status"]],
        quantity=number(row["amount"]) or Decimal(0),
        filled_quantity=amount(row["filled"] or 0),
        average_price=price(row["average"]),
        limit_price=price(row["price"]),
        trigger_price=price(row["triggerPrice"]),
    )


def _fill(row: dict[str, Any]) -> Fill:
    return Fill(
        order_id=row["order"],
        side=row["side"],
        price=amount(row["price"]),
        quantity=amount(row["amount"]),
        commission=amount(row["fee"]["cost"]),
        commission_asset=row["fee"]["currency"],
        is_maker=row["takerOrMaker"] == "maker",
    )


def _position(row: dict[str, Any]) -> Position:
    size = amount(row["contracts"])
    return Position(
        amount=size if row["side"] == "long" else -size,
        entry_price=amount(row["entryPrice"]),
        unrealized_pnl=amount(row["unrealizedPnl"]),
        position_side=row["side"].upper() if row["hedged"] else "BOTH",
    )
