"""A program that asks the API with a token of its own."""

import json
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User

from tradebot_site.tests.api.callers import program_of
from tradebot_site.tests.people import person


class Caller:
    """`caller.get("bots", status="error")` is status and answer, and so are the other methods."""

    def __init__(self, user: User, scope: str = "trade") -> None:
        self.user, self.client, self.headers = user, program_of(user, scope), dict[str, str]()

    def get(self, path: str, /, **query: Any) -> tuple[int, Any]:
        return self.send("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Any = None, /, **fields: Any) -> tuple[int, Any]:
        return self.send("POST", path, body if body is not None else fields)

    def patch(self, path: str, /, **fields: Any) -> tuple[int, Any]:
        return self.send("PATCH", path, fields)

    def put(self, path: str, /, **fields: Any) -> tuple[int, Any]:
        return self.send("PUT", path, fields)

    def delete(self, path: str) -> tuple[int, Any]:
        return self.send("DELETE", path)

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        answer = self.client.generic(
            method, f"/api/v1/{path}", text, content_type="application/json", headers=self.headers
        )
        return answer.status_code, json.loads(answer.content) if answer.content else None


def caller(role: str, scope: str = "trade") -> Caller:
    return Caller(person(role), scope)
