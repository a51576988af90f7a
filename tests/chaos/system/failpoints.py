"""Steps of the order protocol at which a worker kills itself, or freezes for a while. Each is armed for one time.

Armed by a file, for Redis and PostgreSQL may be down just then; whoever renames the file first acts on it.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

KILL = "kill"
FREEZE = "freeze"  # freeze 4.5: for so many seconds

# What a worker has done when it comes to the step. begun: it is about to; written: in the transaction, which is not
# committed yet; committed: that it is, and nothing after it has happened.
STEPS = {
    "tick.claimed": "the minute is claimed, no task of it is sent",
    "tick.evaluated": "some series are evaluated, none of their bots has a task",
    "intend.begun": "1: decided under the bot's lock, the order is not inserted",
    "intend.written": "1: the order is inserted",
    "intend.committed": "1: the order exists and is to be claimed",
    "claim.begun": "2: intended, to be submitted",
    "claim.written": "2: submitted",
    "claim.committed": "2: submitted, to be sent",
    "send.begun": "3: before the first byte of the request",
    "send.headers": "3: after its headers",
    "send.half_body": "3: after half of its body",
    "send.all_bytes": "3: after its last byte, before the reply",
    "send.answered": "3: the reply is read, and is good news",
    "record.begun": "4: before the report is looked at",
    "record.written": "4: fills, position, trade, status and event are written",
    "record.committed": "4: all of it is there",
    "reject.begun": "a clear no, before it is written down",
    "reject.written": "rejected",
    "reject.committed": "rejected",
    "doubt.begun": "no clear answer, before it is written down",
    "doubt.written": "unknown",
    "doubt.committed": "unknown",
    "drop.begun": "too old to be sent, still intended",
    "drop.committed": "canceled unsent",
    "ask.begun": "about to ask for an order in doubt",
    "ask.answered": "the exchange has answered",
    "note_not_found.begun": "the first 'not found' that counts, not written down",
    "note_not_found.committed": "written down",
    "prove_absent.begun": "the second 'not found'",
    "prove_absent.written": "absent",
    "prove_absent.committed": "absent",
    "wish.begun": "an order by hand is asked for, and not written down (these are in the web server)",
    "wish.written": "it is inserted",
    "wish.committed": "it is there, has no task, and is not answered",
    "wish.running": "its task has begun",
}


def arm(folder: Path, step: str, action: str = KILL) -> None:
    """Let the next worker that comes to this step do this."""
    assert step in STEPS, step
    half_written = folder / f".{step}"
    half_written.write_text(action)
    half_written.rename(folder / step)


def is_armed(folder: Path, step: str) -> bool:
    """True while nobody has come to it."""
    return (folder / step).exists()


def disarm(folder: Path, step: str) -> bool:
    """Take it back; False when somebody was faster."""
    try:
        (folder / step).unlink()
    except FileNotFoundError:
        return False
    return True


def hit(step: str) -> None:
    """Come to a step: go on, unless it is armed."""
    assert step in STEPS, step
    folder = os.environ["CHAOS_FAILPOINTS"]
    mine = f"{folder}/.fired-{step}-{os.getpid()}"
    with suppress(FileNotFoundError):
        os.rename(f"{folder}/{step}", mine)
        _act(Path(mine).read_text())


def _act(action: str) -> None:
    word, _, seconds = action.partition(" ")
    if word == KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(float(seconds))
