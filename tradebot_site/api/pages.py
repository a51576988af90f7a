"""The schema, and the page to try it."""

import hashlib
from functools import cache
from typing import Any, cast

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from market.api.views import METHODS

CACHED = {"Cache-Control": "public, max-age=300"}


@cache
def schema() -> Any:
    """It is the same for everybody and takes a second to make: once a process."""
    return SchemaGenerator().get_schema(request=None, public=True)


@cache
def written() -> tuple[bytes, str]:
    """The schema as it is sent, and its mark."""
    body: bytes = JSONRenderer().render(schema())
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


class OpenView(APIView):
    """For everybody: it tells what there is, and of nobody."""

    http_method_names = METHODS
    authentication_classes = []
    permission_classes = [AllowAny]


class SchemaView(OpenView):
    """The OpenAPI schema, as JSON; who has it already is told so."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        body, mark = written()
        answer = HttpResponse(body, content_type="application/vnd.oai.openapi+json", headers=CACHED | {"ETag": mark})
        return cast(HttpResponse, get_conditional_response(cast(Any, request)._request, etag=mark, response=answer))


class DocsView(OpenView):
    """The page to try the API, with files of our own server alone and no script of its own."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        answer = render(cast(Any, request)._request, "api_docs.html")
        answer["Cache-Control"] = CACHED["Cache-Control"]
        return answer
