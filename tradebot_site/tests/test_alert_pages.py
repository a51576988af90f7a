"""Operators see what is wrong, and take it in hand: in the admin and through the API."""

import pytest
from django.urls import reverse
from django.utils import timezone

from ops.models import Alert
from tradebot_site.tests.people import client_of, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def alert():
    now = timezone.now()
    told = {
        "text": "nobody answers",
        "mend": "Start it. See docs/runbook.md#mail-away.",
        "history": [["12:00", "opened"]],
    }
    about = {"fingerprint": "mail:", "check_name": "mail", "severity": "critical", "last_seen_at": now}
    return Alert.objects.create(opened_at=now, **about, **told)


@pytest.fixture
def operator(db):
    return person("operator")


@pytest.fixture
def client(operator):
    return client_of(operator)


def test_an_operator_takes_it_in_hand_with_a_note_and_gives_it_back(client, alert, operator):
    page = client.get(reverse("admin:ops_alert_change", args=[alert.pk])).content.decode()
    assert f"{reverse('runbook')}#mail-away" in page
    asked = reverse("admin:ops_alert_acknowledge_this", args=[alert.pk])
    assert "nothing more is told of it" in client.get(asked).content.decode()

    client.post(asked, {"note": "restarting it"})

    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.note) == (operator, "restarting it")
    client.post(reverse("admin:ops_alert_take_back_this", args=[alert.pk]), {})
    alert.refresh_from_db()
    assert (alert.acknowledged_at, len(alert.history)) == (None, 3)


def test_open_ones_come_first_and_suspicions_are_not_shown(client, alert):
    now = timezone.now()
    Alert.objects.create(
        fingerprint="disk:/", check_name="disk", severity="medium", last_seen_at=now, opened_at=now, resolved_at=now
    )
    Alert.objects.create(fingerprint="cpu:", check_name="suspected", severity="medium", last_seen_at=now)

    page = client.get(reverse("admin:ops_alert_changelist")).content.decode()

    assert "suspected" not in page
    rows = page[page.index("<tbody") :]
    assert rows.index("nobody answers") < rows.index("disk")
    assert "Open alerts" in client.get(reverse("admin:index")).content.decode()


def test_a_program_takes_it_in_hand_once(client, alert):
    address = f"/api/v1/alerts/{alert.pk}/acknowledge"

    first, again = (
        client.post(address, {"note": "mine"}, content_type="application/json", headers={"Idempotency-Key": "k"})
        for _ in range(2)
    )

    assert (first.status_code, first.json()) == (200, again.json())
    assert first.json()["note"] == "mine"
    assert [row["id"] for row in client.get("/api/v1/alerts?open=true&check=mail").json()["results"]] == [alert.pk]
    Alert.objects.filter(pk=alert.pk).update(resolved_at=timezone.now())
    assert client.post(address, {}, content_type="application/json").status_code == 409
