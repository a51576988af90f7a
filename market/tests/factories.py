"""The smallest valid rows of this app; a test spells out only what it is about."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import factory
from django.contrib.auth import get_user_model

from market.exchange.types import Quote
from market.models import ExchangeAccount, SymbolRules
from market.types import Environment, Market

QUOTE = Quote(bid=Decimal(49_995), bid_quantity=Decimal(1), ask=Decimal(50_005), ask_quantity=Decimal(1))
NOON = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)


def entry(symbol: str = "BTCUSDT", **changes: Any) -> dict[str, Any]:
    """A symbol of exchangeInfo, with the filters of BTCUSDT."""
    base = symbol.removesuffix("USDT")
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00", "maxQty": "100.00000000", "stepSize": "0.00000000"},
            {
                "filterType": "NOTIONAL",
                "minNotional": "5.00000000",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
            },
        ],
    } | changes


def futures_entry(symbol: str = "BTCUSDT", **changes: Any) -> dict[str, Any]:
    """A futures symbol of exchangeInfo, with the filters of BTCUSDT."""
    of_futures = {"contractType": "PERPETUAL", "marginAsset": "USDT"}
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
        {"filterType": "PERCENT_PRICE", "multiplierDown": "0.9500", "multiplierUp": "1.0500", "multiplierDecimal": "4"},
    ]
    return entry(symbol) | of_futures | {"filters": filters} | changes


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = get_user_model()

    username = factory.Sequence(lambda n: f"user{n}")


class ExchangeAccountFactory(factory.django.DjangoModelFactory):
    """A paper account on spot that was reconciled, so that it may trade."""

    class Meta:
        model = ExchangeAccount

    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"account {n}")
    api_key = "key"
    api_secret = "secret"
    reconciled_at = NOON


class SymbolRulesFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = SymbolRules
        django_get_or_create = ("environment", "market", "symbol")

    environment = Environment.PAPER
    market = Market.SPOT
    symbol = "BTCUSDT"
    status = "TRADING"
    entry = factory.LazyAttribute(lambda row: entry(row.symbol))
    refreshed_at = NOON
