"""The admin address of our own paper exchange: accounts and faults."""

from typing import Any

import requests
from django.conf import settings

from market.exchange.errors import BadRequest, ExchangeUnavailable, PermissionDenied
from market.patience import timeout_of

TIMEOUT_SECONDS = 10


def ask_paper(method: str, path: str, body: object = None) -> dict[str, Any]:
    """What an endpoint under /paper answers. Raises ExchangeUnavailable, PermissionDenied, BadRequest."""
    headers = {"X-Paper-Token": settings.PAPER_ADMIN_TOKEN}
    url = settings.PAPER_URL
    try:
        timeout = timeout_of(TIMEOUT_SECONDS, TIMEOUT_SECONDS)
        reply = requests.request(method, f"{url}{path}", json=body, headers=headers, timeout=timeout)
        answer = reply.json()
    except requests.RequestException as error:
        text = f"no paper exchange answers at {url} ({type(error).__name__}): `make up` starts one, PAPER_URL names one"
        raise ExchangeUnavailable(text) from error
    if reply.status_code == requests.codes.unauthorized:
        raise PermissionDenied(f"the paper exchange at {url} was started with another PAPER_ADMIN_TOKEN: set that one")
    if not reply.ok:
        raise BadRequest(str(answer.get("msg", answer) if isinstance(answer, dict) else answer))
    if not isinstance(answer, dict):
        raise BadRequest(f"what answers at {url} is no paper exchange")
    return answer
