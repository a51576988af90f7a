"""Start a child so that it cannot outlive us, and end it with all that it started."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
UNSHARE_FAILED = 126
# Loaded before any fork: between fork and exec nothing may be imported.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def before_exec(
    death_signal: signal.Signals | None = None, *, unshare: bool = False, niceness: int = 0
) -> Callable[[], None]:
    """What the child does between fork and exec: yield, leave the user namespace, then ask to die with its parent.

    The last two in this order, since a change of credentials drops the request. Without prctl (macOS) the guard does
    the work.
    """
    parent = os.getpid()

    def prepare() -> None:
        if niceness:
            os.nice(niceness)
        if unshare and (LIBC is None or LIBC.unshare(CLONE_NEWUSER) != 0):
            os._exit(UNSHARE_FAILED)
        if death_signal is not None and LIBC is not None:
            LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return prepare


def spawn(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    output: IO[bytes] | int,
    death_signal: signal.Signals,
    cwd: str,
    unshare: bool = False,
    niceness: int = 0,
    keep_open: Sequence[int] = (),
    popen_arguments: Mapping[str, Any] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that the terminal's Ctrl-C does not reach it.

    To be called from the main thread: PR_SET_PDEATHSIG means the death of the thread that forked.
    """
    return subprocess.Popen(
        argv,
        env=dict(environment),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=tuple(keep_open),
        preexec_fn=before_exec(death_signal, unshare=unshare, niceness=niceness),  # noqa: PLW1509 (we have no threads)
        **(popen_arguments or {}),
    )


def kill_group(pid: int, signum: signal.Signals = signal.SIGKILL) -> None:
    """Signal everything in the child's process group; it may be gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signum)
