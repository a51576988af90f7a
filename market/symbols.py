"""Symbol rules: Redis, then the database's last good copy, then the exchange (features M2, M3)."""

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.db.models import Max
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from market.exchange import public_gateway
from market.exchange.errors import ExchangeUnavailable
from market.hits import count_read
from market.models import SymbolRules
from market.rules import Rules, rules_of
from market.store import known_many

logger = logging.getLogger(__name__)

REFRESH_EVERY = timedelta(seconds=300)
KEEP = 3 * REFRESH_EVERY
POPULAR = ("BTC", "ETH", "BNB", "SOL", "XRP", "DOGE", "ADA", "AVAX", "LINK", "DOT")
QUOTE_ASSET = "USDT"
PERPETUAL = "PERPETUAL"
# Long lists that no rule of ours reads.
UNUSED = ("permissionSets", "permissions", "allowedSelfTradePreventionModes", "underlyingSubType", "timeInForce")


class UnknownSymbol(Exception):
    """Neither cache, database nor exchange knows the symbol."""


def rules_for(environment: str, market: str, symbol: str, *, now: datetime) -> Rules:
    """The rules of one symbol. Raises UnknownSymbol, or ExchangeError while nothing is known and nobody answers."""
    cached = known_rules(environment, market, [symbol])
    if cached:
        return cached[symbol]
    count_read(_prefix(environment, market), hit=False)
    known = SymbolRules.objects.filter(environment=environment, market=market)
    if not known.exists():
        warm_symbols(environment, market, now=now)
    row = known.filter(symbol=symbol).first()
    if row is None:
        raise UnknownSymbol(f"{symbol} is no {QUOTE_ASSET} symbol of the {environment} {market} market")
    return row.rules


def known_rules(environment: str, market: str, symbols: Iterable[str]) -> dict[str, Rules]:
    """The rules of many symbols in one round trip, of those that are in the cache; nobody else is asked."""
    keys = {symbol: f"{_prefix(environment, market)}:{symbol}" for symbol in symbols}
    found = known_many(dict.fromkeys(keys.values(), _unpacked))
    return {symbol: found[key] for symbol, key in keys.items() if key in found}


def warm_symbols(environment: str, market: str, *, now: datetime) -> int:
    """Fetch the rules of all USDT symbols into database and cache; return how many. Raises ExchangeError."""
    received = public_gateway(environment, market).symbols()
    wanted = sorted(filter(_is_wanted, received), key=_popularity)
    if not wanted:  # an exchange in trouble, not one without symbols: what we know stays
        raise ExchangeUnavailable(f"the {environment} {market} market lists no {QUOTE_ASSET} symbol")
    entries = [{name: value for name, value in entry.items() if name not in UNUSED} for entry in wanted]
    listed = [entry["symbol"] for entry in received if "symbol" in entry]
    delisted = _save_last_good(environment, market, entries, listed=listed, now=now)
    _fill_cache(environment, market, entries, delisted=delisted, now=now)
    return len(entries)


def symbols_refreshed_at() -> dict[tuple[str, str], datetime]:
    """When the rules of each environment and market that has any were last read from its exchange."""
    markets = SymbolRules.objects.order_by().values_list("environment", "market")
    return {(environment, market): at for environment, market, at in markets.annotate(at=Max("refreshed_at"))}


def _is_wanted(entry: Mapping[str, Any]) -> bool:
    """True for what is priced in USDT and has rules; of futures for what does not expire."""
    if entry.get("quoteAsset") != QUOTE_ASSET or entry.get("contractType", PERPETUAL) != PERPETUAL:
        return False
    try:
        rules_of(entry)
    except (LookupError, TypeError, ArithmeticError) as error:
        logger.warning("symbol %s: rules that can't be read are left out: %r", entry.get("symbol"), error)
        return False
    return True


def _popularity(entry: Mapping[str, Any]) -> tuple[int, str]:
    base = entry["baseAsset"]
    return (POPULAR.index(base) if base in POPULAR else len(POPULAR), entry["symbol"])


def _save_last_good(
    environment: str, market: str, entries: list[dict[str, Any]], *, listed: list[str], now: datetime
) -> list[str]:
    """Write the entries; return the symbols that we know and the exchange no longer lists."""
    rows = [
        SymbolRules(
            environment=environment,
            market=market,
            symbol=entry["symbol"],
            status=entry["status"],
            entry=entry,
            refreshed_at=now,
        )
        for entry in entries
    ]
    with transaction.atomic():
        SymbolRules.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["environment", "market", "symbol"],
            update_fields=["status", "entry", "refreshed_at"],
        )
        # A symbol that the exchange no longer lists must not look tradable for ever.
        known = SymbolRules.objects.filter(environment=environment, market=market, refreshed_at__lt=now)
        gone = known.exclude(symbol__in=listed)
        gone.update(status="DELISTED")
        return list(gone.values_list("symbol", flat=True))


def _fill_cache(
    environment: str, market: str, entries: list[dict[str, Any]], *, delisted: list[str], now: datetime
) -> None:
    """Symbols first, then last good, then the timestamp, then the count of successes: a reader never sees a half."""
    prefix = _prefix(environment, market)
    packed = {f"{prefix}:{entry['symbol']}": json.dumps(entry) for entry in entries}
    try:
        pipe = get_redis_connection("default").pipeline(transaction=False)
        for key, value in packed.items():
            pipe.set(key, value, px=KEEP)
        for symbol in delisted:
            pipe.delete(f"{prefix}:{symbol}")
        pipe.set(f"{prefix}:last_good", json.dumps([entry["symbol"] for entry in entries]))
        pipe.set(f"{prefix}:refreshed_at", now.isoformat())
        pipe.incr(f"{prefix}:successes")
        pipe.execute()
    except RedisError as error:
        logger.warning("symbols %s: not cached, Redis does not answer: %s", prefix, error)


@lru_cache(maxsize=1024)
def _unpacked(packed: bytes) -> Rules:
    """The rules in a cached text: it stays the same for minutes, and every run of a bot reads it."""
    return rules_of(json.loads(packed))


def _prefix(environment: str, market: str) -> str:
    return f"symbols:{environment}:{market}"
