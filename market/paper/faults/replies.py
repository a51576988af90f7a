"""Answers that faults give: Binance's errors in Binance's words, and those of what stands before it."""

from __future__ import annotations

import orjson

from market.paper.web.call import Call, Reply, error_reply
from market.paper.web.errors import ApiError

HTML = {"Content-Type": "text/html"}

# Ready-made errors by name: status, code, text. Code 0: the body has a time and a path instead, as the futures gateway
# writes it (seen in the wild: LHPControl issue 16). The four futures texts mean different things: binance.md 2.1.
LIKES: dict[str, tuple[int, int, str]] = {
    "unknown": (503, 0, "Unknown error, please check your request or try again later."),
    "unavailable": (503, 0, "Service Unavailable."),
    "internal": (503, -1001, "Internal error; unable to process your request. Please try again."),
    "throttled": (
        503,
        -1008,
        "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try again.",
    ),
    "timeout": (
        504,
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    ),
    "bad_gateway": (502, 0, "html"),
}


def error_like(like: str, call: Call, status: int, code: int, msg: str) -> Reply:
    """The ready-made error of that name; without a name, the one that is described."""
    if like:
        status, code, msg = LIKES[like]
    if msg == "html":
        return page(status, "502 Bad Gateway", "nginx")
    if code == 0:
        body = {"timestamp": call.now_ms, "path": call.endpoint.path, "msg": msg}
        return Reply(orjson.dumps(body), status)
    return error_reply(ApiError(code, msg, status))


def page(status: int, title: str, below: str) -> Reply:
    """A small page of HTML."""
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        f"<hr><center>{below}</center>\r\n</body>\r\n</html>\r\n"
    )
    return Reply(body.encode(), status, dict(HTML))
