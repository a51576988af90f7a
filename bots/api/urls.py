"""Addresses of bots and backtests, of what they think and hear, and of strategies under `/api/v1/`."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from bots.api.backtests import BacktestViewSet
from bots.api.bots import BotViewSet
from bots.api.journal import DecisionViewSet, SignalViewSet
from bots.api.strategies import IndicatorsView, StrategiesView, StrategyView

router = SimpleRouter(trailing_slash=False)
router.register("backtests", BacktestViewSet, basename="backtest")
router.register("bots", BotViewSet, basename="bot")
router.register("decisions", DecisionViewSet, basename="decision")
router.register("signals", SignalViewSet, basename="signal")

urlpatterns = [
    *router.urls,
    path("strategies", StrategiesView.as_view(), name="strategies"),
    path("strategies/<slug:name>", StrategyView.as_view(), name="strategy"),
    path("indicators", IndicatorsView.as_view(), name="indicators"),
]
