"""Who asks: a token of ours, or a session with its CSRF token."""

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from market.logs import context
from ops import tokens
from ops.models import ApiToken

WRONG = "The token is wrong, has expired, or was revoked."


class ApiTokenAuthentication(TokenAuthentication):
    """`Authorization: Token …`. knox reads the header; the row is found by the hash of the whole token."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, ApiToken]:
        now = timezone.now()
        found = tokens.find_token(token.decode("latin-1"), now=now)
        if found is None:
            raise AuthenticationFailed(WRONG)
        tokens.note_use(found, now=now)
        context.bind(user=found.user_id)
        return found.user, found


class ApiTokenScheme(OpenApiAuthenticationExtension):
    target_class = ApiTokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token ` and the token, which POST /api/v1/tokens has shown once.",
        }
