"""Writes dashboards/*.json from the tables below: `python deploy/grafana/make_dashboards.py`. A test compares them."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
COLUMNS, WIDTH, HEIGHT = 3, 8, 7
DATASOURCE = {"type": "prometheus", "uid": "tradebot"}
PLACE = "{{environment}} {{market}}"
REJECTED = '{outcome="rejected"}'

# Each panel: title, unit (Grafana's name), what it shows, and one or more pairs of an expression and a legend.
# State is told by each process of the web, so `max` makes one of them. What happens is added up over all processes.
Panel = tuple[Any, ...]


def rate(name: str, by: str = "", matching: str = "") -> str:
    """How often it happens, of all processes together, a second."""
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} (rate({name}{matching}[$__rate_interval]))"


def quantile(share: float, name: str, by: str = "") -> str:
    """So long takes this share of all at most."""
    labels = ", ".join(filter(None, ["le", by]))
    return f"histogram_quantile({share}, sum by ({labels}) (rate({name}_bucket[$__rate_interval])))"


def times(title: str, name: str, text: str) -> Panel:
    """Median, and what one in a hundred exceeds."""
    return (title, "s", text, *((quantile(share, name), label) for share, label in ((0.5, "median"), (0.99, "p99"))))


DASHBOARDS: dict[str, list[Panel]] = {
    "fleet": [
        ("Bots", "short", "Bots by status.", ("max by (status) (tradebot_bots)", "{{status}}")),
        ("Active bots", "short", "Bots that each tick looks at.", ("max(tradebot_bots_active)", "active")),
        (
            "Open positions",
            "short",
            "Positions that can be closed.",
            ("max by (environment, market) (tradebot_open_positions)", PLACE),
        ),
        (
            "Age of the last tick",
            "s",
            "Since the last tick began that has ended: up to a minute and its own time.",
            ("max(tradebot_last_tick_age_seconds)", "age"),
        ),
        times("Time of a tick", "tradebot_tick_seconds", "From its begin until its last series was evaluated."),
        ("Ticks", "ops", "Begun, begun once more, finished.", (rate("tradebot_ticks_total", "outcome"), "{{outcome}}")),
        ("Missed ticks", "short", "Minutes of the last hour without one.", ("max(tradebot_ticks_missed)", "missed")),
        ("Decisions", "ops", "What was to be done.", (rate("tradebot_decisions_total", "action"), "{{action}}")),
        ("Runs of bots", "ops", "How they ended.", (rate("tradebot_bot_runs_total", "outcome"), "{{outcome}}")),
        ("Series", "ops", "Evaluated by ticks.", (rate("tradebot_series_evaluated_total"), "series")),
        (
            "Kill switches",
            "short",
            "Pressed, by whose trading they stop.",
            ("max by (scope, state) (tradebot_kill_switches)", "{{scope}} {{state}}"),
        ),
        (
            "Accounts",
            "short",
            "By what their own switch says.",
            ("max by (environment, state) (tradebot_accounts)", "{{environment}} {{state}}"),
        ),
    ],
    "orders": [
        (
            "Orders",
            "ops",
            "By the status that they have come to; denied: refused by ourselves.",
            (rate("tradebot_orders_total", "outcome"), "{{outcome}}"),
        ),
        ("Purposes", "ops", "Entries, exits, protections.", (rate("tradebot_orders_total", "purpose"), "{{purpose}}")),
        ("Fills", "ops", "Executions booked.", (rate("tradebot_fills_total", "environment, market"), PLACE)),
        ("Live orders", "short", "At work, by status.", ("max by (status) (tradebot_orders_live)", "{{status}}")),
        times("Time of an order", "tradebot_order_seconds", "From being written down to the exchange's answer."),
        times(
            "From candle to order",
            "tradebot_candle_to_order_seconds",
            "From the close of the candle that is acted on to the exchange's answer.",
        ),
        ("Naked positions", "short", "Open without a stop at rest.", ("max(tradebot_naked_positions)", "positions")),
        ("Naked for", "s", "The worst of them.", ("max(tradebot_naked_position_seconds)", "seconds")),
        (
            "Rejected",
            "percentunit",
            "Share of the orders that the exchange answered.",
            (
                f"{rate('tradebot_orders_total', 'environment, market', REJECTED)}"
                f" / {rate('tradebot_order_seconds_count', 'environment, market')}",
                PLACE,
            ),
        ),
    ],
    "exchange": [
        (
            "Request weight",
            "percentunit",
            "Share that this minute's calls have used of what the exchange allows.",
            (
                "max by (environment, market) (tradebot_request_weight_used)"
                " / max by (environment, market) (tradebot_request_weight_limit)",
                PLACE,
            ),
        ),
        (
            "Silence",
            "s",
            "How long the exchange still wants none of our calls.",
            ("max by (environment, market) (tradebot_exchange_silent_seconds)", PLACE),
        ),
        (
            "Bad news",
            "ops",
            "By what it means to us.",
            (rate("tradebot_exchange_errors_total", "environment, market, kind"), f"{PLACE} {{{{kind}}}}"),
        ),
        (
            "Time of a call",
            "s",
            "The slowest one in a hundred.",
            (quantile(0.99, "tradebot_exchange_call_seconds", "call"), "{{call}}"),
        ),
        ("Calls", "ops", "HTTP calls.", (rate("tradebot_exchange_call_seconds_count", "call"), "{{call}}")),
        (
            "Candles late",
            "s",
            "Since the candle closed that the worst series lacks.",
            ("max by (environment, market) (tradebot_market_data_age_seconds)", PLACE),
        ),
        (
            "Age of symbol rules",
            "s",
            "Since they were read from the exchange.",
            ("max by (environment, market) (tradebot_symbols_age_seconds)", PLACE),
        ),
        (
            "Looks at shared data",
            "ops",
            "Hits, and misses that had to be fetched.",
            (rate("tradebot_market_reads_total", "kind, outcome"), "{{kind}} {{outcome}}"),
        ),
        ("Feed", "bool", "Whether a stream process is at work.", ('min(tradebot_up{component="feed"})', "feed")),
    ],
    "celery": [
        ("Waiting messages", "short", "By queue.", ("max by (queue) (tradebot_queue_messages)", "{{queue}}")),
        (
            "Waiting for",
            "s",
            "The next message of each queue.",
            ("max by (queue) (tradebot_queue_oldest_seconds)", "{{queue}}"),
        ),
        ("Workers", "short", "Living, by queue.", ("max by (queue) (tradebot_queue_workers)", "{{queue}}")),
        (
            "Silence of workers",
            "s",
            "Since each last spoke.",
            ("max by (worker) (tradebot_worker_heartbeat_age_seconds)", "{{worker}}"),
        ),
        ("Silence of beat", "s", "Since it last sent something.", ("max(tradebot_beat_age_seconds)", "beat")),
        ("Tasks", "ops", "By how they ended.", (rate("tradebot_tasks_total", "state"), "{{state}}")),
        (
            "Time of tasks",
            "s",
            "The slowest one in twenty.",
            (quantile(0.95, "tradebot_task_seconds", "task"), "{{task}}"),
        ),
        (
            "Wait of tasks",
            "s",
            "Before they began: the slowest one in twenty.",
            (quantile(0.95, "tradebot_task_wait_seconds", "queue"), "{{queue}}"),
        ),
        (
            "Dead letters",
            "short",
            "Failed for good: waiting for a person, and of the last hour.",
            ("max(tradebot_dead_letters_waiting)", "waiting"),
            ("sum by (queue) (increase(tradebot_dead_letters_total[1h]))", "{{queue}}"),
        ),
    ],
    "system": [
        ("Components", "bool", "1: does its work.", ("min by (component) (tradebot_up)", "{{component}}")),
        ("Scraped", "bool", "Whether each process answers Prometheus.", ("min by (job) (up)", "{{job}}")),
        (
            "Machine",
            "percentunit",
            "CPU busy, memory not available, disk of the program used.",
            ("max(tradebot_cpu_ratio)", "CPU"),
            ("max(tradebot_memory_ratio)", "memory"),
            ("max(tradebot_disk_ratio)", "disk"),
        ),
        ("Alerts", "short", "Whose condition holds.", ("max by (severity) (tradebot_alerts_open)", "{{severity}}")),
        ("Database", "bytes", "Size on disk.", ("max(tradebot_database_bytes)", "database")),
        ("Connections", "short", "To the database.", ("max(tradebot_database_connections)", "connections")),
        ("Redis", "bytes", "Memory for data.", ("max by (role) (tradebot_redis_memory_bytes)", "{{role}}")),
        (
            "Requests",
            "reqps",
            "Answered by the web, by status.",
            (rate("tradebot_http_request_seconds_count", "status"), "{{status}}"),
        ),
        times("Time of a request", "tradebot_http_request_seconds", "Of the web, from request to answer."),
        (
            "Errors in logs",
            "ops",
            "Lines of level ERROR and above.",
            (rate("tradebot_log_errors_total", "app, level"), "{{app}} {{level}}"),
        ),
        (
            "Deliveries",
            "ops",
            "Of notifications, by channel and how they ended.",
            (rate("tradebot_deliveries_total", "kind, outcome"), "{{kind}} {{outcome}}"),
        ),
        (
            "Time of a delivery",
            "s",
            "The slowest one in twenty, by channel.",
            (quantile(0.95, "tradebot_delivery_seconds", "kind"), "{{kind}}"),
        ),
        (
            "Notifications",
            "short",
            "On their way to people.",
            ("max(tradebot_notifications_waiting)", "waiting"),
        ),
        (
            "Notifications late",
            "s",
            "How much too late the latest is.",
            ("max(tradebot_notification_oldest_seconds)", "late"),
        ),
    ],
}


def dashboard(name: str) -> dict[str, Any]:
    """As Grafana reads it."""
    return {
        "uid": f"tradebot-{name}",
        "title": f"TradeBot: {name}",
        "tags": ["tradebot"],
        "schemaVersion": 39,
        "refresh": "15s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "utc",
        "links": [{"type": "dashboards", "tags": ["tradebot"], "title": "TradeBot", "asDropdown": False}],
        "panels": [_panel(number, *row) for number, row in enumerate(DASHBOARDS[name])],
    }


def _panel(number: int, title: str, unit: str, text: str, *queries: tuple[str, str]) -> dict[str, Any]:
    x, y = number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "description": text,
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": "ABCDEF"[index], "expr": query, "legendFormat": legend}
            for index, (query, legend) in enumerate(queries)
        ],
    }


def as_text(name: str) -> str:
    """One line for each panel: what changes shows in a diff."""
    made = dashboard(name)
    panels = ",\n".join(f"  {json.dumps(panel)}" for panel in made.pop("panels"))
    return f'{json.dumps(made)[:-1]}, "panels": [\n{panels}\n]}}\n'


if __name__ == "__main__":
    for name in DASHBOARDS:
        (HERE / "dashboards" / f"{name}.json").write_text(as_text(name))
