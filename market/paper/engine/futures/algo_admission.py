"""Whether a conditional order may come in. No margin is asked for: that happens when it triggers."""

from __future__ import annotations

from collections.abc import Collection

from market.paper.engine.amounts import SCALE
from market.paper.engine.futures import filters
from market.paper.engine.futures.portfolio import Stake
from market.paper.engine.futures.types import AlgoOrder, NewAlgoOrder
from market.paper.engine.types import Quote, Rejected

MAX_WAITING = 200
CALLBACK_MIN, CALLBACK_MAX, CALLBACK_STEP = SCALE // 10, 20 * SCALE, SCALE // 10


def judge_algo(
    new: NewAlgoOrder, stake: Stake, mine: Collection[AlgoOrder], status: str, quote: Quote, now_ms: int
) -> None:
    """Raise what speaks against a conditional order. ``mine`` are the account's open ones, ``status`` the symbol's."""
    rules = stake.rules
    if not filters.CLIENT_ID.fullmatch(new.client_algo_id):
        raise Rejected(-4015, "Client order id is not valid.")
    filters.check_sides(new, stake.portfolio.config)
    if new.time_in_force == "GTD":
        filters.check_good_till(new.good_till_ms, now_ms)
    if new.close_position:
        _check_close_position(new)
    else:
        filters.check_quantity(new.quantity or 0, rules, market=is_market(new.type))
    _check_prices(new, stake, quote)
    reducing = new.close_position or filters.reduces(new)
    if not reducing:
        price = new.price or new.trigger_price or quote.mark
        filters.check_notional(price * (new.quantity or 0) // SCALE, rules)
    filters.check_status(status, opens=not reducing)
    _check_others(new, mine)
    if reducing and not stake.closable(new.position_side, new.side):
        if needs_position(new):
            text = "Time in Force (TIF) GTE can only be used with open positions."
            raise Rejected(-4509, f"{text} Please ensure that positions are available.")
        raise Rejected(-2022, "ReduceOnly Order is rejected.")
    if _triggers_now(new, price_of(new.working_type, quote)):
        raise Rejected(-2021, "Order would immediately trigger.")


def price_of(working_type: str, quote: Quote) -> int:
    """The price that triggers."""
    return quote.mark if working_type == "MARK_PRICE" else quote.last


def is_market(kind: str) -> bool:
    """True when the order that it leaves behind is one at market."""
    return kind.endswith("_MARKET")


def rises(kind: str, side: str) -> bool:
    """True when a rising price triggers: stops that buy, take-profits that sell."""
    return kind.startswith("STOP") == (side == "BUY")


def needs_position(algo: AlgoOrder | NewAlgoOrder) -> bool:
    """True when it waits only as long as there is a position ("good till expired")."""
    return algo.close_position or algo.time_in_force == "GTE_GTC"


def _check_close_position(new: NewAlgoOrder) -> None:
    if new.type not in ("STOP_MARKET", "TAKE_PROFIT_MARKET"):
        raise Rejected(-4136, f"Target strategy invalid for orderType {new.type},closePosition true")
    if new.quantity:
        raise Rejected(-4137, "Quantity must be zero with closePosition equals true")
    if new.reduce_only:
        raise Rejected(-1106, "Parameter 'reduceonly' sent when not required.")


def _check_prices(new: NewAlgoOrder, stake: Stake, quote: Quote) -> None:
    rules = stake.rules
    if new.type == "TRAILING_STOP_MARKET":
        rate = new.callback_rate or 0
        if not CALLBACK_MIN <= rate <= CALLBACK_MAX or rate % CALLBACK_STEP:
            raise Rejected(-2007, "Invalid callBack rate.")
        if new.activate_price is not None:
            filters.check_trigger_price(new.activate_price, rules)
        return
    trigger = new.trigger_price or 0
    filters.check_trigger_price(trigger, rules)
    if is_market(new.type):
        return
    if new.price_match == "NONE":
        filters.check_price(new.price or 0, rules)
        filters.check_stop_percent(new.side, new.price or 0, trigger, rules)
    else:
        filters.matched_price(new.price_match, new.side, quote)


def _check_others(new: NewAlgoOrder, mine: Collection[AlgoOrder]) -> None:
    if any(algo.client_algo_id == new.client_algo_id for algo in mine):
        raise Rejected(-4116, "ClientOrderId is duplicated.")
    waiting = [algo for algo in mine if algo.status == "NEW"]
    if len(waiting) >= MAX_WAITING:
        raise Rejected(-4045, "Reach max stop order limit.")
    if not new.close_position:
        return
    wanted = (new.symbol, new.side, new.position_side, new.type)
    for algo in waiting:
        if algo.close_position and (algo.symbol, algo.side, algo.position_side, algo.type) == wanted:
            text = "An open stop or take profit order with GTE and closePosition in the direction is existing."
            raise Rejected(-4130, text)


def _triggers_now(new: NewAlgoOrder, price: int) -> bool:
    """True on the wrong side of the market. A trailing order must wait for its activation on the other side."""
    if new.type == "TRAILING_STOP_MARKET":
        if new.activate_price is None:
            return False
        return new.activate_price >= price if new.side == "BUY" else new.activate_price <= price
    trigger = new.trigger_price or 0
    return price >= trigger if rises(new.type, new.side) else price <= trigger
