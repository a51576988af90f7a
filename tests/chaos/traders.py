"""Clients that trade on both markets until the exchange is gone, and remember every answer they got."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import random
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

from market.paper.tests.server import PaperServer
from tests.chaos.claims import Claim, Transfer, claims_of

SYMBOL = "BTCUSDT"
# What an exchange may say to an order at a bad moment: filters, balance, gone already, would trade or trigger at once.
REFUSALS = {-1013, -1015, -2010, -2011, -2013, -2018, -2019, -2021, -2022, -2027, -4164, -5022}
TRANSFERS = ("MAIN_UMFUTURE", "UMFUTURE_MAIN")


class Surprise(Exception):
    """An answer that no client should get."""


class Trader:
    """One account at work over one connection. ``claims`` are what it was answered."""

    def __init__(
        self, paper: PaperServer, key: dict[str, str], name: str, price: int, heard: Callable[[], None]
    ) -> None:
        self.name = name
        self.claims: list[Claim | Transfer] = []
        self.refused: list[str] = []  # client ids
        self.unanswered = 0
        self.surprise: str | None = None
        self._connection = paper.connection()
        self._key = key
        self._price = price
        self._heard = heard
        self._dice = random.Random(name)
        self._open: list[Claim] = []
        self._number = 0

    def run(self) -> None:
        """Act until the connection breaks."""
        acts = [self._buy, self._sell, self._rest, self._rest, self._stop_loss, self._pair, self._cancel, self._cancel]
        acts += [self._futures, self._futures_rest, self._algo, self._transfer]
        try:
            with closing(self._connection):
                while True:
                    self._dice.choice(acts)()
                    self._heard()
        except (OSError, http.client.HTTPException):
            self.unanswered += 1
        except Exception as error:  # a bug, here or there, must not end the thread unheard
            self.surprise = repr(error)

    def _buy(self) -> None:
        self._spot(side="BUY", type="MARKET")

    def _sell(self) -> None:
        self._spot(side="SELL", type="MARKET")

    def _rest(self) -> None:
        side = self._side()
        self._spot(side=side, **self._limit(side))

    def _stop_loss(self) -> None:
        self._spot(side="SELL", type="STOP_LOSS", stopPrice=self._near(below=True))

    def _spot(self, **params: str) -> None:
        self._order("spot", "/api/v3/order", quantity=self._quantity(), newOrderRespType="FULL", **params)

    def _pair(self) -> None:
        below, above = self._near(below=True), self._near(below=False)
        legs = {"aboveType": "LIMIT_MAKER", "abovePrice": above, "belowType": "STOP_LOSS", "belowStopPrice": below}
        self._order(
            "spot", "/api/v3/orderList/oco", id_name="listClientOrderId", side="SELL", quantity="0.0005", **legs
        )

    def _futures(self) -> None:
        order = {"side": self._side(), "type": "MARKET", "quantity": self._quantity("0.00{}")}
        self._order("futures", "/fapi/v1/order", newOrderRespType="RESULT", **order)

    def _futures_rest(self) -> None:
        side = self._side()
        order = self._limit(side) | {"side": side, "quantity": self._quantity("0.00{}")}
        self._order("futures", "/fapi/v1/order", newOrderRespType="RESULT", **order)

    def _algo(self) -> None:
        trigger = {"triggerPrice": self._near(below=True), "algoType": "CONDITIONAL"}
        order = {"side": "SELL", "type": "STOP_MARKET", "quantity": self._quantity("0.00{}")}
        self._order("algo", "/fapi/v1/algoOrder", id_name="clientAlgoId", **order, **trigger)

    def _cancel(self) -> None:
        if not self._open:
            return
        claim = self._open.pop(self._dice.randrange(len(self._open)))
        path = {"spot": "/api/v3/order", "futures": "/fapi/v1/order", "algo": "/fapi/v1/algoOrder"}[claim.market]
        params = {"algoId": claim.order_id} if claim.market == "algo" else {"symbol": SYMBOL, "orderId": claim.order_id}
        if answer := self._answer("DELETE", path, params):
            self.claims += claims_of(claim.market, answer)

    def _transfer(self) -> None:
        kind = self._dice.choice(TRANSFERS)
        answer = self._answer("POST", "/sapi/v1/asset/transfer", {"type": kind, "asset": "USDT", "amount": "1.5"})
        if answer:
            self.claims.append(Transfer(kind, answer["tranId"]))

    def _order(self, market: str, path: str, *, id_name: str = "newClientOrderId", **params: str) -> None:
        self._number += 1
        client_id = f"{self.name}-{self._number}"
        answer = self._answer("POST", path, {"symbol": SYMBOL, **params, id_name: client_id})
        if answer is None:
            self.refused.append(client_id)
            return
        claims = list(claims_of(market, answer))
        self.claims += claims
        self._open += [claim for claim in claims if claim.answer["status"] in ("NEW", "PARTIALLY_FILLED")]

    def _answer(self, method: str, path: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """The answer; None when the exchange said no."""
        status, answer = ask(self._connection, self._key, method, path, params)
        if status == 200:
            return answer
        if answer.get("code") in REFUSALS:
            return None
        raise Surprise(f"{method} {path} {params}: {status} {answer}")

    def _side(self) -> str:
        return self._dice.choice(("BUY", "SELL"))

    def _quantity(self, digits: str = "0.000{}") -> str:
        return digits.format(self._dice.randint(2, 9))

    def _limit(self, side: str) -> dict[str, str]:
        return {"type": "LIMIT", "timeInForce": "GTC", "price": self._near(below=side == "BUY")}

    def _near(self, *, below: bool) -> str:
        """A price up to one percent away, which the market will often come to."""
        part = self._dice.randint(1, 100) / 10_000
        return str(round(self._price * (1 - part if below else 1 + part)))


def ask(
    connection: http.client.HTTPConnection, key: dict[str, str], method: str, path: str, params: dict[str, Any]
) -> tuple[int, Any]:
    """Status and answer of a signed call over a connection that is kept."""
    query = urlencode({**params, "timestamp": int(time.time() * 1000)})
    query += "&signature=" + hmac.new(key["api_secret"].encode(), query.encode(), hashlib.sha256).hexdigest()
    status, answer, _ = PaperServer.exchange(
        connection, method, f"{path}?{query}", None, {"X-MBX-APIKEY": key["api_key"]}
    )
    return status, answer
