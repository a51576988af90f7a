"""Dashboards and alert rules use only what the code tells, and a real Prometheus understands all of it."""

import json
import re
import runpy
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml
from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from bots import metrics as bots_metrics
from market import metrics as market_metrics
from market.telemetry import Counter as Counted
from market.telemetry import Histogram as Timed
from ops.metrics import process
from ops.metrics.state import collectors
from ops.metrics.state.gauges import GAUGES
from trades import metrics as trades_metrics

ROOT = Path(settings.BASE_DIR)
DEPLOY = ROOT / "deploy"
CONFIG = DEPLOY / "prometheus/prometheus.yml"
RULE_FILES = sorted((DEPLOY / "prometheus/rules").glob("*.yml"))
RULE_TESTS = sorted((DEPLOY / "prometheus/tests").glob("*.yml"))
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
    jobs = {job["job_name"]: job["dns_sd_configs"][0] for job in yaml.safe_load(CONFIG.read_text())["scrape_configs"]}

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
def door() -> Iterator[tuple[str, list[str | None]]]:
    """Where metrics are told, and what those who asked said of themselves.

    INTEGRATOR: with the real doors start gunicorn and a worker (see `web_process` of tests/test_api_wire.py and
    `process` of tests/test_liveness.py) and let `configured` lead each job to its own port.
    """
    registry = CollectorRegistry()
    for it in collectors():
        registry.register(it)
    for name, labels in PROCESS.items():
        made = (Counter if name.endswith("_total") else Histogram)(name, "x", labels, registry=registry)
        one = made.labels(*("x" for _ in labels)) if labels else made
        one.inc() if name.endswith("_total") else one.observe(1)
    said: list[str | None] = []

    class Door(BaseHTTPRequestHandler):
        def do_GET(self):
            said.append(self.headers["Authorization"])
            text = generate_latest(registry)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", said
        server.shutdown()


def configured(directory: Path, address: str) -> Path:
    """Our configuration in a hurry, with the jobs led to ``address``."""
    config = yaml.safe_load(CONFIG.read_text())
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(path) for path in RULE_FILES]
    for job in config["scrape_configs"]:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": [address]}]
    (directory / "metrics-token").write_text("secret")
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    return directory / "prometheus.yml"


@pytest.fixture
def ask(door, spawn, tmp_path, free_port, wait_until):
    """A question to a real Prometheus that has scraped all jobs: `ask("query", query=…)`."""
    data = tmp_path / "data"
    listen = f"127.0.0.1:{free_port}"
    options = [f"--storage.tsdb.path={data}", f"--web.listen-address={listen}", "--log.level=warn"]
    child = spawn(["prometheus", f"--config.file={configured(tmp_path, door[0])}", *options], name="prometheus")

    def ask(what: str, **parameters: str):
        with urlopen(f"http://{listen}/api/v1/{what}?{urlencode(parameters)}", timeout=5) as reply:
            told = json.load(reply)
        assert told["status"] == "success", told
        return told["data"]

    def has_all() -> bool:
        assert child.process.poll() is None, child.text
        try:
            found = ask("query", query="count(up == 1)")["result"]
        except OSError:
            return False
        return bool(found) and int(found[0]["value"][1]) == len(yaml.safe_load(CONFIG.read_text())["scrape_configs"])

    wait_until(has_all, 30, "all jobs are scraped")
    return ask


@needs_prometheus
@pytest.mark.django_db
def test_a_real_prometheus_scrapes_and_understands_every_panel_and_rule(ask, door, wait_until):
    assert {None, "Bearer secret"} == set(door[1])  # of the web alone
    assert door[1].count("Bearer secret") < len(door[1]) / 2

    (found,) = ask("query", query='tradebot_up{component="database", job="web"}')["result"]
    assert found["value"][1] == "1"
    shown = [panel for panel in PANELS if state_only(panel) and panel["title"] not in UNTOLD]
    assert len(shown) > 20
    for panel in shown:
        for target in panel["targets"]:
            assert ask("query", query=target["expr"])["result"], f"{panel['title']} shows nothing"

    for _, expression in EXPRESSIONS:
        ask("query", query=expression.replace("$__rate_interval", "1m"))

    def evaluated():
        groups = ask("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return len(rules) == len(RULES) and all(rule["health"] != "unknown" for rule in rules) and rules

    assert {(rule["health"], rule.get("lastError", "")) for rule in wait_until(evaluated, 20)} == {("ok", "")}


# What an empty system can't know: nothing has ever ticked, beaten, or spoken.
UNTOLD = {"Age of the last tick", "Silence of beat", "Silence of workers", "Candles late", "Age of symbol rules"}


def state_only(panel: dict) -> bool:
    """Whether all that it shows is read at the scrape, so that it is there from the first one on."""
    names = {name for target in panel["targets"] for name, _ in re.findall(METRIC, target["expr"])}
    return names <= {gauge.name for gauge in GAUGES}
