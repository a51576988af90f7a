"""Stand-ins at the edge of a unit test: gateways whose answers a test writes."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from market.exchange.errors import ExchangeError, OrderNotFound
from market.exchange.types import FillReport, OpenOrder, OrderReport, OrderRequest, PairRequest, ReportStatus
from market.tests.factories import NOON
from market.types import OrderType


def fill_report(trade_id: int = 1, *, price: str = "50000", quantity: str = "0.01", **changes: object) -> FillReport:
    commission = changes.pop("commission", "0")
    return FillReport(
        exchange_trade_id=trade_id,
        price=Decimal(price),
        quantity=Decimal(quantity),
        quote_quantity=Decimal(price) * Decimal(quantity),
        commission=Decimal(str(commission)),
        commission_asset=str(changes.pop("commission_asset", "USDT")),
        executed_at=changes.pop("executed_at", NOON),
    )


def order_report(
    *fills: FillReport, status: ReportStatus = ReportStatus.FILLED, executed: str | None = None
) -> OrderReport:
    total = sum((fill.quantity for fill in fills), Decimal(0))
    return OrderReport(
        client_order_id="whatever",
        exchange_order_id=77,
        status=status,
        executed_quantity=Decimal(executed) if executed else total,
        fills=fills,
    )


@dataclass
class FakeGateway:
    """Answers orders and questions with what the test gave, and remembers what was sent."""

    answer: OrderReport | ExchangeError | None = None
    found: OrderReport | ExchangeError = field(default_factory=lambda: OrderNotFound("no such order", code=-2013))
    sent: list[OrderRequest | PairRequest] = field(default_factory=list)
    canceled: list[str] = field(default_factory=list)
    cancel_answer: ExchangeError | None = None
    open: list[OpenOrder] = field(default_factory=list)
    listed: list[str | None] = field(default_factory=list)  # whose open orders were asked for; None: all symbols'

    def prepare(self) -> None:
        """The clock of a test needs no measuring."""

    def submit(self, request: OrderRequest) -> OrderReport:
        self.sent.append(request)
        if isinstance(self.answer, ExchangeError):
            raise self.answer
        return self.answer or order_report(fill_report(quantity=str(request.quantity)))

    def submit_pair(self, request: PairRequest) -> tuple[OrderReport, OrderReport]:
        self.sent.append(request)
        if isinstance(self.answer, ExchangeError):
            raise self.answer
        report = order_report(status=ReportStatus.OPEN)
        return report, replace(report, exchange_order_id=78)

    def cancel(self, symbol: str, client_order_id: str, kind: OrderType) -> None:
        self.canceled.append(client_order_id)
        if self.cancel_answer:
            raise self.cancel_answer

    def find_order(self, symbol: str, client_order_id: str, kind: OrderType) -> OrderReport:
        if isinstance(self.found, ExchangeError):
            raise self.found
        return self.found

    def open_orders(self, symbol: str | None = None) -> list[OpenOrder]:
        self.listed.append(symbol)
        return [order for order in self.open if symbol in (None, order.symbol)]
