"""How the tests of accounts and market data ask the API."""

from typing import Any

from django.contrib.auth.models import User

from tradebot_site.tests.people import client_of

KEY, SECRET = "CANARYKEY-0123456789-abcdefgh", "CANARYSECRET-9876543210-zyxwvuts"


class Caller:
    """Somebody who is logged in: `caller.get("accounts")` is status and body; no answer may tell a canary."""

    def __init__(self, user: User | None) -> None:
        self.user = user
        self.client = client_of(user)
        self.headers: dict[str, str] = {}

    def get(self, path: str, /, **params: Any) -> tuple[int, Any]:
        return self._told(self.client.get(f"/api/v1/{path}", params))

    def post(self, path: str, /, **body: Any) -> tuple[int, Any]:
        return self._sent("post", path, body)

    def patch(self, path: str, /, **body: Any) -> tuple[int, Any]:
        return self._sent("patch", path, body)

    def delete(self, path: str, /) -> int:
        return self._told(self.client.delete(f"/api/v1/{path}"))[0]

    def _sent(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        return self._told(getattr(self.client, method)(f"/api/v1/{path}", body, content_type="application/json"))

    def _told(self, answer: Any) -> tuple[int, Any]:
        self.headers = dict(answer.headers)
        text = answer.content.decode()
        assert KEY not in text
        assert SECRET not in text
        return answer.status_code, answer.json() if text else None
