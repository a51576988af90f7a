"""The looks: each is asked how one thing stands now, and tells at least one finding if it could look.

A look that can't know because what it asks is away tells nothing: that is told by the look at what is away.
"""

from collections.abc import Callable
from datetime import datetime

from ops.health.checks import database, failures, machine, outside, processes, stores, trading
from ops.health.findings import Finding

Check = Callable[[datetime], list[Finding]]

CHECKS: dict[str, Check] = {
    "database": database.database,
    "migrations": database.migrations,
    "cache": stores.cache,
    "broker": stores.broker,
    "beat": processes.beat,
    "worker": processes.worker,
    "watch": processes.watch,
    "queue": stores.queue,
    "feed": outside.feed,
    "exchange": outside.exchange,
    "mail": outside.mail,
    "tick": trading.tick,
    "naked": trading.naked,
    "bots": trading.bots,
    "orders": trading.orders,
    "dead-letters": failures.dead_letters,
    "notifications": failures.notifications,
    "errors": failures.errors,
    "cpu": machine.cpu,
    "memory": machine.memory,
    "disk": machine.disk,
    "logs": machine.logs,
}
