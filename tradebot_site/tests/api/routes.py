"""Every address of the API, and what it may be asked: read from the URL resolver, so that none is forgotten."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver

API = ("/api/", "/hooks/")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Route(NamedTuple):
    """One address with its names in angle brackets, and one method."""

    path: str
    method: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def names(self) -> list[str]:
        return re.findall(r"<(\w+)>", self.path)

    def at(self, values: dict[str, Any]) -> str:
        """The address with these values."""
        return re.sub(r"<(\w+)>", lambda name: str(values[name[1]]), self.path)


@cache
def routes() -> list[Route]:
    """What the API may be asked, without HEAD (like GET) and OPTIONS (offered nowhere)."""
    views = _views(get_resolver().url_patterns)
    found = {Route(_readable(path), method) for path, view in views for method in _methods(view)}
    return sorted(route for route in found if route.path.startswith(API))


def _views(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield path, pattern.callback


def _readable(path: str) -> str:
    without_types = re.sub(r"<\w+:(\w+)>", r"<\1>", path)
    return simplify_regex(without_types.replace(r"\Z", ""))


def _methods(view: Any) -> list[str]:
    """Of a plain function all: nobody can tell what it answers."""
    if actions := getattr(view, "actions", None):
        return [method.upper() for method in actions if method.upper() in METHODS]
    kind = getattr(view, "cls", None) or getattr(view, "view_class", None)
    return [method for method in METHODS if kind is None or hasattr(kind, method.lower())]
