"""Addresses of orders, trades and kill switches under `/api/v1/`."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from trades.api import journal
from trades.api.kill_switch import KillSwitchView
from trades.api.orders_by_hand import CancelOrderView

router = SimpleRouter(trailing_slash=False)
router.register("orders", journal.OrderViewSet, basename="order")
router.register("fills", journal.FillViewSet, basename="fill")
router.register("trades", journal.TradeViewSet, basename="trade")
router.register("positions", journal.PositionViewSet, basename="position")
router.register("news", journal.EventViewSet, basename="event")
router.register("transfers", journal.TransferViewSet, basename="transfer")

urlpatterns = [
    path("", include(router.urls)),
    path("kill-switch", KillSwitchView.as_view(), name="kill-switch"),
    re_path("^orders/(?P<pk>[0-9]{1,18})/cancel$", CancelOrderView.as_view(), name="order-cancel"),
]
