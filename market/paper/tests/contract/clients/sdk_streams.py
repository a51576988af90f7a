"""The websockets of Binance's own SDKs: other addresses, otherwise as they are."""

from __future__ import annotations

from typing import Any

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import DerivativesTradingUsdsFutures
from binance_sdk_spot.spot import Spot

from market.paper.tests.contract.inbox import Inbox
from market.paper.tests.contract.parsed import (
    STATUSES,
    Balance,
    Best,
    Candle,
    LastPrice,
    MarkPrice,
    Order,
    Position,
    PublicTrade,
    SpotBalance,
    Wallet,
    amount,
    moment,
    price,
)


class _SdkStreams:
    kind: Any

    def __init__(self, base: str, key: dict[str, Any], inbox: Inbox) -> None:
        stream = base.replace("http", "ws", 1)
        keys = {"api_key": key["api_key"], "api_secret": key["api_secret"]}
        self.client = self.kind(
            config_rest_api=ConfigurationRestAPI(**keys, base_path=base, timeout=10_000),
            config_ws_api=ConfigurationWebSocketAPI(**keys, stream_url=f"{stream}/ws-api/v3"),
            config_ws_streams=ConfigurationWebSocketStreams(stream_url=stream),
        )
        self.inbox = inbox
        self._connections: list[Any] = []

    async def open(self) -> None:
        """Nothing: the SDK connects when a stream is wanted."""

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close_connection(close_session=True)

    async def connect(self, part: Any) -> Any:
        connection = await part.create_connection()
        self._connections.append(connection)
        return connection

    def candle(self, event: Any) -> None:
        row = event.k
        self.inbox.put(Candle(moment(row.t), *(amount(value) for value in (row.o, row.h, row.l, row.c, row.v))))

    def best(self, event: Any) -> None:
        self.inbox.put(Best(amount(event.b), amount(event.a)))

    def trade(self, event: Any) -> None:
        self.inbox.put(PublicTrade(amount(event.p), amount(event.q)))

    def last(self, event: Any) -> None:
        self.inbox.put(LastPrice(amount(event.c)))

    def user_event(self, event: Any) -> None:
        found = event.actual_instance
        parse = getattr(self, "_" + type(found).__name__, None)
        if parse:
            parse(found)


class SdkSpotStreams(_SdkStreams):
    name = "sdk"
    kind = Spot

    async def market(self, symbol: str) -> None:
        connection = await self.connect(self.client.websocket_streams)
        (await connection.kline(symbol=symbol, interval="1m")).on("message", self.candle)
        (await connection.book_ticker(symbol=symbol)).on("message", self.best)
        (await connection.agg_trade(symbol=symbol)).on("message", self.trade)
        (await connection.mini_ticker(symbol=symbol)).on("message", self.last)

    async def user(self) -> None:
        connection = await self.connect(self.client.websocket_api)
        (await connection.user_data_stream_subscribe_signature()).stream.on("message", self.user_event)

    def _ExecutionReport(self, event: Any) -> None:  # noqa: N802 - the SDK's name of the event
        filled, quote = amount(event.z), amount(event.Z)
        self.inbox.put(
            Order(
                order_id=str(event.i),
                client_order_id=event.C or event.c,
                side=event.S.lower(),
                status=STATUSES[event.X],
                quantity=amount(event.q),
                filled_quantity=filled,
                average_price=quote / filled if filled else None,
                limit_price=price(event.p),
                trigger_price=price(event.P),
            )
        )

    def _OutboundAccountPosition(self, event: Any) -> None:  # noqa: N802
        for row in event.B:
            self.inbox.put(SpotBalance(row.a, Balance(amount(row.f), amount(row.l))))


class SdkFuturesStreams(_SdkStreams):
    name = "sdk"
    kind = DerivativesTradingUsdsFutures

    async def market(self, symbol: str) -> None:
        connection = await self.connect(self.client.websocket_streams)
        (await connection.kline_candlestick_streams(symbol=symbol, interval="1m")).on("message", self.candle)
        (await connection.individual_symbol_book_ticker_streams(symbol=symbol)).on("message", self.best)
        (await connection.aggregate_trade_streams(symbol=symbol)).on("message", self.trade)
        (await connection.individual_symbol_mini_ticker_stream(symbol=symbol)).on("message", self.last)
        (await connection.mark_price_stream(symbol=symbol)).on("message", self.mark)

    async def user(self) -> None:
        listen_key = self.client.rest_api.start_user_data_stream().data().listen_key
        connection = await self.connect(self.client.websocket_streams)
        (await connection.user_data(listen_key)).on("message", self.user_event)

    def mark(self, event: Any) -> None:
        self.inbox.put(MarkPrice(amount(event.p)))

    def _OrderTradeUpdate(self, event: Any) -> None:  # noqa: N802
        row = event.o
        self.inbox.put(
            Order(
                order_id=str(row.i),
                client_order_id=row.c,
                side=row.S.lower(),
                status=STATUSES[row.X],
                quantity=amount(row.q),
                filled_quantity=amount(row.z),
                average_price=price(row.ap),
                limit_price=price(row.p),
                trigger_price=price(row.sp),
            )
        )

    def _AccountUpdate(self, event: Any) -> None:  # noqa: N802
        for row in event.a.B:
            self.inbox.put(Wallet(row.a, amount(row.wb)))
        for row in event.a.P:
            self.inbox.put(Position(amount(row.pa), amount(row.ep), amount(row.up), row.ps))

    def _AlgoUpdate(self, event: Any) -> None:  # noqa: N802
        row = event.o
        status = STATUSES.get(row.X)
        if status:
            self.inbox.put(
                Order(
                    order_id=str(row.aid),
                    client_order_id=row.caid,
                    side=row.S.lower(),
                    status=status,
                    quantity=amount(row.q),
                    filled_quantity=amount(row.aq or 0),
                    limit_price=price(row.p),
                    trigger_price=price(row.tp),
                )
            )
