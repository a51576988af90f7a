"""What accounts hold, read round by round, so that nobody who looks has to ask the exchange."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from celery.exceptions import SoftTimeLimitExceeded

from market.exchange.errors import ExchangeError, ExchangeUnavailable, PermissionDenied, RateLimited
from market.fields import SecretUnreadable
from market.models import ExchangeAccount
from market.patience import patiently
from market.services import claim_turn, next_portfolios, note_trouble, sync_portfolio
from market.types import Clock
from trades.services.books import note_account_trouble

logger = logging.getLogger(__name__)
PACKETS = 12  # of a round of two minutes: one begins every PACKET_EVERY
PACKET_EVERY = timedelta(seconds=10)
PACKET_LASTS = timedelta(seconds=4)  # prices and candles are brought by the same worker


def packets_of_portfolios(*, now: datetime) -> list[list[int]]:
    """Ids of the accounts whose turn it is, dealt out to PACKETS packets."""
    ids = next_portfolios(now=now)
    return [ids[number::PACKETS] for number in range(PACKETS) if ids[number::PACKETS]]


def sync_portfolios(account_ids: Sequence[int], *, clock: Clock) -> int:
    """Read what these accounts hold; how many were read. Whoever does not get a turn is first in the next round.

    An exchange that does not answer, or that has no room for this work now, is left alone after its first account.
    """
    begun, read, away = clock(), 0, set[tuple[str, str]]()
    for account in ExchangeAccount.objects.filter(pk__in=account_ids).exclude(api_key="").order_by("pk"):
        if clock() - begun > PACKET_LASTS:
            break
        if (account.environment, account.market) not in away and claim_turn(account.pk, now=clock()):
            read += _sync(account, away, clock=clock)
    return read


def _sync(account: ExchangeAccount, away: set[tuple[str, str]], *, clock: Clock) -> bool:
    """Read one; what is in the way is said at its copy."""
    try:
        with patiently(PACKET_LASTS.total_seconds()):
            sync_portfolio(account, clock=clock)
    except SoftTimeLimitExceeded:
        raise
    except (ExchangeError, SecretUnreadable) as error:
        logger.warning("account %s: its balances stay as they were: %s", account.pk, error)
        note_trouble(account.pk, error)
        if isinstance(error, PermissionDenied):
            note_account_trouble(account.pk, error, now=clock())
        if isinstance(error, RateLimited | ExchangeUnavailable) and not account.is_cooling(clock()):
            away.add((account.environment, account.market))
    except Exception as bug:  # isolation: one user's account must not keep the others from being read
        logger.exception("account %s: its balances can't be read", account.pk)
        note_trouble(account.pk, bug)
    else:
        return True
    return False
