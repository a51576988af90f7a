"""Whether callers still count: all that are connected, in one statement, by the rules of the door.

The door itself is Django's (`door`): this says the same of many at once, and the tests compare the two.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import close_old_connections, connection, transaction
from django.utils.crypto import constant_time_compare
from django_otp import DEVICE_ID_SESSION_KEY

from market.models import SEE_ALL_ROWS
from ops.models import Authenticator, RecoveryCodes
from tradebot_site.event_stream.changes import RIGHTS

CHECK_SECONDS = 5
ASKED = sorted({*RIGHTS.values(), SEE_ALL_ROWS})
DEVICES = (Authenticator, RecoveryCodes)
STATEMENT = """
    SELECT person.id, person.is_superuser, person.is_staff, person.password, NULL, NULL,
           ARRAY(SELECT app.app_label || '.' || allowed.codename
                   FROM auth_permission AS allowed
                   JOIN django_content_type AS app ON app.id = allowed.content_type_id
                  WHERE app.app_label || '.' || allowed.codename = ANY(%(rights)s)
                    AND (EXISTS (SELECT FROM auth_user_user_permissions AS own
                                  WHERE own.user_id = person.id AND own.permission_id = allowed.id)
                         OR EXISTS (SELECT FROM auth_user_groups AS joined
                                      JOIN auth_group_permissions AS given ON given.group_id = joined.group_id
                                     WHERE joined.user_id = person.id AND given.permission_id = allowed.id))),
           ARRAY(SELECT token.id FROM ops_apitoken AS token
                  WHERE token.id = ANY(%(tokens)s::bigint[]) AND token.user_id = person.id AND token.expiry > now()),
           ARRAY(SELECT %(app)s || id FROM ops_authenticator WHERE user_id = person.id AND confirmed
                 UNION ALL
                 SELECT %(codes)s || id FROM ops_recoverycodes WHERE user_id = person.id AND confirmed)
      FROM auth_user AS person
     WHERE person.id = ANY(%(users)s::bigint[]) AND person.is_active
 UNION ALL
    SELECT NULL, NULL, NULL, NULL, session_key, session_data, NULL, NULL, NULL
      FROM django_session
     WHERE session_key = ANY(%(sessions)s) AND expire_date > now()
"""


class Credential(NamedTuple):
    """By what a caller has proven who they are: a token's number, or a session's key."""

    user: int
    token: int | None
    session: str | None


@dataclass(frozen=True)
class Standing:
    """What a caller may do now. ``is_half_way``: staff who have not shown their second factor."""

    rights: frozenset[str] | None  # None: all
    is_half_way: bool = False

    def may(self, right: str) -> bool:
        return self.rights is None or right in self.rights

    @property
    def sees_all(self) -> bool:
        return self.may(SEE_ALL_ROWS)


def standings(credentials: Collection[Credential]) -> dict[Credential, Standing]:
    """The standing of each credential that counts. The others are left out."""
    close_old_connections()
    prefixes = [model(pk=0).persistent_id.removesuffix("0") for model in DEVICES]
    asked = {
        "users": sorted({credential.user for credential in credentials}),
        "tokens": sorted({credential.token for credential in credentials if credential.token}),
        "sessions": sorted({credential.session for credential in credentials if credential.session}),
        "rights": ASKED,
        **dict(zip(("app", "codes"), prefixes, strict=True)),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{CHECK_SECONDS}s'")
        cursor.execute(STATEMENT, asked)
        rows = cursor.fetchall()
    people = {row[0]: row for row in rows if row[0] is not None}
    sessions = {row[4]: row[5] for row in rows if row[0] is None}
    found = {credential: _standing(credential, people, sessions) for credential in credentials}
    return {credential: standing for credential, standing in found.items() if standing}


def _standing(credential: Credential, people: Mapping[int, Any], sessions: Mapping[str, str]) -> Standing | None:
    if credential.user not in people:
        return None
    _, is_superuser, is_staff, password, _, _, rights, tokens, devices = people[credential.user]
    allowed = None if is_superuser else frozenset(rights)
    needs_device = settings.SECOND_FACTOR_REQUIRED and is_staff
    if credential.token is not None:
        counts = credential.token in tokens and (bool(devices) or not needs_device)
        return Standing(allowed) if counts else None
    kept = _decoded(sessions.get(credential.session or "", ""))
    if not _is_of(kept, credential.user, password):
        return None
    return Standing(allowed, is_half_way=needs_device and kept.get(DEVICE_ID_SESSION_KEY) not in devices)


@lru_cache(4_096)
def _decoded(data: str) -> dict[str, Any]:
    return SessionStore().decode(data) if data else {}


def _is_of(kept: Mapping[str, Any], user: int, password: str) -> bool:
    """Whether a session is that user's, who has had no new password since."""
    person = User(pk=user, password=password)
    hashes = [person.get_session_auth_hash(), *person.get_session_auth_fallback_hash()]
    told = str(kept.get(HASH_SESSION_KEY, ""))
    return kept.get(SESSION_KEY) == str(user) and any(constant_time_compare(told, known) for known in hashes)
