"""Orders as tests send them: bitcoin, valid for five seconds from now, with an id of their own."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from market.exchange.types import OrderRequest, PairRequest
from market.types import OrderType, Side

SYMBOL = "BTCUSDT"
FIVE_SECONDS = timedelta(seconds=5)


def client_id() -> str:
    return f"tb-{uuid.uuid4().hex[:20]}"


def order(
    kind: OrderType = OrderType.MARKET,
    side: Side = Side.BUY,
    quantity: str = "0.1",
    price: str | None = None,
    **changes: Any,
) -> OrderRequest:
    """An order; ``price`` is a limit or a trigger."""
    given = {"symbol": SYMBOL, "client_order_id": client_id(), "signed_at": timezone.now(), "valid_for": FIVE_SECONDS}
    return OrderRequest(
        side=side,
        quantity=Decimal(quantity),
        type=kind,
        price=Decimal(price) if price else None,
        **(given | changes),
    )


def pair(stop: str, target: str, side: Side = Side.SELL, quantity: str = "0.1") -> PairRequest:
    """A stop and a target at these triggers."""
    return PairRequest(
        list_client_id=client_id(),
        stop=order(OrderType.STOP, side, quantity, stop),
        target=order(OrderType.TARGET, side, quantity, target),
    )


def move(gateway: Any, amount: str = "10", *, to_futures: bool = True) -> int:
    """Move USDT between the wallets, now."""
    moment = {"signed_at": timezone.now(), "valid_for": FIVE_SECONDS}
    return int(gateway.transfer("USDT", Decimal(amount), to_futures=to_futures, **moment))
