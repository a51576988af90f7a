"""Money and positions over HTTP."""

from decimal import Decimal

from market.paper.tests.futures_rest.calls import BTC, LIMIT_BUY, MARKET_BUY, MARKET_SELL, picked, refusal

# 0.1 BTC bought at 50,002.50 costs 2.500125 USDT of commission and is 0.25 USDT under water at 50,000.
WALLET = "9997.49987500"


def usdt(rows: list[dict[str, str]]) -> dict[str, str]:
    return next(row for row in rows if row["asset"] == "USDT")


def test_new_account_has_what_was_paid_in(client):
    account = client.futures_account()

    assert picked(account, "totalWalletBalance", "availableBalance", "totalInitialMargin") == (
        *("10000.00000000", "10000.00000000", "0.00000000"),
    )
    assert picked(account, "canTrade", "multiAssetsMargin", "feeTier") == (True, False, 0)
    assert [row["symbol"] for row in account["positions"]] == ["BTCUSDT", "ETHUSDT", "XRPUSDT", "SOLUSDT"]
    assert client.futures_position_information() == []


def test_position_is_told_alike_everywhere(client, btc):
    client.futures_create_order(**MARKET_BUY)

    (risk,) = client.futures_position_information(**BTC)
    (older,) = client.futures_position_information(**BTC, version=2)
    account, newer = client.futures_account(), client.futures_account(version=3)
    (row,) = [each for each in account["positions"] if each["symbol"] == "BTCUSDT"]
    assert picked(risk, "positionAmt", "entryPrice", "markPrice", "unRealizedProfit", "notional") == (
        *("0.100", "50002.5", "50000.00000000", "-0.25000000", "5000.00000000"),
    )
    assert picked(risk, "initialMargin", "marginAsset", "liquidationPrice", "isolatedMargin", "adl") == (
        *("250.00000000", "USDT", "0", "0", 0),
    )
    assert risk["breakEvenPrice"] == "50027.50125"
    assert picked(older, "leverage", "marginType", "isAutoAddMargin", "maxNotionalValue") == (
        *("20", "cross", "false", "100000000"),
    )
    assert picked(row, "positionAmt", "entryPrice", "initialMargin", "leverage", "isolated") == (
        *("0.100", "50002.5", "250.00000000", "20", False),
    )
    assert [picked(each, "symbol", "positionAmt", "unrealizedProfit") for each in newer["positions"]] == [
        ("BTCUSDT", "0.100", "-0.25000000")
    ]
    assert picked(account, "totalWalletBalance", "totalUnrealizedProfit") == (WALLET, "-0.25000000")
    assert newer["assets"][0].items() <= usdt(account["assets"]).items()


def test_mark_price_is_that_of_now_where_nothing_is_held_any_more(client, btc):
    client.futures_create_order(**MARKET_BUY)
    client.futures_create_order(**MARKET_SELL)

    btc("51000")

    marks = {row["symbol"]: row["markPrice"] for row in client.futures_position_information(version=2)}
    assert marks["BTCUSDT"] == "51000.00000000"
    assert all(Decimal(mark) > 0 for mark in marks.values())


def test_balance_is_the_same_in_both_versions(signed, client, btc):
    client.futures_create_order(**MARKET_BUY)

    (row,) = client.futures_account_balance()
    assert signed("GET", "/fapi/v2/balance")[1] == [row]
    assert picked(row, "balance", "crossUnPnl", "availableBalance") == (WALLET, "-0.25000000", "9747.24987500")


def test_resting_order_takes_margin_and_shows_its_symbol(client, btc):
    client.futures_create_order(**LIMIT_BUY, price="40000")

    (risk,) = client.futures_position_information()
    assert picked(risk, "positionAmt", "openOrderInitialMargin", "bidNotional", "askNotional") == (
        *("0.000", "200.00000000", "4000.00000000", "0"),
    )
    assert client.futures_account()["totalOpenOrderInitialMargin"] == "200.00000000"


def test_hedge_mode_tells_of_both_sides(client, btc):
    client.futures_change_position_mode(dualSidePosition="true")
    client.futures_create_order(**MARKET_BUY, positionSide="LONG")
    client.futures_create_order(**{**MARKET_SELL, "quantity": "0.05"}, positionSide="SHORT")

    sides = {row["positionSide"]: row["positionAmt"] for row in client.futures_position_information(**BTC)}
    every = client.futures_position_information(version=2)
    assert sides == {"LONG": "0.100", "SHORT": "-0.050"}
    assert {row["positionSide"] for row in every if row["symbol"] == "ETHUSDT"} >= {"LONG", "SHORT"}
    assert client.futures_get_position_mode() == {"dualSidePosition": True}


def test_isolated_position_has_a_wallet_of_its_own(client, btc):
    client.futures_change_margin_type(**BTC, marginType="ISOLATED")
    client.futures_create_order(**MARKET_BUY)
    answer = client.futures_change_position_margin(**BTC, amount="50", type=1)

    (risk,) = client.futures_position_information(**BTC)
    assert answer == {"amount": 50, "code": 200, "msg": "Successfully modify position margin.", "type": 1}
    assert Decimal(risk["isolatedWallet"]) > 299
    assert Decimal(risk["liquidationPrice"]) > 40_000
    assert client.futures_position_information(**BTC, version=2)[0]["marginType"] == "isolated"
    assert refusal(client.futures_change_position_margin, **BTC, amount="0", type=1)[1] == -4055
    assert refusal(client.futures_change_position_margin, **BTC, amount="1", type=3)[1] == -1130
    assert refusal(client.futures_change_position_margin, symbol="ETHUSDT", amount="1", type=1)[1] == -4049


def test_every_position_is_at_the_end_of_the_deleveraging_queue(signed, client, btc):
    assert signed("GET", "/fapi/v1/adlQuantile")[1] == []

    client.futures_create_order(**MARKET_BUY)

    assert signed("GET", "/fapi/v1/adlQuantile")[1] == [{"symbol": "BTCUSDT", "adlQuantile": {"BOTH": 0}}]


def test_liquidated_position_leaves_a_forced_order(client, signed, btc):
    client.futures_change_margin_type(**BTC, marginType="ISOLATED")
    client.futures_change_leverage(**BTC, leverage=100)
    client.futures_create_order(**MARKET_BUY)

    btc("49000")

    (forced,) = signed("GET", "/fapi/v1/forceOrders")[1]
    assert forced["clientOrderId"].startswith("autoclose-")
    assert picked(forced, "symbol", "side", "status", "executedQty") == ("BTCUSDT", "SELL", "FILLED", "0.100")
    assert client.futures_position_information(**BTC) == []
    assert signed("GET", "/fapi/v1/forceOrders", autoCloseType="ADL")[1] == []
    assert signed("GET", "/fapi/v1/forceOrders", **BTC, autoCloseType="LIQUIDATION")[1] == [forced]
    assert signed("GET", "/fapi/v1/forceOrders", symbol="ETHUSDT")[1] == []
