"""Does `make up` run here, and all that belongs to it?

Doctor starts nothing (`ops.stack.for_commands.LOOK_ONLY`): where the environment names no servers it takes those of the
stack that runs in this work tree, and where none runs that is all there is to say.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from ops.health import Finding, Level
from ops.stack import lock, places
from ops.stack.for_commands import STACK_ROLE
from ops.stack.places import Places
from ops.stack.up import ROLE

CHECK = "stack"


def is_production() -> bool:
    """Whether the environment names all servers, so that no stack of this work tree is meant."""
    return STACK_ROLE not in os.environ


def missing_stack(where: Places = places.DEFAULT) -> Finding | None:
    """That nothing runs here, or only a command's own servers; None when there is something to look at."""
    role = os.environ.get(STACK_ROLE)
    if role is None or role == ROLE:
        return None
    if role == "":
        mend = "make up runs everything here; DATABASE_URL, REDIS_URL … name servers elsewhere"
        return Finding(CHECK, Level.CRITICAL, "nothing runs here", mend)
    if role == "?":
        text = f"the stack is starting or stopping ({lock.describe_owner(where)})"
        return Finding(CHECK, Level.CRITICAL, text, "wait some seconds, then again; make status shows how far it is")
    return Finding(CHECK, Level.CRITICAL, f"nothing runs here but {role} with its own servers", "make up")


def processes(where: Places = places.DEFAULT) -> list[Finding]:
    """Each process of the stack that is dead or stopped; one good finding when all run."""
    found = None if is_production() else lock.published(where)
    if found is None:
        return []
    children = found["children"]
    wrong = list(_wrong(children, where))
    return wrong or [Finding(CHECK, Level.OK, f"make up runs with {len(children)} processes", value=len(children))]


def _wrong(children: dict[str, int], where: Places) -> Iterator[Finding]:
    for name, pid in children.items():
        if not lock.lives(pid):
            mend = f"it is started again within 30 s; if not, {where.logs / name}.log says why"
            yield Finding(CHECK, Level.CRITICAL, f"{name} (pid {pid}) is dead", mend, subject=name)
        elif _is_stopped(pid):
            yield Finding(CHECK, Level.CRITICAL, f"{name} (pid {pid}) is stopped", f"kill -CONT {pid}", subject=name)


def _is_stopped(pid: int) -> bool:
    """By a signal or a debugger, as Linux tells it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    except OSError:
        return False
