"""Addresses of what people watch, and are told, under `/api/v1/`."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from ops.api.alerts import AlertViewSet
from ops.api.notification_channels import ChannelViewSet
from ops.api.notification_preferences import PreferencesView
from ops.api.notifications import NotificationViewSet
from ops.api.performance import PerformanceView
from ops.api.reports import ReportViewSet
from ops.api.summary import SummaryView

router = SimpleRouter(trailing_slash=False)
router.register("alerts", AlertViewSet, basename="alert")
router.register("reports", ReportViewSet, basename="report")
router.register("notifications", NotificationViewSet, basename="notification")
router.register("notification-channels", ChannelViewSet, basename="notification-channel")

urlpatterns = [
    *router.urls,
    path("notification-preferences", PreferencesView.as_view(), name="notification-preferences"),
    path("performance", PerformanceView.as_view(), name="performance"),
    path("summary", SummaryView.as_view(), name="summary"),
]
