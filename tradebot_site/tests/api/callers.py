"""Programs that ask the API, with a token."""

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from market.access import TokenScope
from ops import tokens


def token_of(user, scope="admin", *, name=None, lives=timedelta(days=1)):
    """A token of the user: its row and its text."""
    name = name or f"{scope} {tokens.ApiToken.objects.count()}"
    return tokens.make_token(user, name=name, scope=TokenScope(scope), lives=lives, now=timezone.now())


def bearer(text, **meta):
    """A program that shows this token."""
    return Client(headers={"authorization": f"Token {text}"}, **meta)


def program_of(user, scope="admin"):
    return bearer(token_of(user, scope)[1])
