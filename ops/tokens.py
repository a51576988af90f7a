"""What becomes of tokens: made, used, revoked, each a line in the history of their user."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from knox.crypto import hash_token

from market.access import TokenScope
from market.history import tell
from market.models import SET_ALL_KEYS
from market.ready import Ready, ask, one_round_trip
from market.services import one_at_a_time
from ops.models import ApiToken

logger = logging.getLogger(__name__)
MOST_DAYS = 365
USED_EVERY = timedelta(minutes=1)  # how exactly the last use is known
TOKEN = Ready(
    lambda digest, now: ApiToken.objects.select_related("user").filter(
        digest=digest, expiry__gt=now, user__is_active=True
    ),
    *(str, datetime),
)
# What `ModelBackend` asks in two statements, once it knows the user.
RIGHTS_SQL = """
    SELECT kind.app_label || '.' || may.codename
      FROM auth_permission may JOIN django_content_type kind ON kind.id = may.content_type_id
     WHERE may.id IN (
            SELECT own.permission_id
              FROM ops_apitoken t JOIN auth_user_user_permissions own ON own.user_id = t.user_id
             WHERE t.digest = %(digest)s
             UNION ALL
            SELECT granted.permission_id
              FROM ops_apitoken t JOIN auth_user_groups member ON member.user_id = t.user_id
              JOIN auth_group_permissions granted ON granted.group_id = member.group_id
             WHERE t.digest = %(digest)s)
"""
FACTOR_SQL = """
    SELECT FROM ops_apitoken t JOIN ops_authenticator device ON device.user_id = t.user_id
     WHERE t.digest = %(digest)s AND device.confirmed
"""


class TokenRefused(Exception):
    """A token can't be made; the message says why."""


class NameTaken(TokenRefused):
    """Its user has one of this name."""


class TooManyTokens(TokenRefused):
    """Its user has as many as there may be."""


def make_token(user: User, *, name: str, scope: TokenScope, lives: timedelta, now: datetime) -> tuple[ApiToken, str]:
    """Make a token; return it with its text, which nobody can read again. Raises NameTaken, TooManyTokens."""
    with transaction.atomic():
        one_at_a_time(user)
        mine = ApiToken.objects.filter(user=user)
        mine.filter(expiry__lte=now).delete()
        if (has := mine.count()) >= (most := settings.MAX_TOKENS_PER_OWNER):
            raise TooManyTokens(f"tokens: you have {has}, and may have {most}: revoke one.")
        try:
            with transaction.atomic():
                token, text = ApiToken.objects.create(user, expiry=lives, name=name, scope=scope)
        except IntegrityError as error:
            raise NameTaken(f"You have a token of this name: {name!r}.") from error
        tell(user, "token", "", f"{name} ({scope}, until {token.expiry:%Y-%m-%d})")
    return token, text


def find_token(text: str, *, now: datetime) -> ApiToken | None:
    """The token of this text, with its user and what that may do; None if there is none, or it counts no more.

    One round trip, since every request of a program begins with it.
    """
    digest = hash_token(text)
    with one_round_trip():
        asked = TOKEN.ask(digest, now)
        rights = ask(RIGHTS_SQL, {"digest": digest}, lambda rows: {name for (name,) in rows})
        has_factor = ask(FACTOR_SQL, {"digest": digest}, bool) if settings.SECOND_FACTOR_REQUIRED else lambda: True
    found = asked()
    if not found:
        return None
    token = found[0]
    if token.user.is_staff and not has_factor():
        return None  # made before they became staff, or their device was removed: nobody stands for it
    if not token.user.is_superuser:  # of whom nothing is asked
        token.user._perm_cache = rights()  # type: ignore[attr-defined] # where `ModelBackend` looks first
    return token


def note_use(token: ApiToken, *, now: datetime) -> None:
    """Remember that it was used, once a minute at most: a read is to cost no write."""
    if token.last_used_at is None or token.last_used_at <= now - USED_EVERY:
        since = Q(last_used_at=None) | Q(last_used_at__lte=now - USED_EVERY)
        ApiToken.objects.filter(since, pk=token.pk).update(last_used_at=now)


def may_revoke(user: User, token: ApiToken) -> bool:
    """One's own; those of others who may set and wipe their keys: a token is one."""
    return token.user_id == user.pk or user.has_perm(SET_ALL_KEYS)


def revoke(token: ApiToken) -> None:
    """From now on it counts no more."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk).delete()[0]:
            tell(token.user, "token", f"{token.name} ({token.scope})", "revoked")


def revoke_all(user: User) -> int:
    """The same of all tokens of a user; how many they were."""
    tokens = list(ApiToken.objects.filter(user=user).select_related("user"))
    for token in tokens:
        revoke(token)
    return len(tokens)


def drop_expired(*, now: datetime) -> int:
    """Forget tokens that count no more; how many they were. That they would expire is in the history already."""
    return ApiToken.objects.filter(expiry__lte=now).delete()[0]


class RevokesTokens:
    """Among AUTH_PASSWORD_VALIDATORS: whoever gets a new password has no tokens of the time before any more."""

    def validate(self, password: str, user: Any = None) -> None:
        """Any password is right for it."""

    def password_changed(self, password: str, user: Any = None) -> None:
        if user is not None and user.pk:
            revoke_all(user)

    def get_help_text(self) -> str:
        return "With a new password all tokens of the API are revoked."
