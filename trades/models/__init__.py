"""What we hold, what we ordered, what was executed and earned. Only the services of this app write here."""

from trades.models.asked import OrderByHand, OrderByHandQuerySet
from trades.models.events import Event
from trades.models.external import ExternalFill, ExternalOrder, FillCursor
from trades.models.orders import IS_REAL, Order, OrderQuerySet
from trades.models.positions import Position, PositionQuerySet, is_open
from trades.models.results import Fill, Funding, Trade, TradeQuerySet
from trades.models.terms import TermsInForce
from trades.models.transfers import Transfer, TransferQuerySet

__all__ = [
    "IS_REAL",
    "Event",
    "ExternalFill",
    "ExternalOrder",
    "Fill",
    "FillCursor",
    "Funding",
    "Order",
    "OrderByHand",
    "OrderByHandQuerySet",
    "OrderQuerySet",
    "Position",
    "PositionQuerySet",
    "TermsInForce",
    "Trade",
    "TradeQuerySet",
    "Transfer",
    "TransferQuerySet",
    "is_open",
]
