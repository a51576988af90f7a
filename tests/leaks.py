"""Looks for secrets wherever one can have been written down, in whatever spelling.

A secret is known by 16 of its characters from the middle, so a part of it is found, too. What is encoded or packed is
unpacked, as often as it takes up to three times.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote_to_bytes

KNOWN_BY, DEPTH, MOST_UNPACKED = 16, 3, 5_000_000
# What may be base64 or hex: at least as long as a part of a secret would be.
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){16,}")
_ESCAPE = re.compile(rb"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\(.)", re.DOTALL)
TO_USUAL = bytes.maketrans(b"-_", b"+/")
_LINES = re.compile(rb"(?:[A-Za-z0-9+/]{60,76}\r?\n)+[A-Za-z0-9+/]*={0,2}")  # as mails are written
_ZLIB = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")


def find(haystack: bytes | str, secrets: Mapping[str, str], *, depth: int = DEPTH) -> list[str]:
    """Which secrets are in there, each with its spelling; ``secrets`` by name."""
    text = haystack.encode() if isinstance(haystack, str) else haystack
    readings = dict(_readings(text))
    found = [
        f"{name}, {spelling}"
        for name, secret in secrets.items()
        for spelling, (reading, needle) in spellings(secret).items()
        if needle in readings.get(reading, b"")
    ]
    if depth:
        for how, inner in _unpacked(text):
            if not inner:
                continue
            found += [f"{hit} in {how}" for hit in find(inner, secrets, depth=depth - 1)]
    return list(dict.fromkeys(found))


@cache
def spellings(secret: str) -> dict[str, tuple[str, bytes]]:
    """By name how a part of the secret can be written: in which reading of a text what is to be looked for."""
    begin = max(0, (len(secret) - KNOWN_BY) // 2)
    part = secret[begin : begin + KNOWN_BY]
    assert len(part) == KNOWN_BY, "such a short secret is found by chance"
    plain = part.encode()
    written = {name: (name, plain) for name in ("plain", "percents", "form", "entities", "escapes", "escapes twice")}
    written |= {"reversed": ("plain", part[::-1].encode()), "hex": ("small", plain.hex().encode())}
    return written | {f"base64 at {offset}": ("base64", _in_base64(plain, offset)) for offset in range(3)}


def _readings(text: bytes) -> Iterator[tuple[str, bytes]]:
    """The text as it is, and as whoever undoes what URL, form, HTML, JSON, Python, or COPY do to it reads it."""
    yield "plain", text
    yield "small", text.lower()
    yield "base64", text.replace(b"\\/", b"/").translate(TO_USUAL)
    if b"%" in text:
        yield "percents", unquote_to_bytes(text)
        yield "form", unquote_to_bytes(text.replace(b"+", b" "))
    if b"&" in text:
        yield "entities", html.unescape(text.decode("utf-8", "replace")).encode()
    if b"\\" in text:
        once = _ESCAPE.sub(_meant, text)
        yield "escapes", once
        yield "escapes twice", _ESCAPE.sub(_meant, once)


def _meant(escape: re.Match[bytes]) -> bytes:
    if code := escape[1] or escape[2]:
        return chr(int(code, 16)).encode("utf-8", "replace")
    return escape[3]


def _in_base64(plain: bytes, offset: int) -> bytes:
    """What of the encoded text is the same whatever stands before and after."""
    encoded = base64.b64encode(b"\0" * offset + plain).rstrip(b"=")
    first = (0, 2, 3)[offset]  # the letters before hold bits of what stands before
    return encoded[first : (offset + len(plain)) * 8 // 6]


def _unpacked(text: bytes) -> Iterator[tuple[str, bytes]]:
    """What is in there, encoded or packed; the pieces of one kind together."""
    pieces = {bytes.fromhex(run.decode()) for run in set(_HEX.findall(text))}
    yield "hex", b"\0".join(pieces)
    yield "base64", b"\0".join({_from_base64(run.translate(TO_USUAL)) for run in set(_BASE64.findall(text))})
    for lines in _LINES.finditer(text):
        yield "lines of base64", _from_base64(lines[0].replace(b"\r", b"").replace(b"\n", b""))
    for start in _ZLIB.finditer(text):
        if inner := _inflated(text[start.start() :]):
            yield "zlib", inner


def _from_base64(letters: bytes) -> bytes:
    """What the letters mean, as many of them as do: what looks like base64 need not be, and then has any length."""
    letters = letters.rstrip(b"=")
    whole = letters if len(letters) % 4 != 1 else letters[:-1]  # a last letter alone is no byte
    return base64.b64decode(whole + b"=" * (-len(whole) % 4))


def _inflated(packed: bytes) -> bytes:
    """What can be read of it: it may be cut off, and there may be more behind it."""
    reader = zlib.decompressobj(wbits=47)  # zlib or gzip, whatever it is
    try:
        return reader.decompress(packed, MOST_UNPACKED)
    except zlib.error:
        return b""


# In each of these ways the search itself is tried.
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "reversed": lambda text: text[::-1].encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "HEX": lambda text: text.encode().hex().upper().encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 after one": lambda text: base64.b64encode(b"." + text.encode()),
    "base64 after two": lambda text: base64.b64encode(b".." + text.encode() + b"and more"),
    "base64 in lines": lambda text: base64.encodebytes(b"." * 40 + text.encode() * 3),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()),
    "in an address": lambda text: quote(text, safe="").encode(),
    "in a form": lambda text: quote_plus(text).encode(),
    "all of it in percents": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
    "in JSON": lambda text: json.dumps({"a": text}).encode(),
    "in JSON in JSON": lambda text: json.dumps(json.dumps([text])).encode(),
    "in HTML": lambda text: html.escape(text).encode(),
    "for Python": lambda text: repr([text]).encode(),
    "gzip": lambda text: b"before " + gzip.compress(b"text " + text.encode()),
    "zlib": lambda text: b"before " + zlib.compress(b"text " + text.encode() * 3),
    "gzip in base64": lambda text: base64.b64encode(gzip.compress(text.encode())),
    "gzip in hex": lambda text: b"\\x" + gzip.compress(text.encode()).hex().encode(),
    "a part of it": lambda text: text.encode()[2:-2],
}


_READERS: dict[str, Callable[[Any, bytes], Any]] = {
    "string": lambda redis, key: redis.get(key),
    "list": lambda redis, key: redis.lrange(key, 0, -1),
    "set": lambda redis, key: redis.smembers(key),
    "hash": lambda redis, key: redis.hgetall(key),
    "zset": lambda redis, key: redis.zrange(key, 0, -1),
    "stream": lambda redis, key: redis.xrange(key),
}


def in_redis(redis: Any) -> Iterator[tuple[str, bytes]]:
    """Every key with all that it holds; the connection must not decode."""
    for key in redis.scan_iter("*", count=1_000):
        kind = redis.type(key).decode()
        value = _READERS[kind](redis, key)
        yield f"redis {kind} {key!r}", key + b"\n" + b"\n".join(_leaves(value))


def _leaves(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        yield from _leaves(list(value.items()))
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _leaves(item)


def in_database(connection: Any) -> Iterator[tuple[str, bytes]]:
    """Every table as COPY writes it, in text: what is binary is written in hex."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
        )
        tables = [name for (name,) in cursor.fetchall()]
        for table in tables:
            with cursor.copy(f"COPY {table} TO STDOUT") as rows:
                yield f"table {table}", b"".join(bytes(row) for row in rows)
