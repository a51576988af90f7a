"""Who may read the site's metrics, and that no label of them grows with what people send or own."""

import ast
import logging
import types

from celery import current_app
from django.conf import settings
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from bots import metrics as of_bots
from market import metrics as of_market
from market.telemetry import Counter, Histogram, process_registry
from market.telemetry.bounded import REGISTRY
from ops.dead_letters.policy import HARMLESS, NEVER
from ops.metrics import process as of_ops
from ops.metrics import registry
from ops.metrics.process import APPS, QUEUES, TASKS, queue_label
from ops.metrics.state.gauges import GAUGES
from ops.stack.places import ROOT
from trades import metrics as of_trades

MODULES = (of_market, of_trades, of_bots, of_ops)
METRICS = {
    name: value for module in MODULES for name, value in vars(module).items() if isinstance(value, Counter | Histogram)
}


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {key: str(value) for key, value in labels.items()}) or 0.0


def ask(client, **headers):
    return client.get("/metrics", headers=headers, SERVER_NAME="no-host-of-ours")


def test_without_a_token_only_this_machine_reads_and_through_no_proxy(client, settings):
    settings.METRICS_TOKEN = ""

    told = ask(client)

    assert told.status_code == 200
    assert {family.name for family in text_string_to_metric_families(told.content.decode())}
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert ask(client, **{name: "127.0.0.1"}).status_code == 404
    for address in ("10.0.0.1", "", "::ffff:8.8.8.8"):
        assert client.get("/metrics", REMOTE_ADDR=address).status_code == 404
    assert client.post("/metrics").status_code == 404


def test_with_a_token_it_alone_decides(client, settings):
    settings.METRICS_TOKEN = "a-token-of-prometheus"

    assert ask(client).status_code == 404
    for wrong in ("Bearer a-token-of-prometheu", "Bearer ", "a-token-of-prometheus", "Bearer ä"):
        assert ask(client, Authorization=wrong).status_code == 404
    right = {"Authorization": "Bearer a-token-of-prometheus", "X-Forwarded-For": "8.8.8.8"}
    assert client.get("/metrics", headers=right, REMOTE_ADDR="10.0.0.1").status_code == 200


def test_state_that_cannot_be_read_hides_nothing_that_was_counted(monkeypatch):
    class Broken:
        def collect(self):
            raise RuntimeError("the database is away")

    class Whole:
        def collect(self):
            yield Metric("tradebot_up", "x", "gauge")

    monkeypatch.setattr(registry, "collectors", lambda: [Broken(), Whole()])

    told = {metric.name for metric in registry.site_registry().collect()}

    assert {"tradebot_up", "tradebot_ticks"} <= told


def test_a_request_is_told_by_its_view_and_never_by_its_path(client, db):
    before = count("tradebot_http_request_seconds_count", method="GET", view="none", status=404)
    for path in ("/api/v1/bots/98765/", "/api/v1/bots/98766/", "/nothing/secret-path/", "/admin/login/"):
        client.get(path)
    client.generic("TEAPOT", "/admin/login/")

    views = {
        (sample.labels["method"], sample.labels["view"])
        for metric in process_registry().collect()
        if metric.name == "tradebot_http_request_seconds"
        for sample in metric.samples
    }
    assert ("GET", "admin:login") in views
    assert not [view for _, view in views if "9876" in view or "secret" in view]
    assert not [method for method, _ in views if method == "TEAPOT"]
    assert count("tradebot_http_request_seconds_count", method="GET", view="none", status=404) >= before + 1


def test_errors_are_counted_by_the_app_that_logs_them():
    before = {app: count("tradebot_log_errors_total", app=app, level="ERROR") for app in APPS}
    current_app.loader.import_default_modules()  # sets up logging anew

    for name in ("bots.services.tick", "django.request", "botsy"):
        logging.getLogger(name).error("it went wrong")
        logging.getLogger(name).warning("it nearly went wrong")

    assert count("tradebot_log_errors_total", app="bots", level="ERROR") == before["bots"] + 1
    assert count("tradebot_log_errors_total", app="other", level="ERROR") == before["other"] + 2


def test_a_failure_is_counted_by_a_queue_of_ours():
    assert queue_label("trading") == "trading"
    assert queue_label("anybody's") == queue_label("") == "other"


def test_the_bounds_hold_what_there_is():
    assert len(HARMLESS) + len(NEVER) < TASKS
    assert len(settings.CELERY_TASK_QUEUES) + 1 == QUEUES
    from market.exchange.adapter.metering import WEIGHTS

    assert len(WEIGHTS) <= of_market.CALLS
    # All series of all metrics, were every label to take every value: what a slot's two files are far smaller than.
    series = sum(metric._most * (len(metric._metric._kwargs.get("buckets", ())) + 2) for metric in METRICS.values())
    assert series < 20_000


def _counted() -> list[tuple[str, ast.Call]]:
    """All places where something is counted, with the metric's name."""
    found = []
    for app in ("market", "trades", "bots", "ops", "tradebot_site"):
        for path in (ROOT / app).rglob("*.py"):
            text = path.read_text()
            if "tests" in path.parts or (".inc(" not in text and ".observe(" not in text):
                continue
            for node in ast.walk(ast.parse(text)):
                match node:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="inc" | "observe")):
                        if name in METRICS:
                            found.append((name, node))
    return found


def test_every_place_that_counts_names_the_labels_of_its_metric():
    for name, call in _counted():
        given = {keyword.arg for keyword in call.keywords}
        assert None in given or given == set(METRICS[name]._labels), f"{name}: {given}"


def test_every_metric_is_counted_somewhere_and_told_in_the_docs():
    docs = (ROOT / "docs/metrics.md").read_text()
    counted = {name for name, _ in _counted()}
    for name, metric in METRICS.items():
        told = metric._metric._name + ("_total" if isinstance(metric, Counter) else "")
        assert name in counted, f"{name} is never counted"
        assert f"`{told}" in docs, f"{told} is not in docs/metrics.md"
    for gauge in GAUGES:
        assert f"`{gauge.name}`" in docs, f"{gauge.name} is not in docs/metrics.md"


def test_a_wrong_label_is_told_and_stops_nobody(caplog):
    of_bots.TICKS.inc(nothing="of the kind")

    assert "is not counted" in caplog.text


def test_what_waited_in_a_queue_is_counted_from_when_it_was_due(monkeypatch):
    observed = []
    monkeypatch.setattr(of_ops, "TASK_WAIT_SECONDS", types.SimpleNamespace(observe=lambda s, **_: observed.append(s)))
    monkeypatch.setattr(of_ops.time, "time", lambda: 1_000_100.0)
    request = types.SimpleNamespace(
        headers={"sent_at": 1_000_000.0}, eta=None, delivery_info={"routing_key": "trading"}
    )

    of_ops.count_begin(request)
    request.eta = "1970-01-12T13:48:00+00:00"  # 1,000,080
    of_ops.count_begin(request)
    request.headers = None
    of_ops.count_begin(request)

    assert observed == [100.0, 20.0]
