"""What orders, fills, trades, positions, events and transfers look like to a client."""

from decimal import Decimal
from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from market.api.serializing import Amount, StrictModelSerializer
from market.prices import KEEP, known_prices
from market.rounding import round_down
from market.types import Environment, Market, Price
from trades.api.examples import EVENT, FILL, ORDER, ORDER_DETAIL, POSITION, TRADE, TRANSFER, like
from trades.models import Event, Fill, Order, Position, Trade, Transfer

SMALLEST = Decimal("1e-18")  # as exactly as amounts are kept
FILLS_SHOWN = 500
Words = list[str]


def words(source: str, choices: Any, **more: Any) -> serializers.ChoiceField:
    """One of some words, read at ``source``."""
    return serializers.ChoiceField([str(item.value) for item in choices], source=source, read_only=True, **more)


@extend_schema_field({"type": "integer", "nullable": True})
class BotNumber(serializers.ReadOnlyField):
    """The number of the bot that a position belongs to; null for one that is traded by hand."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"help_text": "Its bot; null where a person trades by hand."} | kwargs))

    def get_attribute(self, instance: Any) -> int | None:
        position = instance if isinstance(instance, Position) else instance.position
        bot = getattr(position, "bot", None)
        return bot.pk if bot else None

    def to_representation(self, value: int) -> int:
        return value


@like(TRADE)
class TradeSerializer(StrictModelSerializer):
    """The booked result of one executed order."""

    account = serializers.IntegerField(source="position.account_id", read_only=True)
    bot = BotNumber()

    class Meta:
        model = Trade
        fields: Words = [
            *("id", "order", "position", "account", "bot", "environment", "market", "symbol", "binance_order_id"),
            *("purpose", "side", "price", "quantity_filled", "quote_quantity", "commission", "commission_asset"),
            *("commission_quote", "realized_pnl", "created_at"),
        ]
        read_only_fields = fields


@like(FILL)
class FillSerializer(StrictModelSerializer):
    """One execution against an order, as the exchange reported it."""

    bot = BotNumber()
    environment = words("account.environment", Environment)
    market = words("account.market", Market)
    side = serializers.CharField(source="order.side", read_only=True)

    class Meta:
        model = Fill
        fields: Words = [
            *("id", "order", "position", "account", "bot", "environment", "market", "symbol", "exchange_trade_id"),
            *("side", "price", "quantity", "quote_quantity", "commission", "commission_asset", "commission_quote"),
            "executed_at",
        ]
        read_only_fields = fields


@like(ORDER)
class OrderSerializer(StrictModelSerializer):
    """An instruction to the exchange, from the moment it was decided on."""

    bot = BotNumber()
    environment = words("account.environment", Environment)
    market = words("account.market", Market)
    symbol = serializers.CharField(source="position.symbol", read_only=True)

    class Meta:
        model = Order
        fields: Words = [
            *("id", "position", "account", "bot", "environment", "market", "symbol", "client_order_id"),
            *("exchange_order_id", "purpose", "side", "type", "quantity", "filled_quantity", "price"),
            *("reference_price", "reduce_only", "status", "reason", "error", "created_at", "cancel_requested_at"),
            "finished_at",
        ]
        read_only_fields = fields


class OwnFillSerializer(FillSerializer):
    """A fill beside its order."""

    class Meta(FillSerializer.Meta):
        fields: Words = [name for name in FillSerializer.Meta.fields if name in {
            "id", "exchange_trade_id", "price", "quantity", "quote_quantity", "commission", "commission_asset",
            "commission_quote", "executed_at",
        }]  # fmt: skip
        read_only_fields = fields

    bot = environment = market = side = None  # type: ignore[assignment]


@like(ORDER_DETAIL)
class OrderDetailSerializer(OrderSerializer):
    """An order with its fills and what they came to."""

    fills = OwnFillSerializer(
        many=True, read_only=True, source="first_fills",
        help_text=f"The oldest first, at most {FILLS_SHOWN}; `/fills?order=` has all.",
    )  # fmt: skip
    trade = serializers.SerializerMethodField(help_text="What was booked of it; null before its first fill.")

    class Meta(OrderSerializer.Meta):
        fields: Words = [*OrderSerializer.Meta.fields, "fills", "trade"]
        read_only_fields = fields

    @extend_schema_field(TradeSerializer(allow_null=True))
    def get_trade(self, order: Order) -> dict[str, Any] | None:
        trade = getattr(order, "trade", None)
        if trade is None:
            return None
        trade.position = order.position
        return TradeSerializer(trade).data


@like(POSITION)
class PositionSerializer(StrictModelSerializer):
    """What one bot, or one hand, holds and has earned; worth what the last price says, where one is known."""

    bot = BotNumber()
    environment = words("account.environment", Environment)
    market = words("account.market", Market)
    is_open = serializers.BooleanField(read_only=True, help_text="Whether there is more than dust to sell or buy back.")
    last_price = serializers.SerializerMethodField(help_text="At most a minute old; null where none is known.")
    last_price_at = serializers.SerializerMethodField(help_text="When the exchange said so.")
    unrealized_pnl = serializers.SerializerMethodField(
        help_text="What closing at the last price would add, before fees; null where no price is known."
    )

    class Meta:
        model = Position
        fields: Words = [
            *("id", "account", "bot", "environment", "market", "symbol", "base_asset", "quote_asset", "by_hand"),
            *("is_open", "quantity", "entry_price", "last_price", "last_price_at", "unrealized_pnl", "realized_pnl"),
            *("fees", "funding", "round", "opened_at", "closed_at", "naked_since"),
        ]
        read_only_fields = fields

    @extend_schema_field(Amount(allow_null=True))
    def get_last_price(self, position: Position) -> str | None:
        price = self._price(position)
        return Amount().to_representation(price.value) if price else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_last_price_at(self, position: Position) -> str | None:
        price = self._price(position)
        return serializers.DateTimeField().to_representation(price.at) if price else None

    @extend_schema_field(Amount(allow_null=True))
    def get_unrealized_pnl(self, position: Position) -> str | None:
        if not position.is_open:
            return "0"
        price = self._price(position)
        if price is None:
            return None
        return Amount().to_representation(round_down(position.holding.unrealized_pnl(price.value), SMALLEST))

    def _price(self, position: Position) -> Price | None:
        where = (position.account.environment, position.account.market)
        known = cast(dict[str, Any], self.context).setdefault("prices", {})  # looked up once for a page
        if where not in known:
            known[where] = known_prices(*where, now=timezone.now(), max_age=KEEP)
        return known[where].get(position.symbol)


@like(EVENT)
class EventSerializer(StrictModelSerializer):
    """News about a position, an account, a user, or the platform."""

    bot = serializers.SerializerMethodField(help_text="The bot of its position, if it has one.")
    account = serializers.SerializerMethodField()
    symbol = serializers.SerializerMethodField()
    user = serializers.CharField(source="user.username", read_only=True, default=None, allow_null=True)
    data = serializers.JSONField(  # type: ignore[assignment] # the column's word, not the serializer's data
        read_only=True, help_text="What belongs to its kind, by name."
    )

    class Meta:
        model = Event
        fields: Words = [
            *("id", "kind", "message", "position", "account", "bot", "symbol", "user", "order", "data", "created_at"),
        ]
        read_only_fields = fields

    @extend_schema_field({"type": "integer", "nullable": True})
    def get_bot(self, event: Event) -> int | None:
        bot = getattr(event.position, "bot", None) if event.position else None
        return bot.pk if bot else None

    @extend_schema_field({"type": "integer", "nullable": True})
    def get_account(self, event: Event) -> int | None:
        return event.position.account_id if event.position else event.account_id

    @extend_schema_field({"type": "string", "nullable": True})
    def get_symbol(self, event: Event) -> str | None:
        return event.position.symbol if event.position else None


@like(TRANSFER)
class TransferSerializer(StrictModelSerializer):
    """Money moved between the wallets of one account."""

    class Meta:
        model = Transfer
        fields: Words = [
            *("id", "account", "environment", "asset", "amount", "to_futures", "status", "transaction_id", "error"),
            *("idempotency_key", "asked_by", "created_at", "finished_at"),
        ]
        read_only_fields = fields
