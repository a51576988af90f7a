"""The key of the user data stream. It is the account's, so the API key says which; a key that is sent is not read."""

from __future__ import annotations

from market.paper.web.call import Call


def create(call: Call) -> dict[str, str]:
    """POST listenKey: the one that is valid, for another hour, or a new one."""
    return {"listenKey": call.exchange.hub.listen_keys.create(call.account.account_id, call.now_ms)}


def keepalive(call: Call) -> dict[str, str]:
    """PUT listenKey: -1125 when there is none."""
    return {"listenKey": call.exchange.hub.listen_keys.keepalive(call.account.account_id, call.now_ms)}


def close(call: Call) -> dict[str, str]:
    """DELETE listenKey."""
    call.exchange.hub.listen_keys.close(call.account.account_id)
    return {}
