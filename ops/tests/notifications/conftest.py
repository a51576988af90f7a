"""A mail server for each test, people with channels, and a receiver of what those send."""

import pytest
from django.core.cache import cache
from django.utils import timezone

from market.tests.factories import UserFactory
from ops.models import Channel
from ops.notifications import addresses, calls
from ops.notifications.pauses import SHARED
from ops.tests.notifications.mail_server import hanging_server, mail_server
from ops.tests.notifications.receiving import Internet, Receiver, make_certificates

HOSTS = (
    *("*.example.com", "api.telegram.org", "discord.com", "hooks.slack.com", "chat.googleapis.com"),
    *("api.pushover.net", "ntfy.sh", "events.pagerduty.com", "*.logic.azure.com", "localhost"),
)


@pytest.fixture
def use_mail(settings):
    """`use_mail(port)` lets mails go to a server on this port."""

    def use(port):
        settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.DEFAULT_FROM_EMAIL = "TradeBot <bot@example.com>"

    return use


@pytest.fixture
def mail(use_mail):
    with mail_server() as (server, port):
        use_mail(port)
        yield server


@pytest.fixture
def hanging(use_mail, settings):
    with hanging_server() as port:
        use_mail(port)
        settings.EMAIL_TIMEOUT = 0.2
        yield port


@pytest.fixture(autouse=True)
def no_pauses():
    def forget():
        cache.delete_many([f"notifications:pause:{kind.value}" for kind in SHARED])
        cache.delete_pattern("notifications:pause:channel:*")

    forget()
    yield
    forget()


@pytest.fixture
def anna(db):
    return UserFactory(username="anna", email="anna@example.com")


@pytest.fixture
def operator(db):
    return UserFactory(username="operator", is_superuser=True)


@pytest.fixture
def make_channel():
    """`make_channel(owner, kind="webhook", **changes)`: one that may be used."""

    def make(owner, kind="webhook", **changes):
        now = timezone.now()
        about = {"name": f"{kind} {Channel.objects.count()}", "target": f"{kind}://somewhere/0123456789"}
        return Channel.objects.create(
            owner=owner, kind=kind, **about | {"confirmed_at": now, "created_at": now, "hint": "…"} | changes
        )

    return make


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"), *HOSTS)


@pytest.fixture
def receiver(certificates):
    server = Receiver(certificates)
    yield server
    server.close()


@pytest.fixture
def internet(receiver, certificates, monkeypatch):
    """All public names lead to the receiver, whatever address they have."""
    internet = Internet(receiver.server_port)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.pem"))
    monkeypatch.setattr(addresses, "resolve", internet.resolve)
    monkeypatch.setattr(calls, "dial", internet.dial(calls.dial))
    return internet
