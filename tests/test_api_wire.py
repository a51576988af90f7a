"""The API of a real gunicorn: what only the wire shows."""

import re
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from tests.test_browser_admin import serve


@pytest.fixture
def web(transactional_db, spawn, free_port, wait_until):
    return serve(spawn, free_port, wait_until)


def test_the_page_to_try_it_needs_files_of_our_own_server_alone(web):
    page = requests.get(f"{web}/api/v1/docs", timeout=20)
    addresses = [urljoin(page.url, path) for path in re.findall(r'(?:src|href|data-schema)="([^"]+)"', page.text)]

    files = [requests.get(address, timeout=20) for address in addresses]

    assert [file.status_code for file in files] == [200] * 6
    assert {urlsplit(address).netloc for address in addresses} == {urlsplit(web).netloc}
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|javascript:", page.text)
    assert all(file.content for file in files)


def test_the_schema_is_sent_once(web):
    url = f"{web}/api/v1/schema"
    first = requests.get(url, timeout=20)

    again = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=20)

    assert first.headers["Content-Type"] == "application/vnd.oai.openapi+json"
    assert (again.status_code, again.content) == (304, b"")


def test_over_the_wire(web):
    """What only a real server does: bodies in chunks, HEAD without a body, a body that nobody reads."""
    url, body = f"{web}/api/v1/tokens", b'{"username": "nobody", "password": "x", "name": "x"}'
    json = {"Content-Type": "application/json"}
    with requests.Session() as session:
        chunked = session.post(url, iter([body[:10], body[10:]]), headers=json, timeout=20)
        large = session.post(url, iter([b" " * 10_000] * 100), headers=json, timeout=20)
        stated = session.post(url, b" " * 1_000_000, headers=json, timeout=20)
        head = session.head(f"{web}/api/v1/schema", timeout=20)
        after = session.get(url, timeout=20)

    answers = [chunked, large, stated, head, after]
    assert [answer.status_code for answer in answers] == [401, 413, 413, 200, 401]
    assert head.content == b""
    assert [answer.json()["code"] for answer in (chunked, large, after)] == [
        "authentication_failed",
        "too_large",
        "not_authenticated",
    ]
