"""The configuration of `logging`: one for all processes, with Django or without."""

import logging
import logging.config
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

LEVEL, FORMAT, FILE_MB, FILES = "INFO", "json", 100, 5
FORMATS = ("json", "console")
APPS = ("market", "trades", "bots", "ops", "tradebot_site")
PAPER = "paper"  # the paper exchange's own logger
TASKS = "tasks"  # what became of each task
# Commands that serve until they are told to stop. What others say on stdout is their result, so they log to stderr.
SERVING = ("market_stream", "event_stream", "watch")
FILE_NAMES = {"worker": "celery_worker", "beat": "celery_beat"}
# What these say in detail are addresses, headers and arguments, with the secrets in them: never, whatever is asked for.
HUSHED = (
    *("urllib3", "requests", "httpx", "httpcore", "apprise", "binance", "websockets", "aiohttp", "asyncio"),
    *("kombu", "amqp", "redis", "django.db.backends", "django.template", "psycopg", "faker"),
    # Arguments and results; our own lines tell of each task (`TASKS`).
    *("celery.app.trace", "celery.worker.strategy", "celery.pool", "celery.worker.request", "celery.redirected"),
)


def service_of(argv: Sequence[str]) -> str:
    """What a process is, by its command line: web, worker-trading, beat, paper, market_stream, or the command."""
    program, *arguments = argv or ("python",)
    path = Path(program)
    name = path.parent.name if path.name == "__main__.py" else path.name
    if name == "gunicorn":
        return "web"
    if name == "paper":
        return "paper"
    if "worker" in arguments and (name == "celery" or "-Q" in arguments):
        return f"worker-{_node(arguments)}".rstrip("-")
    if name == "celery" and "beat" in arguments:
        return "beat"
    if name == "manage.py" and arguments:
        return arguments[0]
    return path.stem if name != "celery" else "celery"


def _node(arguments: Sequence[str]) -> str:
    """The name of a worker: what is before the host's."""
    for option, value in pairwise(arguments):
        if option in ("-n", "--hostname"):
            return value.partition("@")[0]
    return ""


def serves(service: str) -> bool:
    """Whether it works until it is told to stop."""
    return service in ("web", "beat", "paper", *SERVING) or service.partition("-")[0] == "worker"


def configuration(
    *, level: str, style: str, directory: str = "", file_mb: int = FILE_MB, files: int = FILES, service: str = ""
) -> dict[str, Any]:
    """For `logging.config.dictConfig`. Files in ``directory`` are as many as ``files`` for each service."""
    if style not in FORMATS:
        raise ValueError(f"LOG_FORMAT is {style!r}: it has to be one of {', '.join(FORMATS)}")
    service = service or service_of(sys.argv)
    kind = service.partition("-")[0] if service.startswith("worker") else service

    def file(name: str) -> dict[str, Any]:
        path = str(Path(directory, f"{name}.log"))
        kind = "market.logs.handlers.SharedFile"
        return {"class": kind, "formatter": "line", "path": path, "most_bytes": file_mb * 1_000_000, "files": files}

    handlers: dict[str, Any] = {
        "stream": {
            "class": "market.logs.handlers.Stream",
            "formatter": "line",
            "descriptor": 1 if serves(service) else 2,
        },
        "nowhere": {"class": "logging.NullHandler"},
    }
    everything, of_tasks = ["stream"], ["stream"]
    if directory and serves(service):
        handlers["file"] = file(FILE_NAMES.get(kind, kind))
        everything.append("file")
        if kind == "worker":
            handlers["tasks"] = file("celery_tasks")
            of_tasks.append("tasks")
    loggers: dict[str, Any] = {name: {"level": level} for name in (*APPS, PAPER)}
    loggers |= {name: {"level": "WARNING"} for name in HUSHED}
    loggers |= {
        TASKS: {"level": level, "handlers": of_tasks, "propagate": False},
        "gunicorn": {"level": level},
        "django": {"level": "INFO"},  # named, it loses Django's own handlers: lines that are no JSON, and mail
        "apprise": {"handlers": ["nowhere"], "propagate": False, "level": "CRITICAL"},  # addresses, which are passwords
        "aiohttp.server": {"level": "CRITICAL"},  # whole requests
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "market.logs.lines.Lines", "service": service, "style": style}},
        "handlers": handlers,
        "root": {"handlers": everything, "level": "WARNING"},
        "loggers": loggers,
    }


def configure(environment: Mapping[str, str] = os.environ, *, service: str = "") -> None:
    """Set up a process that has no Django settings, by the same variables and with the same defaults."""
    logging.config.dictConfig(
        configuration(
            level=environment.get("LOG_LEVEL") or LEVEL,
            style=environment.get("LOG_FORMAT") or FORMAT,
            directory=environment.get("LOG_DIR") or "",
            file_mb=int(environment.get("LOG_FILE_MB") or FILE_MB),
            files=int(environment.get("LOG_FILES") or FILES),
            service=service,
        )
    )


def hear_celery(level: int) -> None:
    """Let Celery's own words be heard from this level on (its option -l); what is hushed stays so."""
    logging.getLogger("celery").setLevel(level)
