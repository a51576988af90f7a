"""`GET /health/ready` for operators: what was found, and what to do. All others `ops.health.probes` answers."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from market.access import sees_all
from ops.health import probes
from tradebot_site.api.authentication import ApiTokenAuthentication


def ready(request: HttpRequest) -> JsonResponse:
    """Nobody is refused: who is no operator is told as much as a probe."""
    return probes.answer(probes.readiness(), with_texts=sees_all(_who(request)))


def _who(request: Any) -> Any:
    """Whoever the token says, else the session."""
    try:
        known = ApiTokenAuthentication().authenticate(Request(request))
    except AuthenticationFailed:
        known = None
    return known[0] if known else request.user
