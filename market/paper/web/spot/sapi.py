"""The bit of /sapi (and /dapi) that clients ask for: transfers between spot and futures, fees, assets, permissions."""

from __future__ import annotations

from typing import Any

from market.paper.engine.amounts import short
from market.paper.engine.amounts import text as amount
from market.paper.engine.spot.types import Balance
from market.paper.engine.tables import DEPOSITS
from market.paper.engine.types import Deposit, Market, Rejected
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.params import Params
from market.paper.web.spot.account import balances_of

ASSET = "^[A-Z0-9]{1,20}$"
TRANSFERS: dict[str, tuple[Market, Market]] = {
    "MAIN_UMFUTURE": ("spot", "futures"),
    "UMFUTURE_MAIN": ("futures", "spot"),
}
# The types of the older futures/transfer.
OLD_TRANSFERS = {"1": "MAIN_UMFUTURE", "2": "UMFUTURE_MAIN"}
MOST_ROWS = 100
FORBIDDEN = (
    *("enableWithdrawals", "enableInternalTransfer", "enableMargin", "enableVanillaOptions"),
    *("enableFixApiTrade", "enableFixReadOnly", "enablePortfolioMarginTrading"),
)


def system_status(call: Call) -> dict[str, Any]:
    """GET system/status."""
    return {"status": 0, "msg": "normal"}


def account_status(call: Call) -> dict[str, str]:
    """GET account/status."""
    return {"data": "Normal"}


def api_restrictions(call: Call) -> dict[str, Any]:
    """GET account/apiRestrictions: a paper key may read, trade and move between markets, never withdraw."""
    return {
        "ipRestrict": False,
        "createTime": call.account.created_ms,
        "enableReading": True,
        "enableSpotAndMarginTrading": True,
        "enableFutures": True,
        "permitsUniversalTransfer": True,
        **dict.fromkeys(FORBIDDEN, False),
    }


def trade_fee(call: Call) -> list[dict[str, str]]:
    """GET asset/tradeFee, of one symbol or all."""
    rules = call.spot.engine.rules
    rate = short(call.spot.engine.commission_rate)
    wanted = [call.params.symbol(rules)] if "symbol" in call.params else list(rules)
    return [{"symbol": name, "makerCommission": rate, "takerCommission": rate} for name in wanted]


def coins(call: Call) -> list[dict[str, Any]]:
    """GET capital/config/getall: what can be traded; nothing can be deposited or withdrawn."""
    return [_coin(balance) for balance in balances_of(call)]


def user_assets(call: Call) -> list[dict[str, str]]:
    """POST asset/getUserAsset, of one asset or of all that is held."""
    wanted = call.params.matching("asset", ASSET)
    nothing = {name: amount(0) for name in ("freeze", "withdrawing", "ipoable", "btcValuation")}
    return [
        {"asset": balance.asset, "free": amount(balance.free), "locked": amount(balance.locked)} | nothing
        for balance in balances_of(call)
        if (balance.free or balance.locked) and wanted in (None, balance.asset)
    ]


def nothing(call: Call) -> list[Any]:
    """Lists of what there is none of: margin pairs, the funding wallet."""
    return []


def coin_futures(call: Call) -> dict[str, Any]:
    """GET /dapi/v1/exchangeInfo: no coin-margined futures."""
    head = {"timezone": "UTC", "serverTime": call.server_ms}
    return head | {"rateLimits": [], "exchangeFilters": [], "symbols": []}


def bnb_burn(call: Call) -> dict[str, bool]:
    """GET bnbBurn."""
    return {"spotBNBBurn": call.spot.engine.burns_bnb(call.account.account_id), "interestBNBBurn": False}


def set_bnb_burn(call: Call) -> dict[str, bool]:
    """POST bnbBurn: let commissions be paid in BNB, or no more."""
    if "spotBNBBurn" not in call.params and "interestBNBBurn" not in call.params:
        raise errors.either("spotBNBBurn", "interestBNBBurn")
    call.params.flag("interestBNBBurn")
    if "spotBNBBurn" in call.params:
        call.spot.engine.set_bnb_burn(call.account.account_id, burn=call.params.flag("spotBNBBurn"))
    return bnb_burn(call)


def transfer(call: Call) -> dict[str, int]:
    """POST asset/transfer: from spot to futures or back."""
    return _transfer(call, _kind(call.params))


def old_transfer(call: Call) -> dict[str, int]:
    """POST futures/transfer, the older form."""
    kind = call.params.required("type")
    if kind not in OLD_TRANSFERS:
        raise errors.invalid("type")
    return _transfer(call, OLD_TRANSFERS[kind])


def transfers(call: Call) -> dict[str, Any]:
    """GET asset/transfer: the transfers of one type, newest first."""
    params, kind = call.params, _kind(call.params)
    start_ms, end_ms = params.moment("startTime") or 0, params.moment("endTime")
    page, size = params.integer("current") or 1, min(params.integer("size") or 10, MOST_ROWS)
    found = [
        row
        for row in _past_transfers(call, *TRANSFERS[kind])
        if start_ms <= row.at_ms <= (call.now_ms if end_ms is None else end_ms)
    ]
    shown = found[::-1][(page - 1) * size : page * size]
    return {"total": len(found), "rows": [_transfer_row(row, kind) for row in shown]}


def _kind(params: Params) -> str:
    kind = params.required("type")
    if kind not in TRANSFERS:
        raise errors.invalid("type")
    return kind


def _transfer(call: Call, kind: str) -> dict[str, int]:
    params, (source, target) = call.params, TRANSFERS[kind]
    params.required("asset")
    asset, moved = str(params.matching("asset", ASSET)), params.amount("amount")
    if moved is None:
        raise errors.mandatory("amount")
    if moved == 0:
        raise errors.invalid("amount")
    exchange, account_id = call.exchange, call.account.account_id
    try:
        exchange.deposit(account_id, source, asset, -moved, call.now_ms)
    except Rejected as error:
        raise ApiError(-5013, "Asset transfer failed: insufficient balance") from error
    return {"tranId": exchange.deposit(account_id, target, asset, moved, call.now_ms)}


def _past_transfers(call: Call, source: Market, target: Market) -> list[Deposit]:
    """What arrived by transfers: deposits that follow a withdrawal of as much from the other market."""
    everything = call.exchange.ledger.things(DEPOSITS, "account_id = ? ORDER BY number", [call.account.account_id])
    by_number = {deposit.number: deposit for deposit in everything}
    found = []
    for deposit in everything:
        left = by_number.get(deposit.number - 1)
        same = left and (left.asset, -left.amount, left.at_ms) == (deposit.asset, deposit.amount, deposit.at_ms)
        if left and same and (left.market, deposit.market) == (source, target) and deposit.amount > 0:
            found.append(deposit)
    return found


def _transfer_row(deposit: Deposit, kind: str) -> dict[str, Any]:
    return {
        "asset": deposit.asset,
        "amount": short(deposit.amount),
        "type": kind,
        "status": "CONFIRMED",
        "tranId": deposit.number,
        "timestamp": deposit.at_ms,
    }


def _coin(balance: Balance) -> dict[str, Any]:
    none = short(0)
    return {
        "coin": balance.asset,
        "name": balance.asset,
        "free": short(balance.free),
        "locked": short(balance.locked),
        "freeze": none,
        "ipoable": none,
        "ipoing": none,
        "storage": none,
        "withdrawing": none,
        "depositAllEnable": False,
        "withdrawAllEnable": False,
        "isLegalMoney": False,
        "trading": True,
        "networkList": [],
    }
