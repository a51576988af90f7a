"""Where our answers and messages differ from an example or a model of Binance's, and why that is right.

A difference is put as ``shapes.differences`` puts it: ``-key`` we lack it, ``+key`` we have it besides.
"""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """Patterns (``*``): of answers' names, examples with their source in brackets; and of what differs there."""

    where: str
    what: tuple[str, ...]
    why: str


TRAILING = "only of a trailing stop"
FIXTURE = "written by hand for nautilus_trader's tests: null where Binance documents and sends a string"

FROM_EXAMPLES = [
    Difference("GET /api/v3/exchangeInfo (*)", ("-sors",), "only where there is smart order routing"),
    Difference(
        "*/api/v3/*Orders (binance*)",
        ("+*.expiryReason", "+*.strategyId", "+*.strategyType", "+*.trailingDelta", "+*.trailingTime"),
        "of the expired, strategy and trailing orders among ours; documented in a list of conditional fields",
    ),
    Difference(
        "DELETE /api/v3/openOrders (*)",
        ("+*.icebergQty", "+*.stopPrice", "-*orderReports*.icebergQty"),
        "of which orders there happen to be",
    ),
    Difference("spot @aggTrade (nautilus_trader *)", ("-st",), "a field of futures in a hand-written spot example"),
    Difference("spot @bookTicker (nautilus_trader *)", ("-E", "-T"), "of 2022; Binance documents neither on spot"),
    Difference("spot @trade (nautilus_trader *)", ("-a", "-b"), "of 2021; the order ids went in 2023"),
    Difference("spot user executionReport NEW (binance*)", ("-v",), "only when self trade prevention ended an order"),
    Difference("GET /fapi/v1/exchangeInfo (*)", ("-symbols*.settlePlan",), "of 2021; not in the recordings of 2025"),
    Difference("GET /fapi/v1/allOrders (*)", ("-*.activatePrice", "-*.priceRate"), TRAILING),
    Difference("GET /fapi/v1/openAlgoOrders (*)", ("-*.type",), "nautilus_trader's name of Binance's orderType"),
    Difference("futures user ORDER_TRADE_UPDATE *", ("-o.AP", "-o.cr"), TRAILING),
    Difference("futures user ORDER_TRADE_UPDATE * (nautilus_trader ws_*)", ("-o.W", "o.*: string, not null"), FIXTURE),
    Difference(
        "futures user ALGO_UPDATE * (nautilus_trader algo_update_*)",
        ("-o.act", "-o.ap", "-o.aq"),
        "documentation's sample with all fields; in the recorded sequence they come with the trigger",
    ),
    Difference("futures user ALGO_UPDATE *", ("-o.rm",), "the reason of a failure, where there is one"),
]

UNKNOWN = "recorded or documented, but not known to the SDK"
UNSUPPORTED = "pegged orders, smart order routing and self trade prevention, which nothing here can set off"

FROM_MODELS = [
    Difference("GET /api/v3/exchangeInfo", ("-sors",), "only where there is smart order routing"),
    Difference("GET /api/v3/exchangeInfo", ("-rateLimits*.count",), "only in rateLimit/order"),
    Difference("GET /api/v3/myFilters", ("-rateLimits",), "Binance documents none there"),
    Difference(
        "*/api/v3/*rder*",
        ("-*peg*", "-*usedSor", "-*workingFloor", "-*prevented*"),
        UNSUPPORTED,
    ),
    Difference("*/api/v3/*", ("-*expiryReason",), "only of an expired order"),
    Difference("*/api/v3/*", ("-*trailingDelta", "-*trailingTime"), TRAILING),
    Difference("*/api/v3/*", ("-*strategyId", "-*strategyType"), "only where the client sent them"),
    Difference("*/api/v3/*", ("-*icebergQty",), "only of an iceberg order"),
    Difference("*/api/v3/order*", ("-stopPrice", "-*Response.stopPrice"), "only of a stop"),
    Difference("PUT /api/v3/order/amend/keepPriority", ("-listStatus",), "only of an order in a list"),
    Difference("PUT /api/v3/order/amend/keepPriority", ("-amendedOrder.stopPrice",), "only of a stop"),
    Difference("DELETE /api/v3/orderList", ("+orderReports*.selfTradePreventionMode",), UNKNOWN),
    Difference(
        "DELETE /api/v3/openOrders",
        tuple(
            f"+*.{name}"
            for name in (
                "contingencyType",
                "listClientOrderId",
                "listOrderStatus",
                "listStatusType",
                "orderReports",
                "orders",
                "transactionTime",
                "icebergQty",
                "stopPrice",
                "strategyId",
                "strategyType",
                "trailingDelta",
                "trailingTime",
            )
        ),
        "order lists, stops, icebergs among the orders, as documented; " + UNKNOWN,
    ),
    Difference("* user *", ("+e",), "the SDK tells events apart by it; its models do not name it"),
    Difference("spot user executionReport *", ("N: null, not string",), "null where there is no commission"),
    Difference(
        "spot user executionReport *",
        ("-d", "-D", "-j", "-J", "-eR"),
        "only of trailing, strategy and expired orders",
    ),
    Difference(
        "spot user executionReport *",
        (
            "-v",
            "-A",
            "-B",
            "-u",
            "-U",
            "-Cs",
            "-pl",
            "-pL",
            "-pY",
            "-b",
            "-a",
            "-k",
            "-uS",
            "-gP",
            "-gOT",
            "-gOV",
            "-gp",
        ),
        UNSUPPORTED,
    ),
    Difference(
        "GET /fapi/v1/exchangeInfo",
        ("+futuresType", "+symbols*.maxMoveOrderLimit", "+symbols*.permissionSets"),
        UNKNOWN,
    ),
    Difference("GET /fapi/v1/exchangeInfo", ("-symbols*.settlePlan",), "not in the recordings of 2025"),
    Difference("GET /fapi/v1/ticker/bookTicker*", ("+*lastUpdateId",), UNKNOWN),
    Difference("GET /fapi/v1/fundingInfo", ("+*.updateTime",), UNKNOWN),
    Difference("GET /fapi/v1/leverageBracket", ("-*.notionalCoef",), "only of accounts with brackets of their own"),
    Difference(
        "GET /fapi/v1/adlQuantile",
        ("-*.HEDGE", "-*.LONG", "-*.SHORT"),
        "only in hedge mode, where BOTH is what is missing",
    ),
    Difference("*/fapi/v1/*", ("-*activatePrice", "-*priceRate"), TRAILING),
    Difference("*/fapi/v1/*lgoOrder*", ("*icebergQuantity: null, not string",), "null in all examples"),
    Difference("GET /fapi/v1/*AlgoOrders", ("+*.activatePrice", "+*.callbackRate"), UNKNOWN),
    Difference("futures user ACCOUNT_CONFIG_UPDATE", ("-ai",), "only when the multi-assets mode changes"),
    Difference("futures user ACCOUNT_UPDATE", ("-a.S",), "only of a funding fee"),
    Difference("futures user ORDER_TRADE_UPDATE *", ("-o.AP", "-o.cr"), TRAILING),
    Difference("futures user ORDER_TRADE_UPDATE *", ("-o.M",), "only of a change with an id"),
    Difference("futures user ALGO_UPDATE NEW", ("-o.act", "-o.ap", "-o.aq"), "only once it has fired"),
    Difference("futures user ALGO_UPDATE *", ("-o.ia",), TRAILING),
    Difference("futures user ALGO_UPDATE *", ("-o.rm",), "the reason of a failure, where there is one"),
]
