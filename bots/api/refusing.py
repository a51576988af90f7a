"""What the services refuse, as the API says it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist
from django.core.exceptions import ValidationError as Wrong
from django.db import OperationalError
from django.http import Http404
from psycopg.errors import LockNotAvailable
from rest_framework.exceptions import ValidationError
from rest_framework.settings import api_settings

from bots import services
from market.api.refusals import Conflict, Unavailable
from market.exchange.errors import ExchangeError
from market.symbols import UnknownSymbol


class Changed(Conflict):
    default_code = "changed"


class HoldsPosition(Conflict):
    default_code = "holds_position"


class Busy(Conflict):
    default_code = "busy"
    default_detail = "Somebody holds this bot for longer than anybody should; ask again in a moment."


@contextmanager
def told() -> Iterator[None]:
    """Translate what the block raises: what is wrong by its field, what is in the way as 409."""
    try:
        yield
    except services.BotChanged as error:
        raise Changed(" ".join(error.messages)) from error
    except Wrong as error:
        found = services.faults_by_field(error)
        whole = found.pop(NON_FIELD_ERRORS, None)
        raise ValidationError(found | ({api_settings.NON_FIELD_ERRORS_KEY: whole} if whole else {})) from error
    except services.BotHoldsPosition as error:
        raise HoldsPosition(str(error)) from error
    except UnknownSymbol as error:
        raise ValidationError({"symbol": [f"symbol: {error}."]}) from error
    except ExchangeError as error:
        raise Unavailable(f"The exchange does not answer: {error}") from error
    except (services.NotYourBot, ObjectDoesNotExist) as error:
        raise Http404("there is no such bot") from error
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise Busy from error
