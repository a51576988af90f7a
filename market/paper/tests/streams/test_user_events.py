"""User data events: every field that was recorded, in the recorded form; and what is told of what."""

from __future__ import annotations

from typing import Any

import pytest

from market.paper.engine.amounts import SCALE
from market.paper.engine.futures.types import AlgoOrder, FuturesOrder
from market.paper.engine.journal import News
from market.paper.engine.spot.types import OrderList, SpotOrder
from market.paper.engine.types import Fill
from market.paper.streams.futures_messages import Form
from market.paper.streams.user_futures import futures_events
from market.paper.streams.user_spot import spot_event
from market.paper.tests.streams.shapes import difference, recorded

NOW = 1_790_000_000_000
FORMS = {"BTCUSDT": Form("BTCUSDT", "BTCUSDT", "USDT", 2, 3)}


def order_of(kind: Any, **changes: Any) -> Any:
    values = {
        "order_id": 7, "account_id": 1, "symbol": "BTCUSDT", "client_order_id": "mine", "side": "BUY", "type": "LIMIT",
        "time_in_force": "GTC", "status": "NEW", "price": 7100 * SCALE, "orig_qty": SCALE // 1000,
        "time_ms": NOW - 1000, "update_ms": NOW,
    }  # fmt: skip
    return kind(**values | changes)


def fill_of(market: Any, **changes: Any) -> Fill:
    values = {
        "market": market, "trade_id": 99, "order_id": 7, "account_id": 1, "symbol": "BTCUSDT", "side": "BUY",
        "price": 7100 * SCALE, "qty": SCALE // 1000, "quote_qty": 71 * SCALE // 10, "commission": 1000,
        "commission_asset": "BTC", "is_maker": True, "time_ms": NOW,
    }  # fmt: skip
    return Fill(**values | changes)


def report(order: SpotOrder, execution: str, fill: Fill | None = None, **changes: Any) -> dict[str, Any]:
    details = {
        "execution": execution, "client_id": order.client_order_id, "orig_client_id": "", "is_on_book": order.is_open,
        "execution_id": 5,
    }  # fmt: skip
    return spot_event(News(1, "spot", "executionReport", NOW, order, fill, details | changes), NOW + 3)


def update(order: FuturesOrder, execution: str, fill: Fill | None = None) -> list[tuple[str, dict[str, Any]]]:
    details = {"execution": execution, "bid_notional": 5 * SCALE, "ask_notional": 0, "expiry_reason": "0"}
    return futures_events(News(1, "futures", "ORDER_TRADE_UPDATE", NOW, order, fill, details), NOW + 3, FORMS)


def algo_of(**changes: Any) -> AlgoOrder:
    values = {
        "algo_id": 3, "account_id": 1, "symbol": "BTCUSDT", "client_algo_id": "stop", "side": "SELL",
        "position_side": "BOTH", "type": "STOP_MARKET", "time_in_force": "GTC", "quantity": SCALE // 1000, "price": 0,
        "trigger_price": 7000 * SCALE, "working_type": "CONTRACT_PRICE", "close_position": False,
        "price_protect": False, "reduce_only": True, "activate_price": 0, "callback_rate": 0, "good_till_ms": 0,
        "price_match": "NONE", "self_trade_prevention": "EXPIRE_MAKER", "status": "NEW", "time_ms": NOW,
        "update_ms": NOW,
    }  # fmt: skip
    return AlgoOrder(**values | changes)


def algo_update(**changes: Any) -> dict[str, Any]:
    return the_event(News(1, "futures", "ALGO_UPDATE", NOW, details={"algo": algo_of(**changes)}))


def the_event(news: News) -> dict[str, Any]:
    ((kind, event),) = futures_events(news, NOW + 3, FORMS)
    assert kind == event["e"] == news.kind
    return event


RESTING = order_of(SpotOrder, working_ms=NOW)
FILLED = order_of(SpotOrder, status="FILLED", executed_qty=SCALE // 1000, cum_quote=71 * SCALE // 10, working_ms=NOW)
EXPIRED = order_of(SpotOrder, status="EXPIRED", expiry_reason="INSUFFICIENT_LIQUIDITY", working_ms=NOW)
PAIR = OrderList(2, 1, "BTCUSDT", "both", (17, 18), ("stop", "other"), "EXECUTING", NOW, NOW)
BALANCES = {"balances": [("USDT", 9000 * SCALE, 1000 * SCALE)]}
ACCOUNT = {
    "reason": "ORDER",
    "balances": [("USDT", 9000 * SCALE, 8000 * SCALE, 0)],
    "positions": [("BTCUSDT", "BOTH", -SCALE, 7100 * SCALE, 7101 * SCALE, 0, -5 * SCALE, "ISOLATED", 1000 * SCALE)],
}
FUTURES_FILLED = order_of(FuturesOrder, status="FILLED", executed_qty=SCALE // 1000, cum_quote=71 * SCALE // 10)
FUTURES_FILL = fill_of("futures", commission_asset="USDT", realized_pnl=1234 * SCALE // 100)
TRAILING = order_of(
    FuturesOrder, type="MARKET", orig_type="TRAILING_STOP_MARKET", activate_price=7476 * SCALE, callback_rate=5 * SCALE
)
TRIGGERED = {"trigger_ms": NOW, "actual_order_id": 8, "actual_type": "MARKET"}

TOLD = {
    ("spot", "user executionReport NEW"): report(RESTING, "NEW"),
    ("spot", "user executionReport TRADE"): report(FILLED, "TRADE", fill_of("spot")),
    ("spot", "user executionReport CANCELED"): report(RESTING, "CANCELED", client_id="x", orig_client_id="mine"),
    ("spot", "user executionReport EXPIRED"): report(EXPIRED, "EXPIRED"),
    ("spot", "user outboundAccountPosition"): spot_event(
        News(1, "spot", "outboundAccountPosition", NOW, details=BALANCES), NOW
    ),
    ("spot", "user balanceUpdate"): spot_event(
        News(1, "spot", "balanceUpdate", NOW, details={"asset": "BTC", "change": -SCALE}), NOW
    ),
    ("spot", "user listStatus"): spot_event(
        News(1, "spot", "listStatus", NOW, details={"pair": PAIR, "status_type": "EXEC_STARTED"}), NOW
    ),
    ("futures", "user ORDER_TRADE_UPDATE NEW"): update(TRAILING, "NEW")[0][1],
    ("futures", "user ORDER_TRADE_UPDATE TRADE"): update(FUTURES_FILLED, "TRADE", FUTURES_FILL)[1][1],
    ("futures", "user ORDER_TRADE_UPDATE CALCULATED"): update(FUTURES_FILLED, "CALCULATED", FUTURES_FILL)[0][1],
    ("futures", "user TRADE_LITE"): update(FUTURES_FILLED, "TRADE", FUTURES_FILL)[0][1],
    ("futures", "user ACCOUNT_UPDATE"): the_event(News(1, "futures", "ACCOUNT_UPDATE", NOW, details=ACCOUNT)),
    ("futures", "user ALGO_UPDATE NEW"): algo_update(),
    ("futures", "user ALGO_UPDATE TRIGGERING"): algo_update(status="TRIGGERING", trigger_ms=NOW),
    ("futures", "user ALGO_UPDATE TRIGGERED"): algo_update(status="TRIGGERED", **TRIGGERED),
    ("futures", "user ALGO_UPDATE FINISHED"): algo_update(status="FINISHED", **TRIGGERED),
}
# Recorded, and not said. Nautilus keeps an own "W" and writes null where Binance writes nothing or "0"; the documented
# sample of a new algo order shows every field it can have, though some come only with a trigger or a failure. The
# fields of trailing orders come with these only. v is of orders that self-trade prevention expired: here clients never
# trade with each other.
NOT_SAID = {
    "user executionReport NEW": {"v"},
    "user ORDER_TRADE_UPDATE NEW": {"o.W", "o.N", "o.n", "o.AP", "o.cr", "o.V"},
    "user ORDER_TRADE_UPDATE TRADE": {"o.W", "o.AP", "o.cr", "o.V"},
    "user ORDER_TRADE_UPDATE CALCULATED": {"o.W", "o.AP", "o.cr", "o.V", "o.sp"},
    "user ALGO_UPDATE NEW": {"o.ap", "o.aq", "o.act", "o.rm"},
}
# Said, and younger than (or left out of) what was recorded.
YOUNGER = {
    "user executionReport TRADE": {"F", "g", "I", "M", "Y", "Q", "V", "W"},
    "user executionReport CANCELED": {"F", "g", "I", "M", "Y", "Q", "V", "W"},
    "user executionReport EXPIRED": {"F", "g", "I", "M", "Y", "Q", "V", "W", "eR"},
    "user ORDER_TRADE_UPDATE NEW": {"o.pm", "o.gtd", "o.er", "o.N", "o.n", "o.AP", "o.cr", "o.V"},
    "user ORDER_TRADE_UPDATE TRADE": {"o.pm", "o.gtd", "o.er", "o.V"},
    "user ORDER_TRADE_UPDATE CALCULATED": {"o.pm", "o.gtd", "o.er", "o.V", "o.sp"},
}


@pytest.mark.parametrize("name", TOLD, ids=" ".join)
def test_an_event_has_the_recorded_fields_in_the_recorded_form(name):
    for theirs in recorded(*name):
        more, missing = difference(TOLD[name], theirs)

        assert missing <= NOT_SAID.get(name[1], set())
        assert more <= YOUNGER.get(name[1], set())


def test_a_cancel_goes_by_its_own_id_and_names_the_order_it_cancels():
    event = report(RESTING, "CANCELED", client_id="the cancel", orig_client_id="mine")

    assert (event["c"], event["C"]) == ("the cancel", "mine")


def test_a_report_without_a_fill_has_no_trade():
    event = report(RESTING, "NEW")

    assert (event["t"], event["l"], event["L"], event["n"], event["N"]) == (-1, "0.00000000", "0.00000000", "0", None)


def test_a_fill_is_reported_with_its_commission_and_worth():
    event = report(FILLED, "TRADE", fill_of("spot"))

    assert (event["t"], event["l"], event["L"], event["Y"]) == (99, "0.00100000", "7100.00000000", "7.10000000")
    assert (event["n"], event["N"], event["m"]) == ("0.00001000", "BTC", True)


def test_a_trailing_order_says_how_far_it_stays_behind():
    event = report(order_of(SpotOrder, trailing_delta=100, trailing_ms=NOW), "NEW")

    assert (event["d"], event["D"]) == (100, NOW)
    assert "W" not in event


def test_a_futures_fill_is_told_in_short_before_it_is_told_in_full():
    kinds = [kind for kind, _ in update(FUTURES_FILLED, "TRADE", FUTURES_FILL)]

    assert kinds == ["TRADE_LITE", "ORDER_TRADE_UPDATE"]


def test_a_liquidation_is_not_told_in_short():
    assert [kind for kind, _ in update(FUTURES_FILLED, "CALCULATED", FUTURES_FILL)] == ["ORDER_TRADE_UPDATE"]


def test_a_resting_order_says_what_it_reserves():
    ((_, event),) = update(order_of(FuturesOrder), "NEW")

    assert (event["o"]["b"], event["o"]["a"]) == ("5", "0")


def test_only_trailing_orders_have_a_callback_rate():
    plain, trailing = update(order_of(FuturesOrder), "NEW")[0][1]["o"], update(TRAILING, "NEW")[0][1]["o"]

    assert (trailing["AP"], trailing["cr"], trailing["ot"]) == ("7476.00", "5.0", "TRAILING_STOP_MARKET")
    assert not {"AP", "cr"} & set(plain)


def test_positions_are_told_with_their_sign_and_the_margin_type_of_streams():
    (position,) = the_event(News(1, "futures", "ACCOUNT_UPDATE", NOW, details=ACCOUNT))["a"]["P"]

    assert (position["pa"], position["up"], position["mt"], position["iw"]) == ("-1", "-5", "isolated", "1000")


def test_leverage_and_multi_assets_are_told_apart():
    leverage = News(1, "futures", "ACCOUNT_CONFIG_UPDATE", NOW, details={"symbol": "BTCUSDT", "leverage": 25})
    mode = News(1, "futures", "ACCOUNT_CONFIG_UPDATE", NOW, details={"multi_assets": True})

    assert the_event(leverage) == {
        "e": "ACCOUNT_CONFIG_UPDATE", "E": NOW + 3, "T": NOW, "ac": {"s": "BTCUSDT", "l": 25}
    }  # fmt: skip
    assert the_event(mode)["ai"] == {"j": True}


def test_a_margin_call_has_the_documented_fields():
    positions = [("BTCUSDT", "LONG", SCALE, "CROSSED", 0, 187 * SCALE, -1166 * SCALE, 1614 * SCALE)]
    details = {"cross_wallet": 316 * SCALE // 100, "positions": positions}

    event = the_event(News(1, "futures", "MARGIN_CALL", NOW, details=details))

    assert event == {
        "e": "MARGIN_CALL", "E": NOW + 3, "cw": "3.16",
        "p": [{"s": "BTCUSDT", "ps": "LONG", "pa": "1", "mt": "CROSSED", "iw": "0", "mp": "187.00", "up": "-1166",
               "mm": "1614"}],
    }  # fmt: skip


def test_a_conditional_order_names_its_order_once_there_is_one():
    waiting, triggered = algo_update()["o"], algo_update(status="TRIGGERED", **TRIGGERED)["o"]

    assert waiting["ai"] == ""
    assert (triggered["ai"], triggered["act"], triggered["tt"]) == ("8", "MARKET", NOW)


def test_a_failed_conditional_order_says_why():
    assert (
        algo_update(status="REJECTED", reject_reason="Margin is insufficient.")["o"]["rm"] == "Margin is insufficient."
    )
