"""How the API says no: always `code`, `detail`, the `fields` that are wrong, and the `request_id` to ask about."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import csrf, defaults
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from market import request_id
from market.api.serializing import readable

API, HOOKS = "/api/", "/hooks/"


class ErrorSerializer(serializers.Serializer):
    """What every refusal looks like."""

    code = serializers.CharField(help_text="For programs: it stays the same when the words change.")
    detail = serializers.CharField(help_text="For people.")
    fields = serializers.DictField(  # type: ignore[assignment] # the answer's word, not the serializer's fields
        child=serializers.JSONField(), help_text="By field what is wrong with it; empty unless the code is `invalid`."
    )
    request_id = serializers.CharField(help_text="Under which the logs tell of it.")


def told(code: str, detail: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
    """The body of a refusal."""
    return {"code": code, "detail": detail, "fields": fields or {}, "request_id": request_id.current()}


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to an exception of a view; None for a bug, which becomes a 500."""
    answer = exception_handler(error, context)
    if answer is None:
        return None
    if isinstance(error, ValidationError):
        fields = answer.data if isinstance(answer.data, dict) else {"": answer.data}
        answer.data = told("invalid", " ".join(_sentences(fields)), fields)
    else:
        answer.data = told(_code(error), str(answer.data["detail"]))
    return answer


def _code(error: Exception) -> str:
    """For programs: what the exception was given, else what its kind has."""
    if isinstance(error, APIException):
        codes = error.get_codes()
        return codes if isinstance(codes, str) else str(error.default_code)
    return "permission_denied" if isinstance(error, PermissionDenied) else "not_found"  # Django's own two


def _sentences(faults: Any, path: str = "") -> list[str]:
    """What is wrong, field by field, however deep it lies."""
    if isinstance(faults, dict):
        inner = [(f"{path}.{name}".strip(".") if name != "non_field_errors" else path, faults[name]) for name in faults]
        return [text for name, value in inner for text in _sentences(value, name)]
    if isinstance(faults, list):
        return [text for value in faults for text in _sentences(value, path)]
    return [f"{readable(path)}: {faults}" if path else str(faults)]


def is_api(request: HttpRequest) -> bool:
    """Whether programs ask here, which want JSON."""
    return request.path_info.startswith((API, HOOKS)) or f"{request.path_info}/" in (API, HOOKS)


def refuse(status: int, code: str, detail: str, **headers: str) -> JsonResponse:
    """A refusal from outside of all views."""
    return JsonResponse(told(code, detail), status=status, headers=headers)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW. The views of the API ask for themselves, and answer the same."""
    if is_api(request):
        return refuse(403, "permission_denied", f"CSRF Failed: {reason}")
    return csrf.csrf_failure(request, reason)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        return refuse(403, "permission_denied", "You may not do this.")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        return refuse(404, "not_found", "There is nothing at this address.")
    return defaults.page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        return refuse(400, "bad_request", "The request can't be read.")
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if is_api(request):
        return refuse(500, "error", "Something of ours is broken. The request_id leads to it in our logs.")
    return defaults.server_error(request)
