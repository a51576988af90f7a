"""Whatever is changed in the ledger by hand contradicts the rest of it, and is found."""

import shutil
import sqlite3
import time
from contextlib import closing

import pytest

from market.paper.tests.fundings import go_to_the_next_funding
from market.paper.tests.server import PaperServer
from ops.audit.exchange_books import contradictions

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
SOME = {"symbol": "BTCUSDT", "quantity": "0.002"}
FUTURES, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
HELD_PRICE = 105_000


def do(paper, key, path, **params):
    """A signed call that must succeed, at the exchange's own time."""
    status, answer = paper.signed("POST", path, key, timestamp=paper.get("/fapi/v1/time")["serverTime"], **params)
    assert status == 200, answer
    return answer


def futures(paper, key, side, quantity, **changes):
    """A futures order, at market unless told otherwise."""
    return do(paper, key, FUTURES, **BUY | {"side": side, "quantity": quantity} | changes)


@pytest.fixture(scope="module")
def traded(tmp_path_factory, early_in):
    """A ledger with all there is: fills on both markets, stops, lists, flips, hedges, funding, a liquidation."""
    ledger = tmp_path_factory.mktemp("exchange") / "ledger.sqlite3"
    early_in(10)  # no funding before the one that is waited for
    with PaperServer(ledger) as paper:
        keys = [paper.open_account(USDT="10000", BNB="1", futures={"USDT": "3000", "BNB": "1"}) for _ in range(4)]
        trade_spot(paper, keys[0])
        trade_futures(paper, *keys)
        assert paper.stop() == 0
    go_to_the_next_funding(ledger)
    with PaperServer(ledger) as paper:
        trade_after_funding(paper, *keys)
        assert paper.stop() == 0
    return ledger


def trade_spot(paper, key):
    price = float(paper.get("/api/v3/ticker/price", symbol="BTCUSDT")["price"])
    # Farther than the recorded price goes: after the restart, hours later on the exchange's clock, nothing is held.
    low, high = str(int(price * 0.7)), str(int(price * 1.4))
    limit = SOME | {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": low, "quantity": "0.00123"}
    below = {"belowType": "STOP_LOSS", "belowStopPrice": low}
    above = {"aboveType": "STOP_LOSS", "aboveStopPrice": high}
    sell = SOME | {"side": "SELL", "aboveType": "LIMIT_MAKER", "abovePrice": high} | below
    do(paper, key, "/api/v3/order", **BUY)
    do(paper, key, "/api/v3/order", **BUY | {"side": "SELL", "quantity": "0.002"})
    do(paper, key, "/api/v3/order", **limit)
    do(paper, key, "/api/v3/order", **limit | {"side": "SELL", "type": "STOP_LOSS_LIMIT", "stopPrice": low})
    do(paper, key, "/api/v3/orderList/oco", **sell)
    do(
        paper,
        key,
        "/api/v3/orderList/oco",
        **SOME | {"side": "BUY", "belowType": "LIMIT_MAKER", "belowPrice": low},
        **above,
    )
    do(paper, key, "/api/v3/orderList/oco", **sell | {"abovePrice": str(int(price * 1.01))})
    paper.set_price("BTCUSDT", str(int(price * 1.02)))  # the last list is done


def trade_futures(paper, one_way, hedged, isolated, burner):
    paper.set_price("BTCUSDT", str(HELD_PRICE), "futures")
    do(paper, hedged, "/fapi/v1/positionSide/dual", dualSidePosition="true")
    do(paper, isolated, "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    do(paper, burner, "/fapi/v1/feeBurn", feeBurn="true")
    for key, side, quantity in (
        *((one_way, "BUY", "0.013"), (one_way, "BUY", "0.006"), (isolated, "BUY", "0.011"), (burner, "SELL", "0.007")),
        *((one_way, "BUY", "0.019"), (isolated, "SELL", "0.003"), (burner, "BUY", "0.009")),
    ):
        paper.set_price("BTCUSDT", f"{HELD_PRICE + 7 * int(quantity[2:])}.3", "futures")
        futures(paper, key, side, quantity)
    futures(paper, one_way, "SELL", "0.003")  # closes a part, then turns
    futures(paper, one_way, "SELL", "0.040")
    futures(paper, one_way, "BUY", "0.002", type="LIMIT", timeInForce="GTC", price=str(HELD_PRICE - 5000))
    for side, opens, closes in (("LONG", "BUY", "SELL"), ("SHORT", "SELL", "BUY")):
        futures(paper, hedged, opens, "0.009", positionSide=side)
        paper.set_price("BTCUSDT", str(HELD_PRICE + 50), "futures")
        futures(paper, hedged, closes, "0.002", positionSide=side)
    stop = SOME | {"algoType": "CONDITIONAL", "type": "STOP_MARKET", "side": "SELL"}
    for trigger in (HELD_PRICE - 500, HELD_PRICE - 50_000):
        do(paper, hedged, ALGO, **stop, triggerPrice=str(trigger), positionSide="LONG")
    paper.set_price("BTCUSDT", str(HELD_PRICE - 600), "futures")


def trade_after_funding(paper, one_way, hedged, isolated, burner):
    deadline = time.monotonic() + 20
    while not (fundings := incomes(paper, hedged)):
        assert time.monotonic() < deadline, "no funding was paid"
        time.sleep(0.4)
    assert len(fundings) == 2
    paper.set_price("BTCUSDT", str(HELD_PRICE - 100), "futures")
    futures(paper, hedged, "SELL", "0.001", positionSide="LONG")
    futures(paper, one_way, "SELL", "0.002")
    futures(paper, one_way, "BUY", "0.001")  # a seventh of two prices: leaves a residue
    futures(paper, isolated, "SELL", "0.003")
    paper.set_price("BTCUSDT", str(HELD_PRICE - 40_000), "futures")  # the isolated long is liquidated
    assert incomes(paper, isolated, "INSURANCE_CLEAR")
    futures(paper, one_way, "SELL", "0.002", type="LIMIT", timeInForce="GTC", price=str(HELD_PRICE - 38_000))


def incomes(paper, key, kind="FUNDING_FEE"):
    now_ms = paper.get("/fapi/v1/time")["serverTime"]
    status, answer = paper.signed("GET", "/fapi/v1/income", key, timestamp=now_ms, incomeType=kind)
    assert status == 200, answer
    return answer


@pytest.fixture
def ledger(traded, tmp_path):
    return shutil.copy(traded, tmp_path)


def test_what_the_exchange_wrote_has_no_contradiction(ledger):
    assert contradictions(ledger) == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE balances SET free = '1.5' WHERE asset = 'BNB'",
            "BNB: balance is 1.5",
        ),
        ("UPDATE balances SET free = '0', locked = '1' WHERE asset = 'BNB'", "BNB: locked is 1"),
        ("DELETE FROM balances WHERE asset = 'BNB'", "BNB: balance is 0"),
        ("DELETE FROM deposits WHERE market = 'spot'", "USDT: balance is"),
        ("DELETE FROM deposits WHERE market = 'futures'", "USDT: TRANSFER incomes is 3000"),
        ("UPDATE orders SET executed_qty = '0.00900000' WHERE type = 'MARKET'", "executed_qty is 0.009"),
        ("UPDATE orders SET cum_quote = '1.00000000' WHERE type = 'MARKET'", "cum_quote is 1,"),
        ("UPDATE orders SET status = 'CANCELED' WHERE type = 'LIMIT' AND market = 'spot'", "USDT: locked is"),
        ("UPDATE orders SET details = '{}' WHERE type = 'LIMIT_MAKER' AND side = 'SELL'", "BTC: locked is"),
        ("DELETE FROM orders WHERE market = 'futures' AND side = 'SELL'", "has no order"),
        ("DELETE FROM fills WHERE market = 'spot' AND side = 'SELL'", "its fills make it 0"),
        ("UPDATE fills SET commission = '0.5' WHERE market = 'spot' AND side = 'BUY'", "BTC: balance is"),
        (
            "UPDATE fills SET commission = '0.5' WHERE market = 'futures'",
            "incomes are not its profit and its commission",
        ),
        ("UPDATE fills SET realized_pnl = '0.5' WHERE market = 'futures'", "incomes are not its profit"),
        ("UPDATE futures_wallets SET balance = '3.0'", "USDT: futures wallet is 3.0"),
        ("UPDATE futures_positions SET quantity = '0.5'", "futures position: quantity is 0.5"),
        ("DELETE FROM futures_incomes WHERE income_type = 'COMMISSION'", "futures wallet is"),
    ],
)
def test_what_is_changed_by_hand_is_found(ledger, statement, told):
    with closing(sqlite3.connect(ledger)) as connection, connection:
        assert connection.execute(statement).rowcount

    assert any(told in sentence for sentence in contradictions(ledger)), contradictions(ledger)


PROFIT = """
SELECT symbol, trade_id FROM fills WHERE realized_pnl NOT IN ('0.00000000', '100.00000000') ORDER BY trade_id LIMIT 1
"""
WALLETS = """
UPDATE futures_wallets SET balance = (SELECT printf('%.8f', sum(CAST(income AS REAL))) FROM futures_incomes i
    WHERE i.account_id = futures_wallets.account_id AND i.asset = futures_wallets.asset)
"""
FUNDED = "income_type = 'FUNDING_FEE'"
ANOTHER_FUNDING = f"""
INSERT INTO futures_incomes SELECT (SELECT max(tran_id) + 1 FROM futures_incomes), account_id, symbol, income_type,
    {{}}, asset, info, {{}}, 0 FROM futures_incomes WHERE {FUNDED} LIMIT 1
"""


def test_the_ledger_that_is_judged_has_seen_everything(traded):
    questions = {
        "SELECT count(*) FROM fills WHERE realized_pnl LIKE '-%' AND position_side = 'BOTH'": 3,
        "SELECT count(*) FROM fills WHERE position_side = 'SHORT'": 2,
        "SELECT count(*) FROM fills WHERE commission_asset = 'BNB' AND market = 'futures'": 2,
        f"SELECT count(*) FROM futures_incomes WHERE {FUNDED}": 5,
        "SELECT count(*) FROM futures_incomes WHERE income_type = 'INSURANCE_CLEAR'": 1,
        "SELECT count(*) FROM orders WHERE client_order_id LIKE 'autoclose-%'": 1,
        "SELECT count(*) FROM futures_positions WHERE residue_e16 <> '0'": 1,
        "SELECT count(*) FROM order_lists WHERE status = 'ALL_DONE'": 1,
        "SELECT count(*) FROM futures_algo_orders WHERE status = 'FINISHED'": 1,
    }
    with closing(sqlite3.connect(traded)) as connection:
        seen = {question: connection.execute(question).fetchone()[0] for question in questions}

    assert not [question for question, number in questions.items() if seen[question] < number], seen


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (
            [
                f"UPDATE futures_incomes SET income = '100.0' WHERE income_type = 'REALIZED_PNL' "
                f"AND (symbol, trade_id) = ({PROFIT})",
                f"UPDATE fills SET realized_pnl = '100.00000000' WHERE (symbol, trade_id) = ({PROFIT})",
                WALLETS,
            ],
            "realized_pnl is 100, its position made",
        ),
        ([ANOTHER_FUNDING.format("'500'", "time_ms"), WALLETS], "was paid 2 times, for 1"),
        ([ANOTHER_FUNDING.format("'500'", "time_ms + 1000"), WALLETS], "is not at its hour"),
        ([ANOTHER_FUNDING.format("'500'", "time_ms + 8 * 3600000"), WALLETS], "was paid 0 times, for 2"),
        ([f"UPDATE futures_incomes SET income = '500' WHERE {FUNDED}", WALLETS], "one mark price and rate"),
        ([f"UPDATE futures_incomes SET income = -income WHERE {FUNDED} AND account_id = 1", WALLETS], "one mark price"),
        ([f"DELETE FROM futures_incomes WHERE {FUNDED} AND account_id = 2", WALLETS], "was paid 0 times, for 2"),
        (["UPDATE futures_positions SET entry_price = '1'"], "entry_price is 1,"),
        (["UPDATE futures_positions SET cost_e16 = '1'"], "cost_e16 is 1,"),
        (["UPDATE futures_positions SET residue_e16 = '7'"], "residue_e16 is 7,"),
        (["UPDATE futures_positions SET realized = '7'"], "realized is 7,"),
        (["UPDATE futures_positions SET paid = '7'"], "paid is 7,"),
        (["DELETE FROM futures_positions"], "has fills, but no futures position"),
        (["UPDATE fills SET position_side = 'LONG' WHERE position_side = 'SHORT'"], "futures position"),
        (["UPDATE futures_wallets SET isolated = '1'"], "isolated is 1, its positions make it 0"),
        (["UPDATE futures_positions SET isolated_wallet = '1'"], "isolated is 0, its positions make it"),
        (
            [
                "UPDATE futures_positions SET isolated_wallet = '1' WHERE account_id = 1",
                "UPDATE futures_wallets SET isolated = '1' WHERE account_id = 1 AND asset = 'USDT'",
            ],
            "isolated_wallet is 1, but it is CROSSED",
        ),
        (["UPDATE fills SET price = '1'"], "not price x qty"),
        (["UPDATE orders SET price = '999999' WHERE client_order_id LIKE 'autoclose-%'"], "its limit is 999999"),
        (["UPDATE orders SET orig_qty = '0.00000001' WHERE status = 'FILLED'"], "orig_qty is 0.00000001"),
        (["UPDATE orders SET status = 'CANCELED' WHERE status = 'FILLED'"], "status is CANCELED with"),
        (["UPDATE orders SET status = 'FILLED' WHERE market = 'futures' AND status = 'NEW'"], "is FILLED with 0 of"),
        (["UPDATE orders SET status = 'PARTIALLY_FILLED' WHERE status = 'NEW'"], "status is PARTIALLY_FILLED with 0"),
        (["UPDATE orders SET details = json_set(details, '$.realized_pnl', 5)"], "realized_pnl is 0.00000005"),
        (["UPDATE futures_incomes SET trade_id = trade_id + 1 WHERE trade_id > 0"], "are not its profit"),
        (["UPDATE order_lists SET status = 'EXECUTING'"], "is EXECUTING, its orders are"),
        (["UPDATE order_lists SET status = 'ALL_DONE'"], "is ALL_DONE, its orders are NEW and NEW"),
        (["UPDATE order_lists SET first_order_id = 1"], "has not both of its orders"),
        (["DELETE FROM order_lists"], "belongs to an order list that does not know it"),
        (["UPDATE futures_algo_orders SET status = 'TRIGGERED' WHERE status = 'NEW'"], "is TRIGGERED: its order is 0"),
        (["UPDATE futures_algo_orders SET status = 'TRIGGERED' WHERE status = 'FINISHED'"], "its order is FILLED"),
        (["UPDATE futures_algo_orders SET status = 'CANCELED' WHERE status = 'FINISHED'"], "is CANCELED: its order"),
        (["UPDATE futures_algo_orders SET actual_qty = '7' WHERE status = 'FINISHED'"], "says 7 at"),
        (["DELETE FROM futures_algo_orders"], "names a conditional order that"),
        (["UPDATE futures_positions SET paid = 'much'"], "an amount is none"),
    ],
)  # fmt: skip
def test_what_is_changed_in_several_places_at_once_is_found(ledger, statements, told):
    with closing(sqlite3.connect(ledger)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount

    assert any(told in sentence for sentence in contradictions(ledger)), contradictions(ledger)
