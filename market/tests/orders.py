"""An order on the wire: what is sent, the answer of an exchange, and answers that are none."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from market.exchange.adapter import SpotGateway
from market.exchange.errors import ExchangeError
from market.exchange.types import OrderRequest
from market.tests.servers import WaywardExchange, answer, drop, raw, reset
from market.types import Side

TIME, ORDER = WaywardExchange.TIME, WaywardExchange.ORDER
SECRET = "the-secret-of-the-account"
SENT = OrderRequest(
    symbol="BTCUSDT",
    side=Side.BUY,
    quantity=Decimal("0.00120"),
    client_order_id="tb-1-e",
    signed_at=timezone.now(),
    valid_for=timedelta(milliseconds=4321),
)
FILL = {"price": "97000.10", "qty": "0.0012", "commission": "0.0000012", "commissionAsset": "BTC", "tradeId": 7}
PLACED: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": 42,
    "clientOrderId": "tb-1-e",
    "transactTime": 1_700_000_000_123,
    "executedQty": "0.00120000",
    "status": "FILLED",
    "fills": [FILL],
}


BAD_ANSWERS = {
    "connection closed": drop,
    "connection reset": reset,
    "no HTTP": raw("what?\r\n\r\n"),
    "half an answer": raw('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"orderId": 42'),
    "a broken chunk": raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "bytes that are no gzip": answer("garbage", headers={"Content-Encoding": "gzip"}),
    "200 and garbage": answer("<html>ok</html>"),
    "200 and nothing": answer(""),
    "200 and a list": answer([PLACED]),
    "200 and null": answer("null"),
    "200 and no fills": answer({**PLACED, "fills": None}),
    "200 and a status of the future": answer({**PLACED, "status": "NOVEL"}),
    "200 and a number that is none": answer({**PLACED, "fills": [{**FILL, "price": "NaN"}]}),
    "200 and a price that lost its digits": answer({**PLACED, "fills": [{**FILL, "price": 97000.1}]}),
    "200 and a quantity that is no text": answer({**PLACED, "executedQty": [1]}),
    "200 and a moment that is none": answer({**PLACED, "transactTime": 10**20}),
    "200 and another order": answer({**PLACED, "clientOrderId": "tb-2-e"}),
    "403 and a page": answer("<html>blocked</html>", 403),
    "408": answer({"code": -1007, "msg": "Timeout waiting for response from backend server."}, 408),
    "500 and a list": answer([], 500),
    "502 and a page": answer("<html>bad gateway</html>", 502),
    "503 in doubt": answer({"code": -1001, "msg": "Internal error; unable to process your request."}, 503),
    "504": answer("", 504),
    "moved for good": answer("", 308, {"Location": ORDER}),
    "moved for now": answer("", 307, {"Location": ORDER}),
    "see another": answer("", 302, {"Location": TIME}),
}


def posts(wayward: WaywardExchange) -> int:
    return len(wayward.asked(ORDER, "POST"))


def failure(gateway: SpotGateway) -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        gateway.submit(SENT)
    return caught.value
