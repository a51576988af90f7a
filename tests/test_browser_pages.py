"""Every list and the pages of docs/images in a browser: wide and light, narrow and dark; readable for everybody."""

from urllib.parse import urlsplit

import pytest
from django.contrib import admin
from django.urls import reverse

from market.tests.factories import NOON, UserFactory
from ops.browser import open_browser
from ops.management.commands.screenshots import pictures
from ops.models import Channel
from tests.browsing import serious
from tests.test_browser_admin import PASSWORD, SIZES, site
from tradebot_site.tests.conftest import everything

__all__ = ["everything", "site"]
pytestmark = pytest.mark.browser
LOOKS = [("desktop", "light"), ("phone", "dark")]


@pytest.fixture
def pages(transactional_db, everything):
    """Their addresses: read outside of playwright's event loop, in which Django refuses queries."""
    root = UserFactory(username="root", is_staff=True, is_superuser=True)
    root.set_password(PASSWORD)
    root.save()
    Channel.objects.create(
        owner=root, kind="webhook", name="mine", target="https://a.example.com", hint="https://a…", created_at=NOON
    )
    table = reverse("admin:ops_channel_preferences")
    lists = [reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in models()]
    return list(dict.fromkeys([*(path for _, path, _ in pictures()), *lists, table]))


def models():
    return admin.site._registry


@pytest.mark.parametrize(("size", "colours"), LOOKS, ids=["-".join(look) for look in LOOKS])
def test_pages_keep_nobody_out_fit_and_ask_no_other_host(site, pages, size, colours):
    troubles, hosts, found, wide = [], set(), {}, {}
    width, height = SIZES[size]
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=colours)
        page.on("console", lambda said: troubles.append((page.url, said.text)) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append((page.url, str(error))))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(f"{site}/admin/login/")
        found["login"] = serious(page)
        page.fill("[name=username]", "root")
        page.fill("[name=password]", PASSWORD)
        page.click("[type=submit]")
        for path in pages:
            answer = page.goto(f"{site}{path}")
            assert answer.ok, path
            found[path], wide[path] = serious(page), page.evaluate("document.documentElement.scrollWidth")

    assert [f"{path} {rule}: {html[:2]}" for path, told in found.items() for rule, html in told] == []
    assert {path: pixels for path, pixels in wide.items() if pixels > width} == {}
    assert troubles == []
    assert hosts == {urlsplit(site).netloc}
    assert len(pages) > 25
