"""The schema of the API: each operation tells how it may refuse, not only how it succeeds."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from market.api.idempotency import HEADER, Idempotent
from market.api.serializing import Strict
from tradebot_site.api import sparse
from tradebot_site.api.errors import ErrorSerializer

SAYS = {
    400: ("The request is wrong; `fields` says where.", "invalid", {"name": ["This field is required."]}),
    401: ("Nobody is logged in, or the token is wrong.", "not_authenticated", {}),
    403: ("The role or the token's scope does not reach so far.", "permission_denied", {}),
    404: ("There is no such thing, or it is not the caller's.", "not_found", {}),
    409: ("It can't be done as things stand.", "conflict", {}),
    413: ("The body is larger than what is taken.", "too_large", {}),
    415: ("The body is no JSON.", "unsupported_media_type", {}),
    422: ("It is well formed and yet can't be done.", "unprocessable", {}),
    429: ("Too many requests; `Retry-After` says when again.", "throttled", {}),
    503: ("The exchange, or a part of ours, does not answer.", "unavailable", {}),
}


class Schema(AutoSchema):
    """What drf-spectacular reads from a view, and the refusals that any operation of its kind may answer with.

    A view names more by `also_refuses`, a set of statuses, or by action a dict of such sets.
    """

    def get_override_parameters(self) -> list[Any]:
        if self.method == "GET" and getattr(self.view, "action", "") in getattr(self.view, "of_fields", ()):
            return [sparse.PARAMETER] if issubclass(_kind(self.get_response_serializers()), Strict) else []
        if self.method != "POST" or not isinstance(self.view, Idempotent) or not self.get_auth_needed():
            return []
        told = "Done once for a key, and answered the same for 24 hours, however often it is sent."
        key = {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"}
        return [OpenApiParameter(HEADER, key, OpenApiParameter.HEADER, description=told)]

    def get_auth_needed(self) -> bool:
        """Whether the operation is for those alone who have proven who they are."""
        return self.get_auth() not in ([], [{}])

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for status in sorted(self._refusals()):
            bodies.setdefault(str(status), self._refusal(status, direction))
        return dict(sorted(bodies.items()))

    def _refusals(self) -> set[int]:
        statuses = {400, 401, 429} | ({403} if self.get_auth_needed() else set())
        if "{" in self.path:
            statuses.add(404)
        if "cursor" in {parameter["name"] for parameter in self._get_parameters()}:
            statuses.add(404)
        if self.method in ("POST", "PUT", "PATCH"):
            statuses |= {413, 415}
        if self.method == "POST" and self.get_auth_needed():
            statuses |= {409, 422}
        more: Any = getattr(self.view, "also_refuses", set())
        if isinstance(more, dict):
            more = more.get(getattr(self.view, "action", None) or self.method.lower(), set())
        return statuses | more

    def _refusal(self, status: int, direction: Any) -> Any:
        detail, code, fields = SAYS[status]
        value = {"code": code, "detail": detail, "fields": fields, "request_id": "0f8fad5bd9cb469fa165708677289f01"}
        example = OpenApiExample(code, value=value, response_only=True, status_codes=[str(status)])
        answer = OpenApiResponse(ErrorSerializer, description=detail, examples=[example])
        return self._get_response_for_code(answer, str(status), direction=direction)


def _kind(told: Any) -> type:
    """The class of the serializer of what an operation answers."""
    if isinstance(told, dict):
        told = told[200]
    told = getattr(told, "child", told)
    return told if isinstance(told, type) else type(told)
