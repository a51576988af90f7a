from decimal import Decimal

import pytest

from market.paper.tests.server import PaperServer
from market.paper.tests.spot.calls import balances, picked, refusal


def test_permissions_and_fees_are_those_of_a_paper_key(client):
    rights = client.get_account_api_permissions()

    names = ("enableReading", "enableSpotAndMarginTrading", "enableFutures", "enableWithdrawals", "ipRestrict")
    assert picked(rights, *names) == (True, True, True, False, False)
    assert client.get_trade_fee(symbol="BTCUSDT") == [
        {"symbol": "BTCUSDT", "makerCommission": "0.001", "takerCommission": "0.001"}
    ]
    assert len(client.get_trade_fee()) == len(client.get_exchange_info()["symbols"])


def test_money_moves_between_spot_and_futures_and_back(client):
    there = client.make_universal_transfer(type="MAIN_UMFUTURE", asset="USDT", amount="2500.5")
    on_futures = {row["asset"]: row["balance"] for row in client.futures_account_balance()}
    on_spot = balances(client)["USDT"]
    back = client.futures_account_transfer(asset="USDT", amount="500", type=2)

    assert Decimal(on_futures["USDT"]) == Decimal("2500.5")
    assert on_spot == ("7499.50000000", "0.00000000")
    assert balances(client)["USDT"] == ("7999.50000000", "0.00000000")
    history = client.query_universal_transfer_history(type="MAIN_UMFUTURE")
    assert history["total"] == 1
    assert picked(history["rows"][0], "asset", "amount", "status", "tranId") == (
        *("USDT", "2500.5"),
        *("CONFIRMED", there["tranId"]),
    )
    (returned,) = client.query_universal_transfer_history(type="UMFUTURE_MAIN")["rows"]
    assert returned["tranId"] == back["tranId"] != there["tranId"]
    later = client.make_universal_transfer(type="MAIN_UMFUTURE", asset="USDT", amount="1")
    pages = [client.query_universal_transfer_history(type="MAIN_UMFUTURE", size=1, current=page) for page in (1, 2)]
    assert [page["rows"][0]["tranId"] for page in pages] == [later["tranId"], there["tranId"]]


@pytest.mark.parametrize("kind", ["MAIN_UMFUTURE", "UMFUTURE_MAIN"])
def test_more_than_there_is_cannot_be_moved(client, kind):
    assert refusal(client.make_universal_transfer, type=kind, asset="USDT", amount="10000.01") == (
        *(400, -5013),
        "Asset transfer failed: insufficient balance",
    )
    assert balances(client)["USDT"] == ("10000.00000000", "0.00000000")


@pytest.mark.parametrize(
    "wrong", [{"type": "MAIN_MARGIN"}, {"amount": "0"}, {"amount": "-1"}, {"amount": "x"}, {"asset": "us dt"}]
)
def test_transfer_that_makes_no_sense_is_refused(signed, wrong):
    params = {"type": "MAIN_UMFUTURE", "asset": "USDT", "amount": "1"} | wrong

    status, answer = signed("POST", "/sapi/v1/asset/transfer", **params)

    assert status == 400
    assert answer["code"] in (-1130, -1100)


def test_commission_is_paid_in_bnb_when_the_account_wants_it(paper, btc_at_50000):
    client = paper.client(paper.open_account(USDT="10000", BNB="1"))
    before = client.get_bnb_burn_spot_margin()
    client.toggle_bnb_burn_spot_margin(spotBNBBurn="true")

    order = client.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    discount = client._get("account/commission", True, data={"symbol": "BTCUSDT"})["discount"]

    assert before == {"spotBNBBurn": False, "interestBNBBurn": False}
    assert order["fills"][0]["commissionAsset"] == "BNB"
    assert balances(client)["BTC"] == ("0.01000000", "0.00000000")
    assert discount == {
        "enabledForAccount": True,
        "enabledForSymbol": True,
        "discountAsset": "BNB",
        "discount": "0.75000000",
    }


def test_lists_of_what_there_is_none_of_are_empty(signed, btc_at_50000):
    assert signed("GET", "/api/v3/myAllocations", symbol="BTCUSDT") == (200, [])
    assert signed("GET", "/api/v3/myPreventedMatches", symbol="BTCUSDT", orderId=1) == (200, [])
    assert signed("GET", "/api/v3/myPreventedMatches", symbol="BTCUSDT")[1]["code"] == -1102
    assert signed("POST", "/sapi/v1/asset/get-funding-asset") == (200, [])


def test_filters_and_assets_of_the_account(client, signed):
    filters = signed("GET", "/api/v3/myFilters", symbol="BTCUSDT")[1]
    assets = signed("POST", "/sapi/v3/asset/getUserAsset")[1]
    coins = {row["coin"]: row for row in client.get_all_coins_info()}

    assert filters["symbolFilters"] == client.get_symbol_info("BTCUSDT")["filters"]
    assert [picked(row, "asset", "free") for row in assets] == [("USDT", "10000.00000000")]
    assert picked(coins["USDT"], "free", "locked", "networkList") == ("10000", "0", [])


def test_pairs_transfers_and_settings_survive_a_kill(tmp_path):
    buy = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.001", "belowType": "LIMIT_MAKER", "belowPrice": "60000"}
    stop = {"aboveType": "STOP_LOSS", "aboveStopPrice": "200000"}
    with PaperServer(tmp_path / "ledger.sqlite3") as paper:
        key = paper.open_account(USDT="1000")
        client = paper.client(key)
        client.make_universal_transfer(type="MAIN_UMFUTURE", asset="USDT", amount="400")
        client.toggle_bnb_burn_spot_margin(spotBNBBurn="true")
        pair = client.create_oco_order(**buy, **stop)
        paper.kill()

    with PaperServer(tmp_path / "ledger.sqlite3") as paper:
        client = paper.client(key)
        assert balances(client)["USDT"] == ("400.00000000", "200.00000000")
        assert client.get_bnb_burn_spot_margin()["spotBNBBurn"]
        assert [row["orderListId"] for row in client.get_open_oco_orders()] == [pair["orderListId"]]
        client.cancel_order(symbol="BTCUSDT", orderId=pair["orders"][0]["orderId"])
        assert balances(client)["USDT"] == ("600.00000000", "0.00000000")
        again = client.create_oco_order(**buy, **stop)

    assert again["orderListId"] == pair["orderListId"] + 1
    assert again["orders"][0]["orderId"] == pair["orders"][1]["orderId"] + 1
