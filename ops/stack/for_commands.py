"""Any `manage.py` command works on a bare checkout: this finds or starts the servers it needs.

1. The environment names all of them (or the command needs none): nothing is started. `doctor` starts nothing ever:
   it is to tell what runs, and what it had started itself would be well.
2. A stack runs in this work tree: its servers are used. If it is `make up` they may stop under us, as any server may.
   If it is another command, it waits for us before it stops them.
3. Nothing runs: PostgreSQL, Redis and the paper exchange start for the lifetime of this command, on the data of
   `make up`, and unapplied migrations are applied. Whoever comes meanwhile finds the lock taken and waits for, then
   uses, these servers; `make up` waits until the command is done.
"""

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ops.stack import environment, lock, migrated, places
from ops.stack.environment import PAPER, POSTGRES
from ops.stack.errors import StackError
from ops.stack.places import ROOT, Places
from ops.stack.relay import say_aside
from ops.stack.servers import Servers, free_port, plan
from ops.stack.supervisor import Supervisor

NEED_NO_SERVER = {
    *("check", "collectstatic", "compilemessages", "diffsettings", "help", "makemessages", "makemigrations"),
    *("release", "simulate", "startapp", "startproject", "version", "--help", "-h", "--version"),
}
# The first two words of commands that need no server, or start what they need themselves.
BRING_THEIR_OWN = {
    *(("paper_faults", "list"), ("bench", "exchange"), ("bench", "fills"), ("bench", "orders")),
    ("bench", "notifications"),
    *(("chaos", "system"), ("chaos", "recovery"), ("chaos", "exchange")),
}
MIGRATE_THEMSELVES = {"migrate", "showmigrations", "sqlmigrate", "squashmigrations"}
# They talk to the paper exchange and to nothing else.
ASK_THE_EXCHANGE = {"paper_account", "paper_faults"}
# A fault lives in the memory of its exchange: one that ends with the command would forget it at once.
NEED_A_RUNNING_EXCHANGE = {"paper_faults"}
# They tell what runs, so they start nothing: what they started would always be healthy.
LOOK_ONLY = {"doctor"}
STACK_ROLE = "TRADEBOT_STACK"  # tells them who has the servers of this work tree; empty: nobody, "?": nobody knows yet
PATIENCE_SECONDS = 90.0


@contextmanager
def servers_for_command(argv: Sequence[str], where: Places = places.DEFAULT) -> Iterator[None]:
    """Set `os.environ` for this command line of manage.py, and keep its servers running until the block ends."""
    missing = environment.to_embed(os.environ)
    if POSTGRES not in missing:
        missing -= {PAPER}  # play money belongs to the play database; production simply may not use it
    if not missing:
        os.environ.update(environment.for_production(os.environ, where))
        yield
    elif not needs_servers(argv):
        # makemigrations would compare with the database; without one there is nothing to compare.
        warnings.filterwarnings("ignore", message="Got an error checking a consistent migration history")
        os.environ.update(environment.without_servers(os.environ))
        yield
    elif argv[1] in LOOK_ONLY:
        os.environ.update(_as_it_runs(where))
        yield
    elif argv[1] in ASK_THE_EXCHANGE and PAPER not in missing:
        os.environ.update(environment.without_servers(environment.for_production(os.environ, where)))
        yield
    else:
        with _found_or_started(argv, where, missing):
            yield


def needs_servers(argv: Sequence[str]) -> bool:
    """False for the commands that talk to neither database nor Redis."""
    command = argv[1] if len(argv) > 1 else "help"
    if tuple(argv[1:3]) in BRING_THEIR_OWN:
        return False
    return command not in NEED_NO_SERVER and not {"--help", "-h", "--version"} & set(argv)


def _as_it_runs(where: Places) -> dict[str, str]:
    """The environment that leads to the servers of the stack that runs here; to none where none does."""
    owner, found = lock.owner(where), lock.published(where)
    if owner and found:
        return environment.beside_stack(os.environ, where, found["addresses"]) | {STACK_ROLE: owner[1]}
    return environment.without_servers(os.environ) | {STACK_ROLE: "?" if owner else ""}


@contextmanager
def _found_or_started(argv: Sequence[str], where: Places, missing: frozenset[str]) -> Iterator[None]:
    where.create()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with lock.owning(where, " ".join(["manage.py", *argv[1:2]])) as descriptor:
            if descriptor is not None:
                if argv[1] in NEED_A_RUNNING_EXCHANGE:
                    raise StackError("no paper exchange runs here: `make up` starts one, PAPER_URL names another")
                with _started(argv, where, missing, descriptor):
                    yield
                return
        with lock.using(where) as granted:
            found = lock.published(where) if granted else None
            if found is not None:
                os.environ.update(environment.beside_stack(os.environ, where, found["addresses"]))
                _note_manual_migration(argv)
                yield
                return
        if time.monotonic() > deadline:
            raise StackError(f"the stack neither runs nor ends ({lock.describe_owner(where)}): make down, then again")
        time.sleep(0.1)


@contextmanager
def _started(argv: Sequence[str], where: Places, missing: frozenset[str], descriptor: int) -> Iterator[None]:
    caller = dict(os.environ)
    if PAPER in missing:
        caller["PAPER_PORT"] = str(free_port())  # 8090 may be another work tree's
    supervisor = Supervisor(where.logs, lambda _name, _text: None, lock=descriptor)
    try:
        planned = plan(caller, where, missing)
        begun = time.monotonic()
        supervisor.start(planned.databases + planned.exchange)
        _migrate(argv, planned)
        os.environ.update(planned.environment)
        _note_manual_migration(argv)
        lock.publish(where, planned.addresses, supervisor.children)
        say_aside(
            "stack", f"{', '.join(supervisor.children)} started for this command in {time.monotonic() - begun:.1f} s"
        )
        yield
    finally:
        with lock.closed_to_users(
            where, on_wait=lambda: say_aside("stack", "waiting for a command that uses the servers")
        ):
            lock.withdraw(where)
            supervisor.stop()


def _note_manual_migration(argv: Sequence[str]) -> None:
    if argv[1] == "migrate":
        migrated.unmark(os.environ)


def _migrate(argv: Sequence[str], planned: Servers) -> None:
    if argv[1] in MIGRATE_THEMSELVES or planned.migrated:
        return
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--no-input", "--verbosity", "0"]
    done = subprocess.run(command, env=planned.environment, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise StackError("the database could not be migrated: see above")
    planned.mark_migrated()
