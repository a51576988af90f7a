"""Addresses of figures under `/api/v1/`."""

from django.urls import path

from ops.api.performance import PerformanceView

urlpatterns = [
    path("performance", PerformanceView.as_view(), name="performance"),
]
