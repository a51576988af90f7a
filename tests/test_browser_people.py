"""Logging in as people do: the second factor is set up with a phone, asked for, and its pages stay within the site."""

import os
import sys
import time
from base64 import b32decode
from urllib.parse import urlsplit

import pytest
from django_otp.oath import TOTP
from playwright.sync_api import expect

from ops.browser import BrowserMissing, chromium, open_browser
from ops.stack.services import answers
from tests.test_browser_admin import SIZES, database_url
from tradebot_site.tests.people import PASSWORD, person

pytestmark = pytest.mark.browser


@pytest.fixture
def strict_site(transactional_db, spawn, free_port, wait_until):
    """The address of a gunicorn on the test database that wants a second factor."""
    try:
        chromium()
    except BrowserMissing as error:
        pytest.skip(str(error))
    wanted = {"DATABASE_URL": database_url(), "HTTPS_ONLY": "false", "SECOND_FACTOR_REQUIRED": "true"}
    argv = [sys.executable, "-m", "gunicorn", "tradebot_site.wsgi", "--threads", "2", "--no-control-socket"]
    spawn([*argv, "--bind", f"127.0.0.1:{free_port}"], env=dict(os.environ) | wanted, name="gunicorn")
    url = f"http://127.0.0.1:{free_port}"
    wait_until(lambda: answers(f"{url}/health"), 30, "gunicorn answers")
    return url


def shown_by_the_app(secret, *, steps=0):
    clock = TOTP(b32decode(secret))
    clock.time = time.time() + 30 * steps
    return f"{clock.token():06d}"


def log_in(page, site, token=""):
    page.goto(f"{site}/admin/login/")
    page.fill("[name=username]", "the-trader")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=token]", token)
    page.click("#login-form [type=submit]")


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_second_factor_is_set_up_and_asked_for(strict_site, size):
    person("trader")
    troubles, hosts = [], set()
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))

        log_in(page, strict_site)
        expect(page.get_by_role("img", name="QR code")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        secret = page.locator("code").inner_text()
        page.fill("[name=token]", shown_by_the_app(secret, steps=-1))
        page.get_by_role("button", name="Confirm").click()
        codes = page.locator("li code").all_inner_texts()
        page.get_by_text("I have them").click()
        expect(page.get_by_text("Bots by status")).to_be_visible()

        page.context.clear_cookies()
        log_in(page, strict_site)
        expect(page.get_by_text("Enter the code that your app shows.")).to_be_visible()
        log_in(page, strict_site, shown_by_the_app(secret))
        expect(page.get_by_text("Bots by status")).to_be_visible()

        page.context.clear_cookies()
        log_in(page, strict_site, codes[0])
        expect(page.get_by_text("Bots by status")).to_be_visible()

        page.goto(f"{strict_site}/admin/second-factor/")
        page.get_by_role("link", name="Move to another phone").click()
        page.fill("[name=password]", PASSWORD)
        page.fill("[name=token]", codes[1])
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("img", name="QR code")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        moved = page.get_by_role("row", name="or type this key").get_by_role("cell").inner_text()
        page.fill("[name=token]", shown_by_the_app(moved))
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_text("Your second factor has moved")).to_be_visible()

    assert len(codes) == 10
    assert moved != secret
    assert troubles == []
    assert hosts == {urlsplit(strict_site).netloc}
