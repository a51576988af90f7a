"""Frames as RFC 6455 has them."""

from __future__ import annotations

import json

import pytest

from market.paper.streams.frames import combined, ping_frame, pong_frame, text_frame


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_text_of_any_size_is_one_frame(size, head):
    assert text_frame(b"x" * size) == head + b"x" * size


def test_pings_and_pongs_carry_their_payload():
    assert ping_frame(b"hello") == b"\x89\x05hello"
    assert pong_frame(b"hello") == b"\x8a\x05hello"


def test_a_combined_message_is_json_with_the_name_of_its_stream():
    assert json.loads(combined("btcusdt@trade", b'{"e":"trade"}')) == {
        "stream": "btcusdt@trade",
        "data": {"e": "trade"},
    }
