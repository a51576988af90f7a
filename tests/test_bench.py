"""The benchmarks run and tell everything they should. Nothing is timed here."""

import json

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.long
FIGURES = {
    *("orders_per_second", "order_p50_ms", "order_p99_ms", "order_max_ms", "orders_per_second_empty", "slowdown"),
    *("order_p99_ms_empty", "reads_per_second", "read_p99_ms", "signed_reads_per_second", "signed_read_p99_ms"),
    *("signed_read_alone_p50_ms", "signed_read_alone_max_ms", "engine_orders_per_second", "bulk_orders_per_second"),
    *("start_seconds", "memory_mb", "ledger_mb", "server_cpu_ms", "client_cpu_ms"),
}
CIRCUMSTANCES = {"size", "busy_cores", "runs", "limits", "machine"}


def test_the_exchange_is_measured(capsys):
    call_command("bench", "exchange", "--quick", "--json")

    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() == FIGURES | CIRCUMSTANCES
    assert all(printed[name] > 0 for name in FIGURES)
    assert printed["limits"].keys() == {"fsyncs_per_second", "bare_aiohttp_answers_per_second"}
    assert {"cpu", "cores", "python", "sqlite", "aiohttp", "orjson", "commit"} <= printed["machine"].keys()


def test_the_booking_of_fills_is_measured(capsys):
    call_command("bench", "fills", "--quick", "--json")

    printed = json.loads(capsys.readouterr().out)
    assert (printed["fills"], printed["differences"]) == (300, 0)
    assert printed["reports_per_second"] > 0
    assert printed.keys() >= {"seed", "orders", "positions", "told", "reports", "seconds", "machine"}


def test_a_tick_of_a_fleet_is_measured(capsys):
    call_command("bench", "tick", "--quick", "--json")

    printed = json.loads(capsys.readouterr().out)
    assert (printed["bots"], printed["series"], printed["acting"]) == (300, 6, 15)
    assert {"peak_rss_mb", "cpu_us_per_bot", "exchange_calls", "sql_statements", "machine"} <= printed.keys()
    for name in ("seconds", "seconds_when_each_row_changes", "limit_seconds", "naive_seconds", "acting_p99_seconds"):
        assert printed[name] > 0


def test_orders_through_the_whole_system_are_measured(capsys):
    call_command("bench", "orders", "--quick", "--json")

    printed = json.loads(capsys.readouterr().out)
    steps = {"queued", "looked", "intended", "claimed", "exchange", "booked", "rest", "whole"}
    speeds = {name for name in printed if "_per_second" in name}
    audited = dict.fromkeys(("lost", "duplicated", "phantom", "unequal", "pending"), 0)
    assert printed["orders"] == 8
    assert printed["audit"] == {"booked": 24} | audited
    assert len(speeds) == 5
    assert all(printed[name] > 0 for name in speeds)
    assert all(printed[name].keys() == steps for name in ("step_ms", "entry_step_ms", "entry_step_ms_one_owner"))
    assert all(0 < figures["p50"] <= figures["p99"] for figures in printed["step_ms"].values())
    assert printed["busy_cores"].keys() == {"worker-trading", "paper", "postgres", "redis", "bench", "others"}
    assert all(limit > 0 for limit in printed["limits"].values())


def test_orders_beside_a_storm_of_notifications_are_measured(capsys):
    call_command("bench", "notifications", "--quick", "--json", "--count", "20")

    printed = json.loads(capsys.readouterr().out)
    assert printed["notifications"] == 20 == printed["delivered"] + printed["failed"] + printed["waiting"]
    assert printed["delivered"] >= 4
    assert (printed["lost"], printed["twice"]) == (0, 0)
    assert printed["calls"]["mail_not_taken"] > 0
    assert printed["calls"]["flaky_not_taken"] > 0
    assert printed["orders"] == {"without": 8, "with": 8}
    for name in ("order_ms", "whole_ms"):
        assert all(figures.keys() >= {"change_percent", "interval", "by_pair"} for figures in printed[name].values())
        assert all(figures["without"] > 0 < figures["with"] for figures in printed[name].values())
    assert printed["busy_cores"]["with"].keys() == printed["busy_cores"]["without"].keys()


def test_pages_of_the_admin_are_measured(capsys):
    call_command("bench", "admin", "--quick", "--json")

    printed = json.loads(capsys.readouterr().out)
    pages = {page["name"]: page for page in printed["pages"]}
    assert (printed["bots"], printed["trades"], printed["decisions"]) == (60, 600, 600)
    assert pages.keys() >= {
        "dashboard",
        "one bot",
        "bots",
        "orders",
        "trades",
        "decisions",
        "accounts",
        "periodic tasks",
    }
    for page in pages.values():
        assert page.keys() == {"name", "median_ms", "p99_ms", "queries"}
        assert 0 < page["median_ms"] <= page["p99_ms"]
        assert 0 < page["queries"] <= 40, page


def test_the_list_of_bots_is_measured_beside_a_bare_list(capsys):
    call_command("bench", "api", "--quick", "--json")

    printed = json.loads(capsys.readouterr().out)
    figures = {"requests_per_second", "bare_requests_per_second", "ratio", "p50_ms", "p99_ms", "bare_p50_ms"}
    assert (printed["bots"], printed["page"], printed["callers"]) == (60, 50, 4)
    assert all(printed[name] > 0 for name in figures)
    assert printed["p50_ms"] <= printed["p99_ms"]
    assert printed["bytes"] > 50 * 100


def test_the_report_of_a_year_is_measured(capsys):
    call_command("bench", "report", "--quick", "--json")

    printed = json.loads(capsys.readouterr().out)
    assert (printed["bots"], printed["trades"], printed["days"]) == (20, 400, 365)
    assert printed["trades_in_the_report"] == 2 * printed["positions_closed"] == 400
    assert 0 < printed["rss_before_mb"] <= printed["peak_rss_mb"]
    assert 0 < printed["sql_statements"] <= 15
    assert printed["seconds"] > 0
    # Of so few rows any statement may be among the slowest, also one that finds none.
    assert all(plan["nodes"] for plan in printed["plans"]), printed["plans"]
    assert any(plan["rows_read"] > 0 for plan in printed["plans"]), printed["plans"]


def test_a_backtest_is_measured_beside_the_reading_alone_and_the_engine(capsys):
    call_command("bench", "backtest", "--quick", "--json")

    printed = json.loads(capsys.readouterr().out)
    assert printed["bars"] == 3_000
    assert 0 < printed["reading_seconds"] <= printed["seconds"]
    assert printed["rounds"] > 0
    speeds = {name for name in printed if name.endswith("_per_second")}
    assert len(speeds) == 4
    assert all(printed[name] > 0 for name in speeds)
    assert printed["peak_rss_mb"] >= printed["rss_before_mb"] > 0
