"""The benchmarks run and tell everything they should. Nothing is timed here."""

import json

from django.core.management import call_command

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
