"""Production's site with the bare list beside it: ``tests.bench.api.site:application``."""

from __future__ import annotations

from django.conf import settings
from django.urls import include, path

from tradebot_site.wsgi import application as production

settings.ROOT_URLCONF = __name__
application = production

from tests.bench.api.measure import BARE  # noqa: E402
from tests.bench.api.plain import PlainViewSet  # noqa: E402

urlpatterns = [
    path(BARE.removeprefix("/"), PlainViewSet.as_view({"get": "list"})),
    path("", include("tradebot_site.urls")),
]
