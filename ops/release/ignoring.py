"""What no release holds, at any depth, in whatever case it is written, even if git tracks it."""

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import translate

MANIFEST_NAME = "release.json"
STATE = ".release"  # of this tool: what it stages, and what was there before
# Each part of a path is compared, so a directory of such a name is ignored with all that is in it.
SECRETS = (
    *(
        ".env",
        ".env.*",
        "*.env",
        ".envrc",
        "*.pem",
        "*.key",
        "*.p12",
        "*.pfx",
        "*.jks",
        "*.keystore",
        "*.kdbx",
        "*.gpg",
    ),
    *(
        "id_rsa*",
        "id_dsa*",
        "id_ecdsa*",
        "id_ed25519*",
        ".netrc",
        ".pgpass",
        ".pypirc",
        ".htpasswd",
        ".git-credentials",
    ),
    *(".ssh", ".gnupg", ".aws", ".kube", "secrets.json", "secrets.y*ml", "secrets.toml", "secrets.ini", "secrets.txt"),
    *("credentials.json", "credentials.y*ml", "service-account*.json", ".vault-token", ".docker", "metrics-token"),
)
DATA = (
    *(
        "*.sqlite*",
        "*.db",
        "*.db-*",
        "*.db3",
        "*.rdb",
        "*.aof",
        "*.dump",
        "*.dmp",
        "*.pgdump",
        "*.sql.*",
        "*.bak",
        "*.backup",
    ),
    *(
        "dump.sql",
        "*.dump.sql",
        "*-dump.sql",
        "dump*.json",
        "pg_wal",
        "pgdata",
        "celerybeat-schedule*",
        "*.log",
        "*.log.*",
    ),
    *("*.pid", "*.sock", "nohup.out"),
)
MACHINE = (
    *(".git", ".hg", ".svn", ".local", STATE, ".venv*", "venv", "env", "virtualenv", "pyvenv.cfg", "site-packages"),
    *(
        "node_modules",
        "__pycache__",
        "*.pyc",
        "*.pyo",
        "*.egg-info",
        ".tox",
        ".nox",
        ".cache",
        ".*_cache",
        ".hypothesis",
    ),
    *(".coverage*", "htmlcov", ".idea", ".vscode", ".ds_store", "thumbs.db", "*.swp", "*.swo", "*~", "*.orig", "*.rej"),
)
PATTERNS = (*SECRETS, *DATA, *MACHINE)
REFUSED = re.compile("|".join(map(translate, PATTERNS)))
AT_ROOT = (MANIFEST_NAME, "staticfiles", "media")
ALLOWED = (".env.example",)  # as a file: it tells the names of settings and no value
# How files begin that are what they are under any name.
TELLTALES = {
    b"SQLite format 3\0": "a SQLite database",
    b"PGDMP": "a dump of PostgreSQL",
    b"REDIS0": "a dump of Redis",
    b"-----BEGIN PRIVATE KEY": "a private key",
    b"-----BEGIN RSA PRIVATE KEY": "a private key",
    b"-----BEGIN EC PRIVATE KEY": "a private key",
    b"-----BEGIN ENCRYPTED PRIVATE KEY": "a private key",
    b"-----BEGIN OPENSSH PRIVATE KEY": "a private key",
}
LONGEST_TELLTALE = max(map(len, TELLTALES))


def is_ignored(path: str) -> bool:
    """Whether no release holds a file of this path, or anything below it."""
    parts = [unicodedata.normalize("NFKC", part).casefold().strip() for part in path.split("/")]
    if parts[0] in AT_ROOT:
        return True
    *above, name = parts
    return any(map(_is_refused, above)) or (name not in ALLOWED and _is_refused(name))


def environments(paths: Iterable[str]) -> set[str]:
    """The directories that are virtual environments, whatever they are called: ``x/`` of each ``x/pyvenv.cfg``."""
    names = (path.rpartition("/") for path in paths)
    return {f"{above}/" for above, _, name in names if above and name.casefold() == "pyvenv.cfg"}


def telltale(beginning: bytes) -> str:
    """What a file is that begins like this, if no release may hold it; else nothing."""
    return next((what for start, what in TELLTALES.items() if beginning.startswith(start)), "")


def rules() -> str:
    """All of it in the way of a .gitignore."""
    return "\n".join([*PATTERNS, *(f"/{name}" for name in AT_ROOT), *(f"!{name}" for name in ALLOWED)])


def _is_refused(part: str) -> bool:
    return REFUSED.match(part) is not None
