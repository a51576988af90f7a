"""Views that ask the exchange: for a bounded time, few at once, so many times a minute for one user.

What they spend of the request weight is the first that is refused: a person who looks must not keep a bot from trading.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from rest_framework.exceptions import Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from market.api.filtering import require_known
from market.api.refusals import Conflict, Unavailable
from market.api.throttles import wait_of
from market.budget import Priority, spending_as
from market.exchange.errors import ExchangeError, NotConfigured, PermissionDenied, RateLimited
from market.fields import SecretUnreadable
from market.patience import patiently

ASKS = frozenset({409, 503})  # how such a view may refuse beside what all do


class KeyNotTaken(Conflict):
    default_code = "key_refused"
    default_detail = "The exchange refuses the account's key."


@contextmanager
def asking_the_exchange(request: Request) -> Iterator[None]:
    """Ask in this block. Raises Throttled, Unavailable, KeyNotTaken and Conflict for the exchange's bad news."""
    waits = wait_of({f"asks:{request.user.pk}": settings.THROTTLE_ASKS}, must_count=True)
    if waits is not None:
        raise Throttled(waits)
    try:
        with spending_as(Priority.LOOKS), patiently():
            yield
    except PermissionDenied as error:
        raise KeyNotTaken(str(error)) from error
    except (NotConfigured, SecretUnreadable) as error:
        raise Conflict(str(error)) from error
    except ExchangeError as error:
        raise _away(error) from error


def _away(error: ExchangeError) -> Unavailable:
    refusal = Unavailable(str(error))
    if isinstance(error, RateLimited):
        refusal.wait = max(round(error.retry_after.total_seconds()), 1)  # becomes Retry-After
    return refusal


def asked(serializer: type[Serializer], request: Request) -> dict[str, Any]:
    """What the address asks for, as the serializer reads it. Raises ValidationError, also for what it does not know."""
    told = serializer(data=request.query_params.dict())
    require_known(request, set(told.fields))
    for name in request.query_params:
        if len(request.query_params.getlist(name)) > 1:
            raise ValidationError({name: ["stands more than once in the address."]})
    told.is_valid(raise_exception=True)
    return dict(told.validated_data)
