"""A real worker whose children are replaced all the time: its metrics are whole, and do not grow."""

import os
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.stack.services import CELERY
from tests.counting_tasks import nothing
from tests.test_browser_admin import database_url

TASKS, THIRD = 900, 300
WORKER = [*CELERY, "worker", "-Q", "maintenance", "-c", "4", "-l", "WARNING", "-n", "counter@here"]
WORKER += ["--include", "tests.counting_tasks", "--without-mingle", "--without-gossip", "--max-tasks-per-child", "100"]


def resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


@pytest.mark.django_db(transaction=True)
def test_children_that_are_replaced_leave_totals_and_neither_files_nor_memory(
    spawn, broker, free_port, tmp_path, wait_until
):
    metrics = tmp_path / "metrics"
    own = {"METRICS_DIR": str(metrics), "METRICS_PORT": str(free_port), "DATABASE_URL": database_url()}
    worker = spawn(WORKER, env=dict(os.environ) | own, name="worker")

    def scrape() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def value(name: str, **labels: str) -> float:
        for family in text_string_to_metric_families(scrape()):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return 0.0

    def children() -> set[str]:
        return set(Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split())

    wait_until(lambda: "counter_0.db" in {path.name for path in metrics.glob("*")}, 60, "the worker counts")
    wait_until(lambda: len(children()) >= 4, 60, "four children")
    done = {"task": "tests.counting_tasks.nothing", "queue": "maintenance", "state": "SUCCESS"}
    first_children, sizes = children(), []
    assert value("tradebot_dead_letters_total", queue="trading") == 0.0

    for third in range(1, 4):
        for number in range(THIRD):
            nothing.apply_async((number,), queue="maintenance")
        wait_until(lambda: broker("maintenance") == 0, 60, "all are taken")  # a scrape costs the worker more
        wait_until(lambda third=third: value("tradebot_tasks_total", **done) == third * THIRD, 60, f"third {third}")
        sizes.append((len(list(metrics.iterdir())), resident_kb(worker.pid), len(scrape().splitlines())))

    # Not all: one may have had little to do, as whoever is free first is given the next.
    assert first_children - children(), "no child was replaced: this proves nothing"
    assert value("tradebot_task_seconds_count", task="tests.counting_tasks.nothing") == TASKS
    assert value("tradebot_task_wait_seconds_count", queue="maintenance") == TASKS
    # Beside them Celery complains of children that begin slowly on a busy machine.
    assert value("tradebot_log_errors_total", app="other", level="ERROR") >= TASKS // 100
    (files, memory, lines), (last_files, last_memory, last_lines) = sizes[0], sizes[-1]
    assert last_files <= max(files, 1 + 2 * 6), sizes  # children that begin before others have ended
    assert last_lines == lines
    assert last_memory <= memory + 1_500, sizes
