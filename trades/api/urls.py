"""Addresses of orders, trades and kill switches under `/api/v1/`."""

from django.urls import path

from trades.api.kill_switch import KillSwitchView

urlpatterns = [
    path("kill-switch", KillSwitchView.as_view(), name="kill-switch"),
]
