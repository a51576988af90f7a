"""What only futures answer, into our types."""

from collections.abc import Iterable, Mapping

from market.exchange.reading import Item, amount, became, flag, whole
from market.exchange.types import (
    Balance,
    ExchangePosition,
    FundingReport,
    FuturesSetup,
    MarginBracket,
    OpenOrder,
)
from market.types import Side, moment_of

IS_ISOLATED = {"ISOLATED": True, "CROSSED": False}
DONE = 200


def open_order(item: Item) -> OpenOrder:
    """An ordinary order, as openOrders lists it."""
    return OpenOrder(
        symbol=item["symbol"],
        client_order_id=item["clientOrderId"],
        exchange_order_id=whole(item["orderId"]),
        kind=item["type"],
        side=Side(item["side"]),
        quantity=amount(item["origQty"]),
        executed_quantity=amount(item["executedQty"]),
        price=amount(item["price"]) or amount(item["stopPrice"]),
        is_conditional=False,
    )


def open_algo(item: Item) -> OpenOrder:
    """A conditional order, as openAlgoOrders lists it."""
    return OpenOrder(
        symbol=item["symbol"],
        client_order_id=item["clientAlgoId"],
        exchange_order_id=became(item) or whole(item["algoId"]),
        kind=item["orderType"],
        side=Side(item["side"]),
        quantity=amount(item["quantity"]),
        executed_quantity=amount("0"),
        price=amount(item["price"]) or amount(item["triggerPrice"]),
        is_conditional=True,
    )


def balances_of(items: Iterable[Item]) -> list[Balance]:
    """Free is what new orders may use; together with what is locked it is the wallet's balance."""
    balances = []
    for item in items:
        wallet, free = amount(item["balance"]), amount(item["availableBalance"])
        if wallet or free:
            balances.append(Balance(item["asset"], free=free, locked=wallet - free))
    return balances


def positions_of(items: Iterable[Item]) -> list[ExchangePosition]:
    """The rows of positionRisk that are not flat; in hedge mode a symbol may have two."""
    return [
        ExchangePosition(
            symbol=item["symbol"],
            quantity=amount(item["positionAmt"]),
            entry_price=amount(item["entryPrice"]),
            mark_price=amount(item["markPrice"]),
            liquidation_price=amount(item["liquidationPrice"]) or None,
            unrealized_pnl=amount(item["unRealizedProfit"]),
        )
        for item in items
        if amount(item["positionAmt"])
    ]


def fundings_of(items: Iterable[Item]) -> list[FundingReport]:
    """The rows of income, all of them of one kind."""
    return [
        FundingReport(
            transaction_id=whole(item["tranId"]),
            symbol=item["symbol"],
            asset=item["asset"],
            amount=amount(item["income"]),
            paid_at=moment_of(whole(item["time"])),
        )
        for item in items
    ]


def setup_of(symbols: Iterable[Item], account: Item, *, symbol: str) -> FuturesSetup:
    """From symbolConfig and accountConfig."""
    config = {item["symbol"]: item for item in symbols}[symbol]
    return FuturesSetup(
        leverage=whole(config["leverage"]),
        is_isolated=IS_ISOLATED[config["marginType"]],
        is_hedge_mode=flag(account["dualSidePosition"]),
        is_multi_assets=flag(account["multiAssetsMargin"]),
    )


def brackets_of(answer: Item | Iterable[Item], *, symbol: str) -> list[MarginBracket]:
    """From leverageBracket: the symbol alone, or a list with it. It writes numbers where others write texts."""
    symbols = [answer] if isinstance(answer, Mapping) else answer
    (brackets,) = [item["brackets"] for item in symbols if item["symbol"] == symbol]
    return [
        MarginBracket(ratio=amount(str(item["maintMarginRatio"])), deduction=amount(str(item["cum"])))
        for item in brackets
    ]


def require_success(answer: Item) -> None:
    """Raise when a setting was not confirmed."""
    if answer["code"] != DONE:
        raise ValueError("a setting without confirmation")
