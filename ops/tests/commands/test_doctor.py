"""`manage.py doctor`: everything that runs, whatever hangs; and nothing is started to be looked at."""

import os
import signal
import socket
import sys
from time import monotonic

import pytest
from celery import current_app
from django.db import connections

from ops import doctor
from ops.doctor import settings as doctor_settings
from ops.doctor import stack
from ops.doctor.examining import Look
from ops.stack import for_commands, lock
from ops.stack.for_commands import STACK_ROLE
from ops.stack.places import Places
from ops.stack.up import ROLE
from ops.tests.commands.asking import run, run_json

PASSWORD = "hunter2-is-secret"
ORDER = ["critical", "warning", "ok"]


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path / "local")


@pytest.mark.django_db(transaction=True)
def test_everything_is_looked_at_the_worst_first():
    _, found = run_json("doctor")

    levels = [finding["level"] for finding in found["findings"]]
    checks = {finding["check"] for finding in found["findings"]}
    assert levels == sorted(levels, key=ORDER.index)
    assert found["level"] == levels[0]
    assert found["healthy"] == ("critical" not in levels)
    assert {"database", "migrations", "cache", "broker", "disk", "settings", "versions", "clock"} <= checks
    assert all(finding["mend"] for finding in found["findings"] if finding["level"] != "ok")
    assert found["seconds"] < 5


@pytest.mark.django_db(transaction=True)
def test_servers_that_hang_are_found_within_seconds_and_no_password_is_told(settings, monkeypatch, caplog):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing, as a stopped one
        port = silent.getsockname()[1]
        hanging = {"HOST": "127.0.0.1", "PORT": str(port), "PASSWORD": PASSWORD}
        for name, value in hanging.items():
            monkeypatch.setitem(connections.settings["default"], name, value)
        settings.REDIS_URL = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
        monkeypatch.setattr(current_app.conf, "broker_read_url", settings.REDIS_URL)
        begun = monotonic()
        code, out, err = run("doctor")
        seconds = monotonic() - begun

    worst = [line for line in out.splitlines() if line.startswith("CRITICAL")]
    assert code == 1
    assert all(any(word in line for line in worst) for word in ("PostgreSQL", "REDIS_URL", "CELERY_BROKER_URL"))
    assert seconds < 4  # the start of a process has the fifth
    assert PASSWORD not in out + err + caplog.text
    assert not [record for record in caplog.records if record.exc_info]  # of what is no bug there is no traceback


def test_where_nothing_runs_that_is_the_first_line_and_not_one_of_fifteen(monkeypatch):
    monkeypatch.setenv(STACK_ROLE, "")

    code, out, _ = run("doctor")
    _, found = run_json("doctor")

    first, second = out.splitlines()[:2]
    assert code == 1
    assert first.split() == ["CRITICAL", "nothing", "runs", "here"]
    assert second.strip().startswith("mend: make up")
    assert {finding["check"] for finding in found["findings"]} == {"stack", "versions", "disk"}


def test_doctor_starts_nothing(places, monkeypatch):
    monkeypatch.setattr(os, "environ", {})

    with for_commands.servers_for_command(["manage.py", "doctor"], places):
        assert os.environ[STACK_ROLE] == ""
        assert "/nonexistent" in os.environ["DATABASE_URL"]

    assert not places.local.exists()


def test_doctor_takes_the_servers_of_the_stack_that_runs(places, monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    places.create()

    with lock.owning(places, ROLE), for_commands.servers_for_command(["manage.py", "doctor"], places):
        assert os.environ[STACK_ROLE] == "?"
    monkeypatch.setattr(os, "environ", {})
    with lock.owning(places, ROLE):
        lock.publish(places, {"DATABASE_URL": "postgresql://u@/x/d"}, {})
        with for_commands.servers_for_command(["manage.py", "doctor"], places):
            assert (os.environ[STACK_ROLE], os.environ["DATABASE_URL"]) == (ROLE, "postgresql://u@/x/d")
            assert stack.missing_stack(places) is None


@pytest.mark.parametrize(("role", "text"), [("?", "starting or stopping"), ("manage.py soak", "but manage.py soak")])
def test_a_stack_that_is_none_yet_is_told(role, text, places, monkeypatch):
    monkeypatch.setenv(STACK_ROLE, role)

    assert text in stack.missing_stack(places).text


def test_processes_of_the_stack_that_are_stopped_or_dead_are_told(places, spawn, wait_until, monkeypatch):
    monkeypatch.setenv(STACK_ROLE, ROLE)
    places.create()
    beat = spawn([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"], name="beat")
    beat.wait_for("up")

    with lock.owning(places, ROLE):
        lock.publish(places, {}, {"beat": beat.pid})
        (well,) = stack.processes(places)
        os.kill(beat.pid, signal.SIGSTOP)
        stopped = wait_until(lambda: [it for it in stack.processes(places) if not it.is_well])[0]
        beat.kill()
        (dead,) = stack.processes(places)

    assert well.is_well
    assert (stopped.subject, stopped.mend) == ("beat", f"kill -CONT {beat.pid}")
    assert "is dead" in dead.text


def test_unsafe_settings_of_production_are_told_with_their_mend(settings):
    settings.SECURE_SSL_REDIRECT, settings.DEBUG = False, True

    subjects = {finding.subject for finding in doctor_settings.security()}

    assert {"security.W008", "security.W018"} <= subjects
    assert all(finding.mend for finding in doctor_settings.security())


def test_packages_that_are_not_those_of_the_requirements_are_told(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("django==1.0 \\\n    --hash=x\nrich==1.0 ; sys_platform == 'win32'\nno-such-thing==2\n")

    (finding,) = doctor_settings.packages(path)

    assert finding.value == 2
    assert "django" in finding.text
    assert "no-such-thing none, not 2" in finding.text


def test_packages_are_compared_with_the_requirements_that_were_installed_last(tmp_path):
    assert doctor_settings.installed_file(tmp_path) == "requirements.txt"

    for number, name in enumerate(("requirements.txt", "requirements-dev.txt")):
        stamp = tmp_path / f".installed-{name}-dd73ee0037436afb"
        stamp.touch()
        os.utime(stamp, (number, number))

    assert doctor_settings.installed_file(tmp_path) == "requirements-dev.txt"


def test_a_look_that_fails_is_a_finding_and_keeps_no_other_from_being_told():
    def broken():
        raise RuntimeError("whatever")

    look = Look(broken)
    look.start()
    look.join(5)

    (finding,) = look.found
    assert (finding.level, finding.text) == ("critical", "a look of doctor's own failed: RuntimeError")
    assert not doctor.Examined(look.found).is_healthy
    assert doctor.Examined([]).is_healthy
