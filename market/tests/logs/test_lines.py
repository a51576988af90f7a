"""A line: one line, with its ids, without secrets, whatever it is told."""

import json
import logging
import secrets
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.logs import context, setup
from market.logs.lines import LINE_BYTES, Lines
from market.logs.reading import read

FORMATS = pytest.mark.parametrize("style", setup.FORMATS)


def record(message="said", *args, error=None, **extra):
    made = logging.getLogger("trades.orders").makeRecord(
        "trades.orders", logging.WARNING, "x.py", 1, message, args, None
    )
    vars(made).update(extra)
    made.exc_info = (type(error), error, error.__traceback__) if error else None
    return made


def line_of(*args, style="json", **named):
    return Lines("web", style).format(record(*args, **named))


def test_a_line_has_its_fields_the_ids_of_the_work_and_what_is_passed_beside_the_message():
    with context.bound(request_id="r-1", bot=7, order="tb-1"):
        told = read(line_of("order %s", "sent", weight=4, ms=1.5, price=None))

    assert told["timestamp"].endswith("Z")
    del told["timestamp"], told["pid"]
    assert list(told.items()) == [
        ("level", "warning"),
        ("logger", "trades.orders"),
        ("event", "order sent"),
        ("service", "web"),
        ("request_id", "r-1"),
        ("bot", 7),
        ("order", "tb-1"),
        ("weight", 4),
        ("ms", 1.5),
        ("price", None),
    ]
    assert "bot" not in read(line_of())


def test_an_error_tells_what_it_was_and_where_and_what_led_to_it():
    try:
        try:
            json.loads("{")
        except ValueError as error:
            raise LookupError("no such bot") from error
    except LookupError as error:
        told = read(line_of(error=error))["errors"]

    assert [one["type"] for one in told] == ["LookupError", "JSONDecodeError"]
    assert told[0]["text"] == "no such bot"
    assert told[0]["at"][0].startswith("market/tests/logs/test_lines.py:")
    assert any("json/decoder.py:" in place for place in told[1]["at"])


# --- secrets: the thirteen of test_canary.py, at every place where one may slip in -----------------------------------

API_KEYS = ("key", "secret", "new key", "new secret", "refused key", "refused secret", "channel", "token")
SECRETS = {name: secrets.token_hex(32) for name in API_KEYS}
SECRETS |= {name: f"Canary+/{secrets.token_urlsafe(24)}'&%" for name in ("password", "wrong password")}
SECRETS |= {
    "webhook secret": f"whsec_{secrets.token_urlsafe(32)}",
    "ticket": secrets.token_urlsafe(32),
    "redis": "s3cret",
}


def told_with(name, secret):
    """How a careless line would have it: by its name, in a header, in an address; of long ones alone, too."""
    yield from (f"api_key={secret}", f'{{"password": "{secret}"}}', f"Authorization: Token {secret}")
    if "'" not in secret:
        yield from (f"X-MBX-APIKEY: {secret}", str({"api_secret": secret}), str([("X-MBX-APIKEY", secret)]))
        yield f"GET /api/v3/order?symbol=BTCUSDT&signature={secret}&timestamp=1"
        yield f"redis://:{secret}@redis:6379/0 and postgresql://tradebot:{secret}@postgres/tradebot"
    if len(secret) > 20 and "'" not in secret:
        yield from (f"https://hooks.example.com/{secret}", f"POST https://api.telegram.org/bot1234567:{secret}/send")
        yield f"Bearer {secret}"
    if len(secret) == 64:
        yield f"rotated {secret} just now"


@FORMATS
@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_written_wherever_it_slips_in(name, style):
    secret = SECRETS[name]
    written = [line_of("made", style=style, **{field: secret}) for field in ("api_key", "password", "Set-Cookie")]
    written.append(line_of("made", style=style, headers={"Authorization": f"Token {secret}", "token": [secret]}))
    for text in told_with(name, secret):
        written += [line_of(text, style=style), line_of("%s", text, style=style), line_of("x", style=style, note=text)]
        local = secret
        try:
            raise ValueError(text)
        except ValueError as error:
            written.append(line_of("failed", style=style, error=error))
        assert local

    assert len(SECRETS) == 13
    assert [line for line in written if secret in line or secret[:24] in line] == []


def test_what_is_no_secret_stays():
    text = "position 5: BUY 0.001 BTCUSDT at 49000, order tb-5-0123456789abcdef, http://127.0.0.1:8000/api/v1/bots/7"
    with context.bound(task_id="0f8fad5b-d9cb-469f-a165-708677289f01"):
        told = read(line_of(text))

    assert told["event"] == text
    assert told["task_id"] == "0f8fad5b-d9cb-469f-a165-708677289f01"


# --- whatever it is told ---------------------------------------------------------------------------------------------


class Hostile:
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


LOOP: list = []
LOOP.append(LOOP)
ODD = st.one_of(
    st.text(), st.binary(max_size=30), st.floats(), st.integers(), st.dictionaries(st.text(max_size=9), st.text())
) | st.sampled_from([Hostile(), LOOP, object(), "\r\n\x1b[2J\u2028\x85\ud800", "x" * 100_000, 2**200, {1: Hostile()}])


@FORMATS
@given(message=ODD, args=st.lists(ODD, max_size=2), field=st.text(min_size=1, max_size=60), value=ODD)
def test_it_is_one_line_whatever_is_to_be_said(style, message, args, field, value):
    line = line_of(message, *args, style=style, **{f"x{field}": value})

    assert len(line.encode()) < LINE_BYTES or style == "console"
    assert len(line.splitlines()) == 1
    if style == "json":
        assert read(line)


@FORMATS
def test_what_a_user_types_forges_no_line(style):
    forged = 'x\n{"level":"error","logger":"ops","event":"forged"}\r2026-11-21 ERROR ops: forged\u2028\x1b[31m'

    line = line_of("not found: %s", forged, style=style)

    assert len(line.splitlines()) == 1
    assert "\x1b" not in line


def test_a_line_that_is_too_long_keeps_what_tells_most():
    def deep(left):
        if left:
            deep(left - 1)
        raise ValueError("é" * 10_000)

    try:
        deep(sys.getrecursionlimit() // 2)
    except ValueError as error:
        with context.bound(order="tb-1"):
            line = line_of("ä" * 50_000, error=error, **{f"field{n}": "ö" * 1_000 for n in range(100)})

    told = read(line)
    assert len(line.encode()) < LINE_BYTES
    assert (told["cut"], told["order"], told["errors"][0]["type"]) == (True, "tb-1", "ValueError")
    assert told["event"].startswith("äää")
