"""What an account chooses: leverage, margin type, position mode, fees, the dead man's switch."""

from market.paper.tests.futures_rest.calls import BTC, LIMIT_BUY, MARKET_BUY, picked, refusal

DONE = {"code": 200, "msg": "success"}


def test_leverage_changes_what_may_be_held(client, btc):
    assert client.futures_change_leverage(**BTC, leverage=125) == {
        "leverage": 125,
        "maxNotionalValue": "300000",
        "symbol": "BTCUSDT",
    }
    assert client.futures_position_information(**BTC, version=2)[0]["leverage"] == "125"
    assert refusal(client.futures_change_leverage, **BTC, leverage=126)[:2] == (400, -4028)
    assert refusal(client.futures_change_leverage, **BTC, leverage=0)[:2] == (400, -4028)
    assert refusal(client.futures_change_leverage, **BTC)[1] == -1102


def test_margin_type_changes_once(client, btc):
    isolated = {**BTC, "marginType": "ISOLATED"}

    assert client.futures_change_margin_type(**isolated) == DONE
    assert refusal(client.futures_change_margin_type, **isolated) == (400, -4046, "No need to change margin type.")
    assert refusal(client.futures_change_margin_type, **BTC, marginType="BOTH")[1] == -1130
    client.futures_create_order(**LIMIT_BUY, price="40000")
    assert refusal(client.futures_change_margin_type, **BTC, marginType="CROSSED")[1] == -4047


def test_position_mode_changes_once_and_not_with_orders(client, btc):
    assert client.futures_get_position_mode() == {"dualSidePosition": False}
    assert refusal(client.futures_change_position_mode, dualSidePosition="false") == (
        *(400, -4059, "No need to change position side."),
    )
    assert client.futures_change_position_mode(dualSidePosition=True) == DONE
    assert client.futures_get_position_mode() == {"dualSidePosition": True}
    client.futures_create_order(**MARKET_BUY, positionSide="LONG")
    assert refusal(client.futures_change_position_mode, dualSidePosition="false")[1] == -4068
    assert refusal(client.futures_change_position_mode, dualSidePosition="maybe")[1] == -1130


def test_multi_assets_mode_changes_once(client):
    assert client.futures_get_multi_assets_mode() == {"multiAssetsMargin": False}
    assert client.futures_change_multi_assets_mode(multiAssetsMargin="true") == DONE
    assert refusal(client.futures_change_multi_assets_mode, multiAssetsMargin="true")[1] == -4171
    assert client.futures_get_multi_assets_mode() == {"multiAssetsMargin": True}
    assert client.futures_account()["multiAssetsMargin"]


def test_fees_can_be_paid_in_bnb(signed):
    assert signed("GET", "/fapi/v1/feeBurn")[1] == {"feeBurn": False}
    assert signed("POST", "/fapi/v1/feeBurn", feeBurn="true")[1] == DONE
    assert signed("GET", "/fapi/v1/feeBurn")[1] == {"feeBurn": True}


def test_configurations_tell_what_was_chosen(client, signed):
    client.futures_change_leverage(**BTC, leverage=10)
    client.futures_change_margin_type(symbol="ETHUSDT", marginType="ISOLATED")
    client.futures_change_position_mode(dualSidePosition="true")

    configs = {row["symbol"]: row for row in signed("GET", "/fapi/v1/symbolConfig")[1]}
    assert picked(configs["BTCUSDT"], "leverage", "marginType", "isAutoAddMargin", "maxNotionalValue") == (
        *(10, "CROSSED", False, "230000000"),
    )
    assert configs["ETHUSDT"]["marginType"] == "ISOLATED"
    assert len(signed("GET", "/fapi/v1/symbolConfig", **BTC)[1]) == 1
    config = signed("GET", "/fapi/v1/accountConfig")[1]
    assert picked(config, "dualSidePosition", "multiAssetsMargin", "canTrade") == (True, False, True)


def test_commissions_are_those_of_a_new_account(client):
    assert client.futures_commission_rate(**BTC) == {
        "symbol": "BTCUSDT",
        "makerCommissionRate": "0.0002",
        "takerCommissionRate": "0.0005",
        "rpiCommissionRate": "0.00005",
    }


def test_brackets_are_numbers(client):
    (btc,) = client.futures_leverage_bracket(**BTC)

    assert btc["brackets"][0] == {
        "bracket": 1,
        "initialLeverage": 125,
        "notionalCap": 300000,
        "notionalFloor": 0,
        "maintMarginRatio": 0.004,
        "cum": 0,
    }
    assert len(client.futures_leverage_bracket()) == 4


def test_order_limits_are_those_of_the_rules(client, signed):
    limits = signed("GET", "/fapi/v1/rateLimit/order")[1]

    assert limits == [row for row in client.futures_exchange_info()["rateLimits"] if row["rateLimitType"] == "ORDERS"]


def test_dead_mans_switch_cancels_what_nobody_watches(client, btc, wait_until):
    client.futures_create_order(**LIMIT_BUY, price="40000")

    assert client.futures_countdown_cancel_all(**BTC, countdownTime=500) == {
        "symbol": "BTCUSDT",
        "countdownTime": "500",
    }
    wait_until(lambda: not client.futures_get_open_orders())
    assert client.futures_get_all_orders(**BTC)[0]["status"] == "CANCELED"
    assert refusal(client.futures_countdown_cancel_all, **BTC)[1] == -1102


def test_dead_mans_switch_can_be_switched_off(client, btc, wait_until):
    client.futures_create_order(**LIMIT_BUY, price="40000")
    client.futures_create_order(
        symbol="ETHUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="1", price="2400"
    )
    client.futures_countdown_cancel_all(**BTC, countdownTime=1500)  # long enough for a busy machine
    client.futures_countdown_cancel_all(**BTC, countdownTime=0)
    client.futures_countdown_cancel_all(symbol="ETHUSDT", countdownTime=1600)

    wait_until(lambda: not client.futures_get_open_orders(symbol="ETHUSDT"))

    assert len(client.futures_get_open_orders(**BTC)) == 1
