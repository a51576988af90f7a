"""`manage.py screenshots` says what is missing."""

import shutil
import sys

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def test_a_missing_chromium_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("ADMIN_PASSWORD", "x")
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with pytest.raises(CommandError, match="apt-get install chromium"):
        call_command("screenshots", to=tmp_path)


def test_a_missing_playwright_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("ADMIN_PASSWORD", "x")
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)

    with pytest.raises(CommandError, match="make dev"):
        call_command("screenshots", to=tmp_path)


def test_a_missing_password_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("ADMIN_PASSWORD", raising=False)

    with pytest.raises(CommandError, match="ADMIN_PASSWORD is missing"):
        call_command("screenshots", to=tmp_path)
