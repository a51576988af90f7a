"""A worker outlives a database that drops its connections, whichever of its processes had one."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django_celery_results.models import TaskResult
from kombu import Connection

from ops.stack.services import CELERY
from tests import hiccup_tasks

# The worker writes into its database that a task has expired.
pytestmark = pytest.mark.django_db(transaction=True)
WORKER = [*CELERY, "worker", "-Q", "default", "-c", "1", "-l", "INFO", "--include", "tests.hiccup_tasks"]
WORKER += ["--without-mingle", "--without-gossip"]
OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"


@pytest.fixture
def worker(spawn):
    database = "postgresql://{user}@/{host}/{dbname}".format(**connection.get_connection_params())
    child = spawn(WORKER, env=os.environ | {"DATABASE_URL": database}, name="worker")
    child.wait_for(" ready.")
    return child


def send(directory, name, **options):
    with Connection(settings.CELERY_BROKER_URL) as producer:
        hiccup_tasks.hold.apply_async((str(directory), name), connection=producer, queue="default", **options)


def test_a_worker_outlives_a_database_that_drops_its_connections(worker, tmp_path, wait_until):
    (tmp_path / "gate").touch()
    past = datetime.now(UTC) - timedelta(seconds=1)
    send(tmp_path, "first", expires=past)
    wait_until(lambda: TaskResult.objects.filter(status="REVOKED").count() == 1, 20, "the main process has written")

    with connection.cursor() as cursor:
        cursor.execute(OTHERS, [connection.connection.info.backend_pid])
    send(tmp_path, "second", expires=past)
    send(tmp_path, "third")

    wait_until((tmp_path / "third.done").exists, 20, "a task that came later is done")
    assert TaskResult.objects.filter(status="REVOKED").count() == 2
    assert worker.process.poll() is None
