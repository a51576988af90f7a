"""The secrets of a demo stack: generated once, kept in `.local/secrets.env`, readable by their owner only."""

import base64
import os
import secrets
from pathlib import Path

HEADER = "# Generated once by ops.stack. Whoever has FIELD_KEYS can read the exchange keys in the database.\n"


def generate() -> dict[str, str]:
    """New random values for all that a stack needs."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "FIELD_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),  # one Fernet key
        "PAPER_ADMIN_TOKEN": secrets.token_urlsafe(24),
        "ADMIN_PASSWORD": secrets.token_urlsafe(12),
    }


def read(path: Path) -> dict[str, str]:
    """What the file says; nothing when there is none."""
    if not path.exists():
        return {}
    lines = (line for line in path.read_text().splitlines() if "=" in line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def read_or_create(path: Path) -> dict[str, str]:
    """What the file says, with what it lacks generated and written down."""
    found = read(path)
    secrets_ = generate() | found
    if secrets_ != found:
        _write(path, secrets_)
    return secrets_


def _write(path: Path, values: dict[str, str]) -> None:
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(HEADER + "".join(f"{name}={value}\n" for name, value in values.items()))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)  # never half a file: the field keys in it are the only ones
