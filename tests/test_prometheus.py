"""Dashboards and alert rules use only what the code tells, and a real Prometheus understands all of it."""

import json
import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml
from celery import current_app
from django.conf import settings
from django.db import connections
from prometheus_client import Counter

from bots import metrics as bots_metrics
from market import metrics as market_metrics
from market.logs.reading import read_all
from market.telemetry import Counter as Counted
from market.telemetry import Histogram as Timed
from ops.metrics import process
from ops.metrics.state.gauges import GAUGES
from ops.stack import services, testing
from ops.stack.services import METRICS_PORTS
from tests.test_browser_admin import database_url
from trades import metrics as trades_metrics

ROOT = Path(settings.BASE_DIR)
DEPLOY = ROOT / "deploy"
CONFIG = DEPLOY / "prometheus/prometheus.yml"
RULE_FILES = sorted((DEPLOY / "prometheus/rules").glob("*.yml"))
RULE_TESTS = sorted((DEPLOY / "prometheus/tests").glob("*.yml"))
JOBS = {job["job_name"]: job for job in yaml.safe_load(CONFIG.read_text())["scrape_configs"]}
TOKEN = "a-token-of-prometheus"
MAKER = runpy.run_path(str(DEPLOY / "grafana/make_dashboards.py"))
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in (DEPLOY / "grafana/dashboards").glob("*.json")}
OF_TARGETS = {"job", "instance"}  # labels that Prometheus itself gives

# What processes count, as the code has it: by the name that is told, with its labels.
MODULES = (market_metrics, trades_metrics, bots_metrics, process)
MADE = [item._metric for module in MODULES for item in vars(module).values() if isinstance(item, (Counted, Timed))]
PROCESS = {
    metric._name + ("_total" if isinstance(metric, Counter) else ""): tuple(metric._labelnames) for metric in MADE
}


def labels_by_name() -> dict[str, set[str]]:
    """All that may be asked for, with its labels: a histogram by its three names."""
    known = {gauge.name: set(gauge.labels) for gauge in GAUGES} | {"up": set()}
    for name, labels in PROCESS.items():
        if name.endswith("_total"):
            known[name] = set(labels)
        else:
            known |= {f"{name}_bucket": {*labels, "le"}, f"{name}_sum": set(labels), f"{name}_count": set(labels)}
    return known


KNOWN = labels_by_name()
RULES = [rule for path in RULE_FILES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]
PANELS = [panel for dashboard in DASHBOARDS.values() for panel in dashboard["panels"]]
QUERIES = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
EXPRESSIONS = [(rule["alert"], rule["expr"]) for rule in RULES] + [(title, it["expr"]) for title, it in QUERIES]
METRIC = r"\b(tradebot_\w+|up)\b(?:\{([^}]*)\})?"
GROUPED = r"by \(([^)]*)\) \((?:(?:rate|increase)\()?(tradebot_\w+|up)\b"


def named(text: str) -> set[str]:
    return {word.strip() for word in text.split(",")}


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_a_rule_or_panel_uses_only_metrics_and_labels_that_exist(title, expression):
    used = re.findall(METRIC, expression)
    assert used
    for name, matchers in used:
        assert name in KNOWN, f"{title}: nobody tells {name}"
        assert set(re.findall(r"(\w+)\s*[=!]~?", matchers)) <= KNOWN[name] | OF_TARGETS

    grouped = re.findall(GROUPED, expression)
    assert len(grouped) == len(re.findall(r"\bby\b", expression)), "this test reads `by (label) (metric` only"
    for labels, name in grouped:
        assert named(labels) <= KNOWN[name] | OF_TARGETS, f"{title}: {name} has no such label"


@pytest.mark.parametrize(("title", "query"), QUERIES)
def test_the_legend_of_a_panel_names_what_it_is_grouped_by(title, query):
    groups = set().union(*(named(labels) for labels, _ in re.findall(GROUPED, query["expr"])))

    assert set(re.findall(r"\{\{(\w+)\}\}", query["legendFormat"])) == groups - {"le"}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_its_unit_and_what_it_shows(panel):
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]


def sections() -> set[str]:
    """The anchors of the runbook."""
    titles = re.findall(r"^#+ (.+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    return {title.lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_how_bad_it_is_since_when_and_what_to_do(rule):
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["for"]
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    page, _, section = rule["annotations"]["runbook"].partition("#")
    assert page == "docs/runbook.md"
    assert section in sections()
    groups = set().union(*(named(labels) for labels, _ in re.findall(GROUPED, rule["expr"])))
    told = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    assert told <= groups | OF_TARGETS


def test_the_dashboards_are_those_that_the_table_makes():
    assert set(DASHBOARDS) == set(MAKER["DASHBOARDS"])
    for name in DASHBOARDS:
        made = MAKER["as_text"](name)
        assert (DEPLOY / f"grafana/dashboards/{name}.json").read_text() == made, "run deploy/grafana/make_dashboards.py"


def test_each_rule_is_tested_by_firing():
    fired = set(re.findall(r'labels: .\{alertname="(\w+)"', "".join(path.read_text() for path in RULE_TESTS)))

    assert fired == {rule["alert"] for rule in RULES}


def test_each_service_that_counts_is_scraped():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    told = {name: int(it["environment"]["METRICS_PORT"]) for name, it in services.items() if tells(it)}
    jobs = {name: job["dns_sd_configs"][0] for name, job in JOBS.items()}

    assert {name: found["port"] for name, found in jobs.items()} == told | {"web": 8000}
    assert all(found["names"] == [name] for name, found in jobs.items())


def tells(service: dict) -> bool:
    """Whether it tells metrics on a port of its own."""
    return "METRICS_PORT" in service.get("environment", {})


needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="no prometheus here: apt-get install prometheus, as .ci/prometheus does",
)


@needs_prometheus
def test_promtool_agrees_and_each_rule_fires_when_it_should(tmp_path):
    checked = tmp_path / "prometheus"
    shutil.copytree(DEPLOY / "prometheus", checked)
    (checked / "metrics-token").write_text("x")

    tests = [f"tests/{path.name}" for path in RULE_TESTS]
    for command in (["check", "config", "prometheus.yml"], ["test", "rules", *tests]):
        argv = ["promtool", *command]
        done = subprocess.run(argv, cwd=checked, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def door(transactional_db, broker, spawn, tmp_path, unused_ports):
    """Web and a worker as `make up` starts them; which job of Prometheus finds what at which address."""
    web_port, worker_port = unused_ports
    own = {"WEB_HOST": "127.0.0.1", "WEB_PORT": str(web_port), "METRICS_TOKEN": TOKEN, "HTTPS_ONLY": "false"}
    own |= {"DATABASE_URL": database_url(), "METRICS_DIR": str(tmp_path / "metrics"), "METRICS_HOST": "127.0.0.1"}
    own["METRICS_PORT"] = str(worker_port - METRICS_PORTS.index("worker-background"))
    (tmp_path / "metrics/web").mkdir(parents=True)
    (tmp_path / "metrics/web/counter_7.db").write_bytes(b"of an earlier run")
    web, worker = services.web(dict(os.environ) | own), services.worker(dict(os.environ) | own, "background")
    current_app.send_task("bots.tasks.keep_decisions", queue="maintenance")
    children = [spawn(it.argv, env=dict(it.environment), name=it.name) for it in (web, worker)]
    told_at = dict.fromkeys(JOBS, f"127.0.0.1:{worker_port}") | {"web": f"127.0.0.1:{web_port}"}
    yield told_at, children
    connections.close_all()


@pytest.fixture
def unused_ports() -> list[int]:
    return [testing.free_port() for _ in range(2)]


def configured(directory: Path, addresses: dict[str, str]) -> Path:
    """Our configuration in a hurry, with the jobs led to ``addresses``."""
    config = yaml.safe_load(CONFIG.read_text())
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(path) for path in RULE_FILES]
    for job in config["scrape_configs"]:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": [addresses[job["job_name"]]]}]
    (directory / "metrics-token").write_text(TOKEN)
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    return directory / "prometheus.yml"


@pytest.fixture
def ask(door, spawn, tmp_path, free_port, wait_until):
    """A question to a real Prometheus that has scraped all jobs: `ask("query", query=…)`."""
    listen = f"127.0.0.1:{free_port}"
    options = [f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address={listen}", "--log.level=warn"]
    child = spawn(["prometheus", f"--config.file={configured(tmp_path, door[0])}", *options], name="prometheus")

    def ask(what: str, **parameters: str):
        with urlopen(f"http://{listen}/api/v1/{what}?{urlencode(parameters)}", timeout=5) as reply:
            told = json.load(reply)
        assert told["status"] == "success", told
        return told["data"]

    def has_all() -> bool:
        assert all(it.process.poll() is None for it in (child, *door[1]))
        try:
            found = ask("query", query="count(max_over_time(up[1m]) == 1)")["result"]
        except OSError:
            return False
        return bool(found) and int(found[0]["value"][1]) == len(JOBS)

    wait_until(has_all, 60, "all jobs are scraped")
    return ask


@needs_prometheus
def test_a_real_prometheus_scrapes_the_running_system_and_understands_every_panel_and_rule(ask, door, wait_until):
    addresses, (web, _) = door

    def value(query: str) -> float | None:
        found = ask("query", query=query)["result"]
        return float(found[0]["value"][1]) if found else None

    assert [name for name, job in JOBS.items() if "authorization" in job] == ["web"]
    with pytest.raises(HTTPError, match="404"):  # it was scraped, and so had the token
        urlopen(f"http://{addresses['web']}/metrics", timeout=5)
    assert [line for line in read_all(web.text) if line["logger"] == "gunicorn.error" and "Booting" in line["event"]]
    assert "is left out" not in web.text  # what an earlier run left behind was wiped

    wait_until(lambda: value('tradebot_up{component="database", job="web"}') == 1, 20)
    assert value('tradebot_log_errors_total{job="web", app="bots", level="CRITICAL"}') == 0  # shown before there is one
    done = 'tradebot_tasks_total{job="worker-background", task="bots.tasks.keep_decisions", state="SUCCESS"}'
    wait_until(lambda: value(done) == 1, 20, "a child of the worker has counted its task")
    for title in shown():
        for target in next(panel for panel in PANELS if panel["title"] == title)["targets"]:
            query = target["expr"].replace("$__rate_interval", "1m")
            wait_until(lambda query=query: ask("query", query=query)["result"], 20, f"{title} shows something")

    for _, expression in EXPRESSIONS:
        ask("query", query=expression.replace("$__rate_interval", "1m"))

    def evaluated():
        groups = ask("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return len(rules) == len(RULES) and all(rule["health"] != "unknown" for rule in rules) and rules

    assert {(rule["health"], rule.get("lastError", "")) for rule in wait_until(evaluated, 20)} == {("ok", "")}


# What an empty system can't know: nothing has ever ticked or beaten.
UNTOLD = {"Age of the last tick", "Silence of beat", "Candles late", "Age of symbol rules"}
# What does happen in it, from one scrape of another on.
HAPPENS = {"Requests", "Tasks", "Time of tasks", "Wait of tasks", "Errors in logs", "Dead letters"}


def shown() -> list[str]:
    """The titles of the panels that show something of such a system."""
    titles = [panel["title"] for panel in PANELS if panel["title"] in HAPPENS or state_only(panel)]
    found = [title for title in titles if title not in UNTOLD]
    assert len(found) > 26
    return found


def state_only(panel: dict) -> bool:
    """Whether all that it shows is read at the scrape, so that it is there from the first one on."""
    names = {name for target in panel["targets"] for name, _ in re.findall(METRIC, target["expr"])}
    return names <= {gauge.name for gauge in GAUGES}
