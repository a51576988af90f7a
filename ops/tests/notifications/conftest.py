"""A receiver of our messages, and the way to it."""

import pytest

from ops.notifications import addresses, calls
from ops.tests.notifications.receiving import Internet, Receiver, make_certificates

HOSTS = (
    *("*.example.com", "api.telegram.org", "discord.com", "hooks.slack.com", "chat.googleapis.com"),
    *("api.pushover.net", "ntfy.sh", "events.pagerduty.com", "*.logic.azure.com", "localhost"),
)


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
