"""What there is to read. No user, bot or symbol is a label: the number of series must not grow with the fleet."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Gauge:
    """One metric: its name with its unit, what it means, and the names of its labels."""

    name: str
    text: str
    labels: tuple[str, ...] = ()

    def at(self, value: float, *labels: str) -> "Reading":
        """The value now, for these labels."""
        assert len(labels) == len(self.labels), f"{self.name} has the labels {self.labels}"
        return Reading(self, labels, float(value))


class Reading(NamedTuple):
    """What was read of one gauge."""

    gauge: Gauge
    labels: tuple[str, ...]
    value: float


PLACE = ("environment", "market")

UP = Gauge(
    "tradebot_up", "1: it does its work; 0: it does not. Absent: what would tell is away itself.", ("component",)
)

BOTS = Gauge("tradebot_bots", "Bots by status.", ("status",))
BOTS_ACTIVE = Gauge("tradebot_bots_active", "Bots that each tick looks at.")
OPEN_POSITIONS = Gauge("tradebot_open_positions", "Positions that can be closed.", PLACE)
NAKED_POSITIONS = Gauge("tradebot_naked_positions", "Open positions whose stop does not rest at the exchange.")
NAKED_SECONDS = Gauge("tradebot_naked_position_seconds", "For how long the worst of the naked positions has been so.")
ORDERS_LIVE = Gauge("tradebot_orders_live", "Orders that are, or may be, at work, by status.", ("status",))
KILL_SWITCHES = Gauge(
    "tradebot_kill_switches", "Switches that are pressed, of the platform, users and accounts.", ("scope", "state")
)
ACCOUNTS = Gauge("tradebot_accounts", "Exchange accounts by what their own switch says.", ("environment", "state"))

TICK_AGE = Gauge("tradebot_last_tick_age_seconds", "Since the last tick began that has ended.")
TICKS_MISSED = Gauge("tradebot_ticks_missed", "Minutes of the last hour that had no tick.")
BEAT_AGE = Gauge("tradebot_beat_age_seconds", "Since beat last sent something.")
NOTIFICATIONS = Gauge("tradebot_notifications_waiting", "News that nobody has passed on, and messages not yet sent.")
NOTIFICATION_OLDEST = Gauge(
    "tradebot_notification_oldest_seconds", "How much too late the latest of them is; 0: all are in time."
)
DEAD_LETTERS = Gauge("tradebot_dead_letters_waiting", "Tasks that failed for good and wait for a person.")

QUEUE_MESSAGES = Gauge("tradebot_queue_messages", "Messages that wait in a queue.", ("queue",))
QUEUE_OLDEST = Gauge("tradebot_queue_oldest_seconds", "How long the next message of a queue has waited.", ("queue",))
QUEUE_WORKERS = Gauge("tradebot_queue_workers", "Living workers that take from a queue.", ("queue",))
WORKER_AGE = Gauge("tradebot_worker_heartbeat_age_seconds", "Since a worker last spoke; for an hour.", ("worker",))

WEIGHT_USED = Gauge("tradebot_request_weight_used", "Request weight that this minute's calls have used.", PLACE)
WEIGHT_LIMIT = Gauge("tradebot_request_weight_limit", "Request weight that the exchange allows a minute.", PLACE)
SILENT_SECONDS = Gauge("tradebot_exchange_silent_seconds", "How long the exchange still wants silence.", PLACE)
MARKET_DATA_AGE = Gauge(
    "tradebot_market_data_age_seconds",
    "Since the candle closed that the worst of the series of active bots lacks; 0: none lacks one.",
    PLACE,
)
SYMBOLS_AGE = Gauge("tradebot_symbols_age_seconds", "Since the symbol rules were last read from the exchange.", PLACE)

DATABASE_BYTES = Gauge("tradebot_database_bytes", "Size of the database on disk.")
ALERTS = Gauge("tradebot_alerts_open", "Alerts whose condition holds.", ("severity",))
DATABASE_CONNECTIONS = Gauge("tradebot_database_connections", "Connections to the database.")
REDIS_MEMORY = Gauge("tradebot_redis_memory_bytes", "Memory that a Redis server uses for data.", ("role",))
CPU = Gauge("tradebot_cpu_ratio", "Share of all CPUs that was busy since the last scrape, 0 to 1.")
MEMORY = Gauge("tradebot_memory_ratio", "Share of the memory that is not available, 0 to 1.")
DISK = Gauge("tradebot_disk_ratio", "Share of the file system that holds the program that is used, 0 to 1.")

GAUGES = tuple(value for value in list(globals().values()) if isinstance(value, Gauge))
