"""Addresses of what people watch under `/api/v1/`."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from ops.api.performance import PerformanceView
from ops.api.reports import ReportViewSet
from ops.api.summary import SummaryView

router = SimpleRouter(trailing_slash=False)
router.register("reports", ReportViewSet, basename="report")

urlpatterns = [
    *router.urls,
    path("performance", PerformanceView.as_view(), name="performance"),
    path("summary", SummaryView.as_view(), name="summary"),
]
