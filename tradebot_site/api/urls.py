"""All addresses of the API under `/api/`. Each app tells its own."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from tradebot_site.api.events import EventsView, EventTicketView
from tradebot_site.api.pages import DocsView, SchemaView
from tradebot_site.api.tokens import TokenViewSet

router = SimpleRouter(trailing_slash=False)
router.register("tokens", TokenViewSet, basename="token")

urlpatterns = [
    path("v1/schema", SchemaView.as_view(), name="api-schema"),
    path("v1/docs", DocsView.as_view(), name="api-docs"),
    path("v1/events", EventsView.as_view(), name="events"),
    path("v1/events/ticket", EventTicketView.as_view(), name="event-ticket"),
    path("v1/", include(router.urls)),
    path("v1/", include("market.api.urls")),
    path("v1/", include("trades.api.urls")),
    path("v1/", include("bots.api.urls")),
    path("v1/", include("ops.api.urls")),
    path("tasks/", include("tradebot_site.api.task_urls")),
]
