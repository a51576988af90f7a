"""Which environment a process gets, and where the secrets of a demo come from."""

import os
import shutil
import stat
import subprocess
import sys

import pytest

from ops.stack import environment, for_commands, secret_file
from ops.stack.errors import StackError
from ops.stack.places import ROOT, SOCKET_PATH_LIMIT, Places

ALL = ("postgres", "redis", "paper")
NAMED = {"DATABASE_URL": "postgresql://db/x", "REDIS_URL": "redis://cache", "PAPER_URL": "http://paper"}


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path / "local")


@pytest.fixture
def made(places):
    places.create()
    yield places
    shutil.rmtree(places.temporary("run"), ignore_errors=True)


def test_secrets_are_made_once_and_for_their_owner_only(made):
    first = secret_file.read_or_create(made.secrets)

    assert secret_file.read_or_create(made.secrets) == first == secret_file.read(made.secrets)
    assert set(first) == {"SECRET_KEY", "FIELD_KEYS", "PAPER_ADMIN_TOKEN", "ADMIN_PASSWORD"}
    assert stat.S_IMODE(made.secrets.stat().st_mode) == 0o600


def test_a_secret_that_the_file_lacks_is_added_and_the_others_stay(made):
    made.secrets.write_text("FIELD_KEYS=old\n")

    found = secret_file.read_or_create(made.secrets)

    assert found["FIELD_KEYS"] == "old"
    assert len(found["SECRET_KEY"]) > 40


def test_what_the_caller_names_wins(made):
    caller = {"DATABASE_URL": "postgresql://db/x", "SECRET_KEY": "mine", "HTTPS_ONLY": "true", "WEB_PORT": "81"}

    complete = environment.for_stack(caller, made, {"redis", "paper"})

    assert caller.items() <= complete.items()
    assert complete["FIELD_KEYS"] == secret_file.read(made.secrets)["FIELD_KEYS"]


def test_an_empty_value_names_nothing(made):
    assert environment.to_embed(NAMED | {"REDIS_URL": ""}) == {"redis"}
    assert environment.for_stack({"SECRET_KEY": ""}, made, ALL)["SECRET_KEY"]


def test_one_embedded_redis_is_broker_and_cache(made):
    complete = environment.for_stack({}, made, ALL)

    assert complete["CELERY_BROKER_URL"] == f"redis+socket://{made.run}/redis.sock?virtual_host=0"
    assert complete["REDIS_URL"] == f"unix://{made.run}/redis.sock?db=1"


def test_a_redis_that_the_caller_names_is_the_broker_too(made):
    assert "CELERY_BROKER_URL" not in environment.for_stack({"REDIS_URL": "redis://cache"}, made, {"postgres"})
    beside = environment.beside_stack({"REDIS_URL": "redis://cache"}, made, {"CELERY_BROKER_URL": "redis+socket://x"})
    assert "CELERY_BROKER_URL" not in beside


def test_a_production_process_gets_no_secret_that_it_was_not_given(places, monkeypatch):
    for name in ("SECRET_KEY", "FIELD_KEYS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in NAMED.items():
        monkeypatch.setenv(name, value)

    with for_commands.servers_for_command(["manage.py", "migrate"], places):
        found = environment.for_production(NAMED, places)

    assert found == NAMED
    assert not places.local.exists()


def test_settings_name_the_secret_that_a_production_process_lacks(places):
    process = [sys.executable, "-c", "import tradebot_site.settings"]
    complete = environment.for_production(NAMED, places)

    done = subprocess.run(process, env=complete, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["help"],
        ["migrate", "--help"],
        ["check"],
        ["makemigrations", "--check"],
        ["paper_faults", "list"],
        ["bench", "exchange"],
        ["chaos", "exchange"],
    ],
)
def test_a_command_that_talks_to_no_server_starts_none(arguments):
    assert not for_commands.needs_servers(["manage.py", *arguments])


def test_a_command_on_a_bare_checkout_needs_servers():
    assert for_commands.needs_servers(["manage.py", "stats", "--json"])


def test_a_fault_is_not_told_to_an_exchange_that_would_end_with_the_command(places, monkeypatch):
    monkeypatch.setattr(os, "environ", {})

    with (
        pytest.raises(StackError, match="no paper exchange runs here: `make up` starts one"),
        for_commands.servers_for_command(["manage.py", "paper_faults", "show"], places),
    ):
        pass


def test_a_command_that_talks_to_a_named_exchange_only_starts_nothing(places, monkeypatch):
    monkeypatch.setattr(os, "environ", {"PAPER_URL": "http://elsewhere"})

    with for_commands.servers_for_command(["manage.py", "paper_account", "list"], places):
        assert os.environ["PAPER_URL"] == "http://elsewhere"

    assert not places.local.exists()


def test_sockets_of_a_deep_or_odd_path_lie_in_a_short_directory_of_ours(tmp_path):
    for local in (tmp_path / ("deep" * 25) / "local", tmp_path / "with blank" / "local"):
        places = Places(local)
        places.create()

        assert len(f"{places.sockets}/postgres/.s.PGSQL.5432") <= SOCKET_PATH_LIMIT
        assert places.sockets != places.run
        assert stat.S_IMODE(places.sockets.stat().st_mode) == 0o700
        places.sockets.rmdir()


def test_the_stack_imports_no_django():
    modules = [path.stem for path in (ROOT / "ops" / "stack").glob("*.py") if path.stem != "__main__"]
    script = (
        f"import sys; {'; '.join(f'import ops.stack.{name}' for name in modules)}; assert 'django' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
