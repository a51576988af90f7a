"""The runbook: a section for whatever needs somebody, commands and pages that exist, a way there from each alert."""

import re
import shlex
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.db.models import F
from django.utils import timezone
from django_redis import get_redis_connection

from bots.models import BotConfig, Tick
from market.admin import runbook
from market.models import ExchangeAccount
from ops import figures, liveness
from ops.figures.trading import URGENT
from ops.models import DeadLetter
from tradebot_site.tests.conftest import full_bot
from tradebot_site.tests.people import EVERYBODY, ROLES, client_of, person
from trades.models import Event, Order, Position

TEMPLATES = settings.BASE_DIR / "templates" / "admin"
LINK = re.compile(r'href="/admin/runbook/#([\w-]+)"')
TEXT = runbook.FILE.read_text()
# What is told in red on the dashboard, by what it says.
TROUBLES = {
    "worker-silent": "silent, last seen",
    "queue-without-worker": "No worker takes from",
    "beat-late": "is late: last sent",
    "dead-letters": "1 dead letters wait for somebody",
    "order-unknown": "unknown <b>1</b>",
    "naked-position": "1 open positions without their stop",
    "request-weight": "1 accounts were asked for silence",
    "tick-late": "too old: do beat and the workers run?",
}


@pytest.fixture(autouse=True)
def forgotten():
    """No figure, and no worker, of another test."""
    redis = get_redis_connection("default")
    redis.delete(liveness.KEY, *redis.scan_iter("figures:*"))
    yield
    redis.delete(liveness.KEY, *redis.scan_iter("figures:*"))


def sections():
    """The text of each section by its anchor."""
    parts = re.split(r"^### (.+)$", TEXT, flags=re.MULTILINE)[1:]
    return {runbook.section_of(title): body for title, body in zip(parts[::2], parts[1::2], strict=True)}


def test_whatever_needs_somebody_has_a_section():
    linked = {
        name for path in TEMPLATES.rglob("*.html") for name in re.findall(r'what_to_do "([^"]+)"', path.read_text())
    }

    assert set(TROUBLES) - {"tick-late"} <= {runbook.section_of(name) for name in linked}
    for name in {*URGENT, *linked, *TROUBLES}:
        assert runbook.has_section(name), name


def test_each_section_says_what_it_means_what_to_look_at_and_how_it_is_mended():
    assert set(sections()) == set(runbook.runbook().sections)
    for name, text in sections().items():
        for part in ("**Means.**", "**Look at.**", "**Mend.**"):
            assert part in text, f"{part} in {name}"


def test_each_command_in_it_exists_with_its_options():
    told = set(re.findall(r"manage\.py ([^`\n…]+)", TEXT))

    assert len(told) > 8
    for line in told:
        name, *options = shlex.split(line, posix=True) if line.count('"') % 2 == 0 else line.split()
        assert name in get_commands(), line
        parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
        known = {option for action in parser._actions for option in action.option_strings}
        assert {option for option in options if option.startswith("--")} <= known, line


def test_each_schedule_service_and_setting_in_it_exists():
    from ops.schedules import SCHEDULES

    names = {schedule.name for schedule in SCHEDULES}
    tasks = {schedule.task.rpartition(".")[2] for schedule in SCHEDULES}
    compose = (settings.BASE_DIR / "docker-compose.yml").read_text()

    for word in (
        "reconcile-all-accounts-nightly",
        "reconcile-orders",
        "resume-interrupted-minute",
        "protect-positions",
    ):
        assert word in TEXT
        assert word in names
    for word in ("reconcile_orders", "protect_positions", "reconcile_transfers"):
        assert f"`{word}`" in TEXT
        assert word in tasks
    for word in re.findall(r"docker compose (?:restart|logs|ps|exec) ([\w-]+)", TEXT):
        assert f"\n  {word}:" in compose, word
    for word in set(re.findall(r"`([A-Z][A-Z_]{5,})`", TEXT)):
        assert hasattr(settings, word), word


def test_each_link_in_it_leads_somewhere(admin, db):
    page = admin.get("/admin/runbook/").content.decode()
    book = page[page.index("tb-prose") :]

    for anchor in re.findall(r'href="#([^"]*)"', book):
        assert f'id="{anchor}"' in book, anchor
    links = {link.replace("&amp;", "&") for link in re.findall(r'href="(/admin/[^"]*)"', book)}
    assert len(links) > 10
    for link in links:
        assert admin.get(link).status_code == 200, link


@pytest.mark.parametrize("role", EVERYBODY)
def test_all_staff_and_nobody_else_reads_it(db, role):
    client = client_of(None if role == "anonymous" else person(role))

    answer = client.get("/admin/runbook/")

    assert answer.status_code == (200 if role in ROLES else 302)
    if role in ROLES:
        for anchor in runbook.runbook().sections:
            assert f'<h3 id="{anchor}">' in answer.content.decode()


def test_html_in_the_file_would_be_shown_and_not_be_part_of_the_page(monkeypatch, tmp_path):
    (tmp_path / "runbook.md").write_text("### A *b* c\n<script>x</script>\n")
    monkeypatch.setattr(runbook, "FILE", tmp_path / "runbook.md")

    page = runbook.runbook.__wrapped__()

    assert "<script>" not in page.html


# --- the way there --------------------------------------------------------------------------------------------------


@pytest.fixture
def trouble(db):
    """Everything that the dashboard tells in red, while Redis and the broker answer."""
    now = timezone.now()
    bot = full_bot(symbol="ETHUSDT", stop_loss_percent=5)
    BotConfig.objects.update(desired_state="running")
    Position.objects.update(quantity=1, entry_price=100, naked_since=now - timedelta(minutes=2))
    Order.objects.update(status="unknown", signed_at=now, proof_deadline=now)
    ExchangeAccount.objects.update(cooldown_until=now + timedelta(hours=1))
    Tick.objects.create(slot=now, started_at=now - timedelta(hours=1), finished_at=now - timedelta(minutes=59))
    DeadLetter.objects.create(task="bots.tasks.run_bot", is_whole=True, first_failed_at=now, failed_at=now)
    liveness._next_at = 0.0
    liveness.tell_of_worker("trading@here", ["trading"], now=now - timedelta(minutes=5))
    for kind in URGENT:
        Event.objects.create(kind=kind, position=bot.position, message="look", created_at=now)
    return bot


def test_each_trouble_on_the_dashboard_leads_to_its_section(admin, trouble):
    html = " ".join(admin.get("/admin/").content.decode().split())

    for anchor, words in TROUBLES.items():
        assert words in html, words
        assert anchor in LINK.findall(html), anchor
    for kind in URGENT:
        assert runbook.section_of(kind) in LINK.findall(html), kind
    assert "/admin/ops/deadletter/?state__exact=waiting" in html


def test_without_trouble_nothing_leads_there(admin, db):
    now = timezone.now()
    Tick.objects.create(slot=now, started_at=now - timedelta(seconds=5), finished_at=now)
    liveness._next_at = 0.0
    liveness.tell_of_worker("all@here", list(settings.CELERY_TASK_QUEUES), now=now)

    html = admin.get("/admin/").content.decode()

    assert set(LINK.findall(html)) == {"beat-late"}  # none runs here


def test_redis_and_broker_that_are_away_lead_to_their_sections(admin, db, monkeypatch):
    found = figures.machinery(now=timezone.now()) | dict.fromkeys(["workers", "queues", "weight"])
    monkeypatch.setattr(figures, "machinery", lambda now: found)

    html = admin.get("/admin/").content.decode()

    assert {"redis-away", "broker-away"} <= set(LINK.findall(html))


@pytest.mark.parametrize("kind", Event.Kind.values)
def test_an_event_that_needs_somebody_leads_to_its_section(admin, db, kind):
    bot = full_bot()
    Event.objects.update(kind=kind, created_at=F("created_at"))

    html = admin.get(f"/admin/trades/event/{bot.position.events.get().pk}/change/").content.decode()

    assert LINK.findall(html) == ([runbook.section_of(kind)] if runbook.has_section(kind) else [])
    assert runbook.has_section(kind) or kind not in URGENT
