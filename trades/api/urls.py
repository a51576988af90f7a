"""Addresses of orders, trades and kill switches under `/api/v1/`."""

from django.urls import path, re_path

from trades.api.kill_switch import KillSwitchView
from trades.api.orders_by_hand import CancelOrderView

urlpatterns = [
    path("kill-switch", KillSwitchView.as_view(), name="kill-switch"),
    re_path("^orders/(?P<pk>[0-9]{1,18})/cancel$", CancelOrderView.as_view(), name="order-cancel"),
]
