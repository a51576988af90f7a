"""Addresses of what people watch under `/api/v1/`."""

from django.urls import path

from ops.api.performance import PerformanceView
from ops.api.summary import SummaryView

urlpatterns = [
    path("performance", PerformanceView.as_view(), name="performance"),
    path("summary", SummaryView.as_view(), name="summary"),
]
