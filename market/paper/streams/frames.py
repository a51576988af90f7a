"""Websocket frames as bytes: built once, written to every listener.

A server's frames carry no mask (RFC 6455, 5.1), so the same bytes serve all connections.
"""

from __future__ import annotations

TEXT = 0x81
PING = 0x89
PONG = 0x8A


def text_frame(payload: bytes) -> bytes:
    """A whole text message in one frame."""
    return _frame(TEXT, payload)


def ping_frame(payload: bytes) -> bytes:
    """A ping; at most 125 bytes."""
    return _frame(PING, payload)


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping; at most 125 bytes."""
    return _frame(PONG, payload)


def combined(name: str, payload: bytes) -> bytes:
    """A payload as a combined connection gets it: with the name of its stream."""
    return b'{"stream":"' + name.encode() + b'","data":' + payload + b"}"


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65536:
        return bytes((first, 126)) + size.to_bytes(2) + payload
    return bytes((first, 127)) + size.to_bytes(8) + payload
