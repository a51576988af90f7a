"""What the exchange has answered, and whether it still says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Ask = Callable[..., Any]  # method, path, parameters: the answer of a signed call
FINAL = ("FILLED", "CANCELED", "EXPIRED", "REJECTED", "FINISHED")
# What never changes about an order.
FIXED = ("side", "type", "origQty", "price")


@dataclass(frozen=True)
class Claim:
    """One answer about one order: of spot, of futures, or a conditional order (``algo``)."""

    market: str
    order_id: int
    client_id: str
    answer: dict[str, Any]

    def contradictions(self, ask: Ask) -> Iterator[str]:
        """Compare with what the exchange says now."""
        now = ask("GET", *self._question())
        name = f"{self.market} order {self.order_id} ({self.client_id})"
        if "code" in now:
            yield f"{name} is gone: {now}"
            return
        client_id = now.get("clientOrderId") or now.get("clientAlgoId")
        if client_id != self.client_id:
            yield f"{name}: its client id is {client_id} now"
        now, known = _of_algo(now) if self.market == "algo" else now, self.answer["status"]
        for key in (*FIXED, *(("status", "executedQty", self._cost) if known in FINAL else ())):
            if key in self.answer and not _equal(self.answer[key], now[key]):
                yield f"{name}: {key} was {self.answer[key]}, now it is {now[key]}"
        if Decimal(now.get("executedQty", 0)) < Decimal(self.answer.get("executedQty", 0)):
            yield f"{name}: executedQty was {self.answer['executedQty']}, now it is {now['executedQty']}"
        if self.answer.get("fills"):
            yield from self._lost_fills(name, ask)

    def _lost_fills(self, name: str, ask: Ask) -> Iterator[str]:
        params = {"symbol": self.answer["symbol"], "orderId": self.order_id}
        kept = {row["id"]: row for row in ask("GET", "/api/v3/myTrades", params)}
        for fill in self.answer["fills"]:
            row = kept.get(fill["tradeId"], {})
            if any(row.get(key) != fill[key] for key in ("price", "qty", "commission", "commissionAsset")):
                yield f"{name}: its fill was {fill}, now it is {row}"

    @property
    def _cost(self) -> str:
        return "cummulativeQuoteQty" if self.market == "spot" else "cumQuote"

    def _question(self) -> tuple[str, dict[str, Any]]:
        if self.market == "algo":
            return "/fapi/v1/algoOrder", {"algoId": self.order_id}
        path = "/api/v3/order" if self.market == "spot" else "/fapi/v1/order"
        return path, {"symbol": self.answer["symbol"], "orderId": self.order_id}


@dataclass(frozen=True)
class Transfer:
    """An answered transfer between the two markets."""

    kind: str
    tran_id: int

    def contradictions(self, ask: Ask) -> Iterator[str]:
        """Compare with what the exchange says now."""
        rows = ask("GET", "/sapi/v1/asset/transfer", {"type": self.kind, "size": 100})["rows"]
        if self.tran_id not in [row["tranId"] for row in rows]:
            yield f"transfer {self.tran_id} ({self.kind}) is gone"


def claims_of(market: str, answer: dict[str, Any]) -> Iterator[Claim]:
    """What an answer to a command says of orders."""
    if "orderReports" in answer:  # an order list
        for report in answer["orderReports"]:
            yield from claims_of(market, report)
    elif market == "algo":
        yield Claim(market, answer["algoId"], answer["clientAlgoId"], _of_algo(answer))
    else:
        yield Claim(market, answer["orderId"], answer.get("origClientOrderId") or answer["clientOrderId"], answer)


def _of_algo(answer: dict[str, Any]) -> dict[str, Any]:
    """What an answer about a conditional order says, in an order's words; that to a cancel tells no status."""
    words = {"algoStatus": "status", "side": "side", "quantity": "origQty", "price": "price"}
    told = {word: answer[name] for name, word in words.items() if name in answer}
    return {"status": "CANCELED"} | told


def _equal(told: Any, kept: Any) -> bool:
    try:
        return Decimal(told) == Decimal(kept)
    except (ArithmeticError, TypeError, ValueError):
        return bool(told == kept)
