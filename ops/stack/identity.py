"""As whom PostgreSQL runs. It refuses to run as root, and initdb wants a name for the user it runs as."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.stack.child import before_exec
from ops.stack.errors import StackError
from ops.stack.places import Places, make_directory


@dataclass(frozen=True)
class Identity:
    """The user of a child: ourselves, ourselves without a name (in a user namespace of its own), or another."""

    user: str | None = None
    unshared: bool = False

    @property
    def popen_arguments(self) -> dict[str, Any]:
        """What `subprocess.Popen` has to be told."""
        if self.user is None:
            return {}
        return {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []}

    def own(self, directory: Path) -> None:
        """Give a tree to this user; only root, who alone gets another identity, ever has something to give."""
        uid, gid = (os.geteuid(), os.getegid())
        if self.user is not None:
            uid, gid = pwd.getpwnam(self.user)[2:4]
        if directory.stat().st_uid == uid:
            return
        for parent, names, files in os.walk(directory):
            for path in (parent, *(os.path.join(parent, name) for name in names + files)):
                os.chown(path, uid, gid, follow_symlinks=False)

    def can_use(self, binaries: Path, directory: Path) -> bool:
        """True when this user can run what is in `binaries` and write to what it owns in `directory`, which exists."""
        probe = directory / ".probe"
        probe.mkdir(mode=0o700, exist_ok=True)
        try:
            self.own(probe)
            script = 'touch "$1/x" && rm "$1/x" && "$2/postgres" --version && "$2/initdb" --version'
            done = subprocess.run(
                ["sh", "-c", script, "sh", str(probe), str(binaries)],
                preexec_fn=before_exec(unshare=self.unshared),
                capture_output=True,
                cwd="/",
                check=False,
                **self.popen_arguments,
            )
        except (OSError, subprocess.SubprocessError):
            return False
        finally:
            shutil.rmtree(probe)
        return done.returncode == 0


ME = Identity()
# Outside of the namespace the files stay ours; inside it the user is the unmapped one, whom /etc/passwd calls nobody.
UNSHARED = Identity(unshared=True)


@dataclass(frozen=True)
class Home:
    """Where the PostgreSQL of a stack lives, and as whom it runs."""

    identity: Identity
    binaries: Path
    data: Path
    sockets: Path


def candidates() -> list[Identity]:
    """Whom PostgreSQL could run as here, the best first."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    if os.geteuid() == 0:
        return [UNSHARED, *(Identity(user=name) for name in ("postgres", "nobody") if name in names)]
    known = any(entry.pw_uid == os.geteuid() for entry in pwd.getpwall())
    return [ME] if known else [UNSHARED]  # docker run --user 1234


def find_home(binaries: Path, places: Places, allowed: list[Identity] | None = None) -> Home:
    """The first identity that reaches binaries and data where they are, else copies under the system's temp.

    The copies are for root in a container that forbids user namespaces, with the project under /root, where no
    other user gets to. Nothing is ever made more accessible than it was.
    """
    allowed = candidates() if allowed is None else allowed
    data, moved = places.local / "postgres", places.temporary("postgres") / "data"
    if moved.exists():  # once moved, it stays there: nobody shall find an empty database instead of his own
        return _home_under_temp(binaries, places, allowed)
    for identity in allowed:
        if identity.can_use(binaries, places.local):
            sockets = places.sockets if identity.can_use(binaries, places.sockets) else None
            if sockets:
                return Home(identity, binaries, data, sockets / "postgres")
    if not allowed or allowed == [ME]:
        raise StackError(f"cannot run {binaries / 'postgres'} with data in {places.local}: run it by hand to see why")
    if data.exists():
        raise StackError(f"PostgreSQL does not run as root, and no other user reaches {data}: start it as who made it")
    return _home_under_temp(binaries, places, allowed)


def _home_under_temp(binaries: Path, places: Places, allowed: list[Identity]) -> Home:
    directory = places.temporary("postgres")
    make_directory(directory, mode=0o711)
    for identity in allowed:
        if identity.can_use(binaries, directory):
            return Home(identity, binaries, directory / "data", directory / "run")
    copy = _copy(binaries, directory)
    for identity in allowed:
        if identity.can_use(copy, directory):
            return Home(identity, copy, directory / "data", directory / "run")
    raise StackError("PostgreSQL does not run as root, and no other user can run it here: set DATABASE_URL")


def _copy(binaries: Path, directory: Path) -> Path:
    """Copy the installation, with the libraries that lie beside its package in the wheel; once."""
    install, package = binaries.parent, binaries.parent.parent
    target = directory / "install" / package.name / install.name
    if not target.exists():
        partial = directory / f"install.{os.getpid()}"
        shutil.copytree(install, partial / package.name / install.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, partial / libraries.name, symlinks=True)
        shutil.rmtree(directory / "install", ignore_errors=True)
        partial.rename(directory / "install")
    return target / binaries.name
