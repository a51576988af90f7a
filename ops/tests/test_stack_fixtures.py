"""The fixtures of conftest.py."""

import os
import sys

from django.core.cache import cache
from django.db import connection


def test_each_run_has_real_servers_of_its_own(db):
    cache.set("asked", "yes")

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        assert int(cursor.fetchone()[0].split(".")[0]) >= 14
    assert cache.get("asked") == "yes"
    assert "/.local/" not in os.environ["DATABASE_URL"] + os.environ["REDIS_URL"] + os.environ["CELERY_BROKER_URL"]


def test_workers_of_a_parallel_run_do_not_share_a_redis_database():
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    pair = 1 + int(worker.removeprefix("gw")) if worker else 0

    assert os.environ["CELERY_BROKER_URL"].endswith(f"={2 * pair}")
    assert os.environ["REDIS_URL"].endswith(f"={2 * pair + 1}")


def test_a_spawned_process_is_heard(spawn):
    child = spawn([sys.executable, "-c", "print('hello')"])

    assert child.wait() == 0
    assert child.text == "hello\n"
