"""Which environment variables every process gets.

What the caller's environment names wins, then `.local/secrets.env`, then the conveniences of the demo. They are
here and not in settings.py, so that a production process that lacks one does not start with the demo's.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from ops.stack import secret_file
from ops.stack.places import Places

POSTGRES, REDIS, PAPER = "postgres", "redis", "paper"
NAMED_BY = {POSTGRES: "DATABASE_URL", REDIS: "REDIS_URL", PAPER: "PAPER_URL"}
DATABASE = "tradebot"  # and its user
# What a second process has to know to use the servers of a running stack.
ADDRESSES = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "PAPER_URL", "PAPER_LEDGER")


def to_embed(caller: Mapping[str, str]) -> frozenset[str]:
    """The servers that the caller's environment does not name (an empty value names nothing)."""
    return frozenset(server for server, variable in NAMED_BY.items() if not caller.get(variable))


def for_production(caller: Mapping[str, str], places: Places) -> dict[str, str]:
    """Everything is named by the caller: nothing is generated, so that settings.py can say which secret is missing."""
    return _fill(caller, secret_file.read(places.secrets))


def for_stack(
    caller: Mapping[str, str], places: Places, embedded: Collection[str], *, database_sockets: Path | None = None
) -> dict[str, str]:
    """The environment of a process of a stack in which `embedded` are ours; creates the secrets file if needed."""
    defaults = {
        "HTTPS_ONLY": "false",
        "SECOND_FACTOR_REQUIRED": "false",
        "WEB_HOST": "127.0.0.1",
        "WEB_PORT": "8000",
        "PYTHONUNBUFFERED": "1",
        "METRICS_DIR": str(places.local / "metrics"),
        "METRICS_PORT": "9091",
        **_event_stream(caller),
    }
    if POSTGRES in embedded:
        defaults["DATABASE_URL"] = database_url(database_sockets or places.sockets / "postgres")
    if REDIS in embedded:
        defaults["REDIS_URL"] = cache_url(places.sockets / "redis.sock", 1)
        # A caller that names another broker keeps it.
        defaults["CELERY_BROKER_URL"] = broker_url(places.sockets / "redis.sock", 0)
    if PAPER in embedded:
        port = caller.get("PAPER_PORT") or "8090"
        defaults |= {"PAPER_PORT": port, "PAPER_URL": f"http://127.0.0.1:{port}", "DEMO": "1"}
        defaults["PAPER_LEDGER"] = str(places.paper_ledger)
    # The supervisor reads what its children write (`ops.stack.relay`).
    return _fill(caller, defaults | secret_file.read_or_create(places.secrets)) | {"LOG_FORMAT": "json"}


def _event_stream(caller: Mapping[str, str]) -> dict[str, str]:
    """Nothing stands before our servers: the site leads to the stream's port, whose answers its pages may read."""
    host, web = caller.get("WEB_HOST") or "127.0.0.1", caller.get("WEB_PORT") or "8000"
    port = caller.get("EVENT_STREAM_PORT") or "8001"
    names = dict.fromkeys((host, "127.0.0.1", "localhost"))
    return {
        "EVENT_STREAM_HOST": host,
        "EVENT_STREAM_PORT": port,
        "EVENT_STREAM_URL": f"http://{{host}}:{port}/api/v1/events",
        "EVENT_STREAM_ORIGINS": ",".join(f"http://{name}:{web}" for name in names),
    }


def beside_stack(caller: Mapping[str, str], places: Places, addresses: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that uses the servers of a running stack."""
    # A broker belongs to its REDIS_URL: who names the one must not get the other from elsewhere.
    ours = {
        name: value for name, value in addresses.items() if name != "CELERY_BROKER_URL" or not caller.get("REDIS_URL")
    }
    return _fill(caller, {"HTTPS_ONLY": "false"} | ours | secret_file.read(places.secrets))


def without_servers(caller: Mapping[str, str]) -> dict[str, str]:
    """For a command that talks to no server: addresses where nobody is, secrets that are kept nowhere."""
    nowhere = Path("/nonexistent")
    return _fill(
        caller,
        {"DATABASE_URL": database_url(nowhere), "REDIS_URL": cache_url(nowhere / "redis.sock", 1)}
        | secret_file.generate(),
    )


def _fill(caller: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    return dict(caller) | {name: value for name, value in defaults.items() if not caller.get(name)}


def database_url(socket_directory: Path) -> str:
    """A URL of the kind that django-environ understands (libpq's own form percent-encodes the directory)."""
    return f"postgresql://{DATABASE}@/{socket_directory}/{DATABASE}"


def cache_url(socket: Path, database: int) -> str:
    return f"unix://{socket}?db={database}"


def broker_url(socket: Path, database: int) -> str:
    return f"redis+socket://{socket}?virtual_host={database}"
