import pytest

from market.paper.web.security import signature_of, signed_payload

SPOT = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
FUTURES = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
SPOT_PARAMS = (
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
)
FUTURES_PARAMS = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
)


@pytest.mark.parametrize(
    ("secret", "query", "body", "signature"),
    [
        (FUTURES, FUTURES_PARAMS, b"", "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"),
        (FUTURES, "", FUTURES_PARAMS.encode(), "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"),
        (SPOT, SPOT_PARAMS, b"", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            SPOT,
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
            b"quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
        ),
    ],
    ids=["futures query", "futures body", "spot query", "spot query and body"],
)
def test_signature_is_that_of_binances_documentation(secret, query, body, signature):
    assert signature_of(secret, signed_payload(query, body)) == signature


@pytest.mark.parametrize("text", ["a=1&signature=xyz", "signature=xyz&a=1"])
def test_signature_pair_is_not_part_of_what_is_signed(text):
    assert signed_payload(text, b"") == signed_payload("", text.encode()) == "a=1"


def test_what_was_sent_is_signed_without_decoding():
    assert signed_payload("a=%7B%22x%22%7D&b=c+d", b"") == "a=%7B%22x%22%7D&b=c+d"
