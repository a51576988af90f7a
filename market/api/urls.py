"""Addresses of accounts, limits and market data under `/api/v1/`."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from market.api.accounts import AccountViewSet
from market.api.limits import LimitsViewSet
from market.api.market_data import CandlesView, OrderBookView, PricesView
from market.api.symbols import SymbolViewSet

router = SimpleRouter(trailing_slash=False)
router.register("accounts", AccountViewSet, basename="account")
router.register("limits", LimitsViewSet, basename="limits")
router.register("symbols", SymbolViewSet, basename="symbol")

urlpatterns = [
    path("", include(router.urls)),
    path("candles", CandlesView.as_view(), name="candles"),
    path("order-book", OrderBookView.as_view(), name="order-book"),
    path("prices", PricesView.as_view(), name="prices"),
]
