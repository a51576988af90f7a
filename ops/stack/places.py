"""Where everything of a stack lies on the disk."""

import hashlib
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ops.stack.errors import StackError

ROOT = Path(__file__).resolve().parents[2]
# sockaddr_un holds 108 bytes, the last of them zero; the longest name that we put into the directory is PostgreSQL's.
SOCKET_PATH_LIMIT = 107
LONGEST_SOCKET = "/postgres/.s.PGSQL.5432"
# A path with other characters would have to be quoted, differently, in each of the URLs that name it.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")


@dataclass(frozen=True)
class Places:
    """The directories of one stack; `local` is all that `make reset` removes."""

    local: Path

    @property
    def run(self) -> Path:
        return self.local / "run"

    @property
    def logs(self) -> Path:
        return self.local / "logs"

    @property
    def secrets(self) -> Path:
        return self.local / "secrets.env"

    @property
    def redis(self) -> Path:
        return self.local / "redis"

    @property
    def paper_ledger(self) -> Path:
        return self.local / "paper" / "ledger.sqlite"

    @property
    def sockets(self) -> Path:
        """`.local/run`, or a short directory under the system's temp where that path is too long for a socket."""
        fits = len(os.fsencode(self.run)) + len(LONGEST_SOCKET) <= SOCKET_PATH_LIMIT
        return self.run if fits and PLAIN_PATH.fullmatch(str(self.run)) else self.temporary("run")

    def temporary(self, purpose: str) -> Path:
        """A directory under the system's temp that always is the same for this stack and user."""
        digest = hashlib.sha256(os.fsencode(self.local)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"tradebot-{purpose}-{os.geteuid()}-{digest}"

    def create(self) -> None:
        """Make the directories; StackError when one cannot be written."""
        for directory in (self.local, self.run, self.logs, self.redis, self.paper_ledger.parent):
            make_directory(directory, mode=0o755 if directory == self.local else 0o711)
        if self.sockets != self.run:
            make_directory(self.sockets, mode=0o700)


DEFAULT = Places(ROOT / ".local")


def make_directory(path: Path, *, mode: int) -> None:
    """Make `path` with `mode`; an existing one has to be ours: under /tmp anybody could have put it there."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise StackError(f"cannot create {path}: {error.strerror}; make it writable for you, or remove it") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or not os.access(path, os.W_OK | os.X_OK):
        raise StackError(f"{path} is not a directory that you own and can write to: remove it or give it to you")
    if stat.S_IMODE(found.st_mode) & ~mode & 0o077:
        path.chmod(mode)
