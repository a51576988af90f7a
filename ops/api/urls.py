"""Addresses of what people watch under `/api/v1/`."""

from django.urls import path

from ops.api.summary import SummaryView

urlpatterns = [
    path("summary", SummaryView.as_view(), name="summary"),
]
