"""The search for secrets finds what is planted, wherever and in whatever spelling."""

import base64
import gzip
import os

import pytest
from django.db import connection
from redis import Redis

from tests.leaks import ENCODINGS, find, in_database, in_redis

SECRETS = {"of letters": "Zk4Tq9Wb7Lm2Xc8Vn5Rp3Hd6Jf1Gs0Ya", "of signs": "ü/+\"'<&>%\\ ~=?;:{}[]|^`!@#$€*(),-"}


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_secret_is_found_in_whatever_spelling(encoding, name):
    planted = b"something before it " + ENCODINGS[encoding](SECRETS[name]) + b" and behind it"

    assert any(hit.startswith(name) for hit in find(planted, SECRETS))
    assert find(planted.replace(b" ", b"\n"), {"another": "Bq3Xn7Rt1Kz5Mw9Pd4Hv8Lc2Sf6Gj0Ya"}) == []


def test_what_is_no_secret_is_not_found():
    text = os.urandom(50_000) + bytes(range(256)) * 200 + b"abcdef0123456789" * 1_000

    assert find(text, SECRETS) == []


@pytest.mark.parametrize("letters", range(56, 64))
def test_what_only_looks_like_base64_is_read_as_far_as_it_means_something(letters):
    secret = SECRETS["of letters"]
    lines = base64.encodebytes(secret.encode() * 3)[:61].replace(b"\n", b"") + b"\n" + b"x" * letters

    assert find(lines + b"\n", SECRETS)
    assert find(b"x" * 76 + b"\n" + b"y" * letters, SECRETS) == []


def test_a_secret_is_found_in_any_key_and_value_of_redis():
    redis, secret = Redis.from_url(os.environ["REDIS_URL"]), SECRETS["of letters"]
    plants = {
        "planted string": lambda key: redis.set(key, gzip.compress(secret.encode() * 50)),
        "planted list": lambda key: redis.rpush(key, "other", secret[::-1]),
        "planted set": lambda key: redis.sadd(key, secret.encode().hex()),
        "planted hash": lambda key: redis.hset(key, secret, 1),
        "planted sorted set": lambda key: redis.zadd(key, {secret: 1}),
        "planted stream": lambda key: redis.xadd(key, {"field": secret}),
        f"planted key {secret}": lambda key: redis.set(key, 1),
    }
    for key, plant in plants.items():
        plant(key)

    found = [where for where, text in in_redis(redis) if find(text, SECRETS)]

    redis.delete(*plants)
    assert len(found) == len(plants)
    assert not [where for where, text in in_redis(redis) if find(text, SECRETS)]


@pytest.mark.django_db
def test_a_secret_is_found_in_any_column_of_the_database():
    secret = SECRETS["of signs"]
    packed = gzip.compress(secret.encode())
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE planted_text (at int, words text)")
        cursor.execute("CREATE TABLE planted_json (words jsonb)")
        cursor.execute("CREATE TABLE planted_bytes (words bytea)")
        cursor.execute("INSERT INTO planted_text VALUES (1, %s)", [f"before\t{secret}\nafter"])
        cursor.execute("INSERT INTO planted_json VALUES (jsonb_build_object('name', %s::text))", [secret])
        cursor.execute("INSERT INTO planted_bytes VALUES (%s)", [packed])

    found = [where for where, text in in_database(connection) if find(text, SECRETS)]

    assert found == ["table public.planted_bytes", "table public.planted_json", "table public.planted_text"]
