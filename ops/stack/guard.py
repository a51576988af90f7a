"""The last resort: a process that outlives the supervisor by seconds and ends what it left behind.

The kernel already tells each child that the supervisor died (PR_SET_PDEATHSIG), but a worker may wait for a long
task and has children of its own, and macOS has no such signal. The guard reads `+pid` and `-pid` from a pipe; the
end of the pipe is the end of the supervisor. Runs as a file, without site-packages: it should be small.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator

GRACE_SECONDS = 6.0


def alive(group: int) -> bool:
    """True while a process of the group exists (a zombie that nobody has reaped yet counts)."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # exists, and is not ours
        return True
    return True


def send(groups: set[int], signum: signal.Signals) -> None:
    for group in groups:
        try:
            os.killpg(group, signum)
        except (ProcessLookupError, PermissionError):
            continue


def left_behind(lines: Iterator[str]) -> set[int]:
    """The groups that were started and not reported as ended when the pipe closes."""
    groups: set[int] = set()
    for line in lines:
        group = int(line)
        groups = groups | {group} if group > 0 else groups - {-group}
    return groups


def main() -> None:
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    groups = left_behind(iter(sys.stdin.readline, ""))
    # SIGINT is the one signal that ends every kind of child in an orderly way: PostgreSQL would wait for its
    # clients on SIGTERM. Where there is PR_SET_PDEATHSIG the children have had theirs already.
    send(groups, signal.SIGINT)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(map(alive, groups)) and time.monotonic() < deadline:
        time.sleep(0.1)
    send(groups, signal.SIGKILL)


if __name__ == "__main__":
    main()
