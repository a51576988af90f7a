"""How the API says no: always `code` and `detail`, and the fields that are wrong."""

from typing import Any

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to an exception of a view; None for a bug, which becomes a 500."""
    answer = exception_handler(error, context)
    if answer is None:
        return None
    if isinstance(error, ValidationError):
        fields = answer.data if isinstance(answer.data, dict) else {"": answer.data}
        told = [f"{name}: {text}" if name else str(text) for name, texts in fields.items() for text in texts]
        answer.data = {"code": "invalid", "detail": " ".join(told), "fields": fields}
    else:
        code = error.default_code if isinstance(error, APIException) else "not_found"
        answer.data = {"code": code, "detail": str(answer.data["detail"])}
    return answer
