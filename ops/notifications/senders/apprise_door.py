"""What the plugins of Apprise find where they look for `requests`: a door to the hosts of their service alone.

What goes out is judged and bounded as our own webhooks are (`ops.notifications.calls`), and what was answered is kept:
a plugin only says whether it worked, not whether it may work later.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import requests

from ops.notifications.addresses import AddressRefused
from ops.notifications.calls import Answer, NoAnswer, post
from ops.notifications.senders.apprise_services import Service


@dataclass
class Call:
    """One message on its way: to which hosts it may go, and what came of it."""

    hosts: re.Pattern[str]
    answers: list[Answer] = field(default_factory=list)
    failure: AddressRefused | NoAnswer | None = None

    @property
    def has_failed(self) -> bool:
        return self.failure is not None or any(not 200 <= answer.status < 300 for answer in self.answers)


_call: ContextVar[Call] = ContextVar("apprise_call")


@contextmanager
def speaking_to(service: Service) -> Iterator[Call]:
    """Let plugins speak within this block, to the hosts of this service."""
    call = Call(service.hosts)
    token = _call.set(call)
    try:
        yield call
    finally:
        _call.reset(token)


@cache
def plugin_of(service: Service) -> Any:
    """The plugin's class: loaded alone, when it is first needed; from then on it speaks through the door."""
    module = import_module(f"apprise.plugins.{service.module}")
    assert module.requests is requests, f"{service.module} speaks by another library now"
    module.requests = Door()  # type: ignore[attr-defined]
    return getattr(module, service.plugin)


class Door:
    """As much of `requests` as these plugins use."""

    codes = requests.codes
    RequestException = requests.RequestException

    def post(self, url: str, **told: Any) -> requests.Response:
        return self.request("post", url, **told)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        auth: Any = None,
        files: Any = None,
        **_bounds: Any,  # time-outs, redirects, certificates: ours hold
    ) -> requests.Response:
        """Ask once. After a failure nothing more is sent: the task decides whether and when to try again."""
        call = _call.get()
        asked = requests.Request(method.upper(), url, headers=headers, params=params, data=data, auth=auth).prepare()
        if call.has_failed or files or asked.method != "POST":
            raise requests.RequestException("nothing more is sent")
        answer = _asked(call, asked)
        call.answers.append(answer)
        if call.has_failed:
            raise requests.HTTPError(f"answered {answer.status}")
        return _response(answer)


def _asked(call: Call, asked: requests.PreparedRequest) -> Answer:
    url, body = str(asked.url), asked.body or b""
    try:
        if not call.hosts.fullmatch(urlsplit(url).hostname or ""):
            raise AddressRefused("it is none of the hosts of this service")
        return post(url, headers=asked.headers, body=body if isinstance(body, bytes) else str(body).encode())
    except (AddressRefused, NoAnswer) as error:
        call.failure = error
        raise requests.ConnectionError(str(error)) from None


def _response(answer: Answer) -> requests.Response:
    response = requests.Response()
    response.status_code, response._content, response.encoding = answer.status, answer.body, "utf-8"
    response.headers.update(answer.headers.items())
    return response
