"""What the services behind Apprise say in their answers, each in its own way."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from ops.notifications.calls import Answer
from ops.notifications.senders.base import without

MOST_CHARACTERS = 150


def said(answer: Answer, *, target: str) -> str:
    """The reason an answer gives, in one line, without any part of the address: they like to repeat it."""
    told = _json(answer)
    error = told.get("error")
    reasons = [told.get("description"), told.get("message"), error.get("message") if isinstance(error, dict) else error]
    reasons += told["errors"] if isinstance(told.get("errors"), list) else []
    texts = [reason for reason in reasons if isinstance(reason, str)]
    text = texts[0] if texts else "" if told else answer.body[:1_000].decode("utf-8", "replace")
    if "<" in text:  # a page for browsers
        return ""
    text = without(text, target, unquote(target))
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())[
        :MOST_CHARACTERS
    ]


def wait_in(answer: Answer) -> timedelta | None:
    """How long the JSON of an answer asks us to wait: Telegram's and Discord's way to say so."""
    told = _json(answer)
    parameters = told.get("parameters")
    seconds = told.get("retry_after", parameters.get("retry_after") if isinstance(parameters, dict) else None)
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    return timedelta(seconds=min(max(seconds, 0), 10**8)) if seconds == seconds else None


def id_in(answer: Answer) -> str:
    """What the service calls the message; empty where it does not say."""
    told = _json(answer)
    result = told.get("result")
    ids = [result.get("message_id") if isinstance(result, dict) else None]
    ids += [told.get(name) for name in ("id", "name", "request", "dedup_key")]
    return next((str(one)[:200] for one in ids if isinstance(one, int | str) and one != ""), "")


def _json(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
