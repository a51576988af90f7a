"""Addresses of bots and what they think under `/api/v1/`."""

from rest_framework.routers import SimpleRouter

from bots.api.bots import BotViewSet

router = SimpleRouter(trailing_slash=False)
router.register("bots", BotViewSet, basename="bot")

urlpatterns = router.urls
