"""The page to try the API, in a browser: with files of our own server alone, also without a network."""

import re
from urllib.parse import urlsplit

import pytest
import requests
from django.db import connections
from playwright.sync_api import expect

from ops.browser import open_browser
from tests.test_browser_admin import PASSWORD, site
from tradebot_site.tests.people import person

__all__ = ["site"]
pytestmark = pytest.mark.browser


@pytest.fixture
def trader(transactional_db):
    """Made outside of playwright's event loop, in which Django refuses queries."""
    user = person("trader")
    user.set_password(PASSWORD)
    user.save()
    yield user.username
    connections.close_all()


def operations(site):
    schema = requests.get(f"{site}/api/v1/schema", timeout=20).json()
    methods = {"get", "post", "put", "patch", "delete"}
    return sum(len(methods & set(path)) for path in schema["paths"].values())


def test_it_shows_each_operation_and_tries_one_as_who_is_logged_in(site, trader):
    expected, troubles, hosts = operations(site), [], set()
    with open_browser() as browser:
        page = browser.new_page()
        page.goto(f"{site}/admin/login/")
        page.fill("[name=username]", trader)
        page.fill("[name=password]", PASSWORD)
        page.click("[type=submit]")
        page.wait_for_url(f"{site}/admin/")
        page.goto("about:blank")  # what the admin still asks for is cut short here, and is no trouble of the page
        page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("requestfailed", lambda request: troubles.append(f"{request.url}: {request.failure}"))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))

        html = page.goto(f"{site}/api/v1/docs").text()
        expect(page.locator(".opblock")).to_have_count(expected, timeout=30_000)
        block = page.locator(".opblock-post", has=page.locator("[data-path='/api/v1/kill-switch']"))
        block.locator(".opblock-summary-control").first.click()
        block.locator("button:has-text('Try it out')").click()
        body = f'{{"state": "halted", "scope": "user", "user": "{trader}", "reason": "tried"}}'
        block.locator("textarea.body-param__text").fill(body)
        block.locator("button.execute").click()
        expect(block.locator(".live-responses-table .response-col_status").last).to_contain_text("200", timeout=30_000)

    assert expected > 3
    assert troubles == []
    assert hosts == {urlsplit(site).netloc}
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|javascript:", html)
