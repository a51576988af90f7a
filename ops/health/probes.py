"""`GET /health`: the process answers. No query, no Redis; what lies behind it `GET /health/ready` tells."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse


class HealthMiddleware:
    """Answer before the host check, the session and the redirect to HTTPS: a probe has none of them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/health":
            return JsonResponse({"status": "healthy", "service": "tradebot-backend"})
        return self.get_response(request)
