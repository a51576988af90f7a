"""The smallest valid rows of this app; a test spells out only what it is about."""

from decimal import Decimal

import factory

from market.tests.factories import NOON, ExchangeAccountFactory
from market.types import Side
from trades.models import Fill, Order, Position, Trade, Transfer


class PositionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Position

    account = factory.SubFactory(ExchangeAccountFactory)
    symbol = "BTCUSDT"
    base_asset = factory.LazyAttribute(lambda row: row.symbol.removesuffix("USDT"))
    quote_asset = "USDT"
    smallest_quantity = Decimal("0.00001")


class OrderFactory(factory.django.DjangoModelFactory):
    """An intended purchase."""

    class Meta:
        model = Order

    position = factory.SubFactory(PositionFactory)
    client_order_id = factory.Sequence(lambda n: f"tb-test-{n}")
    signal_key = factory.Sequence(lambda n: f"entry:{n}")
    purpose = Order.Purpose.ENTRY
    side = Side.BUY.value
    quantity = Decimal("0.01")
    reference_price = Decimal(50_000)
    reason = "a test wants it"
    created_at = NOON


class FillFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Fill

    order = factory.SubFactory(OrderFactory)
    position = factory.SelfAttribute("order.position")
    account = factory.LazyAttribute(lambda row: row.order.position.account)
    symbol = factory.LazyAttribute(lambda row: row.order.position.symbol)
    exchange_trade_id = factory.Sequence(lambda n: n + 1)
    price = Decimal(50_000)
    quantity = Decimal("0.01")
    quote_quantity = factory.LazyAttribute(lambda row: row.price * row.quantity)
    commission = Decimal(0)
    commission_asset = "USDT"
    commission_quote = Decimal(0)
    executed_at = NOON


class TradeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Trade

    order = factory.SubFactory(OrderFactory)
    position = factory.LazyAttribute(lambda row: row.order.position)
    environment = "paper"
    market = "spot"
    symbol = factory.LazyAttribute(lambda row: row.position.symbol)
    binance_order_id = factory.Sequence(lambda n: n + 1)
    purpose = factory.LazyAttribute(lambda row: row.order.purpose)
    side = factory.LazyAttribute(lambda row: row.order.side)
    price = Decimal(50_000)
    quantity_filled = Decimal("0.01")
    quote_quantity = factory.LazyAttribute(lambda row: row.price * row.quantity_filled)
    commission = Decimal(0)
    commission_asset = "USDT"
    commission_quote = Decimal(0)
    realized_pnl = Decimal(0)
    created_at = NOON


class TransferFactory(factory.django.DjangoModelFactory):
    """An intended transfer to futures."""

    class Meta:
        model = Transfer

    account = factory.SubFactory(ExchangeAccountFactory)
    owner = factory.LazyAttribute(lambda row: row.account.owner)
    environment = "paper"
    asset = "USDT"
    amount = Decimal(10)
    to_futures = True
    idempotency_key = factory.Sequence(lambda n: f"key {n}")
    asked_by = "a test"
    created_at = NOON
