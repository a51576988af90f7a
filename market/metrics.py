"""What is counted of talking to the exchange and of shared data; docs/metrics.md says what each one means."""

from market.exchange.errors import ExchangeError
from market.telemetry import Counter, Histogram

EXCHANGES = 6  # three environments with two markets each
CALLS = 45  # the table of weights names 40
ERRORS = 12
READS = 20

CALL_SECONDS = Histogram(
    "tradebot_exchange_call_seconds",
    "One HTTP call to the exchange, from leave to answer or failure",
    *("environment", "market", "call"),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
    most=EXCHANGES * CALLS,
)
EXCHANGE_ERRORS = Counter(
    "tradebot_exchange_errors_total",
    "Bad news from the exchange by what it means to us",
    *("environment", "market", "kind"),
    most=EXCHANGES * ERRORS,
)
MARKET_READS = Counter(
    "tradebot_market_reads_total",
    "Looks at shared market data: hit, or miss when it had to be fetched",
    *("kind", "outcome"),
    most=READS * 2,
)


def count_error(error: ExchangeError, *, environment: str, market: str) -> None:
    """Count one try that brought bad news; our own refusals for want of request weight too."""
    EXCHANGE_ERRORS.inc(environment=environment, market=market, kind=type(error).__name__)
