"""docker-compose.yml can't be run without a Docker engine; what can be checked without one is checked here."""

import re
import runpy
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(settings.BASE_DIR)
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]


def test_the_workers_serve_every_queue_once():
    commands = [SERVICES[name]["command"] for name in OURS if name.startswith("worker-")]
    served = [queue for command in commands for queue in command[command.index("-Q") + 1].split(",")]

    assert sorted(served) == sorted(settings.CELERY_TASK_QUEUES)


@pytest.mark.parametrize("name", OURS)
def test_every_start_command_names_something_that_exists(name):
    program, *arguments = SERVICES[name]["command"]

    if program == "python" and arguments[0] == "manage.py":
        assert arguments[1] in get_commands()
    elif program == "python":
        assert (ROOT / arguments[1].replace(".", "/") / "__main__.py").is_file()
    else:
        assert program in ("gunicorn", "celery")
        assert any(name in arguments for name in ("tradebot_site.wsgi", "tradebot_site"))


def test_an_image_holds_no_secret():
    left_out = (ROOT / ".dockerignore").read_text().split()

    assert {".env", ".local", "deploy/prometheus/metrics-token"} <= set(left_out)


def test_every_service_depends_on_services_that_exist():
    wanted = {other for service in SERVICES.values() for other in service.get("depends_on", {})}

    assert wanted <= set(SERVICES)


def test_nothing_but_the_web_is_published_and_only_on_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {"web": ["127.0.0.1:8000:8000"]}


def documented() -> set[str]:
    readme = (ROOT / "README.md").read_text()
    table = readme.split("| variable |")[1].split("\n\n")[0]
    return set(re.findall(r"`([A-Z][A-Z_]+)`", table))


def test_every_setting_is_in_the_readme_and_in_the_example():
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "tradebot_site/settings.py").read_text()))
    example = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert read <= documented()
    assert read == example


def test_what_the_address_of_the_database_asks_for_is_kept_beside_our_own_patience(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://user@somewhere/name?sslmode=verify-full")

    options = runpy.run_path(str(ROOT / "tradebot_site/settings.py"))["DATABASES"]["default"]["OPTIONS"]

    assert (options["sslmode"], options["connect_timeout"]) == ("verify-full", 5)


def test_what_is_installed_is_what_the_lock_file_says():
    locked = re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+) .$", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)

    assert len(locked) > 100
    assert [(name, version(name)) for name, _ in locked] == locked


def test_each_worker_and_beat_is_checked_by_the_file_that_it_touches():
    beating = [name for name in OURS if name == "beat" or name.startswith("worker-")]

    assert len(beating) == 5
    for name in beating:
        file = SERVICES[name]["environment"]["HEARTBEAT_FILE"]
        assert f"find {file} -mmin -1" in SERVICES[name]["healthcheck"]["test"][1]
